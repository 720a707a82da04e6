#include "coordinator/planner/score_part.h"

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/planner/host_slice.h"
#include "test/coordinator/planner/fixture.h"

namespace tideline::planner::score_part_test {
namespace {

using testing::HasSubstr;

std::vector<forecast::ForecastSpec> some_specs() {
  return {{"limit"}, {"nsigma:3"}, {"peak"}, {"oracle"}};
}

ScoreOptions short_horizon() {
  ScoreOptions options;
  options.horizon_s = 1'200;
  options.window_s = 3'600;
  return options;
}

ScorePart part_of(const Dataset& data, const World& world) {
  auto part = score_part(data, world, some_specs(), short_horizon());
  if (part) return *std::move(part);
  ADD_FAILURE() << part.error().message();
  return {};
}

TEST(ScorePart, ShardsAreAsGoodAsOne) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  test::RandomWorlds random(seed);
  const auto data = random.data(40, 80);
  const auto world = random.world(data, 12);
  const auto whole = score(data, world, some_specs(), short_horizon());
  ASSERT_TRUE(whole) << whole.error().message();
  for (const std::uint32_t count : {1U, 2U, 5U, 20U}) {
    SCOPED_TRACE(testing::Message() << count << " shards");
    ScorePart sum;
    for (std::uint32_t number = 1; number <= count; ++number) {
      const auto part = part_of(data, slice_of(world, Shard{number, count}.of(world.hosts.size())));
      const auto text = to_json(part);
      auto read = score_part_from_json(text);
      ASSERT_TRUE(read) << read.error().message();
      EXPECT_EQ(to_json(*read), text);
      if (number == 1) {
        sum = *std::move(read);
      } else {
        const auto added = append(sum, *std::move(read));
        ASSERT_TRUE(added) << added.error().message();
      }
    }
    const auto scores = scores_of(sum);
    ASSERT_TRUE(scores);
    ASSERT_EQ(scores->size(), whole->size());
    for (std::size_t i = 0; i < whole->size(); ++i) {
      SCOPED_TRACE((*whole)[i].spec.text);
      EXPECT_EQ((*scores)[i].spec, (*whole)[i].spec);
      EXPECT_EQ((*scores)[i].checks, (*whole)[i].checks);
      EXPECT_EQ((*scores)[i].violations, (*whole)[i].violations);
      EXPECT_EQ((*scores)[i].severity_p50, (*whole)[i].severity_p50);
      EXPECT_EQ((*scores)[i].severity_p99, (*whole)[i].severity_p99);
      EXPECT_EQ((*scores)[i].savings, (*whole)[i].savings);
    }
  }
}

TEST(ScorePart, PartsAreOfTheSamePredictorsAndOfHostsThatFollow) {
  test::RandomWorlds random(3);
  const auto data = random.data(6, 40);
  const auto world = random.world(data, 3);
  auto first = part_of(data, slice_of(world, {0, 1}));
  auto last = part_of(data, slice_of(world, {2, 3}));
  const auto missing = append(first, last);
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message(), HasSubstr("begins with host 2, and host 1 is the next"));
  auto other = part_of(data, slice_of(world, {1, 2}));
  other.forecasts.back().text = "mean:15";
  EXPECT_FALSE(append(first, std::move(other)));
  const auto some = scores_of(first);
  ASSERT_FALSE(some);
  EXPECT_THAT(some.error().message(), HasSubstr("hosts 0 to 1 of 3 are there"));
}

TEST(ScorePart, AHostIsNamedByItsNumberInTheFleet) {
  test::RandomWorlds random(5);
  const auto data = random.data(2, 40);
  const auto world = test::world_of({{0}, {1}, {7}});
  const auto part = score_part(data, slice_of(world, {2, 3}), some_specs(), short_horizon());
  ASSERT_FALSE(part);
  EXPECT_THAT(part.error().message(), HasSubstr("node-0002 has workload 7"));
}

TEST(ScorePart, TextThatIsNoneIsNamed) {
  test::RandomWorlds random(4);
  const auto data = random.data(6, 40);
  const auto text = to_json(part_of(data, random.world(data, 2)));
  const auto refusal = [&](const std::string& from, const std::string& to) {
    std::string changed = text;
    const auto at = changed.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    changed.replace(at, from.size(), to);
    const auto read = score_part_from_json(changed);
    EXPECT_FALSE(read) << to;
    return read ? std::string() : read.error().message();
  };
  EXPECT_THAT(refusal("tideline-score-part", "other"), HasSubstr("$.schema is \"other\""));
  EXPECT_THAT(refusal("\"hosts\":2", "\"hosts\":3"), HasSubstr("$.hosts is 3 from 0 on, of 2"));
  EXPECT_THAT(refusal("\"fleetHosts\":2", "\"fleetHosts\":99999999999"),
              HasSubstr("$.fleetHosts is 99999999999; at most 10000000"));
  EXPECT_THAT(refusal("\"severities\":[]", "\"severities\":[[100001,1]]"), HasSubstr("a degree"));
  EXPECT_THAT(refusal("\"severities\":[]", "\"severities\":[[5,99999999]]"), HasSubstr("99999999 violations in"));
  EXPECT_THAT(refusal("\"withLimit\":", "\"withLimit\":9"), HasSubstr("more than the checks"));
  EXPECT_THAT(refusal("\"saved\":[", "\"saved\":[1,"), HasSubstr(".saved"));
  EXPECT_THAT(refusal("\"predictor\":\"limit\"", "\"predictor\":\"\""), HasSubstr("predictor is none"));
}

}  // namespace
}  // namespace tideline::planner::score_part_test
