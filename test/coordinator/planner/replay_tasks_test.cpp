#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/planner/replay.h"
#include "coordinator/planner/run_setting.h"
#include "coordinator/planner/task_fleet.h"
#include "coordinator/planner/task_queue.h"
#include "test/coordinator/planner/fixture.h"

namespace tideline::planner::replay_tasks_test {
namespace {

using model::MilliCpu;
using test::kBegin;
using test::workload;
using test::world_of;
using testing::DoubleEq;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr double kCoreStep = 300.0 / 3'600;

/// Begins so many seconds after kBegin, one core and 512 MiB an instance.
BatchTask task_at(std::int64_t begin_s, std::int64_t length_s, std::uint32_t instances = 1, float millicores = 1'000) {
  return {.begin_s = kBegin + begin_s,
          .end_s = kBegin + begin_s + length_s,
          .instances = instances,
          .cpu_millicores = millicores,
          .memory_mib = 512};
}

/// Hosts whose one service uses so many millicores at each of `steps`.
Dataset services(const std::vector<float>& used, std::size_t steps, std::vector<BatchTask> tasks) {
  std::vector<Workload> workloads;
  for (const float millicores : used)
    workloads.push_back(
        workload("vm-" + std::to_string(workloads.size()), std::vector<float>(steps, millicores), 4'000));
  auto data = test::data_of(std::move(workloads));
  data.tasks = std::move(tasks);
  return data;
}

ReplayOptions task_options() {
  auto options = test::plain_options();
  options.demand = BatchDemand::kTasks;
  return options;
}

ReplayResult replayed(const Dataset& data, const World& world, const ReplayOptions& options) {
  auto result = replay(data, world, options);
  if (!result) {
    ADD_FAILURE() << result.error().message();
    return {};
  }
  return *std::move(result);
}

TEST(ReplayTasks, InstancesGoWhereTheMostIsFree) {
  // Three cores are free on the first host, two on the second.
  const auto data = services({2'000, 3'000}, 3, {task_at(300, 300, 3)});
  const auto result = replayed(data, world_of({{0}, {1}}), task_options());
  EXPECT_EQ(result.totals.batch_completed, 3u);
  EXPECT_DOUBLE_EQ(result.by_host[0].batch_used_core_h, 2 * kCoreStep) << "one as the freest, one as the first of two";
  EXPECT_DOUBLE_EQ(result.by_host[1].batch_used_core_h, 1 * kCoreStep);
  EXPECT_EQ(result.completion_p99_s, 300);
}

TEST(ReplayTasks, WhoFindsNoRoomWaitsAndItCounts) {
  const auto data = services({2'000}, 4, {task_at(300, 300, 5)});
  const auto result = replayed(data, world_of({{0}}), task_options());
  EXPECT_EQ(result.totals.batch_completed, 5u);
  EXPECT_DOUBLE_EQ(result.course[1].batch_used, 3);
  EXPECT_DOUBLE_EQ(result.course[2].batch_used, 2);
  EXPECT_EQ(result.completion_p50_s, 300);
  EXPECT_EQ(result.completion_p90_s, 600);
}

TEST(ReplayTasks, ATaskThatBeginsWithinAStepComesWithTheNext) {
  const auto data = services({2'000}, 4, {task_at(301, 300)});
  const auto result = replayed(data, world_of({{0}}), task_options());
  EXPECT_EQ(result.course[1].batch_used, 0);
  EXPECT_DOUBLE_EQ(result.course[2].batch_used, 1);
  EXPECT_EQ(result.completion_p50_s, 599) << "from its begin to the end of the third step";
}

TEST(ReplayTasks, SmallOnesPassALargeOneThatFindsNoRoom) {
  const auto data = services({2'000}, 3, {task_at(0, 300, 1, 4'000), task_at(1, 300, 2, 1'500)});
  const auto result = replayed(data, world_of({{0}}), task_options());
  EXPECT_DOUBLE_EQ(result.course[1].batch_used, 3);
  EXPECT_EQ(result.totals.batch_completed, 2u);
}

TEST(ReplayTasks, TasksOutOfTheRangeOrLargerThanAHostDoNotCome) {
  auto options = task_options();
  const auto refused = replay(services({2'000}, 3, {task_at(-1, 10), task_at(900, 10), task_at(300, 10, 1, 10'001)}),
                              world_of({{0}}), options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), model::ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.error().message(), HasSubstr("none of 3"));
}

TEST(ReplayTasks, RepeatedTheyAreLaidOverTheRangeWheneverTheyWere) {
  auto options = task_options();
  options.repeat_tasks = true;
  for (const std::int64_t when : {std::int64_t{-864'000}, std::int64_t{0}, std::int64_t{864'000}}) {
    SCOPED_TRACE(when);
    const auto data = services({2'000}, 12, {task_at(when + 100, 300)});
    const auto result = replayed(data, world_of({{0}}), options);
    EXPECT_EQ(result.totals.batch_completed, 11u) << "one each 300 s, 100 s after the begin of a step";
    EXPECT_EQ(result.completion_p99_s, 500);
  }
}

TEST(ReplayTasks, TheOrderOfARepeatedDayStays) {
  auto options = task_options();
  options.repeat_tasks = true;
  // 900 s from the first begin to the last end.
  const auto data = services({2'000}, 13, {task_at(-900, 300, 1, 500), task_at(-300, 300, 1, 1'500)});
  const auto result = replayed(data, world_of({{0}}), options);
  std::vector<double> used;
  for (std::size_t i = 1; i < 7; ++i)
    used.push_back(result.course[i].batch_used);
  EXPECT_THAT(used, ElementsAre(DoubleEq(0.5), DoubleEq(1.5), DoubleEq(0.5), 0, DoubleEq(1.5), DoubleEq(0.5)))
      << "what came with the first step waited for the second";
}

TEST(ReplayTasks, EvictedInstancesBeginAgain) {
  auto options = task_options();
  options.threshold.enable = true;
  options.threshold.cpu_suppress_policy = model::SuppressPolicy::kCfsQuota;
  options.threshold.cpu_suppress_threshold_percent = 80;
  options.threshold.cpu_evict_be_satisfaction_lower_percent = 50;
  options.threshold.cpu_evict_be_satisfaction_upper_percent = 99;
  options.threshold.memory_evict_threshold_percent = 0;
  auto data = services({2'000}, 6, {task_at(300, 300, 1, 3'000)});
  // In the second step services take all that the threshold leaves.
  data.workloads[0].cpu_used[1] = 7'000;
  const auto result = replayed(data, world_of({{0}}), options);
  EXPECT_EQ(result.totals.evictions, 1u);
  EXPECT_NEAR(result.totals.batch_wasted_core_h, 0.02 * kCoreStep, 1e-9);
  // The third step has no offer by the second's use; the fourth begins it again.
  EXPECT_EQ(result.course[2].batch_used, 0);
  EXPECT_DOUBLE_EQ(result.course[3].batch_used, 3);
  EXPECT_EQ(result.totals.batch_completed, 1u);
  EXPECT_EQ(result.completion_p50_s, 900);
}

TEST(ReplayTasks, NoMoreIsWastedOrHeldThanWasUsed) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  test::RandomWorlds random(seed);
  std::uint64_t completed = 0;
  for (int round = 0; round < 60; ++round) {
    auto data = random.data(10, 30);
    random.add_tasks(data, 40);
    const auto world = random.world(data, 3);
    auto options = random.options();
    options.demand = BatchDemand::kTasks;
    options.repeat_tasks = random.one_in(2);
    const RunSetting setting(data, world, options);
    TaskFleet fleet(setting);
    if (auto ran = fleet.run(data.steps); !ran) continue;
    double used = 0;
    double wasted = 0;
    double held = 0;
    for (std::size_t host = 0; host < 3; ++host) {
      const auto& run = fleet.host(host);
      for (const auto& day : run.tally().days()) {
        used += day.batch_used_core_h;
        wasted += day.batch_wasted_core_h;
        completed += day.batch_completed;
      }
      for (const auto& pod : run.batch().pods())
        held += pod.done / 3'600;
    }
    // The rest is of instances that completed.
    EXPECT_GE(used - wasted - held, -1e-9) << "round " << round;
  }
  EXPECT_GT(completed, 0u);
}

TEST(TaskQueue, ServesInTheOrderOfComing) {
  const auto data = services({2'000}, 12, {task_at(0, 60, 2), task_at(100, 60), task_at(700, 60)});
  const auto world = world_of({{0}});
  const auto options = task_options();
  const RunSetting setting(data, world, options);
  TaskQueue queue(setting);
  EXPECT_FALSE(queue.is_barren());
  std::vector<std::int64_t> served;  // begins, s after kBegin
  const auto never = [](MilliCpu) { return false; };
  int room = 1;
  const auto place = [&](const PlacedPod& pod) {
    if (room == 0) return false;
    --room;
    served.push_back(pod.queued_s - kBegin);
    return true;
  };
  ASSERT_TRUE(queue.come(kBegin + 300));
  queue.serve(never, place);
  EXPECT_THAT(served, ElementsAre(0));
  PlacedPod evicted;
  evicted.queued_s = kBegin;
  queue.come_again(evicted);
  ASSERT_TRUE(queue.come(kBegin + 900));
  room = 10;
  queue.serve(never, place);
  EXPECT_THAT(served, ElementsAre(0, 0, 100, 0, 700));
  queue.serve(never, place);
  EXPECT_EQ(served.size(), 5u) << "nobody waits any more";
}

TEST(TaskQueue, AsksNobodyWhereAllIsFull) {
  const auto data = services({2'000}, 3, {task_at(0, 60, 1, 700), task_at(1, 60, 1, 300)});
  const auto world = world_of({{0}});
  const auto options = task_options();
  const RunSetting setting(data, world, options);
  TaskQueue queue(setting);
  ASSERT_TRUE(queue.come(kBegin + 300));
  MilliCpu smallest;
  queue.serve(
      [&](MilliCpu cpu) {
        smallest = cpu;
        return true;
      },
      [](const PlacedPod&) {
        ADD_FAILURE();
        return false;
      });
  EXPECT_EQ(smallest, MilliCpu(300));
}

TEST(TaskQueue, TriesSoManyAndKeepsTheOrderOfTheRest) {
  std::vector<BatchTask> tasks;
  for (std::size_t i = 0; i < kTasksTried + 10; ++i)
    tasks.push_back(task_at(static_cast<std::int64_t>(i) / 100, 60));
  const auto data = services({2'000}, 3, std::move(tasks));
  const auto world = world_of({{0}});
  const auto options = task_options();
  const RunSetting setting(data, world, options);
  TaskQueue queue(setting);
  ASSERT_TRUE(queue.come(kBegin + 300));
  const auto never = [](MilliCpu) { return false; };
  std::size_t asked = 0;
  queue.serve(never, [&](const PlacedPod&) {
    ++asked;
    return false;
  });
  EXPECT_EQ(asked, kTasksTried);
  std::vector<std::uint32_t> order;
  queue.serve(never, [&](const PlacedPod& pod) {
    order.push_back(pod.task);
    return true;
  });
  ASSERT_EQ(order.size(), kTasksTried + 10);
  for (std::uint32_t i = 0; i < order.size(); ++i)
    ASSERT_EQ(order[i], i);
}

}  // namespace
}  // namespace tideline::planner::replay_tasks_test
