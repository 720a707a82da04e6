#include "coordinator/planner_program/threads.h"

#include <atomic>
#include <latch>
#include <vector>

#include <gtest/gtest.h>

namespace tideline::planner_program {
namespace {

TEST(Threads, RunEachJobOnce) {
  for (const std::size_t threads : {1, 2, 5, 64}) {
    const auto parallel = parallel_on(threads);
    for (const std::size_t count : {0, 1, 2, 7, 1'000}) {
      SCOPED_TRACE(testing::Message() << threads << " threads, " << count << " jobs");
      std::vector<int> runs(count);
      parallel(count, [&](std::size_t i) { ++runs.at(i); });
      for (const int each : runs)
        EXPECT_EQ(each, 1);
    }
  }
}

TEST(Threads, RunJobsAtATime) {
  constexpr std::size_t kThreads = 3;
  std::latch all(kThreads);
  std::atomic<int> met{0};
  parallel_on(kThreads)(kThreads, [&](std::size_t) {
    all.arrive_and_wait();
    ++met;
  });
  EXPECT_EQ(met.load(), 3);
}

TEST(Threads, AreAtLeastOne) {
  EXPECT_GE(usual_threads(), 1u);
  EXPECT_LE(usual_threads(), kMostThreads);
}

}  // namespace
}  // namespace tideline::planner_program
