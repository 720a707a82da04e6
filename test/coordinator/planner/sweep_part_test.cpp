#include "coordinator/planner/sweep_part.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/planner/replay_fields.h"
#include "test/coordinator/planner/fixture.h"

namespace tideline::planner::sweep_part_test {
namespace {

using testing::HasSubstr;

constexpr auto kKnob = SweepKnob::kReclaimThreshold;
const std::vector<double> kValues = {40, 80, 65};

SweepPart swept(const Dataset& data, const World& world, const ReplayOptions& options) {
  auto part = sweep_part(data, world, options, kKnob, kValues);
  if (part) return *std::move(part);
  ADD_FAILURE() << part.error().message();
  return {};
}

/// As it comes out of a file.
SweepPart read_swept(const SweepPart& part) {
  const auto text = to_json(part);
  auto read = sweep_part_from_json(text);
  if (!read) {
    ADD_FAILURE() << read.error().message();
    return part;
  }
  EXPECT_EQ(to_json(*read), text);
  return *std::move(read);
}

void expect_same_points(const Sweep& a, const Sweep& b) {
  EXPECT_EQ(a.recommended, b.recommended);
  ASSERT_EQ(a.points.size(), b.points.size());
  for (std::size_t i = 0; i < a.points.size(); ++i) {
    EXPECT_EQ(a.points[i].setting, b.points[i].setting);
    EXPECT_EQ(a.points[i].savings, b.points[i].savings);
    EXPECT_EQ(a.points[i].risk, b.points[i].risk);
    EXPECT_EQ(a.points[i].severity_p99, b.points[i].severity_p99);
    EXPECT_EQ(a.points[i].on_frontier, b.points[i].on_frontier);
    std::vector<double> totals;
    const auto put = [&totals](const char*, const char*, const char*, const auto& value) {
      totals.push_back(static_cast<double>(value));
    };
    totals_fields(put, a.points[i].totals);
    std::vector<double> first;
    std::swap(first, totals);
    totals_fields(put, b.points[i].totals);
    EXPECT_EQ(first, totals);
  }
}

TEST(SweepPart, ShardsAreAsGoodAsOne) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  test::RandomWorlds random(seed);
  for (int round = 0; round < 3; ++round) {
    const auto data = random.data(30, 40);
    const auto world = random.world(data, 1 + random.below(12));
    auto options = random.options();
    options.colocation.enable = true;
    const auto whole = sweep_policy(data, world, options, kKnob, kValues, 0.5);
    ASSERT_TRUE(whole) << whole.error().message();
    for (const std::uint32_t count : {1U, 3U, 15U}) {
      SCOPED_TRACE(testing::Message() << "round " << round << ", " << count << " shards");
      std::optional<SweepPart> merged;
      for (std::uint32_t number = 1; number <= count; ++number) {
        auto part = read_swept(swept(data, slice_of(world, Shard{number, count}.of(world.hosts.size())), options));
        if (!merged) {
          merged = std::move(part);
        } else {
          ASSERT_TRUE(append(*merged, std::move(part)));
        }
      }
      const auto sweep = sweep_of(*merged, 0.5);
      ASSERT_TRUE(sweep) << sweep.error().message();
      expect_same_points(*sweep, *whole);
    }
  }
}

// The stretches of violations by their degree, and not by the events that a replay keeps.
TEST(SweepPart, SeverityIsOfAllStretchesOfViolations) {
  std::vector<float> used(12, 1'000);
  used[4] = 9'000;
  used[8] = 5'000;
  const auto data = test::data_of({test::workload("a", used, 9'000)});
  auto options = test::plain_options();
  options.horizon_s = 600;
  const auto sweep = sweep_policy(data, test::world_of({{0}}), options, kKnob, std::vector<double>{90}, 1);
  ASSERT_TRUE(sweep) << sweep.error().message();
  const auto replayed = [&] {
    options.colocation.cpu_reclaim_threshold_percent = 90;
    return replay(data, test::world_of({{0}}), options);
  }();
  ASSERT_TRUE(replayed) << replayed.error().message();
  double most = 0;
  for (const auto& event : replayed->events) {
    if (event.kind == ReplayEventKind::kViolation) most = std::max(most, event.cores / 10);
  }
  EXPECT_GT(most, 0) << "or nothing was tried";
  EXPECT_NEAR(sweep->points.front().severity_p99, most, 1e-5);
}

TEST(SweepPart, PointsAreKeptUnderTheNamesThatTheCallerGivesThem) {
  const auto data = test::data_of({test::workload("a", {1'000, 2'000}, 4'000)});
  std::map<std::string, std::string> pieces;
  const Kept kept{.find = [&](const std::string& name) -> std::optional<std::string> {
                    const auto found = pieces.find(name);
                    return found == pieces.end() ? std::nullopt : std::optional(found->second);
                  },
                  .keep =
                      [&](const std::string& name, const std::string& text) {
                        pieces[name] = text;
                        return model::Result<void>();
                      }};
  const auto world = test::world_of({{0}});
  const auto first = sweep_part(data, world, test::plain_options(), kKnob, kValues, kept_as(kept, "a-"));
  ASSERT_TRUE(first);
  EXPECT_THAT(pieces, testing::SizeIs(3));
  EXPECT_TRUE(pieces.contains("a-cpuReclaimThresholdPercent=80"));
  // A piece of another setting is none of this one.
  pieces["a-cpuReclaimThresholdPercent=80"] = pieces["a-cpuReclaimThresholdPercent=40"];
  const auto again = sweep_part(data, world, test::plain_options(), kKnob, kValues, kept_as(kept, "a-"));
  ASSERT_TRUE(again);
  EXPECT_EQ(to_json(*again), to_json(*first));
}

TEST(SweepPart, WhatDoesNotBelongTogetherIsNamed) {
  const auto data = test::data_of({test::workload("a", {1, 2}, 1), test::workload("b", {1, 2}, 1)});
  const auto world = test::world_of({{0}, {1}});
  const auto part = [&](std::size_t first, std::size_t last) {
    return swept(data, slice_of(world, {first, last}), test::plain_options());
  };
  auto merged = part(0, 1);
  const auto again = append(merged, part(0, 1));
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().message(), HasSubstr("begins with host 0, and host 1 is the next"));
  auto other = part(1, 2);
  other.points.pop_back();
  const auto fewer = append(merged, std::move(other));
  ASSERT_FALSE(fewer);
  EXPECT_THAT(fewer.error().message(), HasSubstr("other settings"));
  const auto missing = sweep_of(merged, 0.1);
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message(), HasSubstr("hosts 0 to 1 of 2 are there"));
  ASSERT_TRUE(append(merged, part(1, 2)));
  EXPECT_TRUE(sweep_of(merged, 0.1));
  EXPECT_FALSE(sweep_of(merged, 1.5));
}

TEST(SweepPart, TextThatIsNoneIsNamed) {
  const auto data = test::data_of({test::workload("a", {1, 2}, 1)});
  const auto text = to_json(swept(data, test::world_of({{0}}), test::plain_options()));
  const auto refusal = [&](const std::string& from, const std::string& to) {
    std::string changed = text;
    const auto at = changed.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    changed.replace(at, from.size(), to);
    const auto read = sweep_part_from_json(changed);
    EXPECT_FALSE(read) << to;
    return read ? std::string() : read.error().message();
  };
  EXPECT_THAT(refusal("tideline-sweep-part", "tideline-sweep"), HasSubstr("$.schema"));
  EXPECT_THAT(refusal("\"firstHost\":0", "\"firstHost\":2"), HasSubstr("$.hosts is 1 from 2 on, of 1"));
  EXPECT_THAT(refusal("\"setting\":\"cpuReclaimThresholdPercent=40\"", "\"setting\":\"\""),
              HasSubstr("$.points[0].setting is none"));
  EXPECT_THAT(refusal("\"totals\":[[", "\"totals\":[[-"), HasSubstr("$.points[0].totals[0]"));
  EXPECT_THAT(refusal("\"violations\":[]", "\"violations\":[[100001,1]]"), HasSubstr("$.points[0].violations[0]"));
  EXPECT_THAT(refusal("\"points\":[{", "\"points\":[7,{"), HasSubstr("$.points[0] is 7; want an object"));
  EXPECT_FALSE(sweep_part_from_json(text.substr(0, text.size() / 2)));
}

}  // namespace
}  // namespace tideline::planner::sweep_part_test
