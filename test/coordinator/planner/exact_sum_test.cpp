#include "coordinator/planner/exact_sum.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace tideline::planner::exact_sum_test {
namespace {

ExactSum sum_of(const std::vector<double>& values) {
  ExactSum sum;
  for (const double value : values)
    sum.add(value);
  return sum;
}

TEST(ExactSum, OfOneNumberIsThatNumber) {
  for (const double value : {0.0, 1.0, 0.1, 0.3, 1e-3, 1'234.3, 1e15 + 0.25, 4e18, -0.5, -7.25}) {
    SCOPED_TRACE(value);
    EXPECT_EQ(sum_of({value}).value(), value);
  }
}

TEST(ExactSum, KeepsWhatASumOfDoublesLoses) {
  std::vector<double> values(1'000, 0.25);
  values.push_back(1e16);
  EXPECT_EQ(sum_of(values).value(), 1e16 + 250);
  values.push_back(-1e16);
  EXPECT_EQ(sum_of(values).value(), 250);
}

TEST(ExactSum, IsTheSameInAnyOrderAndInAnyParts) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  std::vector<double> values;
  for (int i = 0; i < 500; ++i) {
    const double unit = static_cast<double>(random() >> 11) * 0x1p-53;
    values.push_back(std::ldexp(unit, static_cast<int>(random() % 60) - 20) * (random() % 4 == 0 ? -1 : 1));
  }
  const auto whole = sum_of(values);
  for (int round = 0; round < 20; ++round) {
    std::shuffle(values.begin(), values.end(), random);
    EXPECT_EQ(sum_of(values), whole);
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(random() % values.size());
    auto parts = sum_of({values.begin(), middle});
    parts.add(sum_of({middle, values.end()}));
    EXPECT_EQ(parts, whole);
  }
}

TEST(ExactSum, WholeNumbersAreCounts) {
  ExactSum sum;
  sum.add_whole(7);
  sum.add_whole(std::uint64_t{1} << 53);
  sum.add_whole(1);
  EXPECT_EQ(sum.whole(), (std::uint64_t{1} << 53) + 8);
  EXPECT_EQ(sum.fraction(), 0u);
}

TEST(ExactSum, WhatIsJustBelowAWholeNumberOrNoneAtAllIsHarmless) {
  EXPECT_EQ(sum_of({-1e-300}).value(), 0);
  EXPECT_EQ(sum_of({std::nextafter(1.0, 0.0)}).value(), std::nextafter(1.0, 0.0));
  EXPECT_EQ(sum_of({std::numeric_limits<double>::quiet_NaN(), 3}).value(), 3);
  EXPECT_EQ(sum_of({std::numeric_limits<double>::infinity()}).value(), 0x1p62);
  EXPECT_EQ(sum_of({-std::numeric_limits<double>::infinity()}).value(), -0x1p62);
}

}  // namespace
}  // namespace tideline::planner::exact_sum_test
