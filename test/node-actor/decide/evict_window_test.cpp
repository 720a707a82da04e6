#include "node-actor/decide/evict_window.h"

#include <gtest/gtest.h>

namespace tideline::decide::test::evict_window_test {
namespace {

using namespace std::chrono_literals;
using model::CpuEvictPolicy;
using model::MilliCpu;
using model::MonoTime;

constexpr MonoTime kStart{1'000'000'000'000};

EvictReading reading(MonoTime at, std::int64_t use) {
  return {.at = at,
          .window = 1s,
          .node_cpu = MilliCpu(use * 2),
          .be_cpu = MilliCpu(use),
          .be_limit = MilliCpu(1000),
          .be_request = MilliCpu(5000)};
}

EvictWindow window_of(model::Duration length) {
  EvictWindow window;
  window.configure(length, CpuEvictPolicy::kRealLimit);
  return window;
}

TEST(EvictWindow, GivesTheMeanOfWhatIsWithinIt) {
  auto window = window_of(3s);
  for (int second = 0; second < 5; ++second)
    window.add(reading(kStart + second * 1s, 100 * second), 2s);
  const auto mean = window.be(kStart + 4s);
  EXPECT_EQ(mean.view, (BeView{MilliCpu(1000), MilliCpu(5000), MilliCpu(300)}));
  EXPECT_EQ(mean.covered, 3s);
  EXPECT_EQ(window.node(kStart + 4s).use, MilliCpu(600));
  EXPECT_EQ(window.be(kStart + 6s).view.use, MilliCpu(400)) << "readings leave it as time passes";
  EXPECT_EQ(window.be(kStart + 60s).covered, 0s);
}

TEST(EvictWindow, CountsAReadingOnceAndNoneFromThePast) {
  auto window = window_of(10s);
  window.add(reading(kStart + 2s, 100), 2s);
  window.add(reading(kStart + 2s, 900), 2s);
  window.add(reading(kStart + 1s, 900), 2s);
  EXPECT_EQ(window.be(kStart + 2s).view.use, MilliCpu(100));
  EXPECT_EQ(window.be(kStart + 2s).covered, 1s);
}

TEST(EvictWindow, KeepsBeAndNodeApart) {
  auto window = window_of(10s);
  auto node_only = reading(kStart, 100);
  node_only.be_limit.reset();
  window.add(node_only, 2s);
  auto be_only = reading(kStart + 1s, 300);
  be_only.node_cpu.reset();
  window.add(be_only, 2s);
  EXPECT_EQ(window.be(kStart + 1s).view.use, MilliCpu(300));
  EXPECT_EQ(window.be(kStart + 1s).covered, 1s);
  EXPECT_EQ(window.node(kStart + 1s).use, MilliCpu(200));
  EXPECT_EQ(window.node(kStart + 1s).covered, 1s);
}

TEST(EvictWindow, AGapIsNotTimeThatWasWatched) {
  auto window = window_of(100s);
  auto after_a_gap = reading(kStart, 100);
  after_a_gap.window = 90s;
  window.add(after_a_gap, 2s);
  EXPECT_EQ(window.be(kStart).covered, 2s);
}

TEST(EvictWindow, StaysSmallHoweverLongAndOften) {
  auto window = window_of(24h);
  std::size_t most = 0;
  for (int i = 0; i < 200'000; ++i) {
    window.add(reading(kStart + i * 1s, 100), 2s);
    most = std::max(most, window.buckets());
  }
  EXPECT_LE(most, kEvictBuckets + 1);
  EXPECT_EQ(window.be(kStart + 200'000s).view.use, MilliCpu(100));
  EXPECT_GT(window.be(kStart + 199'999s).covered, 23h);
}

TEST(EvictWindow, AnotherMeaningOfTheLimitStartsAnew) {
  auto window = window_of(10s);
  window.add(reading(kStart, 100), 2s);
  window.configure(10s, CpuEvictPolicy::kRealLimit);
  EXPECT_EQ(window.be(kStart).covered, 1s);
  window.configure(10s, CpuEvictPolicy::kAllocatable);
  EXPECT_EQ(window.be(kStart).covered, 0s);
}

}  // namespace
}  // namespace tideline::decide::test::evict_window_test
