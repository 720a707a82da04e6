#include "node-actor/fleet/latency.h"

#include <gtest/gtest.h>

namespace tideline::rehearsal {
namespace {

using std::chrono::milliseconds;

TEST(Latencies, PercentilesAreTheNearestRank) {
  Latencies times;
  EXPECT_EQ(times.percentile(0.5), model::kZeroDuration) << "of none";
  for (int i = 100; i >= 1; --i)
    times.add(milliseconds(i));
  EXPECT_EQ(times.percentile(0.5), milliseconds(50));
  EXPECT_EQ(times.percentile(0.99), milliseconds(99));
  EXPECT_EQ(times.percentile(0.999), milliseconds(100));
  EXPECT_EQ(times.percentile(1), milliseconds(100));
  EXPECT_EQ(times.percentile(0), milliseconds(1));
  times.clear();
  times.add(milliseconds(3));
  EXPECT_EQ(times.percentile(0.5), milliseconds(3));
  EXPECT_EQ(times.count(), 1u);
}

}  // namespace
}  // namespace tideline::rehearsal
