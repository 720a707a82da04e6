#include <random>

#include <gtest/gtest.h>

#include "messages/model/units.h"

namespace tideline::model::ratio_test {
namespace {

TEST(Ratio, HasTwoDecimals) {
  EXPECT_EQ(Ratio(), Ratio(100));
  EXPECT_EQ(Ratio::nearest(1.1), Ratio(110));
  EXPECT_EQ(Ratio::nearest(1.29), Ratio(129));
  EXPECT_EQ(Ratio::nearest(1.234), Ratio(123));
  EXPECT_EQ(Ratio::nearest(1.236), Ratio(124));
  EXPECT_EQ(Ratio(125).value(), 1.25);
}

TEST(Ratio, MultipliesDownAndDividesUp) {
  EXPECT_EQ(Ratio(120).times(MilliCpu(50'000)), MilliCpu(60'000));
  EXPECT_EQ(Ratio(115).times(MilliCpu(33'333)), MilliCpu(38'332)) << "38332.95";
  EXPECT_EQ(Ratio(120).into(MilliCpu(60'000)), MilliCpu(50'000));
  EXPECT_EQ(Ratio(120).into(MilliCpu(1)), MilliCpu(1));
  EXPECT_EQ(Ratio(300).into(MilliCpu(1'000)), MilliCpu(334));
  EXPECT_EQ(Ratio(500).times(MilliCpu(0)), MilliCpu(0));
  EXPECT_EQ(Ratio(100).times(Bytes(std::int64_t{1} << 50)), Bytes(std::int64_t{1} << 50));
}

TEST(Ratio, WhatComesBackIsNeverMore) {
  std::mt19937_64 random(41);
  const auto upto = [&](std::int64_t most) { return std::uniform_int_distribution<std::int64_t>(0, most)(random); };
  for (int round = 0; round < 10'000; ++round) {
    const Ratio ratio(100 + upto(400));
    const MilliCpu cpu(upto(10'000'000));
    const auto more = ratio.times(cpu);
    ASSERT_LE(more.value() * 100, cpu.value() * ratio.hundredths());
    ASSERT_GT((more.value() + 1) * 100, cpu.value() * ratio.hundredths());
    ASSERT_LE(ratio.into(more), cpu);
    ASSERT_GE(ratio.into(cpu).value() * ratio.hundredths(), cpu.value() * 100) << "up";
    ASSERT_LT((ratio.into(cpu).value() - 1) * ratio.hundredths(), cpu.value() * 100);
  }
}

}  // namespace
}  // namespace tideline::model::ratio_test
