#include "node-actor/decide/memory_room.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tideline::decide::memory_room_test {
namespace {

using namespace std::chrono_literals;
using model::Bytes;
using model::MonoTime;
using testing::DoubleNear;
using testing::Eq;
using testing::Optional;
using Kind = MemoryBound::Kind;

constexpr std::int64_t kOneMib = 1 << 20;

MemoryBound bound_of(std::int64_t capacity, std::int64_t used, Kind kind = Kind::kHost) {
  return {.kind = kind, .capacity = Bytes(capacity), .available = Bytes(capacity - used)};
}

TEST(ReliefRoom, PercentIsTruncatedAsKoordinatorDoes) {
  EXPECT_EQ(bound_of(1000, 699).used_percent(), 69) << "69.9 % is 69";
  EXPECT_EQ(bound_of(1000, 700).used_percent(), 70);
  EXPECT_EQ(bound_of(1000, 0).used_percent(), 0);
  EXPECT_EQ(bound_of(1000, 1000).used_percent(), 100);
  EXPECT_EQ(bound_of(0, 0).used_percent(), 0);
}

TEST(ReliefRoom, ALevelIsTheLeastUseOfThatPercent) {
  EXPECT_EQ(bound_of(1000, 0).level(70), Bytes(700));
  for (const std::int64_t capacity : {1001LL, 999LL, 33'554'433LL}) {
    for (const int percent : {1, 33, 70, 99}) {
      const auto level = bound_of(capacity, 0).level(percent).value();
      EXPECT_EQ(bound_of(capacity, level).used_percent(), percent) << capacity;
      EXPECT_EQ(bound_of(capacity, level - 1).used_percent(), percent - 1) << capacity;
    }
  }
}

class Tightest : public testing::Test {
 protected:
  Tightest() {
    host_.total = Bytes(16'000);
    host_.available = Bytes(8000);
    host_.free = Bytes(3000);
    kubepods_.limit = Bytes(2000);
    kubepods_.usage = Bytes(1500);
    kubepods_.reclaimable = Bytes(400);
    kubepods_.stat_at = MonoTime{77};
  }
  model::HostMemoryCounters host_;
  model::MemoryCounters kubepods_;
};

TEST_F(Tightest, TheLargerShareCounts) {
  const MemoryBound limit{.kind = Kind::kKubepods,
                          .capacity = Bytes(2000),
                          .available = Bytes(700),
                          .free = Bytes(500),
                          .cache_at = MonoTime{77},
                          .host_used = Bytes(8000)};
  EXPECT_THAT(tightest(host_, kubepods_), Optional(Eq(limit))) << "500 are free, and half of 400 of page cache counts";
  host_.available = Bytes(5000);
  const MemoryBound whole{.kind = Kind::kHost,
                          .capacity = Bytes(16'000),
                          .available = Bytes(5000),
                          .free = Bytes(3000),
                          .cache_at = {},
                          .host_used = {}};
  EXPECT_THAT(tightest(host_, kubepods_), Optional(Eq(whole))) << "69 % of the host, 65 % of the limit";
}

TEST_F(Tightest, ALimitThatIsNoneOrNotKnownIsNone) {
  const auto kind = [&] { return tightest(host_, kubepods_)->kind; };
  EXPECT_EQ(kind(), Kind::kKubepods);
  auto whole = kubepods_;
  kubepods_.limit = Bytes(16'000);
  EXPECT_EQ(kind(), Kind::kHost) << "of the host's memory";
  kubepods_.limit.reset();
  EXPECT_EQ(kind(), Kind::kHost);
  kubepods_ = whole;
  kubepods_.usage.reset();
  EXPECT_EQ(kind(), Kind::kHost);
  kubepods_ = whole;
  kubepods_.reclaimable.reset();
  EXPECT_EQ(kind(), Kind::kHost) << "all of it may be page cache";
  kubepods_ = whole;
  kubepods_.stat_at = {};
  EXPECT_EQ(tightest(host_, kubepods_)->cache_at, std::nullopt);
}

TEST_F(Tightest, NothingIsKnownWithoutTheHost) {
  host_.available.reset();
  EXPECT_EQ(tightest(host_, kubepods_), std::nullopt);
  host_.available = Bytes(1);
  host_.total.reset();
  EXPECT_EQ(tightest(host_, kubepods_), std::nullopt);
  host_.total = Bytes(0);
  EXPECT_EQ(tightest(host_, kubepods_), std::nullopt);
}

TEST_F(Tightest, WhatIsReadAtDifferentTimesStaysWithinTheCapacity) {
  kubepods_.usage = Bytes(2500);
  kubepods_.reclaimable = Bytes(9000);
  const auto over = tightest(host_, kubepods_);
  EXPECT_THAT(over->available, Eq(Bytes(750)));
  EXPECT_EQ(over->free, Bytes(0));
  host_.available = Bytes(20'000);
  kubepods_.limit.reset();
  EXPECT_EQ(tightest(host_, kubepods_)->available, Bytes(16'000));
}

class Growth : public testing::Test {
 protected:
  void add(double used_mib, model::Duration later = 100ms, Kind kind = Kind::kHost) {
    now_ = now_ + later;
    trend_.add({now_, bound_of(4096 * kOneMib, static_cast<std::int64_t>(used_mib * kOneMib), kind)});
  }
  std::optional<double> mib_per_second() const {
    const auto growth = trend_.growth_per_second();
    return growth ? std::optional(*growth / kOneMib) : std::nullopt;
  }
  MemoryTrend trend_;
  MonoTime now_{1'000'000'000};
};

TEST_F(Growth, NeedsTwoStepsAndFifthOfASecond) {
  EXPECT_EQ(mib_per_second(), std::nullopt);
  add(100);
  EXPECT_EQ(mib_per_second(), std::nullopt);
  add(110);
  EXPECT_EQ(mib_per_second(), std::nullopt);
  add(120);
  EXPECT_THAT(mib_per_second(), Optional(DoubleNear(100, 0.01)));
}

TEST_F(Growth, TwoStepsOfTwentyMillisecondsAreTooLittle) {
  for (int i = 0; i < 10; ++i)
    add(100 + i, 20ms);
  EXPECT_EQ(mib_per_second(), std::nullopt);
  add(110, 20ms);
  EXPECT_THAT(mib_per_second(), Optional(DoubleNear(50, 0.01)));
}

TEST_F(Growth, ASuddenAllocatorIsSeenWithItsSecondStep) {
  for (int i = 0; i < 30; ++i)
    add(500);
  add(700);
  EXPECT_THAT(mib_per_second(), Optional(DoubleNear(0, 0.01)));
  add(900);
  EXPECT_THAT(mib_per_second(), Optional(DoubleNear(1000, 0.01))) << "the quiet step before is in it still";
  add(1100);
  EXPECT_THAT(mib_per_second(), Optional(DoubleNear(2000, 0.01)));
}

TEST_F(Growth, WhatIsTakenOnceIsNoGrowth) {
  for (int i = 0; i < 10; ++i)
    add(500);
  add(1500);
  for (int i = 0; i < 10; ++i) {
    EXPECT_THAT(mib_per_second(), Optional(DoubleNear(0, 0.01)));
    add(1500);
  }
}

TEST_F(Growth, ASlowLeakIsSeenAndSoIsThatItEnded) {
  double used = 500;
  for (int i = 0; i < 40; ++i)
    add(used += 0.1);
  EXPECT_THAT(mib_per_second(), Optional(DoubleNear(1, 0.05)));
  for (int i = 0; i < 4; ++i)
    add(used);
  EXPECT_THAT(trend_.recent_per_second(), Optional(DoubleNear(0, 1)));
  EXPECT_THAT(mib_per_second(), Optional(DoubleNear(0.9, 0.1))) << "over the whole window";
  for (int i = 0; i < 40; ++i)
    add(used);
  EXPECT_THAT(mib_per_second(), Optional(DoubleNear(0, 0.01)));
}

TEST_F(Growth, AMissingRoundMakesALongerStep) {
  for (int i = 0; i < 5; ++i)
    add(500 + 10 * i);
  add(560, 200ms);
  add(570);
  EXPECT_THAT(mib_per_second(), Optional(DoubleNear(100, 0.01)));
}

TEST_F(Growth, ReadingsOfTwoBoundsDoNotMix) {
  for (int i = 0; i < 10; ++i) {
    add(100 + 10 * i, 50ms, Kind::kKubepods);
    add(3000, 50ms);
  }
  EXPECT_THAT(mib_per_second(), Optional(DoubleNear(0, 0.01)));
  add(200, 50ms, Kind::kKubepods);
  EXPECT_THAT(mib_per_second(), Optional(DoubleNear(100, 0.01)));
}

TEST_F(Growth, MemoryIsBoundedAndOldReadingsGo) {
  for (int i = 0; i < 1000; ++i)
    add(i, 20ms);
  EXPECT_EQ(trend_.readings().size(), MemoryTrend::kMostReadings);
  add(1, 3100ms);
  EXPECT_EQ(trend_.readings().size(), 1U);
  const auto before = trend_;
  trend_.add(before.readings().back());
  EXPECT_EQ(trend_, before) << "the same round again";
  trend_.add({MonoTime{1}, bound_of(1, 1)});
  EXPECT_EQ(trend_, before) << "an older one";
}

TEST_F(Growth, ReadingsAddedAgainMakeTheSameTrend) {
  for (int i = 0; i < 100; ++i)
    add(100 + i % 7, 40ms, i % 3 == 0 ? Kind::kKubepods : Kind::kHost);
  MemoryTrend again;
  for (const auto& reading : trend_.readings())
    again.add(reading);
  EXPECT_EQ(again, trend_);
}

TEST(ReliefRoom, TimeToGrow) {
  EXPECT_EQ(time_to_grow(Bytes(0), std::nullopt), 0s) << "nothing to wait for";
  EXPECT_EQ(time_to_grow(Bytes(-5), -3.0), 0s);
  EXPECT_EQ(time_to_grow(Bytes(100), std::nullopt), std::nullopt);
  EXPECT_EQ(time_to_grow(Bytes(100), 0.0), std::nullopt);
  EXPECT_EQ(time_to_grow(Bytes(100), -1.0), std::nullopt);
  EXPECT_EQ(time_to_grow(Bytes(100), 50.0), 2s);
  EXPECT_EQ(time_to_grow(Bytes(86'400), 1.0), 24h);
  EXPECT_EQ(time_to_grow(Bytes(1LL << 50), 1e-9), std::nullopt) << "within a day, or never";
}

}  // namespace
}  // namespace tideline::decide::memory_room_test
