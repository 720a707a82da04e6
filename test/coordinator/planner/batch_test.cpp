#include "coordinator/planner/batch.h"

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/coordinator/planner/fixture.h"

namespace tideline::planner::batch_test {
namespace {

using model::Bytes;
using model::MilliCpu;

/// What a pod may get beyond its share, as its end is rounded to, core-s.
constexpr double kTiny = 0.01;

PlacedPod pod_of(std::int64_t millicores, std::int64_t mib, double work, std::int64_t queued_s = 0) {
  return {.cpu = MilliCpu(millicores), .memory = Bytes(mib << 20), .work = work, .queued_s = queued_s};
}

BatchStep step_at(std::int64_t begin_s, double share, bool refills = false) {
  return {.share = share, .begin_s = begin_s, .length_s = 300, .refills = refills};
}

TEST(CompletionTimes, QuantilesAreTimesThatThereWere) {
  CompletionTimes times;
  EXPECT_EQ(times.quantile(0.5), 0) << "none";
  for (int second = 1; second <= 100; ++second)
    times.add(second, 1);
  EXPECT_EQ(times.quantile(0.5), 50);
  EXPECT_EQ(times.quantile(0.9), 90);
  EXPECT_EQ(times.quantile(0.99), 99);
  times.add(7, 900);
  EXPECT_EQ(times.quantile(0.5), 7);
}

TEST(CompletionTimes, ABegunSecondIsAWholeOne) {
  CompletionTimes times;
  times.add(10.0, 1);
  EXPECT_EQ(times.quantile(1), 10);
  times.add(10.25, 1);
  EXPECT_EQ(times.quantile(1), 11);
  times.add(5, 0);
  EXPECT_EQ(times.quantile(0), 10) << "of nobody";
}

TEST(CompletionTimes, ManyEqualOnesAreOne) {
  CompletionTimes some;
  CompletionTimes others;
  for (int i = 0; i < 100'000; ++i)
    (i % 4 == 0 ? some : others).add(i % 10, 1);
  some.add(others);
  EXPECT_EQ(some.quantile(0.1), 0);
  EXPECT_EQ(some.quantile(0.11), 1);
  EXPECT_EQ(some.quantile(1), 9);
}

TEST(HostBatch, PodsGetTheirShareAndEndWhenTheyHaveWhatTheyTake) {
  HostBatch batch;
  batch.place(pod_of(1'000, 512, 450));
  batch.place(pod_of(3'000, 256, 10'000));
  EXPECT_EQ(batch.cpu(), MilliCpu(4'000));
  EXPECT_EQ(batch.memory(), Bytes(768 << 20));
  CompletionTimes times;
  auto progress = batch.advance(step_at(0, 0.5), times);
  EXPECT_DOUBLE_EQ(progress.used, 0.5 * 4 * 300);
  EXPECT_EQ(progress.completed, 0u);
  EXPECT_DOUBLE_EQ(batch.pods()[0].done, 150);
  EXPECT_EQ(batch.pods()[1].got, MilliCpu(1'500)) << "in proportion to what it requests";

  progress = batch.advance(step_at(300, 1), times);
  EXPECT_DOUBLE_EQ(progress.used, 300 + 900) << "the first is through at the very end of the step";
  EXPECT_EQ(progress.completed, 1u);
  EXPECT_EQ(times.quantile(1), 600);
  ASSERT_EQ(batch.pods().size(), 1u);
  EXPECT_EQ(batch.cpu(), MilliCpu(3'000));
  EXPECT_EQ(batch.memory(), Bytes(256 << 20));
}

TEST(HostBatch, APodThatEndsWithinAStepUsesNoMoreThanItTakes) {
  HostBatch batch;
  batch.place(pod_of(2'000, 0, 100, -50));
  CompletionTimes times;
  const auto progress = batch.advance(step_at(0, 1), times);
  EXPECT_DOUBLE_EQ(progress.used, 100);
  EXPECT_EQ(times.quantile(1), 100) << "it came 50 s before, and took 50 s";
  EXPECT_EQ(batch.pods().size(), 0u);
}

TEST(HostBatch, WhereItIsRefilledAnotherFollowsAtOnce) {
  HostBatch batch;
  batch.place(pod_of(1'000, 64, 120));
  CompletionTimes times;
  const auto progress = batch.advance(step_at(0, 1, true), times);
  EXPECT_DOUBLE_EQ(progress.used, 300) << "120 and 120, and 60 of the third";
  EXPECT_EQ(progress.completed, 2u);
  EXPECT_EQ(times.quantile(1), 120);
  ASSERT_EQ(batch.pods().size(), 1u);
  EXPECT_NEAR(batch.pods()[0].done, 60, kTiny);
  EXPECT_EQ(batch.pods()[0].queued_s, 240);
  EXPECT_EQ(batch.cpu(), MilliCpu(1'000));
}

TEST(HostBatch, WhoEndsWithTheStepIsNotFollowedWithinIt) {
  HostBatch batch;
  batch.place(pod_of(1'000, 64, 150));
  CompletionTimes times;
  EXPECT_EQ(batch.advance(step_at(0, 1, true), times).completed, 2u);
  EXPECT_EQ(batch.pods().size(), 0u) << "the next account says whether there is another";
  EXPECT_EQ(batch.cpu(), MilliCpu(0));
}

TEST(HostBatch, WithoutCpuNothingMoves) {
  HostBatch batch;
  batch.place(pod_of(1'000, 64, 1));
  CompletionTimes times;
  const auto progress = batch.advance(step_at(0, 0, true), times);
  EXPECT_EQ(progress.used, 0);
  EXPECT_EQ(progress.completed, 0u);
  EXPECT_EQ(batch.pods().size(), 1u);
}

TEST(HostBatch, ForCpuTheYoungestGoAndNoMoreThanMust) {
  HostBatch batch;
  for (int i = 0; i < 4; ++i)
    batch.place(pod_of(1'000, i, 100, i));
  std::vector<PlacedPod> evicted;
  batch.evict_cpu(MilliCpu(0), evicted);
  EXPECT_EQ(evicted.size(), 0u);
  batch.evict_cpu(MilliCpu(1'001), evicted);
  ASSERT_EQ(evicted.size(), 2u);
  EXPECT_EQ(evicted[0].queued_s, 3);
  EXPECT_EQ(evicted[1].queued_s, 2);
  EXPECT_EQ(batch.cpu(), MilliCpu(2'000));
  batch.evict_cpu(MilliCpu(9'000), evicted);
  EXPECT_EQ(evicted.size(), 4u) << "all there are";
}

TEST(HostBatch, ForMemoryTheLargestGoAndOfEqualsTheYoungest) {
  HostBatch batch;
  batch.place(pod_of(100, 10, 1, 0));
  batch.place(pod_of(100, 30, 1, 1));
  batch.place(pod_of(100, 30, 1, 2));
  batch.place(pod_of(100, 0, 1, 3));
  std::vector<PlacedPod> evicted;
  batch.evict_memory(Bytes(30 << 20), evicted);
  ASSERT_EQ(evicted.size(), 1u);
  EXPECT_EQ(evicted[0].queued_s, 2);
  batch.evict_memory(Bytes(1'000 << 20), evicted);
  EXPECT_EQ(evicted.size(), 3u) << "who has none frees none";
  EXPECT_EQ(batch.pods()[0].queued_s, 3);
  EXPECT_EQ(batch.memory(), Bytes(0));
}

TEST(HostBatch, AllCpuTimeIsSomewhere) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  test::RandomWorlds random(seed);
  for (int round = 0; round < 200; ++round) {
    HostBatch batch;
    CompletionTimes times;
    const double work = random.between(1, 2'000);
    double used = 0;
    double wasted = 0;
    std::uint64_t completed = 0;
    for (int step = 0; step < 30; ++step) {
      for (std::size_t more = random.below(4); more > 0; --more)
        batch.place(pod_of(700, 10, work, step * 300));
      const double most = 0.7 * static_cast<double>(batch.pods().size());
      const double share = random.one_in(8) ? 0 : random.between(0, 1);
      const auto progress = batch.advance(step_at(step * 300, share, random.one_in(2)), times);
      EXPECT_LE(progress.used, most * share * 300 + kTiny);
      used += progress.used;
      completed += progress.completed;
      std::vector<PlacedPod> evicted;
      if (random.one_in(4)) batch.evict_cpu(MilliCpu(static_cast<std::int64_t>(random.below(3'000))), evicted);
      if (random.one_in(4)) batch.evict_memory(Bytes(static_cast<std::int64_t>(random.below(30)) << 20), evicted);
      for (const auto& pod : evicted)
        wasted += pod.done;
    }
    double held = 0;
    MilliCpu cpu;
    for (const auto& pod : batch.pods()) {
      held += pod.done;
      cpu += pod.cpu;
      EXPECT_LT(pod.done, work);
    }
    EXPECT_EQ(cpu, batch.cpu());
    EXPECT_NEAR(used, static_cast<double>(completed) * work + wasted + held, 1e-6 * (1 + used)) << "round " << round;
  }
}

}  // namespace
}  // namespace tideline::planner::batch_test
