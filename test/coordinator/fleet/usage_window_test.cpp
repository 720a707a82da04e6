#include "coordinator/fleet/usage_window.h"

#include <cstdint>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tideline::fleet::usage_window_test {
namespace {

using model::Bytes;
using model::MilliCpu;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::int64_t kBootedForS = 100'000;

model::NodeSample sample(std::int64_t second, std::optional<std::int64_t> cpu, std::optional<std::int64_t> memory) {
  model::NodeSample made;
  made.at = model::MonoTime{(kBootedForS + second) * 1'000'000'000 + 250'000'000};
  made.window = seconds(1);
  if (cpu) made.node_cpu = MilliCpu(*cpu);
  if (memory) made.node_memory = Bytes(*memory);
  return made;
}

class Window : public testing::Test {
 protected:
  /// Of the seconds from `from` until before `to`, in reports of ten; cpu by the second, memory ten times that.
  void report(std::int64_t from, std::int64_t to, const std::function<std::int64_t(std::int64_t)>& cpu) {
    model::Report made;
    made.status.boot_id = boot_;
    for (std::int64_t second = from; second < to; ++second) {
      made.samples.push_back(sample(second, cpu(second), 10 * cpu(second)));
      if (made.samples.size() < 10 && second + 1 < to) continue;
      window_.take(made);
      made.samples.clear();
    }
  }

  UsageWindow window_;
  std::string boot_ = "boot-1";
};

TEST_F(Window, HasAverageAndPercentilesOfOneValueASecond) {
  report(0, 200, [](std::int64_t second) { return second < 190 ? 1'000 : 3'000; });
  const auto spread = window_.over(minutes(5)).value_or(model::MetricSpread{});
  EXPECT_EQ(spread.span, model::Duration(minutes(5)));
  EXPECT_EQ(spread.average.cpu, MilliCpu(1'100));
  EXPECT_EQ(spread.p50.cpu, MilliCpu(1'000));
  EXPECT_EQ(spread.p90.cpu, MilliCpu(1'000));
  EXPECT_EQ(spread.p95.cpu, MilliCpu(1'000)) << "the 190th of 200";
  EXPECT_EQ(spread.p99.cpu, MilliCpu(3'000));
  EXPECT_EQ(spread.average.memory, Bytes(11'000));
  EXPECT_EQ(spread.p99.memory, Bytes(30'000));
}

TEST_F(Window, PercentilesAreByNearestRank) {
  // 1..300 in no order.
  report(0, 300, [](std::int64_t second) { return second * 7 % 300 + 1; });
  const auto spread = window_.over(minutes(5)).value_or(model::MetricSpread{});
  EXPECT_EQ(spread.average.cpu, MilliCpu(151)) << "150.5, rounded";
  EXPECT_EQ(spread.p50.cpu, MilliCpu(150));
  EXPECT_EQ(spread.p90.cpu, MilliCpu(270));
  EXPECT_EQ(spread.p95.cpu, MilliCpu(285));
  EXPECT_EQ(spread.p99.cpu, MilliCpu(297));
}

TEST_F(Window, EachSpanIsOfItsOwnValues) {
  report(0, 1'200, [](std::int64_t) { return 4'000; });
  report(1'200, 1'800, [](std::int64_t) { return 1'000; });
  EXPECT_EQ(window_.over(minutes(5))->p99.cpu, MilliCpu(1'000));
  EXPECT_EQ(window_.over(minutes(10))->p99.cpu, MilliCpu(1'000));
  EXPECT_EQ(window_.over(minutes(30))->average.cpu, MilliCpu(3'000));
  EXPECT_EQ(window_.over(minutes(30))->p50.cpu, MilliCpu(4'000));
  report(1'800, 3'000, [](std::int64_t) { return 1'000; });
  EXPECT_EQ(window_.over(minutes(30))->p99.cpu, MilliCpu(1'000)) << "half an hour is all that is kept";
}

TEST_F(Window, SaysNothingBeforeItReachesOverHalfOfTheSpan) {
  EXPECT_FALSE(window_.over(minutes(5)));
  report(0, 150, [](std::int64_t) { return 1'000; });
  EXPECT_FALSE(window_.over(minutes(5))) << "half is not more than half";
  report(150, 151, [](std::int64_t) { return 1'000; });
  EXPECT_TRUE(window_.over(minutes(5)));
  EXPECT_FALSE(window_.over(minutes(10)));
}

TEST_F(Window, WhatIsNotKnownIsNoZero) {
  model::Report made;
  made.status.boot_id = boot_;
  for (std::int64_t second = 0; second < 300; second += 10) {
    made.samples = {sample(second, second < 100 ? std::optional<std::int64_t>(500) : std::nullopt, 7)};
    window_.take(made);
  }
  const auto spread = window_.over(minutes(5)).value_or(model::MetricSpread{});
  EXPECT_EQ(spread.average.cpu, std::nullopt) << "of a third of the span";
  EXPECT_EQ(spread.average.memory, Bytes(7)) << "one value in ten seconds is enough";
  EXPECT_EQ(spread.p50.memory, Bytes(7));
}

TEST_F(Window, ASilenceLeavesNoOldValuesBehind) {
  report(0, 1'800, [](std::int64_t) { return 9'000; });
  report(1'800 + 1'500, 1'800 + 1'700, [](std::int64_t) { return 1'000; });
  const auto spread = window_.over(minutes(30)).value_or(model::MetricSpread{});
  EXPECT_EQ(spread.average.cpu, MilliCpu(3'667)) << "100 of 9000 and 200 of 1000";
  report(100'000, 100'001, [](std::int64_t) { return 1'000; });
  EXPECT_FALSE(window_.over(minutes(30)));
}

TEST_F(Window, ALateSampleAndOneOfAnotherBootAreToldApart) {
  report(0, 200, [](std::int64_t) { return 1'000; });
  report(50, 60, [](std::int64_t) { return 9'000; });
  EXPECT_EQ(window_.over(minutes(5))->p99.cpu, MilliCpu(1'000)) << "older than the newest";
  boot_ = "boot-2";
  report(50, 60, [](std::int64_t) { return 9'000; });
  EXPECT_FALSE(window_.over(minutes(5))) << "another boot has seconds of its own";
  report(60, 250, [](std::int64_t) { return 9'000; });
  EXPECT_EQ(window_.over(minutes(5))->p50.cpu, MilliCpu(9'000));
}

TEST_F(Window, TimesOfAHostileSenderAreTakenAsTheyAre) {
  model::Report made;
  made.status.boot_id = boot_;
  model::NodeSample first;
  first.node_cpu = MilliCpu(1);
  model::NodeSample last = first;
  last.at = model::MonoTime{INT64_MAX};
  made.samples = {first, last};
  window_.take(made);
  EXPECT_FALSE(window_.over(minutes(30)));
  made.samples = {first};
  window_.take(made);
  report(0, 200, [](std::int64_t) { return 9'000; });
  EXPECT_FALSE(window_.over(minutes(5))) << "all of it is older than the newest";
  EXPECT_EQ(window_.over(model::Duration(0)).value_or(model::MetricSpread{}).average.cpu, MilliCpu(1))
      << "the newest second's";
  boot_ = "boot-2";
  report(0, 200, [](std::int64_t) { return 2'000; });
  EXPECT_EQ(window_.over(minutes(5)).value_or(model::MetricSpread{}).average.cpu, MilliCpu(2'000))
      << "another boot has it right again";
}

}  // namespace
}  // namespace tideline::fleet::usage_window_test
