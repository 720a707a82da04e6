// What a memory round hands on to its controllers, and what the CPU round makes of it.

#include "node-actor/decide/memory_round.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node-actor/decide/cpu_round.h"
#include "test/node-actor/decide/memory_pods.h"

namespace tideline::decide::test::memory_round_test {
namespace {

using model::Bytes;
using model::Controller;
using model::FeatureState;
using model::GroupRef;
using model::Knob;
using model::KubeQos;
using model::NodePolicy;
using model::Pod;
using model::QosClass;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;
using State = FeatureState::State;
using GroupMap = std::map<GroupRef, Bytes>;

/// A service with memory of its own and a batch pod below its limit.
class MemoryRound : public testing::Test {
 protected:
  MemoryRound() {
    policy_.qos.ls_memory.enable = policy_.qos.be_memory.enable = true;
    policy_.qos.ls_memory.min_limit_percent = 100;
    policy_.qos.ls_memory.throttling_percent = 50;
    used_ = {{model::group_of(batch_), Bytes(kMi)}, {model::group_of(batch_, batch_.containers[0]), Bytes(kMi)}};
  }

  MemoryRoundDecision round(const std::optional<NodePolicy>& policy) {
    const std::vector pods = {service_, batch_};
    std::vector<EvictState::Asked> asked;
    auto step = memory_round(std::move(state_), asked,
                             {.now = model::MonoTime{1'000'000'000'000},
                              .pods = pods,
                              .sample = sample_,
                              .knobs = knobs_,
                              .is_v1 = false,
                              .memory_allocatable = allocatable_,
                              .allocatable_batch_memory = {},
                              .own_limits = own_,
                              .used = used_,
                              .boot_id = boot_id_,
                              .relief = nullptr,
                              .work = {},
                              .held = {}},
                             policy);
    state_ = std::move(step.state);
    EXPECT_THAT(asked, IsEmpty());
    return std::move(step.decision);
  }

  CpuRoundDecision cpu_round_with(const Wants* others, const NodePolicy& policy) {
    const std::vector pods = {service_, batch_};
    const NodeFacts node{model::MilliCpu(8000), model::MilliCpu(8000)};
    model::KnobSet no_knobs;
    model::Topology topology;
    NodeCpus cpus;
    SuppressTerms terms;
    std::vector<HandsOff> hands_off;
    return cpu_round({},
                     {.now = model::MonoTime{1'000'000'000'000},
                      .node = node,
                      .pods = pods,
                      .sample = sample_,
                      .pod_interval = std::chrono::seconds(1),
                      .knobs = no_knobs,
                      .topology = topology,
                      .cpus = cpus,
                      .suppress = terms,
                      .be_limit = CurrentLimit::none(),
                      .be_cpus_current = std::nullopt,
                      .is_v1 = false,
                      .boot_id = boot_id_,
                      .hands_off = hands_off,
                      .allocatable_batch_cpu = {},
                      .work = {},
                      .be_whole = std::nullopt,
                      .outside = {},
                      .lingering = {},
                      .others = others},
                     policy)
        .decision;
  }

  GroupRef container_of(const Pod& pod) const { return model::group_of(pod, pod.containers[0]); }

  Pod service_ = with_memory(ls_pod("l"), {{100 * kMi, {}}});
  Pod batch_ = with_memory(be_pod("b"), {{50 * kMi, 200 * kMi}});
  NodePolicy policy_;
  model::KnobSet knobs_ = stock_v2();
  model::NodeSample sample_;
  std::optional<Bytes> allocatable_ = Bytes(kGi);
  GroupMap own_;
  GroupMap used_;
  std::string boot_id_ = "boot";
  MemoryRoundState state_;
};

FeatureState told_among(const std::vector<FeatureState>& features, const std::string& name) {
  return told_of(Wants{.wants = {}, .features = features}, name);
}

TEST_F(MemoryRound, WantsWhatQosAndBatchMemoryWantTogether) {
  const auto decision = round(policy_);
  EXPECT_EQ(wanted_bytes(decision.wants, container_of(service_), Knob::kMemoryMin), 100 * kMi);
  EXPECT_EQ(wanted_bytes(decision.wants, container_of(service_), Knob::kMemoryHigh), 562 * kMi);
  EXPECT_EQ(wanted_bytes(decision.wants, model::group_of(batch_), Knob::kMemoryLimit), 200 * kMi);
  EXPECT_THAT(decision.oom_scores, ElementsAre(OomScoreWant{batch_.uid, 1000}));
  for (const auto* name : {"memoryQOS.lsrClass", "memoryQOS.lsClass", "memoryQOS.beClass", "batchMemory"})
    EXPECT_EQ(told_of(decision.wants, name).feature, name);
  EXPECT_THAT(decision.evict.victims, IsEmpty());
}

TEST_F(MemoryRound, WithoutPolicyNothingIsWanted) {
  round(policy_);
  const auto decision = round(std::nullopt);
  EXPECT_THAT(decision.wants.wants, IsEmpty());
  EXPECT_THAT(decision.oom_scores, IsEmpty());
  EXPECT_TRUE(state_.batch.stepping.empty());
}

TEST_F(MemoryRound, AllocatableOfNothingIsNotKnown) {
  allocatable_ = Bytes(0);
  EXPECT_EQ(find_want(round(policy_).wants, container_of(service_), Knob::kMemoryHigh), nullptr);
}

TEST_F(MemoryRound, InDryRunNoScoreIsWantedAndNoLimitCountsAsInForce) {
  policy_.dry_run.memory_qos = policy_.dry_run.batch_limits = true;
  used_[model::group_of(batch_)] = Bytes(300 * kMi);
  auto decision = round(policy_);
  EXPECT_THAT(decision.oom_scores, IsEmpty());
  EXPECT_EQ(wanted_bytes(decision.wants, model::group_of(batch_), Knob::kMemoryLimit), 320 * kMi)
      << "told, not written";
  used_[model::group_of(batch_)] = Bytes(323 * kMi);
  policy_.dry_run = {};
  decision = round(policy_);
  EXPECT_EQ(wanted_bytes(decision.wants, model::group_of(batch_), Knob::kMemoryLimit), 336 * kMi)
      << "320 would kill, for nobody kept it there";
}

TEST_F(MemoryRound, IsSettledAndToldWithTheCpuSide) {
  const auto memory = round(policy_);
  const auto decision = cpu_round_with(&memory.wants, policy_);
  const auto* limit = decision.settlement->find({model::group_of(batch_), Knob::kMemoryLimit});
  ASSERT_NE(limit, nullptr);
  EXPECT_EQ(limit->controller, Controller::kBatchLimits);
  EXPECT_EQ(limit->held_back, HeldBack::kNone);
  ASSERT_NE(decision.settlement->find({container_of(service_), Knob::kMemoryMin}), nullptr);
  EXPECT_THAT(decision.settlement->refused, IsEmpty());
  EXPECT_EQ(told_among(decision.features, "batchMemory").state, State::kActive);
  EXPECT_EQ(told_among(decision.features, "memoryQOS.lsClass").feature, "memoryQOS.lsClass");
  EXPECT_EQ(told_among(decision.features, "cpuQOS.lsClass").feature, "cpuQOS.lsClass") << "CPU's are there as ever";
  EXPECT_EQ(cpu_round_with(nullptr, policy_).settlement->find({model::group_of(batch_), Knob::kMemoryLimit}), nullptr);
}

TEST_F(MemoryRound, WhatIsInDryRunIsHeldBackAndSaysSo) {
  policy_.qos.ls_memory.wmark_ratio = policy_.qos.ls_memory.wmark_min_adj = 0;
  policy_.dry_run.memory_qos = true;
  const auto memory = round(policy_);
  const auto decision = cpu_round_with(&memory.wants, policy_);
  EXPECT_EQ(decision.settlement->find({container_of(service_), Knob::kMemoryMin})->held_back, HeldBack::kDryRun);
  EXPECT_EQ(decision.settlement->find({model::group_of(batch_), Knob::kMemoryLimit})->held_back, HeldBack::kNone);
  EXPECT_EQ(told_among(decision.features, "memoryQOS.lsClass").state, State::kInactive);
  EXPECT_THAT(told_among(decision.features, "memoryQOS.lsClass").why, StartsWith("dry run, nothing is written: min"));
  EXPECT_EQ(told_among(decision.features, "batchMemory").state, State::kActive);
}

TEST(MemoryFeatures, BelongToTheirControllers) {
  EXPECT_TRUE(is_feature_of("memoryQOS.beClass", Controller::kMemoryQos));
  EXPECT_TRUE(is_feature_of("memoryRelief.reclaim", Controller::kMemoryRelief));
  EXPECT_TRUE(is_feature_of("memoryEvict.beUsage", Controller::kMemoryEvict));
  EXPECT_TRUE(is_feature_of("batchMemory", Controller::kBatchLimits));
  EXPECT_FALSE(is_feature_of("batchMemory", Controller::kMemoryQos));
  EXPECT_FALSE(is_feature_of("memoryRelief.reclaim", Controller::kMemoryQos));
  EXPECT_FALSE(is_feature_of("cpuQOS.beClass", Controller::kMemoryQos));
}

TEST(MemoryFeatures, OfAMechanismInDryRunSaySoUnlessTheyAreInactiveAlready) {
  struct Case {
    const char* feature;
    model::DryRun dry_run;
  };
  for (const auto& [feature, dry_run] :
       {Case{"memoryQOS.lsClass", {.memory_qos = true}}, Case{"memoryRelief.tighten", {.memory_relief = true}},
        Case{"memoryEvict.beUsage", {.memory_evict = true}}, Case{"batchMemory", {.batch_limits = true}}}) {
    std::vector<FeatureState> features = {{feature, State::kActive, "it acts"}, {feature, State::kUnsupported, "no"}};
    const auto before = features;
    tell_dry_run(features, {});
    EXPECT_EQ(features, before);
    tell_dry_run(features, dry_run);
    EXPECT_EQ(features[0], (FeatureState{feature, State::kInactive, "dry run, nothing is written: it acts"}));
    EXPECT_EQ(features[1], before[1]);
  }
}

TEST_F(MemoryRound, WhatIsToldWhileItWaitsIsWhatItTellsInARound) {
  std::vector<std::string> waiting;
  for (const auto& feature : memory_waiting_features("no rights")) {
    EXPECT_EQ(feature.state, State::kInactive);
    EXPECT_EQ(feature.why, "no rights");
    waiting.push_back(feature.feature);
  }
  const auto decision = round(policy_);
  std::vector<std::string> told;
  for (const auto& feature : decision.wants.features)
    told.push_back(feature.feature);
  for (const auto& feature : decision.evict.features)
    told.push_back(feature.feature);
  EXPECT_THAT(told, testing::UnorderedElementsAreArray(waiting));
}

}  // namespace
}  // namespace tideline::decide::test::memory_round_test
