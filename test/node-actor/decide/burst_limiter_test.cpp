#include "node-actor/decide/burst_limiter.h"

#include <algorithm>
#include <array>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/burst_host.h"

namespace tideline::decide::test::burst_limiter_test {
namespace {

TEST(BurstLimiter, HoldsTheWorkedCapacity) {
  EXPECT_EQ(limiter_capacity(burst_policy(BurstPolicy::kAuto, 300, 60).burst), 12000);
  EXPECT_EQ(limiter_capacity(burst_policy(BurstPolicy::kAuto, 300, 0).burst), 0);
  EXPECT_TRUE(is_limited(burst_policy(BurstPolicy::kAuto, 300, 0).burst));
  EXPECT_FALSE(is_limited(burst_policy(BurstPolicy::kAuto, 300, -1).burst));
}

TEST(BurstLimiter, LastsSixtySecondsFromFullAtThreeTimesTheLimit) {
  BurstLimiter limiter{12000, 12000};
  int seconds = 0;
  for (; limiter.allows(); ++seconds)
    limiter = spend(limiter, 300, 1s);
  EXPECT_EQ(seconds, 60);
}

TEST(BurstLimiter, EarnsBelowSixtyPercentAndSpendsFromAHundred) {
  struct Row {
    std::optional<double> used_percent;
    double tokens_after_two_seconds;
  };
  for (const auto& row : {Row{0, 1200}, Row{59, 1082}, Row{60, 1000}, Row{99.9, 1000}, Row{100, 1000}, Row{150, 900},
                          Row{300, 600}, Row{std::nullopt, 1000}}) {
    EXPECT_DOUBLE_EQ(spend({12000, 1000}, row.used_percent, 2s).tokens, row.tokens_after_two_seconds)
        << row.used_percent.value_or(-1) << " %";
  }
}

TEST(BurstLimiter, StaysWithinItsCapacityAndTakesNoOddWindow) {
  EXPECT_EQ(spend({100, 90}, 0, 10s).tokens, 100);
  EXPECT_EQ(spend({100, -90}, 10000, 10s).tokens, -100);
  EXPECT_EQ(spend({12000, 50}, 300, 0s).tokens, 50);
  EXPECT_EQ(spend({12000, 50}, 300, -5s).tokens, 50);
  EXPECT_EQ(spend({12000, 10000}, 200, 1h).tokens, 8000) << "one reading is worth 20 s at most";
  EXPECT_FALSE(spend({0, 0}, 0, 10s).allows()) << "a period of 0 allows nothing";
}

TEST(BurstLimiter, StartsBetweenEmptyAndHalfFullSpreadOverTheFleetAndTheSameEachTime) {
  std::array<int, 10> bins{};
  for (int i = 0; i < 2000; ++i) {
    const auto share = initial_share("pod-" + std::to_string(i / 2), "container-" + std::to_string(i % 2));
    ASSERT_GE(share, 0);
    ASSERT_LT(share, 0.5);
    ++bins.at(static_cast<std::size_t>(share * 20));
  }
  EXPECT_GT(*std::min_element(bins.begin(), bins.end()), 120);
  EXPECT_LT(*std::max_element(bins.begin(), bins.end()), 280);
  EXPECT_EQ(initial_share("web", "c"), initial_share("web", "c"));
  EXPECT_NE(initial_share("we", "bc"), initial_share("web", "c"));
  EXPECT_EQ(new_limiter(12000, 0.25), (BurstLimiter{12000, 3000}));
}

}  // namespace
}  // namespace tideline::decide::test::burst_limiter_test
