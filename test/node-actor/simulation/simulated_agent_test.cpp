#include "node-actor/simulation/simulated_agent.h"

#include <algorithm>

#include <gmock/gmock.h>

#include "test/node-actor/simulation/hosts.h"

namespace tideline::simulation::simulated_agent_test {
namespace {

using model::Knob;
using model::Limit;
using model::MilliCpu;
using model::SuppressPolicy;
using test::policy_of;
using test::World;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

constexpr double kCapacity = 32'000;
constexpr double kOutside = 8000 + 640;

double limit_of(const World& world) {
  return world.limit() ? static_cast<double>(world.limit()->value()) : -1;
}

TEST(SimulatedAgent, WithoutAPolicyNothingIsWritten) {
  World world;
  world.run(30);
  EXPECT_EQ(world.agent->writes(), 0u);
  EXPECT_FALSE(world.limit());
  EXPECT_THAT(world.agent->take_events(), IsEmpty());
}

TEST(SimulatedAgent, ALowerThresholdLowersBatchAndAnEventSaysSo) {
  World world;
  world.agent->set_policy(policy_of(SuppressPolicy::kCfsQuota, 65));
  world.run(30);
  EXPECT_NEAR(limit_of(world), kCapacity * 0.65 - kOutside, kCapacity * 0.02);
  EXPECT_THAT(world.events_of("besteffort/cpu.max"), Contains(StartsWith("kubepods/besteffort/cpu.max")));
  world.agent->set_policy(policy_of(SuppressPolicy::kCfsQuota, 45));
  world.run(30);
  EXPECT_NEAR(limit_of(world), kCapacity * 0.45 - kOutside, kCapacity * 0.02);
  EXPECT_LE(world.got.be, limit_of(world) + 1);
  EXPECT_THAT(world.events_of("besteffort/cpu.max"), Not(IsEmpty()));
  const auto status = world.agent->status();
  EXPECT_EQ(status.policy_applied, model::PolicyVersion(45));
  EXPECT_TRUE(status.protection.verified) << status.protection.why;
  EXPECT_EQ(status.cgroup_version, "simulated v2");
}

TEST(SimulatedAgent, PodsOfTenSecondsAgoAreNewsWhereTheyAreReadThatSeldomAndElseRaiseNothing) {
  for (const bool told : {true, false}) {
    World world(16'000);
    world.agent->set_policy(policy_of(SuppressPolicy::kCfsQuota, 65));
    world.run(10);
    const auto before = limit_of(world);
    ASSERT_GT(before, 0);
    if (told) world.agent->set_pod_interval(std::chrono::seconds(10));
    world.services = 4000;
    world.run(12, std::chrono::seconds(10));
    EXPECT_EQ(limit_of(world) > before + kCapacity * 0.1, told) << limit_of(world) << " after " << before;
  }
}

// A coordinator that starts again sends every node its policy: what is the same must not be felt.
TEST(SimulatedAgent, ThePolicyOfALaterCoordinatorThatSaysTheSameWritesNothing) {
  World world;
  World untold;
  auto policy = policy_of(SuppressPolicy::kCfsQuota, 65);
  world.agent->set_policy(policy);
  untold.agent->set_policy(policy);
  world.run(30);
  untold.run(30);
  policy.epoch = model::Epoch(policy.epoch.value() + 1);
  policy.version = policy.version.next();
  world.agent->set_policy(policy);
  for (const double services : {8000.0, 12'000.0, 4000.0}) {
    world.services = untold.services = services;
    world.run(20);
    untold.run(20);
    EXPECT_EQ(world.agent->writes(), untold.agent->writes()) << services;
    EXPECT_EQ(world.limit(), untold.limit()) << services;
  }
  EXPECT_GT(world.agent->writes(), 0u);
  EXPECT_EQ(world.agent->take_events(), untold.agent->take_events());
  EXPECT_EQ(world.agent->status().policy_applied, policy.version);
}

TEST(SimulatedAgent, SwitchedOffItGivesTheQuotaBack) {
  World world;
  world.agent->set_policy(policy_of(SuppressPolicy::kCfsQuota, 65));
  world.run(10);
  ASSERT_TRUE(world.limit());
  auto off = policy_of(SuppressPolicy::kCfsQuota, 65);
  off.threshold.enable = false;
  world.agent->set_policy(off);
  world.run(2);
  EXPECT_FALSE(world.limit());
}

TEST(SimulatedAgent, BatchPodsGetTheirOwnQuotaAndWeight) {
  World world;
  world.agent->set_policy(policy_of(SuppressPolicy::kCfsQuota, 65));
  world.run(3);
  const auto& pod = world.host.pods().at(2);
  ASSERT_EQ(pod.qos, model::QosClass::kBe);
  EXPECT_EQ(world.host.read({model::group_of(pod), Knob::kCpuQuota}), model::KnobValue(Limit{*pod.limits.batch_cpu}));
  EXPECT_THAT(world.events_of(pod.uid.str()), Contains(HasSubstr("batch-limit")));
}

TEST(SimulatedAgent, WhatASimulatedKernelLacksIsToldAndTheQuotaStandsIn) {
  World world;
  world.agent->set_policy(policy_of(SuppressPolicy::kCpuset, 65));
  world.run(10);
  EXPECT_TRUE(world.limit());
  EXPECT_THAT(world.feature("cpuSuppress.cpuset"), StartsWith("unsupported"));
}

TEST(SimulatedAgent, DryRunWritesNoLimitAndSaysWhatItWouldBe) {
  World world;
  auto policy = policy_of(SuppressPolicy::kCfsQuota, 65);
  policy.dry_run.cpu_suppress = true;
  world.agent->set_policy(policy);
  world.run(10);
  EXPECT_FALSE(world.limit());
  EXPECT_THAT(world.feature("cpuSuppress"), HasSubstr("dry run, nothing is written: BE limited to"));
}

TEST(SimulatedAgent, AStartPutsBackWhatAnEarlierAgentLeft) {
  World world;
  world.agent->set_policy(policy_of(SuppressPolicy::kCfsQuota, 65));
  world.run(10);
  ASSERT_TRUE(world.limit());
  world.start();
  EXPECT_FALSE(world.limit());
  EXPECT_THAT(world.events_of("besteffort/cpu.max"), Contains(HasSubstr("restore")));
}

TEST(SimulatedAgent, HandsOffLeavesAQuotaAsItIsAndReleasePutsAllBack) {
  World world;
  world.agent->set_policy(policy_of(SuppressPolicy::kCfsQuota, 65));
  world.run(10);
  const auto held = world.limit();
  const auto hold = [&](const std::string& group, bool release) {
    const model::HandsOff order{group, {}, release, "ann", "tuning"};
    world.agent->set_hands_off(decide::holds_of({order}, world.host.now(), world.wall), world.wall);
  };
  hold("kubepods/besteffort", false);
  world.agent->set_policy(policy_of(SuppressPolicy::kCfsQuota, 40));
  world.run(20);
  EXPECT_EQ(world.limit(), held);
  EXPECT_THAT(world.feature("cpuSuppress"), StartsWith("inactive: hands off by ann"));
  hold("", true);
  EXPECT_FALSE(world.limit());
  world.run(20);
  EXPECT_FALSE(world.limit());
  EXPECT_THAT(world.events_of("cpu.max"), Not(IsEmpty()));
  world.agent->set_hands_off({}, world.wall);
  world.run(20);
  EXPECT_NEAR(limit_of(world), kCapacity * 0.40 - kOutside, kCapacity * 0.02);
}

TEST(SimulatedAgent, StarvedBatchIsEvictedWithLeaveAndCountsAsLostWork) {
  World world(19'500, 30'000);
  auto policy = policy_of(SuppressPolicy::kCfsQuota, 65);
  policy.threshold.cpu_evict_be_satisfaction_lower_percent = 40;
  policy.threshold.cpu_evict_be_satisfaction_upper_percent = 60;
  policy.threshold.cpu_evict_time_window_seconds = 5;
  world.agent->set_policy(policy);
  std::vector<model::EvictionRequest> asked;
  for (int second = 0; second < 90 && asked.empty(); ++second) {
    world.run(1);
    asked = world.agent->take_eviction_requests();
  }
  ASSERT_FALSE(asked.empty()) << world.feature("cpuEvict.beSatisfaction");
  EXPECT_THAT(asked.front().group, StartsWith("kubepods/besteffort/pod"));
  model::EvictionAnswer answer;
  for (const auto& request : asked)
    answer.verdicts.push_back({request.id, model::EvictionVerdict::Answer::kGranted, {}, "", {}});
  world.agent->evictions_answered(answer);
  std::vector<model::PodUid> gone;
  for (int second = 0; second < 10 && gone.empty(); ++second) {
    world.run(1);
    gone = world.agent->take_evicted();
  }
  ASSERT_FALSE(gone.empty());
  EXPECT_THAT(world.events_of(gone.front().str()), Contains(HasSubstr("granted by the coordinator")));
  EXPECT_GE(world.agent->status().be_work->evicted.pods, 1u);
}

TEST(SimulatedAgent, WithoutLeaveNobodyIsEvictedBeforeTheArbitersDeadline) {
  World world(19'500, 30'000);
  auto policy = policy_of(SuppressPolicy::kCfsQuota, 65);
  policy.threshold.cpu_evict_be_satisfaction_lower_percent = 40;
  policy.threshold.cpu_evict_be_satisfaction_upper_percent = 60;
  policy.threshold.cpu_evict_time_window_seconds = 5;
  world.agent->set_policy(policy);
  int asked_for = 0;
  for (; asked_for < 90 && world.agent->take_eviction_requests().empty(); ++asked_for)
    world.run(1);
  world.run(25);
  EXPECT_THAT(world.agent->take_evicted(), IsEmpty());
  world.run(20);
  EXPECT_THAT(world.agent->take_evicted(), Not(IsEmpty())) << "alone, at last";
}

}  // namespace
}  // namespace tideline::simulation::simulated_agent_test
