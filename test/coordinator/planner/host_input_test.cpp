#include "coordinator/planner/host_input.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "test/coordinator/planner/fixture.h"

namespace tideline::planner::host_input_test {
namespace {

using model::Bytes;
using model::MilliCpu;
using test::workload;

constexpr std::int64_t kMib = 1 << 20;

struct Told {
  Dataset data;
  World world = test::world_of({{0}});
  ReplayOptions options = test::plain_options();
  HostBatch batch;

  explicit Told(Workload only) : data(test::data_of({std::move(only)})) {}
  reclaim::NodeInput at(std::size_t step) const {
    const RunSetting setting(data, world, options);
    HostInput input(setting, 0);
    return input.settle(step, batch, MilliCpu(0));
  }
};

TEST(HostInput, KnowsWhatWasUsedBeforeAndWhatIsRequestedNow) {
  Told told(workload("vm", {500, 700, 900}, 4'000, 512));
  told.data.workloads[0].cpu_request[2] = 3'000;
  const auto input = told.at(2);
  EXPECT_EQ(input.node.str(), "node-0000");
  EXPECT_EQ(input.arrived, kReportTime);
  EXPECT_EQ(input.cpu_capacity, MilliCpu(10'000));
  EXPECT_EQ(input.cpu_allocatable, MilliCpu(10'000));
  EXPECT_EQ(input.memory_capacity, Bytes(102'400 * kMib));
  EXPECT_EQ(input.system_cpu, MilliCpu(1'000));
  EXPECT_EQ(input.system_memory, Bytes(1'024 * kMib));
  EXPECT_EQ(input.used_cpu, MilliCpu(1'700));
  EXPECT_EQ(input.used_memory, Bytes(1'536 * kMib));
  ASSERT_EQ(input.pods.size(), 1u);
  const auto& pod = input.pods[0];
  EXPECT_EQ(pod.uid.str(), "vm");
  EXPECT_EQ(pod.tier, model::Tier::kProd);
  EXPECT_EQ(pod.qos, model::QosClass::kLs);
  EXPECT_TRUE(pod.listed);
  EXPECT_EQ(pod.cpu, MilliCpu(700));
  EXPECT_EQ(pod.memory, Bytes(512 * kMib));
  EXPECT_EQ(pod.requests.cpu, MilliCpu(3'000));
  EXPECT_EQ(pod.requests.memory, Bytes(512 * kMib));
}

TEST(HostInput, AtFirstThereIsNoReport) {
  Told told(workload("vm", {500, 700}, 4'000));
  const auto input = told.at(0);
  EXPECT_EQ(input.arrived, std::nullopt);
  EXPECT_EQ(input.pods[0].cpu, std::nullopt);
}

TEST(HostInput, AveragesAreOfTheAggregateWindow) {
  Told told(workload("vm", {100, 200, 600, kAbsent, 900}, 4'000));
  told.options.colocation.metric_aggregate_duration_seconds = 900;
  EXPECT_EQ(told.at(4).pods[0].cpu, MilliCpu(400)) << "of the steps in which it was there";
  told.options.colocation.metric_aggregate_duration_seconds = 700;
  EXPECT_EQ(told.at(2).pods[0].cpu, MilliCpu(150)) << "two steps are the nearest";
  told.options.colocation.metric_aggregate_duration_seconds = 10;
  EXPECT_EQ(told.at(2).pods[0].cpu, MilliCpu(200)) << "one at least";
}

TEST(HostInput, WhoHasJustComeHasNoAverage) {
  Told told(workload("vm", {kAbsent, 700}, 4'000));
  const auto pod = told.at(1).pods[0];
  EXPECT_EQ(pod.cpu, std::nullopt);
  EXPECT_EQ(pod.requests.cpu, MilliCpu(4'000));
  EXPECT_TRUE(pod.listed);
  EXPECT_EQ(pod.phase, model::PodPhase::kRunning);
}

TEST(HostInput, WhoHasLeftIsChargedUntilTheWindowIsOver) {
  Told told(workload("vm", {800, kAbsent, kAbsent, kAbsent}, 4'000));
  told.options.colocation.metric_aggregate_duration_seconds = 600;
  const auto left = told.at(2).pods[0];
  EXPECT_FALSE(left.listed);
  EXPECT_EQ(left.cpu, MilliCpu(400)) << "of a window of two steps it was there for one";
  EXPECT_EQ(left.requests.cpu, std::nullopt);
  EXPECT_EQ(told.at(1).pods[0].cpu, MilliCpu(800)) << "of the one step that there was";
  const auto over = told.at(3).pods[0];
  EXPECT_TRUE(over.listed);
  EXPECT_EQ(over.phase, model::PodPhase::kSucceeded);
  EXPECT_EQ(over.cpu, std::nullopt);
}

TEST(HostInput, MemoryThatIsNotKnownIsNotTold) {
  Told told(workload("vm", {500, 700}, 4'000, 256));
  told.data.workloads[0].memory_used_mib[0] = kAbsent;
  const auto pod = told.at(1).pods[0];
  EXPECT_EQ(pod.memory, std::nullopt);
  EXPECT_EQ(pod.requests.memory, Bytes(256 * kMib));
}

TEST(HostInput, BatchPodsAreBehindTheServices) {
  Told told(workload("vm", {500, 700}, 4'000));
  told.batch.place({.cpu = MilliCpu(1'500), .memory = Bytes(64), .work = 1, .got = MilliCpu(900)});
  const auto input = told.at(1);
  ASSERT_EQ(input.pods.size(), 2u);
  EXPECT_EQ(input.pods[1].tier, model::Tier::kBatch);
  EXPECT_EQ(input.pods[1].qos, model::QosClass::kBe);
  EXPECT_EQ(input.pods[1].requests.batch_cpu, MilliCpu(1'500));
  EXPECT_EQ(input.pods[1].requests.batch_memory, Bytes(64));
  EXPECT_EQ(input.pods[1].requests.cpu, std::nullopt);
  EXPECT_EQ(input.pods[1].cpu, MilliCpu(900));
}

TEST(HostInput, OneInputForAllStepsIsAsGoodAsANewOne) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  test::RandomWorlds random(seed);
  for (int round = 0; round < 20; ++round) {
    const auto data = random.data(6, 30);
    const auto world = random.world(data, 1);
    const auto options = random.options();
    const RunSetting setting(data, world, options);
    HostInput reused(setting, 0);
    for (std::size_t step = 0; step < data.steps; ++step) {
      HostBatch batch;
      for (std::size_t pods = random.below(5); pods > 0; --pods)
        batch.place({.cpu = MilliCpu(static_cast<std::int64_t>(pods)), .memory = Bytes(7), .work = 1});
      HostInput fresh(setting, 0);
      const auto a = reclaim::reclaim(reused.settle(step, batch, MilliCpu(5)), options.colocation, kReportTime);
      const auto b = reclaim::reclaim(fresh.settle(step, batch, MilliCpu(5)), options.colocation, kReportTime);
      ASSERT_EQ(a, b) << "round " << round << ", step " << step;
    }
  }
}

TEST(HostInput, ServicesAreThoseOfTheStep) {
  Told told(workload("vm", {500, kAbsent, 900}, 4'000, 256));
  told.data.workloads[0].memory_used_mib = {100, kAbsent, kAbsent};
  const RunSetting setting(told.data, told.world, told.options);
  const HostInput input(setting, 0);
  EXPECT_EQ(input.services(0).used, MilliCpu(500));
  EXPECT_EQ(input.services(0).requested, MilliCpu(4'000));
  EXPECT_EQ(input.services(0).memory, Bytes(100 * kMib));
  EXPECT_EQ(input.services(1).used, MilliCpu(0));
  EXPECT_EQ(input.services(1).requested, MilliCpu(0));
  EXPECT_EQ(input.services(2).memory, Bytes(256 * kMib)) << "not known: what it requests";
}

}  // namespace
}  // namespace tideline::planner::host_input_test
