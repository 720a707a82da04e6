// What a policy asks of a node's kernel, held against what the node's own controllers say.

#include "coordinator/policy/features.h"

#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node-actor/decide/cpu_burst.h"
#include "node-actor/decide/cpu_evict.h"
#include "node-actor/decide/cpu_qos.h"
#include "node-actor/decide/cpu_round.h"
#include "node-actor/decide/cpuset_control.h"
#include "node-actor/decide/memory_evict.h"
#include "node-actor/decide/memory_qos.h"

namespace tideline::policy::features_test {
namespace {

using model::FeatureState;
using model::Knob;
using model::NodePolicy;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr unsigned kKnobs = 7;

/// A node with the knobs of CPU whose bit is set and all of memory, and LS protected.
model::NodeStatus with_knobs(unsigned bits) {
  model::NodeStatus status;
  status.protection.verified = true;
  for (unsigned i = 0; i < kKnobs; ++i) {
    const bool has = (bits >> i & 1U) != 0;
    status.knobs.push_back({static_cast<Knob>(i), has, "file", has ? "" : "no such file"});
  }
  for (auto knob = static_cast<unsigned>(Knob::kMemoryMin); knob <= static_cast<unsigned>(Knob::kPageCacheSync); ++knob)
    status.knobs.push_back({static_cast<Knob>(knob), true, "file", ""});
  return status;
}
constexpr unsigned kAllKnobs = (1U << kKnobs) - 1;
unsigned without(Knob knob) {
  return kAllKnobs & ~(1U << static_cast<unsigned>(knob));
}

std::set<std::string> names(const std::vector<Lack>& list) {
  std::set<std::string> found;
  for (const Lack& lack : list)
    found.insert(lack.feature);
  return found;
}

/// What the controllers list as unsupported, but for a feature that sums up others.
std::set<std::string> unsupported_by_decide(const NodePolicy& policy, const model::KnobSet& knobs) {
  std::vector<FeatureState> features = decide::cpu_qos({}, knobs, policy).features;
  const auto add = [&](const std::vector<FeatureState>& more) {
    features.insert(features.end(), more.begin(), more.end());
  };
  decide::BurstInput burst;
  burst.knobs = knobs;
  add(decide::cpu_burst({}, burst, policy).decision.wants.features);
  decide::CpusetInput cpusets;
  cpusets.knobs = knobs;
  add(decide::cpuset_control({}, {}, {}, cpusets, policy).decision.wants.features);
  add(decide::cpu_evict({}, decide::EvictInput{}, policy).decision.features);
  std::vector<decide::EvictState::Asked> asked;
  add(decide::memory_evict({}, asked, decide::MemoryEvictInput{}, policy).decision.features);
  if (const auto scaling = decide::scaling_feature(policy)) add({*scaling});
  std::set<std::string> found;
  for (const auto& feature : features) {
    if (feature.state != FeatureState::State::kUnsupported || feature.feature == "cpuBurst") continue;
    if (is_of_policy(feature.feature)) found.insert(feature.feature);
  }
  return found;
}

TEST(Features, AreThoseThatTheNodesControllersListAsUnsupported) {
  const unsigned seed = 31;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  const auto coin = [&] { return random() % 2 == 0; };
  std::size_t lacking = 0;
  for (int round = 0; round < 200; ++round) {
    NodePolicy policy;
    policy.threshold.enable = coin();
    policy.threshold.cpu_suppress_policy = model::SuppressPolicy::kCpuset;
    if (coin()) policy.threshold.cpu_allocatable_evict_threshold_percent = 100;
    if (coin()) policy.threshold.cpu_allocatable_evict_lower_percent = 90;
    if (coin()) policy.threshold.memory_allocatable_evict_threshold_percent = 100;
    if (coin()) policy.threshold.memory_allocatable_evict_lower_percent = 90;
    if (coin()) policy.scaling.memory_amplification = model::Ratio(120);
    policy.burst.policy = static_cast<model::BurstPolicy>(random() % 4);
    policy.qos.cpu_policy = coin() ? model::CpuQosMechanism::kGroupIdentity : model::CpuQosMechanism::kCoreSched;
    for (auto* of_class : {&policy.qos.lsr, &policy.qos.ls, &policy.qos.be}) {
      of_class->enable = coin();
      of_class->group_identity = static_cast<int>(random() % 3) - 1;
      of_class->sched_idle = coin() ? 1 : 0;
    }
    for (unsigned bits = 0; bits <= kAllKnobs; ++bits) {
      const auto status = with_knobs(bits);
      const auto found = names(lacks(policy, status));
      ASSERT_EQ(found, unsupported_by_decide(policy, {status.knobs})) << "round " << round << ", knobs " << bits;
      lacking += found.size();
    }
  }
  EXPECT_GT(lacking, 10'000u) << "the policies must ask for something";
}

TEST(Features, OfMemoryQosAreThoseThatTheNodesListAsUnsupported) {
  const unsigned seed = 32;
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  const auto coin = [&] { return random() % 2 == 0; };
  const auto up_to = [&](unsigned most) { return static_cast<int>(random() % (most + 1)); };
  std::size_t lacking = 0;
  for (int round = 0; round < 5'000; ++round) {
    NodePolicy policy;
    for (auto* of_class : {&policy.qos.lsr_memory, &policy.qos.ls_memory, &policy.qos.be_memory}) {
      of_class->enable = coin();
      of_class->min_limit_percent = coin() ? up_to(100) : 0;
      of_class->low_limit_percent = coin() ? up_to(100) : 0;
      of_class->throttling_percent = coin() ? up_to(100) : 0;
      of_class->wmark_ratio = coin() ? up_to(100) : 0;
      of_class->wmark_min_adj = coin() ? up_to(75) - 25 : 0;
      of_class->priority_enable = coin();
      of_class->priority = coin() ? up_to(12) : 0;
      of_class->oom_kill_group = coin();
      if (coin()) of_class->page_cache_enable = coin();
      if (coin()) of_class->page_cache_limit_percent = up_to(100);
      if (coin()) of_class->page_cache_limit_size = model::Bytes(up_to(1 << 20));
      if (coin()) of_class->page_cache_reclaim_sync = coin();
    }
    model::NodeStatus status;
    decide::MemoryQosInput input;
    input.is_v1 = coin();
    status.cgroup_version = input.is_v1 ? "v1" : "v2";
    for (auto knob = static_cast<unsigned>(Knob::kMemoryMin); knob <= static_cast<unsigned>(Knob::kPageCacheSync);
         ++knob) {
      // Most kernels have most of what a policy asks for, or all classes would lack something at all times.
      const bool has = random() % 8 != 0;
      status.knobs.push_back({static_cast<Knob>(knob), has, "file", has ? "" : "no such file"});
    }
    std::set<std::string> unsupported;
    for (const auto& feature : decide::memory_qos({}, {status.knobs}, input, policy).features) {
      if (feature.state == FeatureState::State::kUnsupported) unsupported.insert(feature.feature);
    }
    const auto found = names(lacks(policy, status));
    ASSERT_EQ(found, unsupported) << "round " << round;
    lacking += found.size();
  }
  EXPECT_GT(lacking, 1'000u);
  EXPECT_LT(lacking, 6'000u) << "some classes must have all they ask for";
}

TEST(Features, ReliefAsksForALimitOnAllOfBatch) {
  NodePolicy policy;
  policy.threshold.enable = true;
  policy.threshold.cpu_suppress_policy = model::SuppressPolicy::kCfsQuota;
  auto status = with_knobs(kAllKnobs);
  EXPECT_THAT(lacks(policy, status), IsEmpty());
  const auto take = [&](Knob knob) {
    for (auto& known : status.knobs) {
      if (known.knob == knob) known = {knob, false, "", "no such file"};
    }
  };
  status.cgroup_version = "v2";
  take(Knob::kMemoryHigh);
  EXPECT_THAT(lacks(policy, status), ElementsAre(Lack{"memoryRelief.tighten", "memory-high: no such file"}));
  status.cgroup_version = "v1";
  EXPECT_THAT(lacks(policy, status), IsEmpty());
  take(Knob::kMemoryLimit);
  EXPECT_THAT(lacks(policy, status), ElementsAre(Lack{"memoryRelief.tighten", "memory-limit: no such file"}));
  NodePolicy off = policy;
  off.relief.tighten = false;
  EXPECT_THAT(lacks(off, status), IsEmpty());
  off = policy;
  off.threshold.memory_evict_threshold_percent = 0;
  EXPECT_THAT(lacks(off, status), IsEmpty());
}

TEST(Features, WhatTheNodeSaysOfReliefHolds) {
  NodePolicy policy;
  policy.threshold.enable = true;
  policy.threshold.cpu_suppress_policy = model::SuppressPolicy::kCfsQuota;
  auto status = with_knobs(kAllKnobs);
  status.features = {{"memoryRelief.reclaim", FeatureState::State::kUnsupported, "memory.reclaim: no such file"},
                     {"memoryRelief.emergencyKill", FeatureState::State::kUnsupported, "no cgroup.kill"}};
  EXPECT_THAT(lacks_after(policy, policy, status),
              ElementsAre(Lack{"memoryRelief.reclaim", "memory.reclaim: no such file"}))
      << "nobody asks for emergency kills";
}

TEST(Features, QuotaAndProtectionAreWhatSuppressionNeeds) {
  NodePolicy policy;
  policy.threshold.enable = true;
  policy.threshold.cpu_suppress_policy = model::SuppressPolicy::kWorkConserving;
  EXPECT_THAT(lacks(policy, with_knobs(kAllKnobs)), IsEmpty());
  auto status = with_knobs(without(Knob::kCpuQuota));
  status.protection = {false, "cpu.shares 1024"};
  const auto found = lacks(policy, status);
  ASSERT_EQ(names(found), std::set<std::string>{"cpuSuppress.workConserving"});
  EXPECT_THAT(found[0].why, HasSubstr("cpu-quota: no such file"));
  EXPECT_THAT(found[0].why, HasSubstr("unprotected: cpu.shares 1024"));
  policy.threshold.cpu_suppress_policy = model::SuppressPolicy::kCfsQuota;
  EXPECT_EQ(names(lacks(policy, status)), std::set<std::string>{"cpuSuppress.cfsQuota"});
  policy.threshold.enable = false;
  EXPECT_THAT(lacks(policy, status), IsEmpty());
}

TEST(Features, ANodeThatToldNoKnobsLacksNoneAsFarAsIsKnown) {
  NodePolicy policy;
  policy.burst.policy = model::BurstPolicy::kAuto;
  EXPECT_THAT(lacks(policy, model::NodeStatus{}), IsEmpty());
}

TEST(Features, WhatTheNodeSaysItselfHoldsUnlessThePolicyInForceAloneExplainsIt) {
  NodePolicy now;
  now.burst.policy = model::BurstPolicy::kCpuBurstOnly;
  NodePolicy then = now;
  then.burst.cpu_burst_percent = 500;
  auto status = with_knobs(kAllKnobs);
  status.features = {{"cpuBurst.kernel", FeatureState::State::kUnsupported, "not all could be written: EACCES"},
                     {"cpuBurst.quotaScaling", FeatureState::State::kUnsupported, "not asked for any more"}};
  EXPECT_THAT(lacks_after(now, then, status), ElementsAre(Lack{"cpuBurst.kernel", "not all could be written: EACCES"}));

  NodePolicy idle;
  idle.qos.be.enable = true;
  idle.qos.be.group_identity = 0;
  idle.qos.be.sched_idle = 1;
  NodePolicy not_idle = idle;
  not_idle.qos.be.sched_idle = 0;
  status = with_knobs(without(Knob::kCpuIdle));
  status.features = {{"cpuQOS.beClass", FeatureState::State::kUnsupported, "schedIdle 1 needs cpu-idle"}};
  EXPECT_THAT(lacks_after(idle, not_idle, status), IsEmpty()) << "the new policy does not ask for it";
  EXPECT_EQ(names(lacks_after(not_idle, idle, status)), std::set<std::string>{"cpuQOS.beClass"});
}

TEST(Features, OfPodsAreNotOfThePolicy) {
  for (const auto* feature : {"cpuset", "batchLimits", "cpuQOS.annotation", "batchMemory", "memoryQOS.annotation"})
    EXPECT_FALSE(is_of_policy(feature)) << feature;
  for (const auto* feature : {"cpuSuppress.cpuset", "cpuQOS.beClass", "cpuBurst", "memoryQOS.beClass"})
    EXPECT_TRUE(is_of_policy(feature)) << feature;
}

}  // namespace
}  // namespace tideline::policy::features_test
