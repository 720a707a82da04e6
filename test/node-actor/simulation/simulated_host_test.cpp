#include "node-actor/simulation/simulated_host.h"

#include <gmock/gmock.h>

#include "node-actor/sense/judge_protection.h"
#include "node-actor/sense/sample.h"
#include "node-actor/simulation/kernel_text.h"
#include "test/node-actor/simulation/hosts.h"

namespace tideline::simulation::simulated_host_test {
namespace {

using model::Knob;
using model::Limit;
using model::MilliCpu;
using model::Number;
using std::chrono::seconds;
using test::World;

TEST(SimulatedHost, WeightsGiveServicesWhatTheyWantAndBatchTheRest) {
  World world(20'000, 30'000);
  world.run(2);
  EXPECT_NEAR(world.got.ls, 20'000, 1);
  EXPECT_NEAR(world.got.ls + world.got.be + world.got.system, 32'000, 1);
  const auto protection = sense::judge_protection(world.host.weights());
  EXPECT_TRUE(protection.verified) << protection.why;
}

TEST(SimulatedHost, SamplesOfItsCountersSayWhatRan) {
  World world;
  world.run(3);
  EXPECT_NEAR(static_cast<double>(world.sample.ls_cpu->value()), world.got.ls, 20);
  EXPECT_NEAR(static_cast<double>(world.sample.be_cpu->value()), world.got.be, 20);
  EXPECT_NEAR(static_cast<double>(world.sample.system_cpu->value()), world.got.system, 20);
  EXPECT_NEAR(*world.sample.ls_delay_per_cpu, 0.02, 0.001);
  EXPECT_EQ(*world.sample.node_memory, model::Bytes(30 << 20));
  EXPECT_EQ(world.sample.pods.size(), 30u);
}

TEST(SimulatedHost, MemoryIsAllAnonymousAndNobodyWaitsForIt) {
  World world;
  world.run(3);
  const auto counters = world.host.slow(test::kWall);
  EXPECT_EQ(counters.memory_host.available, counters.memory_available);
  EXPECT_EQ(counters.kubepods_memory.usage, model::Bytes(30 << 20));
  EXPECT_EQ(counters.best_effort.memory_side.usage, model::Bytes(10 << 20));
  EXPECT_EQ(world.sample.memory_side.be_usage, model::Bytes(10 << 20));
  EXPECT_EQ(world.sample.memory_side.be_reclaimable, model::Bytes(0));
  EXPECT_EQ(world.sample.pods.front().memory_usage, model::Bytes(1 << 20));
  EXPECT_EQ(world.sample.memory_side.ls.memory, std::nullopt);
  EXPECT_EQ(world.sample.memory_side.host.alloc_stalls, std::nullopt);
}

TEST(SimulatedHost, HasNoKnobOfMemoryAndSaysSo) {
  World world;
  const auto& knobs = SimulatedHost::knobs();
  const decide::KnobRef limit{model::root_of(model::KubeQos::kBestEffort), Knob::kMemoryLimit};
  const model::MemoryLimit value{model::Bytes(1 << 20)};
  EXPECT_EQ(knobs.why_not(Knob::kMemoryLimit), "a simulated kernel has no such file");
  EXPECT_EQ(knobs.why_not(Knob::kPageCacheSync), "a simulated kernel has no such file");
  EXPECT_FALSE(world.host.write(limit, value));
  EXPECT_EQ(world.host.read(limit), std::nullopt);
  EXPECT_EQ(file_text(Knob::kMemoryLimit, value), "1048576");
  EXPECT_EQ(file_text(Knob::kMemoryLimit, model::MemoryLimit{}), "max");
}

TEST(SimulatedHost, AQuotaOnTheBesteffortRootHoldsAllOfBatch) {
  World world;
  ASSERT_TRUE(world.host.write(test::best_effort_quota(), Limit{MilliCpu(1500)}));
  world.run(2);
  EXPECT_NEAR(world.got.be, 1500, 1);
  EXPECT_EQ(world.sample.be_limit, MilliCpu(1500));
}

TEST(SimulatedHost, AServiceAtItsLimitIsThrottled) {
  World world;
  HostDemand demand;
  demand.pods.assign(world.host.pods().size(), {100, {}});
  demand.pods.front().cpu_milli = 5000;
  world.host.want(demand);
  const auto before = world.host.slow(test::kWall);
  world.host.run(seconds(1));
  const auto sample = sense::node_sample(before, world.host.slow(test::kWall));
  const auto limit = static_cast<double>(world.host.pods().front().limits.cpu->value());
  EXPECT_NEAR(static_cast<double>(sample.pods.front().cpu->value()), limit, 1);
  EXPECT_NEAR(*sample.pods.front().throttled_ratio, 1, 0.01);
  EXPECT_EQ(*sample.pods.at(1).throttled_ratio, 0);
}

TEST(SimulatedHost, APodsOwnQuotaHoldsItAlone) {
  World world(1000);
  ASSERT_TRUE(world.host.write({model::group_of(world.host.pods().at(2)), Knob::kCpuQuota}, Limit{MilliCpu(100)}));
  world.run(2);
  EXPECT_NEAR(static_cast<double>(world.sample.pods.at(2).cpu->value()), 100, 2);
  EXPECT_NEAR(static_cast<double>(world.sample.pods.at(5).cpu->value()), 3000, 2);
}

TEST(SimulatedHost, PodsThatStayKeepTheirCountersAndOneThatComesHasNone) {
  World world;
  world.run(3);
  const auto before = world.host.slow(test::kWall);
  auto pods = world.host.pods();
  pods.erase(pods.begin());
  pods.push_back(generated_pod(model::NodeName("sim-1"), 31, 77, world.shape));
  world.host.set_pods(pods);
  const auto after = world.host.slow(test::kWall);
  EXPECT_EQ(after.pods.front().group.inode, before.pods.at(1).group.inode);
  EXPECT_EQ(after.pods.front().group.cpu, before.pods.at(1).group.cpu);
  EXPECT_EQ(after.pods.back().group.cpu, model::kZeroDuration);
  EXPECT_GT(after.pods.back().group.inode, before.pods.back().group.inode);
}

TEST(SimulatedHost, RestoreGivesBackWhatKubeletSetAndSaysWhat) {
  World world;
  const auto& pod = world.host.pods().at(2);
  const decide::KnobRef weight{model::group_of(pod), Knob::kCpuWeight};
  EXPECT_EQ(world.host.read(weight), model::KnobValue(Number{2}));
  world.host.write(test::best_effort_quota(), Limit{MilliCpu(3000)});
  world.host.write(weight, Number{512});
  const auto restored = world.host.restore();
  ASSERT_EQ(restored.size(), 2u);
  EXPECT_EQ(file_path(restored.front().knob), "kubepods/besteffort/cpu.max");
  EXPECT_EQ(file_text(Knob::kCpuQuota, restored.front().before), "300000 100000");
  EXPECT_EQ(file_text(Knob::kCpuQuota, restored.front().after), "max 100000");
  EXPECT_EQ(world.host.read(weight), model::KnobValue(Number{2}));
  EXPECT_TRUE(world.host.restore().empty());
}

TEST(SimulatedHost, RefusesWhatAKernelWould) {
  World world;
  EXPECT_FALSE(world.host.write(test::best_effort_quota(), Limit{MilliCpu(0)}));
  EXPECT_FALSE(world.host.write(test::best_effort_quota(), Number{5}));
  EXPECT_FALSE(world.host.write({model::root_of(model::KubeQos::kBestEffort), Knob::kCpuset}, model::CpuSet{}));
  model::Pod stranger;
  stranger.uid = model::PodUid("gone");
  EXPECT_FALSE(world.host.write({model::group_of(stranger), Knob::kCpuQuota}, Limit{}));
  EXPECT_FALSE(world.host.read({model::group_of(stranger), Knob::kCpuQuota}));
}

}  // namespace
}  // namespace tideline::simulation::simulated_host_test
