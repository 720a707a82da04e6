#include "deploy/demo/loadgen/latency.h"

#include <gtest/gtest.h>

namespace tideline::loadgen {
namespace {

using std::chrono::milliseconds;

TEST(LatencyLog, QuantilesAreNearestRank) {
  LatencyLog log;
  for (int i = 100; i >= 1; --i)
    log.add(milliseconds(i));
  EXPECT_DOUBLE_EQ(log.quantile_ms(0.5), 50);
  EXPECT_DOUBLE_EQ(log.quantile_ms(0.9), 90);
  EXPECT_DOUBLE_EQ(log.quantile_ms(0.99), 99);
  EXPECT_DOUBLE_EQ(log.quantile_ms(1), 100);
  EXPECT_DOUBLE_EQ(log.quantile_ms(0), 1);
}

TEST(LatencyLog, OneSampleIsEveryQuantile) {
  LatencyLog log;
  log.add(milliseconds(3));
  EXPECT_DOUBLE_EQ(log.quantile_ms(0.5), 3);
  EXPECT_DOUBLE_EQ(log.quantile_ms(0.999), 3);
}

}  // namespace
}  // namespace tideline::loadgen
