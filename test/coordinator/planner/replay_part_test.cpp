#include "coordinator/planner/replay_part.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/planner/compare.h"
#include "coordinator/planner/history_archive.h"
#include "test/coordinator/planner/fixture.h"
#include "test/coordinator/planner/history.h"

namespace tideline::planner::replay_part_test {
namespace {

using testing::HasSubstr;

/// All of it, to the last bit.
std::string bytes_of(const ReplayResult& result) {
  SavedReplay saved;
  saved.policy = "{}";
  saved.result = result;
  return to_json(saved, true);
}

ReplayPart part_of(const Dataset& data, const World& world, const ReplayOptions& options) {
  auto part = replay_part(data, world, options);
  if (part) return *std::move(part);
  ADD_FAILURE() << part.error().message();
  return ReplayPart();
}

/// As it comes out of a file.
ReplayPart read_again(const ReplayPart& part) {
  const std::string text = to_json(part);
  auto read = replay_part_from_json(text);
  if (!read) {
    ADD_FAILURE() << read.error().message();
    return part;
  }
  EXPECT_EQ(to_json(*read), text) << "byte for byte the same again";
  return *std::move(read);
}

std::string merged(std::vector<ReplayPart> parts) {
  ReplayPart whole = std::move(parts.front());
  for (std::size_t i = 1; i < parts.size(); ++i) {
    if (auto added = append(whole, std::move(parts[i])); !added) return added.error().message();
  }
  const auto result = result_of(std::move(whole));
  return result ? bytes_of(*result) : result.error().message();
}

TEST(Shard, IsAsManyHostsAsTheOthersHaveOrOneMore) {
  EXPECT_EQ((Shard{1, 3}.of(8)), (HostSlice{0, 3}));
  EXPECT_EQ((Shard{2, 3}.of(8)), (HostSlice{3, 6}));
  EXPECT_EQ((Shard{3, 3}.of(8)), (HostSlice{6, 8}));
  EXPECT_EQ((Shard{3, 5}.of(2)), (HostSlice{2, 2})) << "none is left";
  EXPECT_EQ((Shard{}.of(7)), (HostSlice{0, 7}));
}

TEST(ReplayPart, ShardsOfAPackedFleetAreAsGoodAsOne) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  test::RandomWorlds random(seed);
  for (int round = 0; round < 6; ++round) {
    const auto data = random.data(30, 40);
    const auto world = random.world(data, 1 + random.below(20));
    auto options = random.options();
    options.colocation.enable = true;
    const auto whole = replay(data, world, options);
    ASSERT_TRUE(whole) << whole.error().message();
    for (const std::uint32_t count : {1U, 2U, 3U, 8U, 25U}) {
      SCOPED_TRACE(testing::Message() << "round " << round << ", " << count << " shards");
      std::vector<ReplayPart> parts;
      for (std::uint32_t number = 1; number <= count; ++number) {
        const auto slice = slice_of(world, Shard{number, count}.of(world.hosts.size()));
        parts.push_back(read_again(part_of(data, slice, options)));
      }
      ASSERT_EQ(merged(std::move(parts)), bytes_of(*whole));
    }
  }
}

TEST(ReplayPart, ShardsOfARecordedFleetReadTheirHostsAloneAndAreAsGoodAsOne) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  const auto below = [&random](std::size_t end) { return static_cast<std::size_t>(random() % end); };
  const std::string bytes = test::history_archive_of(test::random_history(below, 11, 90));
  const auto archive = columns::ArchiveReader::open(bytes);
  ASSERT_TRUE(archive);
  const auto history = HistoryArchive::open(*archive, {});
  ASSERT_TRUE(history) << history.error().message();
  const auto options = test::plain_options();
  const auto part_from = [&](const HostSlice& slice) {
    const auto data = history->read(slice);
    EXPECT_TRUE(data);
    const auto world = recorded_world(*data);
    EXPECT_TRUE(world);
    return part_of(*data, *world, options);
  };
  auto alone = part_from({0, history->hosts()});
  const auto counts = alone.counts;
  const auto whole = merged({std::move(alone)});
  for (const std::uint32_t count : {2U, 4U, 15U}) {
    std::vector<ReplayPart> parts;
    DataCounts sum;
    for (std::uint32_t number = 1; number <= count; ++number) {
      parts.push_back(read_again(part_from(Shard{number, count}.of(history->hosts()))));
      sum.add(parts.back().counts);
    }
    EXPECT_EQ(sum, counts) << "each tells of its own hosts";
    ASSERT_EQ(merged(std::move(parts)), whole) << count << " shards";
  }
}

TEST(ReplayPart, PartsAreOfHostsThatFollowOneAnother) {
  const auto data = test::data_of({test::workload("a", {1, 2}, 1), test::workload("b", {1, 2}, 1)});
  const auto world = test::world_of({{0}, {1}, {}});
  const auto part = [&](std::size_t first, std::size_t last) {
    return part_of(data, slice_of(world, {first, last}), test::plain_options());
  };
  EXPECT_THAT(merged({part(0, 1), part(2, 3)}), HasSubstr("begins with host 2, and host 1 is the next"));
  EXPECT_THAT(merged({part(0, 1), part(0, 1)}), HasSubstr("begins with host 0, and host 1 is the next"));
  EXPECT_THAT(merged({part(0, 2)}), HasSubstr("hosts 0 to 2 of 3 are there"));
  EXPECT_THAT(merged({part(1, 3)}), HasSubstr("hosts 1 to 3 of 3 are there"));
  auto other = part(1, 3);
  other.step_s = 60;
  EXPECT_THAT(merged({part(0, 1), std::move(other)}), HasSubstr("another range"));
}

TEST(ReplayPart, OfNoFleetOrOfOneThatIsNamedInPartIsNoResult) {
  EXPECT_THAT(merged({ReplayPart()}), HasSubstr("hosts 0 to 0 of 0 are there"));
  const auto data = test::data_of({test::workload("a", {1, 2}, 1), test::workload("b", {1, 2}, 1)});
  const auto world = test::world_of({{0}, {1}});
  auto named = part_of(data, slice_of(world, {0, 1}), test::plain_options());
  named.host_names = {"worker-a"};
  EXPECT_THAT(merged({std::move(named), part_of(data, slice_of(world, {1, 2}), test::plain_options())}),
              HasSubstr("1 of 2 hosts have names"));
}

TEST(ReplayPart, AHostThatIsNoneIsNamedByItsNumberInTheFleet) {
  const auto data = test::data_of({test::workload("a", {1, 2}, 1), test::workload("b", {1, 2}, 1)});
  const auto refusal = [&](const World& world) {
    const auto part = replay_part(data, slice_of(world, {2, 3}), test::plain_options());
    EXPECT_FALSE(part);
    return part ? std::string() : part.error().message();
  };
  EXPECT_THAT(refusal(test::world_of({{}, {}, {7}})), HasSubstr("node-0002 has workload 7 of 2"));
  EXPECT_THAT(refusal(test::world_of({{}, {}, {1, 1}})), HasSubstr("node-0002 has workload b, which is placed"));
}

TEST(ReplayPart, TasksWantTheWholeFleet) {
  auto data = test::data_of({test::workload("a", {1, 2}, 1)});
  data.tasks = {{.begin_s = data.begin_s, .end_s = data.begin_s + 60, .cpu_millicores = 100}};
  const auto world = test::world_of({{0}, {}});
  auto options = test::plain_options();
  options.demand = BatchDemand::kTasks;
  const auto part = replay_part(data, slice_of(world, {0, 1}), options);
  ASSERT_FALSE(part);
  EXPECT_THAT(part.error().message(), HasSubstr("queued for all 2 hosts together"));
}

TEST(ReplayPart, WhatIsMadeOfSharedDataIsToldWithTheFirstHosts) {
  auto data = test::data_of({test::workload("a", {1, 2}, 1)});
  data.counts.filled = 7;
  const auto world = test::world_of({{0}, {}});
  EXPECT_EQ(part_of(data, slice_of(world, {0, 1}), test::plain_options()).counts.filled, 7u);
  EXPECT_EQ(part_of(data, slice_of(world, {1, 2}), test::plain_options()).counts.filled, 0u);
}

TEST(ReplayPart, TextThatIsNoneIsNamed) {
  const auto data = test::data_of({test::workload("a", {1, 2}, 1)});
  const auto text = to_json(part_of(data, test::world_of({{0}}), test::plain_options()));
  const auto refusal = [&](const std::string& from, const std::string& to) {
    std::string changed = text;
    const auto at = changed.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    changed.replace(at, from.size(), to);
    const auto read = replay_part_from_json(changed);
    EXPECT_FALSE(read) << to;
    return read ? std::string() : read.error().message();
  };
  EXPECT_THAT(refusal("tideline-replay-part", "tideline-replay"), HasSubstr("$.schema"));
  EXPECT_THAT(refusal("\"version\":1", "\"version\":2"), HasSubstr("$.version is 2"));
  EXPECT_THAT(refusal("\"fleetHosts\":1", "\"fleetHosts\":0"), HasSubstr("$.hosts is 1 from 0 on, of 0"));
  EXPECT_THAT(refusal("\"fleetHosts\":1", "\"fleetHosts\":99999999999"), HasSubstr("$.fleetHosts is 99999999999"));
  EXPECT_THAT(refusal("\"hosts\":1", "\"hosts\":0"), HasSubstr("$.byHost has 1 entries; there are 0 hosts"));
  EXPECT_THAT(refusal("\"stepS\":300", "\"stepS\":0"), HasSubstr("$.stepS is 0"));
  EXPECT_THAT(refusal("\"steps\":2", "\"steps\":3"), HasSubstr("$.course has 2 entries; of 3 steps there are 3"));
  EXPECT_THAT(refusal("\"steps\":2", "\"steps\":99999999999"), HasSubstr("$.steps is 99999999999"));
  EXPECT_THAT(refusal("\"days\":[[[2,0]", "\"days\":[[[-2,0]"), HasSubstr("$.days[0][0]"));
  EXPECT_THAT(refusal("\"days\":[[[2,0],", "\"days\":[["), HasSubstr("$.days[0] is a list; want a list of 16"));
  EXPECT_THAT(refusal("\"completions\":[]", "\"completions\":[[1]]"), HasSubstr("$.completions[0]"));
  EXPECT_THAT(refusal("\"counts\":{}", "\"counts\":{\"odd\":1}"), HasSubstr("$.counts.odd"));
  EXPECT_THAT(refusal("\"eventsLeftOut\":0,", ""), HasSubstr("$.eventsLeftOut is missing"));
  EXPECT_THAT(refusal("\"beginS\":1372636800", "\"beginS\":1372722900"),
              HasSubstr("$.days has 1 entries; the steps touch 2"));
  EXPECT_THAT(refusal("\"beginS\":1372636800", "\"beginS\":253402300700"), HasSubstr("end beyond all dates"));
  EXPECT_FALSE(replay_part_from_json(text.substr(0, text.size() / 2)));
}

}  // namespace
}  // namespace tideline::planner::replay_part_test
