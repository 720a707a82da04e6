#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/planner/replay.h"
#include "test/coordinator/planner/fixture.h"

namespace tideline::planner::explain_moment_test {
namespace {

using test::kBegin;
using test::plain_options;
using test::workload;
using test::world_of;
using testing::HasSubstr;
using testing::Not;

Moment moment_of(const Dataset& data, const World& world, const ReplayOptions& options, std::size_t host,
                 std::int64_t time_s) {
  auto moment = explain_moment(data, world, options, host, time_s);
  if (!moment) {
    ADD_FAILURE() << moment.error().message();
    return {};
  }
  return *std::move(moment);
}

/// The number behind the first line that begins with the term.
std::int64_t number_of(const std::string& text, std::string_view term) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto begin = line.find_first_not_of(' ');
    if (begin == std::string::npos || line.compare(begin, term.size(), term) != 0) continue;
    const auto number = line.find_first_of("-0123456789", begin + term.size());
    if (line[begin + term.size()] == ' ' && number != std::string::npos) return std::stoll(line.substr(number));
  }
  ADD_FAILURE() << "no line of " << term << " in\n" << text;
  return 0;
}

TEST(ExplainMoment, HasTheTermsOfTheStep) {
  const auto data = test::data_of({workload("web", {2'000, 2'500, 2'000}, 4'000)});
  auto options = plain_options();
  options.threshold.enable = true;
  options.threshold.cpu_suppress_policy = model::SuppressPolicy::kCfsQuota;
  options.threshold.cpu_suppress_threshold_percent = 40;
  const auto moment = moment_of(data, world_of({{0}}), options, 0, kBegin + 899);
  const auto& account = moment.account_text;
  EXPECT_THAT(account, HasSubstr("node-0000 from 2013-07-01T00:10:00Z until 2013-07-01T00:15:00Z, step 2 of 3"));
  EXPECT_EQ(number_of(account, "capacity"), 10'000);
  EXPECT_EQ(number_of(account, "margin"), 4'000);
  EXPECT_EQ(number_of(account, "high-priority"), 2'500) << "of the step before";
  EXPECT_EQ(number_of(account, "offered"), 2'500);
  EXPECT_EQ(number_of(account, "committed"), 3'000) << "placed by the step before";
  EXPECT_THAT(account, HasSubstr("cpuReclaimThresholdPercent 60"));
  EXPECT_THAT(account, HasSubstr("web: 2500 by use, used 2500, requested 4000"));
  EXPECT_THAT(account, HasSubstr("memory, bytes: usage"));
  const auto& suppress = moment.suppress_text;
  EXPECT_EQ(number_of(suppress, "threshold"), 4'000);
  EXPECT_EQ(number_of(suppress, "services"), 2'000);
  EXPECT_EQ(number_of(suppress, "formula"), 1'000);
  EXPECT_EQ(number_of(suppress, "wanted"), 3'000);
  EXPECT_EQ(number_of(suppress, "may use"), 1'000);
  EXPECT_EQ(number_of(suppress, "suppressed by"), 2'000);
  EXPECT_THAT(suppress, HasSubstr("limit 1000 millicores: threshold-formula\n"));
  EXPECT_THAT(suppress, HasSubstr("no violation within the horizon"));
}

TEST(ExplainMoment, SaysWhyThereIsNoLimit) {
  const auto data = test::data_of({workload("web", {2'000, 2'000}, 4'000)});
  auto options = plain_options();
  EXPECT_THAT(moment_of(data, world_of({{0}}), options, 0, kBegin).suppress_text, HasSubstr("limit none: disabled"));
  EXPECT_THAT(moment_of(data, world_of({{0}}), options, 0, kBegin).account_text, HasSubstr("no report"));
  options.threshold.enable = true;
  options.threshold.cpu_suppress_policy = model::SuppressPolicy::kWorkConserving;
  EXPECT_THAT(moment_of(data, world_of({{0}}), options, 0, kBegin + 300).suppress_text,
              HasSubstr("limit none: not-pressed"));
}

TEST(ExplainMoment, TellsOfAViolation) {
  const auto data = test::data_of({workload("web", {2'000, 2'000, 9'000}, 4'000)});
  auto options = plain_options();
  options.horizon_s = 600;
  EXPECT_THAT(moment_of(data, world_of({{0}}), options, 0, kBegin + 300).suppress_text,
              HasSubstr("services need 3000 millicores more than the offer left"));
  EXPECT_THAT(moment_of(data, world_of({{0}}), options, 0, kBegin + 600).suppress_text,
              HasSubstr("no check for a violation"));
}

TEST(ExplainMoment, NoLineEndsInBlanks) {
  const auto data = test::data_of({workload("web", {2'000, 2'000}, 4'000)});
  const auto moment = moment_of(data, world_of({{0}}), plain_options(), 0, kBegin + 300);
  EXPECT_THAT(moment.account_text + moment.suppress_text, Not(HasSubstr(" \n")));
}

TEST(ExplainMoment, NumbersAreThoseOfTheReplay) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  test::RandomWorlds random(seed);
  for (int round = 0; round < 12; ++round) {
    auto data = random.data(6, 25);
    random.add_tasks(data, 30);
    const auto world = random.world(data, 1);
    auto options = random.options();
    options.demand = round % 2 == 0 ? BatchDemand::kFill : BatchDemand::kTasks;
    const auto result = replay(data, world, options);
    ASSERT_TRUE(result) << result.error().message();
    ASSERT_EQ(result->course.size(), data.steps);
    const std::size_t step = random.below(data.steps);
    SCOPED_TRACE(testing::Message() << "round " << round << ", step " << step);
    const auto moment =
        moment_of(data, world, options, 0,
                  data.time_of(step) + static_cast<std::int64_t>(random.below(static_cast<std::size_t>(data.step_s))));
    const auto& point = result->course[step];
    EXPECT_NEAR(static_cast<double>(number_of(moment.account_text, "offered")), point.offered * 1'000, 1e-6);
    const auto services = static_cast<double>(number_of(moment.suppress_text, "services"));
    EXPECT_NEAR(std::min(services, 9'000.0), point.used * 1'000, 1e-6);
    EXPECT_LE(point.batch_used * 1'000, static_cast<double>(number_of(moment.suppress_text, "may use")) + 0.1);
    EXPECT_THAT(moment.suppress_text, HasSubstr(std::to_string(point.evictions) + " evicted"));
  }
}

TEST(ExplainMoment, NamesAHostOrTimeThatIsNone) {
  const auto data = test::data_of({workload("web", {2'000, 2'000}, 4'000)});
  const auto refusal = [&](std::size_t host, std::int64_t time_s) {
    const auto moment = explain_moment(data, world_of({{0}}), plain_options(), host, time_s);
    if (moment) return std::string("none");
    EXPECT_EQ(moment.error().code(), model::ErrorCode::kInvalidArgument);
    return moment.error().message();
  };
  EXPECT_THAT(refusal(1, kBegin), HasSubstr("node-0001 is not among the 1 hosts"));
  EXPECT_THAT(refusal(0, kBegin - 1), HasSubstr("2013-07-01T00:00:00Z until 2013-07-01T00:10:00Z"));
  EXPECT_THAT(refusal(0, kBegin + 600), HasSubstr("is not within the data"));
  auto options = plain_options();
  options.demand = BatchDemand::kTasks;
  EXPECT_FALSE(explain_moment(data, world_of({{0}}), options, 0, kBegin)) << "there is no task";
}

}  // namespace
}  // namespace tideline::planner::explain_moment_test
