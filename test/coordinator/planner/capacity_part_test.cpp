#include "coordinator/planner/capacity_part.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/planner/step_slice.h"
#include "test/coordinator/planner/history.h"

namespace tideline::planner::capacity_part_test {
namespace {

using testing::HasSubstr;

constexpr int kAllRungs = 2 * kPackingRungs;

using Use = std::function<float(std::size_t workload, std::size_t step)>;

/// Steps of an hour, workloads of 8 cores and 8 GiB.
Dataset hours_of(std::size_t workloads, std::size_t steps, const Use& cpu_used) {
  Dataset data;
  data.begin_s = 1'372'636'800;  // 2013-07-01
  data.step_s = 3'600;
  data.steps = steps;
  for (std::size_t number = 0; number < workloads; ++number) {
    Workload workload;
    workload.name = "vm-" + std::to_string(number);
    for (std::size_t step = 0; step < steps; ++step)
      workload.cpu_used.push_back(cpu_used(number, step));
    workload.cpu_request.assign(steps, 8'000);
    workload.memory_request_mib.assign(steps, 8 * 1024.0F);
    workload.memory_used_mib.assign(steps, 1'024);
    data.workloads.push_back(std::move(workload));
  }
  return data;
}

/// Hosts of 64 cores.
CapacityOptions bare_options() {
  CapacityOptions options;
  options.pack.host = {
      .cpu_millicores = 64'000, .memory_mib = 256 * 1024.0, .system_cpu_millicores = 0, .system_memory_mib = 0};
  options.accepted_risk = 0.05;
  options.resamples = 30;
  options.growth_percent = 10;
  return options;
}

CapacityPart part_of(const Dataset& data, const CapacityOptions& options, const Shard& shard, int margin) {
  auto part = capacity_part(data, options, shard, margin);
  if (!part) {
    ADD_FAILURE() << part.error().message();
    return {};
  }
  const auto text = to_json(*part);
  auto read = capacity_part_from_json(text);
  if (!read) {
    ADD_FAILURE() << read.error().message();
    return *std::move(part);
  }
  EXPECT_EQ(to_json(*read), text) << "byte for byte the same again";
  return *std::move(read);
}

model::Result<Capacity> merged(const Dataset& data, const CapacityOptions& options, std::uint32_t count, int margin) {
  auto whole = part_of(data, options, {1, count}, margin);
  for (std::uint32_t number = 2; number <= count; ++number) {
    if (auto added = append(whole, part_of(data, options, {number, count}, margin)); !added) return added.error();
  }
  return capacity_of(whole);
}

std::vector<double> numbers_of(const Capacity& capacity) {
  std::vector<double> numbers = {
      static_cast<double>(capacity.hosts_now), capacity.risk_now,       static_cast<double>(capacity.hosts_needed),
      capacity.is_found ? 1.0 : 0.0,           capacity.risk_at_needed, capacity.batch_pods_without_fragmentation};
  for (const Interval& each : {capacity.hosts_to_give_back, capacity.hosts_to_add, capacity.batch_pods})
    numbers.insert(numbers.end(), {each.low, each.mid, each.high});
  return numbers;
}

TEST(StepSlice, OfAllShardsIsEachStepOnce) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 200; ++round) {
    const std::size_t steps = random() % 3'000;
    const auto count = static_cast<std::uint32_t>(1 + random() % 12);
    const std::size_t begin = random() % (steps + 1);
    const std::size_t end = begin + random() % (steps - begin + 1);
    std::vector<int> seen(steps);
    for (std::uint32_t number = 1; number <= count; ++number) {
      StepSlice(steps, {number, count}).each(begin, end, [&](std::size_t first, std::size_t last) {
        for (std::size_t step = first; step < last; ++step)
          ++seen[step];
      });
    }
    for (std::size_t step = 0; step < steps; ++step)
      ASSERT_EQ(seen[step], step >= begin && step < end ? 1 : 0) << "round " << round << ", step " << step;
  }
}

TEST(CapacityPart, ShardsAreAsGoodAsOne) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  const auto data = hours_of(24, 50, [&random](std::size_t, std::size_t step) {
    const float busy = step % 24 < 4 ? 3.0F : 1.0F;
    return busy * static_cast<float>(500 + random() % 1'500);
  });
  const auto options = bare_options();
  const auto alone = capacity(data, options);
  ASSERT_TRUE(alone) << alone.error().message();
  for (const std::uint32_t count : {1U, 3U}) {
    SCOPED_TRACE(testing::Message() << count << " shards");
    const auto together = merged(data, options, count, kAllRungs);
    ASSERT_TRUE(together) << together.error().message();
    EXPECT_EQ(numbers_of(*together), numbers_of(*alone));
    EXPECT_EQ(together->notes, alone->notes);
  }
}

// Each slice has some of every hour: a day that is like the others ends their searches at one place.
TEST(CapacityPart, ShardsOfDaysThatAreAlikeNeedNoWideMargin) {
  const auto data = hours_of(16, 24 * 20, [](std::size_t workload, std::size_t step) {
    return (step + workload) % 3 == 0 ? 4'000.0F : 2'000.0F;
  });
  const auto options = bare_options();
  const auto alone = capacity(data, options);
  ASSERT_TRUE(alone) << alone.error().message();
  const auto together = merged(data, options, 4, kUsualMargin);
  ASSERT_TRUE(together) << together.error().message();
  EXPECT_EQ(numbers_of(*together), numbers_of(*alone));
  const auto part = part_of(data, options, {2, 4}, kUsualMargin);
  EXPECT_LT(part.packings.size(), 60u) << "few of 603";
}

TEST(CapacityPart, MoreShardsThanStepsLeaveSomeWithNothingToSay) {
  const auto data =
      hours_of(8, 3, [](std::size_t, std::size_t step) { return 1'000.0F * static_cast<float>(step + 1); });
  const auto options = bare_options();
  const auto alone = capacity(data, options);
  ASSERT_TRUE(alone) << alone.error().message();
  const auto together = merged(data, options, 5, kAllRungs);
  ASSERT_TRUE(together) << together.error().message();
  EXPECT_EQ(numbers_of(*together), numbers_of(*alone));
  EXPECT_TRUE(part_of(data, options, {5, 5}, kAllRungs).packings.empty());
}

// One slice is full and the other idle: without a margin they judge other packings.
TEST(CapacityPart, APackingThatSomeDidNotJudgeIsAskedFor) {
  const auto data =
      hours_of(16, 48, [](std::size_t, std::size_t step) { return step / 3 % 2 == 0 ? 8'000.0F : 10.0F; });
  auto options = bare_options();
  options.accepted_risk = 0;
  options.growth_percent = 0;
  const auto apart = merged(data, options, 2, 0);
  ASSERT_FALSE(apart);
  EXPECT_THAT(apart.error().message(), HasSubstr("with a larger --margin"));
  const auto together = merged(data, options, 2, kAllRungs);
  ASSERT_TRUE(together) << together.error().message();
  EXPECT_EQ(numbers_of(*together), numbers_of(*capacity(data, options)));
}

TEST(CapacityPart, PackingsOfShardsAreKeptApart) {
  const auto data = hours_of(8, 40, [](std::size_t, std::size_t) { return 2'000.0F; });
  std::map<std::string, std::string> pieces;
  auto options = bare_options();
  options.kept.keep = [&](const std::string& name, const std::string& text) {
    EXPECT_TRUE(pieces.emplace(name, text).second) << name << " is computed once";
    return model::Result<void>();
  };
  options.kept.find = [&](const std::string& name) -> std::optional<std::string> {
    const auto found = pieces.find(name);
    return found == pieces.end() ? std::nullopt : std::optional(found->second);
  };
  const auto first = to_json(part_of(data, options, {1, 2}, 2));
  const auto second = to_json(part_of(data, options, {2, 2}, 2));
  EXPECT_TRUE(pieces.contains("shard-1-of-2-packing+0"));
  EXPECT_TRUE(pieces.contains("shard-2-of-2-packing+0"));
  EXPECT_EQ(to_json(part_of(data, options, {1, 2}, 2)), first) << "of what was kept";
  EXPECT_EQ(to_json(part_of(data, options, {2, 2}, 2)), second);
}

TEST(CapacityPart, HostsWhoseCapacityIsAssumedAreNamedAndNothingIsJudgedByThemAlone) {
  std::vector<columns::Chunk> chunks;
  for (const char* name : {"a", "b", "c", "d", "e", "f", "g"}) {
    chunks.push_back(test::host_chunk(name, 8, 16'384, {.cpu = {3'000, 3'000}, .memory = {8'192}}));
    // "b" tells of its memory alone.
    if (name == std::string("b")) chunks.back().columns.erase(chunks.back().columns.begin() + 2);
    if (name > std::string("b")) chunks.back().columns.resize(2);
    chunks.push_back(test::pod_chunk(name, "web", 2'000, {.cpu = {2'500, 2'500}, .memory = {2'048}}));
  }
  CapacityOptions options = bare_options();
  options.recorded = true;
  options.growth_percent = 0;
  const auto part = capacity_part(test::history_of(chunks), options);
  ASSERT_TRUE(part) << part.error().message();
  EXPECT_THAT(part->notes, testing::Contains(HasSubstr("of 6 hosts (b, c, d, e, f and 1 more) it is not told how much "
                                                       "CPU there is")));
  EXPECT_THAT(part->notes, testing::Contains(HasSubstr("of 5 hosts (c, d, e, f, g) it is not told how much memory")));

  chunks.erase(chunks.begin(), chunks.begin() + 2);
  const auto data = test::history_of(chunks);
  const auto refused = capacity_part(data, options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), model::ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.error().message(), HasSubstr("none of 6 hosts tells how much CPU it has"));
  options.recorded = false;
  EXPECT_TRUE(capacity_part(data, options)) << "packed onto others";
}

TEST(CapacityPart, WhatDoesNotBelongTogetherIsNamed) {
  const auto data = hours_of(8, 24, [](std::size_t, std::size_t) { return 2'000.0F; });
  const auto options = bare_options();
  auto first = part_of(data, options, {1, 2}, 2);
  const auto again = append(first, part_of(data, options, {1, 2}, 2));
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().message(), HasSubstr("begins with shard 1, and shard 2 is the next"));
  auto grown = options;
  grown.growth_percent = 50;
  const auto other = append(first, part_of(data, grown, {2, 2}, 2));
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message(), HasSubstr("other data, options or shards"));
  const auto missing = capacity_of(first);
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message(), HasSubstr("shards 1 to 1 of 2 are there"));
  EXPECT_FALSE(capacity_part(data, options, {1, 2}, -1));
  EXPECT_FALSE(capacity_part(data, options, {1, 2}, kAllRungs + 1));
}

TEST(CapacityPart, TextThatIsNoneIsNamed) {
  const auto data = hours_of(8, 2, [](std::size_t, std::size_t) { return 2'000.0F; });
  const auto text = to_json(part_of(data, bare_options(), {}, 0));
  const auto refusal = [&](const std::string& from, const std::string& to) {
    std::string changed = text;
    const auto at = changed.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    changed.replace(at, from.size(), to);
    const auto read = capacity_part_from_json(changed);
    EXPECT_FALSE(read) << to;
    return read ? std::string() : read.error().message();
  };
  EXPECT_THAT(refusal("tideline-capacity-part", "tideline-capacity"), HasSubstr("$.schema"));
  EXPECT_THAT(refusal("\"ofShards\":1", "\"ofShards\":0"), HasSubstr("$.shards is 1 from 1 on, of 0"));
  EXPECT_THAT(refusal("\"shards\":1", "\"shards\":2"), HasSubstr("$.shards is 2 from 1 on, of 1"));
  EXPECT_THAT(refusal("\"stepS\":3600", "\"stepS\":0"), HasSubstr("$.stepS is 0"));
  EXPECT_THAT(refusal("\"steps\":2", "\"steps\":1"), HasSubstr("$.room[1]"));
  EXPECT_THAT(refusal("\"steps\":2", "\"steps\":99999999999"), HasSubstr("$.steps is 99999999999"));
  EXPECT_THAT(refusal("\"steps\":2", "\"steps\":200"), HasSubstr("$.now has 1 entries; the steps touch 9 days"));
  EXPECT_THAT(refusal("\"acceptedRisk\":0.05", "\"acceptedRisk\":2"), HasSubstr("$.acceptedRisk is 2"));
  EXPECT_THAT(refusal("\"judgeMemory\":true", "\"judgeMemory\":1"), HasSubstr("$.judgeMemory is 1"));
  EXPECT_THAT(refusal("\"rung\":0", "\"rung\":302"), HasSubstr("rung is 302; want -301 to 301"));
  EXPECT_THAT(refusal("\"resamples\":30", "\"resamples\":10001"), HasSubstr("$.resamples is 10001; at most 10000"));
  EXPECT_FALSE(capacity_part_from_json(text.substr(0, text.size() / 2)));
  auto torn = part_of(data, bare_options(), {}, 0);
  torn.room.pop_back();
  const auto half = capacity_of(torn);
  ASSERT_FALSE(half);
  EXPECT_THAT(half.error().message(), HasSubstr("of 2 steps 1 are told of"));
}

}  // namespace
}  // namespace tideline::planner::capacity_part_test
