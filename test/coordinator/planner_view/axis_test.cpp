#include "coordinator/planner_view/axis.h"

#include <cmath>
#include <limits>
#include <random>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace tideline::planner_view {
namespace {

std::string labels_of(const Axis& axis) {
  std::string text;
  for (const auto& tick : axis.ticks)
    text += (text.empty() ? "" : " ") + tick.label;
  return text;
}

void expect_sound(const Axis& axis, std::size_t most) {
  ASSERT_TRUE(std::isfinite(axis.low) && std::isfinite(axis.high));
  ASSERT_LT(axis.low, axis.high);
  EXPECT_LE(axis.ticks.size(), most);
  for (std::size_t i = 0; i < axis.ticks.size(); ++i) {
    EXPECT_GE(axis.share(axis.ticks[i].at), 0.0);
    EXPECT_LE(axis.share(axis.ticks[i].at), 1.0);
    EXPECT_FALSE(axis.ticks[i].label.empty());
    if (i > 0) {
      EXPECT_GT(axis.ticks[i].at, axis.ticks[i - 1].at);
    }
  }
}

TEST(NumberAxis, HasTicksThatPeopleCanRead) {
  EXPECT_EQ(labels_of(number_axis(0, 10, 5)), "0 2 4 6 8 10");
  EXPECT_EQ(labels_of(number_axis(0, 0.9, 5)), "0.0 0.2 0.4 0.6 0.8 1.0");
  EXPECT_EQ(labels_of(number_axis(0, 64, 6)), "0 20 40 60 80");
  EXPECT_EQ(labels_of(number_axis(-5, 5, 2)), "-5 0 5");
}

TEST(NumberAxis, WritesLargeNumbersShort) {
  EXPECT_EQ(labels_of(number_axis(0, 50'000, 5)), "0 10k 20k 30k 40k 50k");
  EXPECT_EQ(labels_of(number_axis(0, 20'000'000, 4)), "0 5M 10M 15M 20M");
}

TEST(NumberAxis, StandsWhereThereIsNothingToSpan) {
  for (const double low : {0.0, 3.0, -7.0, 1e14, -1e300}) {
    SCOPED_TRACE(low);
    expect_sound(number_axis(low, low, 5), 12);
    expect_sound(number_axis(low, low - 1, 5), 12);
  }
  const double inf = std::numeric_limits<double>::infinity();
  expect_sound(number_axis(NAN, NAN, 5), 12);
  expect_sound(number_axis(0, inf, 5), 12);
  expect_sound(number_axis(-inf, inf, 0), 12);
}

TEST(NumberAxis, CoversWhatItIsGiven) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 2'000; ++round) {
    SCOPED_TRACE(round);
    const auto any = [&] {
      const double size = std::pow(10.0, static_cast<double>(random() % 24) - 10);
      return (static_cast<double>(random() % 2'000'001) / 1e6 - 1) * size;
    };
    const double low = any();
    const double high = low + std::abs(any());
    const std::size_t about = 1 + random() % 12;
    const Axis axis = number_axis(low, high, about);
    expect_sound(axis, about + 4);
    const double rounding = 1e-6 * (axis.high - axis.low);
    EXPECT_LE(axis.low, low + rounding);
    EXPECT_GE(axis.high, high - rounding);
  }
}

TEST(NumberAxis, HasALabelOfItsOwnForEachTick) {
  for (const double high : {0.003, 0.9, 1.0, 7.0, 99.0, 1'234.0, 12'000.0, 25'000.0, 9e6, 1.5e7, 3e11}) {
    SCOPED_TRACE(high);
    const Axis axis = number_axis(0, high, 6);
    std::set<std::string> labels;
    for (const auto& tick : axis.ticks)
      EXPECT_TRUE(labels.insert(tick.label).second) << labels_of(axis);
  }
}

TEST(TimeAxis, HasTicksAtWholeHoursAndDays) {
  constexpr std::int64_t kNoon = 1'372'680'000;  // 2013-07-01T12:00:00Z
  EXPECT_EQ(labels_of(time_axis(kNoon, kNoon + 24 * 3'600, 9)),
            "12:00 15:00 18:00 21:00 07-02 03:00 06:00 09:00 12:00");
  EXPECT_EQ(labels_of(time_axis(kNoon, kNoon + 4 * 86'400, 9)),
            "12:00 07-02 12:00 07-03 12:00 07-04 12:00 07-05 12:00");
  EXPECT_EQ(labels_of(time_axis(kNoon + 1, kNoon + 599, 9)), "12:02 12:04 12:06 12:08");
}

TEST(TimeAxis, StandsForAnyTwoTimes) {
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  for (const std::int64_t begin : {kLeast, std::int64_t{-1}, std::int64_t{0}, std::int64_t{1'372'680'000}, kMost}) {
    for (const std::int64_t end : {kLeast, std::int64_t{0}, std::int64_t{1'372'680'001}, kMost}) {
      SCOPED_TRACE(std::to_string(begin) + " to " + std::to_string(end));
      expect_sound(time_axis(begin, end, 9), 10);
    }
  }
  std::mt19937_64 random(12);
  for (int round = 0; round < 2'000; ++round) {
    SCOPED_TRACE(round);
    const auto begin = static_cast<std::int64_t>(random() % 4'000'000'000U);
    const auto length = static_cast<std::int64_t>(random() >> (random() % 60)) & 0x7FFF'FFFF'FFFF;
    const std::size_t about = 1 + random() % 12;
    expect_sound(time_axis(begin, begin + length, about), about + 1);
  }
}

}  // namespace
}  // namespace tideline::planner_view
