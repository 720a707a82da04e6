#include "node-actor/fleet/latency.h"

#include <gtest/gtest.h>

namespace tideline::rehearsal::latency_test {
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

TEST(Latencies, OfARunWithoutEndAPartIsKeptAndTheLargest) {
  Latencies all;
  constexpr std::int64_t kCount = 3 * static_cast<std::int64_t>(Latencies::kMostKept);
  for (std::int64_t i = 0; i < kCount; ++i)
    all.add(model::Duration(i == 7 ? 10 * kCount : i));
  EXPECT_EQ(all.count(), static_cast<std::size_t>(kCount));
  EXPECT_EQ(all.percentile(1), model::Duration(10 * kCount));
  const auto median = static_cast<double>(all.percentile(0.5).count());
  EXPECT_NEAR(median, static_cast<double>(kCount) / 2, static_cast<double>(kCount) / 100);
  all.clear();
  EXPECT_EQ(all.percentile(1), model::Duration(0));
}

}  // namespace
}  // namespace tideline::rehearsal::latency_test
