#include "deploy/demo/loadgen/schedule.h"

#include <gtest/gtest.h>

namespace tideline::loadgen {
namespace {

using std::chrono::nanoseconds;

TEST(Schedule, ConstantRateDoesNotDriftOverAMillionRequests) {
  Schedule schedule(620, Arrivals::kConstant, 1);
  nanoseconds at{};
  for (int i = 0; i <= 1'000'000; ++i)
    at = schedule.next();
  EXPECT_NEAR(static_cast<double>(at.count()), 1e9 * 1'000'000 / 620, 1000);
}

TEST(Schedule, ConstantRateStartsAtOnceAndKeepsItsPeriod) {
  Schedule schedule(4, Arrivals::kConstant, 1);
  EXPECT_EQ(schedule.next(), nanoseconds(0));
  EXPECT_EQ(schedule.next(), nanoseconds(250'000'000));
  EXPECT_EQ(schedule.next(), nanoseconds(500'000'000));
}

TEST(Schedule, BurstsComeAtTheBeginOfEachPeriodAndKeepTheMeanRate) {
  // 50 a second, in bursts of 25 within the first tenth of each half second.
  Schedule schedule(50, Arrivals::kBursts, 1, {.period = std::chrono::milliseconds(500), .share = 0.1});
  for (int burst = 0; burst < 1000; ++burst) {
    for (int i = 0; i < 25; ++i) {
      const double wanted_ms = 500.0 * burst + 2.0 * i;
      ASSERT_NEAR(static_cast<double>(schedule.next().count()) / 1e6, wanted_ms, 1e-3) << burst << " " << i;
    }
  }
}

TEST(Schedule, PoissonKeepsTheRateAndTheOrder) {
  Schedule schedule(1000, Arrivals::kPoisson, 7);
  nanoseconds last{};
  for (int i = 0; i < 100'000; ++i) {
    const nanoseconds at = schedule.next();
    ASSERT_GE(at, last);
    last = at;
  }
  EXPECT_NEAR(static_cast<double>(last.count()), 100e9, 2e9);
}

TEST(Schedule, PoissonRepeatsWithItsSeedAndDiffersWithout) {
  Schedule a(100, Arrivals::kPoisson, 3);
  Schedule b(100, Arrivals::kPoisson, 3);
  Schedule c(100, Arrivals::kPoisson, 4);
  const auto first = a.next();
  EXPECT_EQ(first, b.next());
  EXPECT_NE(first, c.next());
}

}  // namespace
}  // namespace tideline::loadgen
