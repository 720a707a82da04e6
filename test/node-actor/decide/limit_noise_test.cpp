#include "node-actor/decide/limit_noise.h"

#include <algorithm>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tideline::decide::limit_noise_test {
namespace {

using namespace std::chrono_literals;
using model::MilliCpu;
using model::MonoTime;

constexpr MonoTime kStart{1'000'000'000'000};
constexpr FallBounds kBounds{MilliCpu(400), MilliCpu(2000)};

/// Windows one after the other.
class LimitNoiseTest : public testing::Test {
 protected:
  void see(std::optional<std::int64_t> deviation, model::Duration length = 100ms) {
    now_ = now_ + length;
    see_window(noise_, now_, length, deviation ? std::optional(MilliCpu(*deviation)) : std::nullopt, kBounds);
  }
  std::int64_t urgent() const { return urgent_fall(noise_, now_, kBounds).value(); }
  bool falls(std::int64_t below, model::Duration length = 100ms) {
    now_ = now_ + length;
    return falls_urgently(noise_, now_, length, MilliCpu(below), kBounds);
  }

  LimitNoise noise_;
  MonoTime now_ = kStart;
};

TEST_F(LimitNoiseTest, AQuietHostHasTheLeastUrgentFall) {
  EXPECT_EQ(urgent(), 400);
  for (int i = 0; i < 100; ++i)
    see(i % 2 == 0 ? -399 : 399);
  EXPECT_EQ(urgent(), 400);
}

TEST_F(LimitNoiseTest, AFallHasToBeATenthMoreThanTheDeepestShortExcursion) {
  for (const int deviation : {0, -500, 0, -1000, -700, 0, -600, 0})
    see(deviation);
  EXPECT_EQ(urgent(), 1100);
}

TEST_F(LimitNoiseTest, AnExcursionCountsOnceItIsOver) {
  see(-1000);
  see(-1000);
  EXPECT_EQ(urgent(), 400);
  see(0);
  EXPECT_EQ(urgent(), 1100);
}

TEST_F(LimitNoiseTest, WhatLastsIsNoNoise) {
  for (const int deviation : {-1000, -1000, -1000, 0})
    see(deviation);
  EXPECT_EQ(urgent(), 400) << "300 ms";
  see(-1000, 1s);
  see(0, 1s);
  EXPECT_EQ(urgent(), 400) << "no window of a slow loop is short";
}

TEST_F(LimitNoiseTest, NorIsWhatIsTooDeepForIt) {
  see(-2001);
  see(0);
  EXPECT_EQ(urgent(), 400);
  see(-2000);
  see(0);
  EXPECT_EQ(urgent(), 2000) << "at most that";
}

TEST_F(LimitNoiseTest, WhatIsNotSeenToTheEndIsForgotten) {
  see(-1000);
  see(std::nullopt);
  see(0);
  EXPECT_EQ(urgent(), 400);
  see(-1000);
  lose_sight(noise_);
  see(0);
  EXPECT_EQ(urgent(), 400);
}

TEST_F(LimitNoiseTest, ItIsRememberedForHalfAMinute) {
  see(-1000);
  see(0);
  now_ = now_ + (kNoiseMemory - 1ms);
  EXPECT_EQ(urgent(), 1100);
  now_ = now_ + 1ms;
  EXPECT_EQ(urgent(), 400);
}

TEST_F(LimitNoiseTest, AFallThatNoiseExplainsIsUrgentInItsThirdWindow) {
  EXPECT_TRUE(falls(400)) << "without noise";
  see(-1000);
  see(0);
  EXPECT_FALSE(falls(0));
  EXPECT_FALSE(falls(1099));
  EXPECT_FALSE(falls(600));
  EXPECT_TRUE(falls(550));
  EXPECT_FALSE(falls(549)) << "half of an urgent fall at least, without a break";
  EXPECT_FALSE(falls(1099));
  EXPECT_TRUE(falls(1100));
  EXPECT_FALSE(falls(0));
  EXPECT_TRUE(falls(600, 1s)) << "a window that is long lasts by itself";
}

TEST_F(LimitNoiseTest, RecentValuesKeepTheLeastOfWhatComesTogether) {
  RecentValues values(30s);
  EXPECT_EQ(values.least(kStart), std::nullopt);
  EXPECT_EQ(values.mean(kStart), std::nullopt);
  values.add(kStart, MilliCpu(500));
  values.add(kStart + 900ms, MilliCpu(300));
  values.add(kStart + 1s, MilliCpu(900));
  values.add(kStart + 1900ms, MilliCpu(1000));
  EXPECT_EQ(values.least(kStart + 2s), MilliCpu(300));
  EXPECT_EQ(values.mean(kStart + 2s), MilliCpu(600));
  EXPECT_EQ(values.least(kStart + 30s), MilliCpu(900));
  EXPECT_EQ(values.mean(kStart + 31s), std::nullopt);
}

TEST_F(LimitNoiseTest, RecentValuesCoverTheirSpanAtAnyPaceAndComeBackFromWhatTheyKept) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    RecentValues values(600ms);
    MonoTime now = kStart;
    std::vector<std::pair<MonoTime, MilliCpu>> all;
    for (int i = 0; i < 500; ++i) {
      now = now + std::chrono::milliseconds(1 + random() % 100);
      const MilliCpu value(static_cast<std::int64_t>(random() % 10'000));
      values.add(now, value);
      all.emplace_back(now, value);
      // Those that came together with an older one may go with it, a thirtieth of the span early.
      std::optional<MilliCpu> least;
      std::optional<MilliCpu> surely;
      for (const auto& [at, each] : all) {
        if (now - at < 600ms) least = std::min(least.value_or(each), each);
        if (now - at < 580ms) surely = std::min(surely.value_or(each), each);
      }
      ASSERT_TRUE(values.least(now));
      ASSERT_GE(*values.least(now), *least);
      ASSERT_LE(*values.least(now), *surely);
      RecentValues again(values.span());
      for (const auto& entry : values.kept())
        again.add(entry.at, entry.value);
      ASSERT_EQ(again.kept(), values.kept());
    }
  }
}

TEST_F(LimitNoiseTest, WhateverCameBeforeAFallThatIsTooDeepForNoiseIsUrgentAtOnceAndHalfOfThatIfItLasts) {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    noise_ = {};
    for (int i = 0; i < 400; ++i) {
      const auto deviation = 1500 - static_cast<std::int64_t>(random() % 4500);
      see(random() % 20 == 0 ? std::nullopt : std::optional(deviation));
      falls(-deviation);
      ASSERT_GE(urgent(), kBounds.least.value());
      ASSERT_LE(urgent(), kBounds.most.value());
    }
    EXPECT_TRUE(falls(kBounds.most.value()));
    falls(0);
    falls(1000);
    falls(1000);
    EXPECT_TRUE(falls(1000));
  }
}

}  // namespace
}  // namespace tideline::decide::limit_noise_test
