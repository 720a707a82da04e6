#include "node-actor/decide/be_satisfaction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tideline::decide::test::be_satisfaction_test {
namespace {

using namespace std::chrono_literals;
using model::MilliCpu;
using model::Reason;
using ::testing::HasSubstr;

BeView view(std::int64_t limit, std::int64_t request, std::int64_t use) {
  return {MilliCpu(limit), MilliCpu(request), MilliCpu(use)};
}

model::ThresholdPolicy bounds(std::optional<int> lower, std::optional<int> upper) {
  model::ThresholdPolicy policy;
  policy.enable = true;
  policy.cpu_evict_be_satisfaction_lower_percent = lower;
  policy.cpu_evict_be_satisfaction_upper_percent = upper;
  return policy;
}

BeSatisfaction judge(const BeView& mean, const BeView& newest, const model::ThresholdPolicy& policy = bounds(30, 50)) {
  return judge_be_satisfaction(policy, 60s, {mean, 60s}, newest, "");
}

struct Row {
  const char* name;
  BeView mean;
  BeView newest;
  Reason reason;
  std::int64_t release;
};

class BeSatisfactionCases : public testing::TestWithParam<Row> {};

TEST_P(BeSatisfactionCases, AreJudged) {
  const auto& row = GetParam();
  const auto answer = judge(row.mean, row.newest);
  EXPECT_EQ(answer.reason, row.reason) << answer.why;
  EXPECT_EQ(answer.release, MilliCpu(row.release));
  EXPECT_EQ(answer.terms.mean, row.mean);
  EXPECT_EQ(answer.terms.newest, row.newest);
}

const BeView kWorked = view(10000, 40000, 9500);  // rate .25 <= .30, use .95 >= .90: 40000 * .50 - 10000
INSTANTIATE_TEST_SUITE_P(
    Worked, BeSatisfactionCases,
    testing::Values(Row{"KoordinatorsExample", kWorked, kWorked, Reason::kBeStarved, 10000},
                    Row{"UseAtTheGate", view(10000, 40000, 9000), kWorked, Reason::kBeStarved, 10000},
                    Row{"UseBelowTheGate", view(10000, 40000, 8999), kWorked, Reason::kNotUsing, 0},
                    Row{"NotUsingNow", kWorked, view(10000, 40000, 8999), Reason::kNotUsing, 0},
                    Row{"RateAtTheLowerBound", view(12000, 40000, 12000), view(12000, 40000, 12000), Reason::kBeStarved,
                        8000},
                    Row{"RateAboveTheLowerBound", view(12001, 40000, 12001), kWorked, Reason::kSatisfied, 0},
                    Row{"SatisfiedNow", kWorked, view(30000, 40000, 29000), Reason::kSatisfied, 0},
                    Row{"TheSmallerAnswerCountsNow", kWorked, view(6000, 20000, 6000), Reason::kBeStarved, 4000},
                    Row{"TheSmallerAnswerCountsBefore", view(6000, 20000, 6000), kWorked, Reason::kBeStarved, 4000},
                    // Koordinator waives the gate below 1000 millicores.
                    Row{"SuppressedAndIdle", view(20, 40000, 0), view(20, 40000, 0), Reason::kNotUsing, 0},
                    Row{"SuppressedAndStarved", view(20, 40000, 20), view(20, 40000, 20), Reason::kBeStarved, 19980},
                    Row{"NextToNothingAndIdle", view(1, 40000, 0), view(1, 40000, 0), Reason::kNotUsing, 0},
                    Row{"NextToNothingAndUsed", view(1, 40000, 1), view(1, 40000, 1), Reason::kBeStarved, 19999},
                    Row{"NothingAskedFor", view(20, 0, 20), view(20, 0, 20), Reason::kSatisfied, 0},
                    Row{"NothingAskedForNow", kWorked, view(10000, 0, 9500), Reason::kSatisfied, 0},
                    Row{"NoLimitMeasured", view(0, 40000, 0), view(0, 40000, 0), Reason::kNotUsing, 0}),
    [](const auto& row) { return row.param.name; });

struct PolicyRow {
  const char* name;
  std::optional<int> lower, upper;
  Reason reason;
};

class BeSatisfactionBounds : public testing::TestWithParam<PolicyRow> {};

TEST_P(BeSatisfactionBounds, ActWithinTheirRanges) {
  const auto& row = GetParam();
  const auto starving = view(10, 40000, 10);
  const auto answer = judge(starving, starving, bounds(row.lower, row.upper));
  EXPECT_EQ(answer.reason, row.reason) << answer.why;
  EXPECT_FALSE(answer.why.empty());
  if (row.reason != Reason::kBeStarved) {
    EXPECT_EQ(answer.release, MilliCpu(0));
  }
}

INSTANTIATE_TEST_SUITE_P(Bounds, BeSatisfactionBounds,
                         testing::Values(PolicyRow{"Least", 1, 1, Reason::kBeStarved},
                                         PolicyRow{"Most", 60, 99, Reason::kBeStarved},
                                         PolicyRow{"NotSet", {}, {}, Reason::kDisabled},
                                         PolicyRow{"LowerAlone", 30, {}, Reason::kBadEvictPolicy},
                                         PolicyRow{"UpperAlone", {}, 50, Reason::kBadEvictPolicy},
                                         PolicyRow{"LowerZero", 0, 50, Reason::kBadEvictPolicy},
                                         PolicyRow{"LowerTooHigh", 61, 70, Reason::kBadEvictPolicy},
                                         PolicyRow{"UpperAll", 30, 100, Reason::kBadEvictPolicy},
                                         PolicyRow{"UpperZero", 30, 0, Reason::kBadEvictPolicy},
                                         PolicyRow{"UpperBelowLower", 50, 49, Reason::kBadEvictPolicy}),
                         [](const auto& row) { return row.param.name; });

TEST(BeSatisfaction, WaitsUntilAThirdOfTheWindowIsCovered) {
  auto answer = judge_be_satisfaction(bounds(30, 50), 60s, {kWorked, 19s}, kWorked, "");
  EXPECT_EQ(answer.reason, Reason::kTooFewSamples);
  EXPECT_THAT(answer.why, HasSubstr("19.0 s of the last 60.0 s"));
  answer = judge_be_satisfaction(bounds(30, 50), 60s, {kWorked, 20s}, kWorked, "");
  EXPECT_EQ(answer.reason, Reason::kBeStarved);
}

TEST(BeSatisfaction, NeedsAFreshReading) {
  const auto answer = judge_be_satisfaction(bounds(30, 50), 60s, {kWorked, 60s}, std::nullopt, "the cable was pulled");
  EXPECT_EQ(answer.reason, Reason::kStaleSample);
  EXPECT_EQ(answer.why, "the cable was pulled");
  EXPECT_EQ(answer.release, MilliCpu(0));
}

TEST(BeSatisfaction, UsageGateIsThePolicys) {
  auto policy = bounds(30, 50);
  policy.cpu_evict_be_usage_threshold_percent = 96;
  EXPECT_EQ(judge(kWorked, kWorked, policy).reason, Reason::kNotUsing);
  policy.enable = false;
  EXPECT_EQ(judge(kWorked, kWorked, policy).reason, Reason::kDisabled);
}

}  // namespace
}  // namespace tideline::decide::test::be_satisfaction_test
