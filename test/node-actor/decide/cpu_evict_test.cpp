#include "node-actor/decide/cpu_evict.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/evict_host.h"

namespace tideline::decide::test::cpu_evict_test {
namespace {

using model::FeatureState;
using model::MilliCpu;
using model::PodPhase;
using model::PodUid;
using model::Reason;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(CpuEvict, ReleasesWhatKoordinatorsExampleSays) {
  EvictHost host;
  const auto decision = host.round();
  const auto& outcome = decision.of(EvictTask::kBeSatisfaction);
  EXPECT_EQ(outcome.trigger, Reason::kBeStarved);
  EXPECT_EQ(outcome.target, MilliCpu(10000));
  EXPECT_EQ(outcome.released, MilliCpu(16000));
  EXPECT_THAT(uids_of(decision), ElementsAre("b", "c")) << "the greediest of one priority, then by uid";
  EXPECT_EQ(decision.victims[0].reason, Reason::kBeStarved);
  EXPECT_EQ(decision.victims[0].releases, MilliCpu(8000));
  EXPECT_EQ(decision.victims[0].used, MilliCpu(3000));
  EXPECT_EQ(decision.victims[0].name_space, "batch");
  EXPECT_EQ(decision.victims[0].name, "job-b");
  const auto feature = feature_of(decision, "cpuEvict.beSatisfaction");
  EXPECT_EQ(feature.state, FeatureState::State::kActive);
  EXPECT_THAT(feature.why, HasSubstr("10000 millicores to release"));
  EXPECT_THAT(feature.why, HasSubstr("2 of 5 candidates evicted"));
}

TEST(CpuEvict, BeOfANormalizedHostHasMoreOfWhatItAsksFor) {
  EvictHost host;
  ASSERT_THAT(uids_of(host.round()), ElementsAre("b", "c"));
  EvictHost normalized;
  normalized.policy->scaling.cpu_normalization = model::Ratio(500);
  const auto decision = normalized.round();
  EXPECT_THAT(decision.victims, IsEmpty()) << "its limit is five times as much batch-cpu";
  EXPECT_EQ(decision.of(EvictTask::kBeSatisfaction).trigger, Reason::kSatisfied);
}

TEST(CpuEvict, ServicesBelowTheBestEffortRootAreNoneOfBesUseAndLimit) {
  EvictHost host;
  host.be_limit = MilliCpu(13'000);
  host.be_cpu = MilliCpu(12'500);
  EXPECT_EQ(host.round().of(EvictTask::kBeSatisfaction).trigger, Reason::kSatisfied) << "13 of 40 are more than 30 %";
  EvictHost served = host;
  served.state = EvictHost::warm();
  served.in_be = MilliCpu(3'000);
  const auto decision = served.round();
  const auto& terms = decision.terms;
  EXPECT_EQ(terms.satisfaction.newest->use, MilliCpu(9'500));
  EXPECT_EQ(terms.satisfaction.newest->limit, MilliCpu(10'000));
  EXPECT_EQ(terms.be_left, MilliCpu(64'000 - (30'000 - 9'500)));
  EXPECT_EQ(decision.of(EvictTask::kBeSatisfaction).target, MilliCpu(10'000)) << "Koordinator's example again";

  served.state = EvictHost::warm();
  served.in_be.reset();
  const auto unknown = served.round();
  EXPECT_EQ(unknown.of(EvictTask::kBeSatisfaction).trigger, Reason::kStaleSample);
  EXPECT_THAT(unknown.of(EvictTask::kBeSatisfaction).why, HasSubstr("services below it"));
}

TEST(CpuEvict, WithoutAPolicyNobodyIsEvicted) {
  EvictHost host;
  host.policy.reset();
  const auto decision = host.round();
  EXPECT_THAT(decision.victims, IsEmpty());
  for (const auto task : kAllEvictTasks)
    EXPECT_EQ(decision.of(task).reason, Reason::kNoPolicy);
  ASSERT_EQ(decision.features.size(), 3U);
}

TEST(CpuEvict, EachFeatureIsListedWithItsState) {
  EvictHost host;
  host.policy->threshold.cpu_evict_threshold_percent = 90;
  host.policy->threshold.cpu_allocatable_evict_threshold_percent = 100;
  const auto decision = host.round();
  EXPECT_EQ(feature_of(decision, "cpuEvict.beSatisfaction").state, FeatureState::State::kActive);
  const auto usage = feature_of(decision, "cpuEvict.nodeUsage");
  EXPECT_EQ(usage.state, FeatureState::State::kInactive);
  EXPECT_EQ(usage.why, "evictEnabledPriorityThreshold is not set");
  EXPECT_EQ(feature_of(decision, "cpuEvict.allocatable").state, FeatureState::State::kInactive);
  EXPECT_EQ(feature_of(decision, "cpuEvict.allocatable.mid-cpu").state, FeatureState::State::kUnsupported);
}

TEST(CpuEvict, AStartBeginsWithACoolDown) {
  EvictHost host;
  host.state = {};
  auto decision = host.round();
  EXPECT_THAT(decision.victims, IsEmpty());
  EXPECT_EQ(decision.of(EvictTask::kBeSatisfaction).trigger, Reason::kBeStarved);
  EXPECT_EQ(decision.of(EvictTask::kBeSatisfaction).reason, Reason::kCoolingDown);
  EXPECT_EQ(decision.terms.cooling, 20s);
  for (int second = 1; second < 20; ++second)
    ASSERT_THAT(host.next().victims, IsEmpty()) << second;
  EXPECT_THAT(uids_of(host.next()), ElementsAre("b", "c"));
}

TEST(CpuEvict, VictimsAreCreditedUntilTheyAreGone) {
  EvictHost host;
  ASSERT_THAT(uids_of(host.round()), ElementsAre("b", "c"));
  for (int second = 0; second < 100; ++second) {
    const auto decision = host.next();
    ASSERT_THAT(decision.victims, IsEmpty()) << "second " << second;
    ASSERT_EQ(decision.of(EvictTask::kBeSatisfaction).credited, MilliCpu(16000));
  }
  host.pod("b").eviction.terminating = true;  // which lasts longer than any memory
  host.pod("c").eviction.terminating = true;
  for (int second = 0; second < 100; ++second)
    ASSERT_THAT(host.next().victims, IsEmpty()) << "second " << second;
}

TEST(CpuEvict, AVictimThatStaysIsAskedForAgainUnderTheSameId) {
  EvictHost host;
  const auto first = host.round();
  EvictDecision again;
  for (int second = 0; second < 120; ++second)
    again = host.next();
  ASSERT_THAT(uids_of(again), ElementsAre("b", "c"));
  EXPECT_EQ(again.victims[0].id, first.victims[0].id);
  EXPECT_EQ(first.victims[0].id, "boot-1/cpuEvict.beSatisfaction/5000000000000/b");
}

TEST(CpuEvict, ANewEpisodeHasNewIds) {
  EvictHost host;
  const auto first = host.round();
  host.be_cpu = MilliCpu(100);
  EXPECT_EQ(host.next().of(EvictTask::kBeSatisfaction).trigger, Reason::kNotUsing);
  host.be_cpu = MilliCpu(9500);
  const auto second = host.next(121s);
  ASSERT_THAT(uids_of(second), ElementsAre("b", "c"));
  EXPECT_NE(second.victims[0].id, first.victims[0].id);
}

TEST(CpuEvict, MissingDataDoesNotEndAnEpisode) {
  EvictHost host;
  const auto first = host.round();
  const auto cpu = std::exchange(host.be_cpu, std::nullopt);
  EXPECT_EQ(host.next().of(EvictTask::kBeSatisfaction).trigger, Reason::kStaleSample);
  host.be_cpu = cpu;
  const auto second = host.next(121s);
  ASSERT_FALSE(second.victims.empty());
  EXPECT_EQ(second.victims[0].id, first.victims[0].id);
}

TEST(CpuEvict, ARefusedVictimIsNotCreditedAndAnotherGoes) {
  EvictHost host;
  ASSERT_THAT(uids_of(host.round()), ElementsAre("b", "c"));
  refuse(host.state, PodUid("b"));
  host.now = host.now + 20s;
  const auto decision = host.round();
  EXPECT_EQ(decision.of(EvictTask::kBeSatisfaction).credited, MilliCpu(8000));
  EXPECT_THAT(uids_of(decision), ElementsAre("e"));
  host.now = host.now + 100s;
  EXPECT_THAT(uids_of(host.round()), ElementsAre("b")) << "when both are forgotten: e is credited, b may go again";
}

TEST(CpuEvict, FinishedPodsNeitherCountNorGo) {
  EvictHost host;
  for (const auto* uid : {"a", "b", "d", "e"})
    host.pod(uid).phase = PodPhase::kSucceeded;
  const auto decision = host.round();
  EXPECT_EQ(decision.terms.be_request, MilliCpu(8000));
  EXPECT_EQ(decision.terms.finished_pods, 4U);
  EXPECT_EQ(decision.of(EvictTask::kBeSatisfaction).trigger, Reason::kSatisfied);
  EXPECT_THAT(decision.victims, IsEmpty());
}

TEST(CpuEvict, TerminatingPodsAreCreditedAndNotPicked) {
  EvictHost host;
  host.pod("b").eviction.terminating = true;
  const auto decision = host.round();
  EXPECT_EQ(decision.of(EvictTask::kBeSatisfaction).credited, MilliCpu(8000));
  EXPECT_THAT(uids_of(decision), ElementsAre("c"));
}

TEST(CpuEvict, IdleBatchUnderATightLimitStays) {
  EvictHost host;
  host.be_limit = MilliCpu(20);
  host.be_cpu = MilliCpu(1);
  EXPECT_EQ(host.round().of(EvictTask::kBeSatisfaction).trigger, Reason::kNotUsing);
}

TEST(CpuEvict, WithoutAQuotaStarvationIsWhatTheOthersLeave) {
  EvictHost host;
  host.be_limit = be_real_limit(CurrentLimit::none(), 64);
  host.be_cpu = MilliCpu(9500);
  host.node_cpu = MilliCpu(64000);  // LS takes the rest by weight
  auto decision = host.round();
  EXPECT_EQ(decision.terms.be_left, MilliCpu(9500));
  EXPECT_EQ(decision.of(EvictTask::kBeSatisfaction).target, MilliCpu(10500));
  host.node_cpu = MilliCpu(40000);
  decision = host.next(121s);
  EXPECT_EQ(decision.of(EvictTask::kBeSatisfaction).trigger, Reason::kNotUsing) << "there is room";
}

TEST(CpuEvict, AgainstAllocatableWhereThePolicySaysSo) {
  EvictHost host;
  host.policy->threshold.cpu_evict_policy = model::CpuEvictPolicy::kAllocatable;
  host.allocatable_batch_cpu = MilliCpu(10000);
  host.be_limit.reset();
  EXPECT_EQ(host.round().of(EvictTask::kBeSatisfaction).target, MilliCpu(10000));
}

TEST(CpuEvict, AStarvedSecondInAWindowOfPlentyEvictsNobody) {
  EvictHost host;
  host.policy->threshold.cpu_evict_time_window_seconds = 10;
  host.be_limit = MilliCpu(30000);
  host.be_cpu = MilliCpu(29000);
  EXPECT_EQ(host.round().of(EvictTask::kBeSatisfaction).trigger, Reason::kTooFewSamples);
  for (int second = 0; second < 9; ++second)
    host.next();
  host.be_limit = MilliCpu(10000);
  host.be_cpu = MilliCpu(9500);
  EXPECT_EQ(host.next().of(EvictTask::kBeSatisfaction).trigger, Reason::kSatisfied);
  for (int second = 0; second < 7; ++second)
    ASSERT_THAT(host.next().victims, IsEmpty()) << second;
  EXPECT_THAT(host.next().victims, ::testing::Not(IsEmpty())) << "nine starved seconds of ten do";
}

TEST(CpuEvict, NodeUsageReleasesDownToTheLowerPercent) {
  EvictHost host;
  host.policy = EvictHost::node_usage_policy(70, 65);
  host.node_cpu = MilliCpu(45440);  // 71 %
  const auto decision = host.round();
  const auto& outcome = decision.of(EvictTask::kNodeUsage);
  EXPECT_EQ(outcome.trigger, Reason::kNodeCpuFull);
  EXPECT_EQ(outcome.target, MilliCpu(3840)) << "6 % of capacity";
  EXPECT_THAT(uids_of(decision), ElementsAre("b", "c"));
  EXPECT_EQ(decision.victims[0].releases, MilliCpu(3000)) << "what it uses";
}

TEST(CpuEvict, NodeUsageIsTruncatedToWholePercents) {
  EvictHost host;
  host.policy = EvictHost::node_usage_policy(70, std::nullopt);
  host.node_cpu = MilliCpu(44799);
  EXPECT_EQ(host.round().of(EvictTask::kNodeUsage).trigger, Reason::kSatisfied) << "69.9 %";
  host.node_cpu = MilliCpu(44800);
  const auto full = host.next();
  EXPECT_EQ(full.of(EvictTask::kNodeUsage).trigger, Reason::kNodeCpuFull);
  EXPECT_EQ(full.of(EvictTask::kNodeUsage).target, MilliCpu(1280)) << "2 % of capacity";
}

TEST(CpuEvict, NodeUsageMustStillBeHigh) {
  EvictHost host;
  host.policy = EvictHost::node_usage_policy(70, 65);
  host.policy->threshold.cpu_evict_time_window_seconds = 5;
  host.node_cpu = MilliCpu(10000);
  for (int second = 0; second < 3; ++second)
    host.next();
  host.node_cpu = MilliCpu(64000);
  for (int second = 0; second < 2; ++second)
    host.next();
  EXPECT_EQ(host.round().of(EvictTask::kNodeUsage).trigger, Reason::kSatisfied) << "the mean is low";
  host.state = EvictHost::warm();
  host.now = host.now + 60s;
  for (int second = 0; second < 2; ++second)
    host.next();
  host.node_cpu = MilliCpu(30000);
  EXPECT_EQ(host.next().of(EvictTask::kNodeUsage).trigger, Reason::kSatisfied) << "it is over by now";
}

TEST(CpuEvict, OverAllocationReleasesDownToTheLowerPercent) {
  EvictHost host;
  host.policy = EvictHost::allocatable_policy(150, 100);
  const auto decision = host.round();
  const auto& outcome = decision.of(EvictTask::kBatchAllocatable);
  EXPECT_EQ(outcome.trigger, Reason::kOverAllocated);
  EXPECT_EQ(outcome.measured, MilliCpu(40000));
  EXPECT_EQ(outcome.whole, MilliCpu(20000));
  EXPECT_EQ(outcome.target, MilliCpu(20000));
  EXPECT_EQ(decision.victims.size(), 3U);
  EXPECT_EQ(decision.of(EvictTask::kCpuAllocatable).trigger, Reason::kSatisfied);
  EXPECT_EQ(feature_of(decision, "cpuEvict.allocatable").state, FeatureState::State::kActive);
}

TEST(CpuEvict, UnknownAllocatableIsNoReasonToEvict) {
  for (const auto& allocatable : {std::optional<MilliCpu>(), std::optional(MilliCpu(-1))}) {
    EvictHost host;
    host.policy = EvictHost::allocatable_policy(100, 90);
    host.policy->threshold.cpu_evict_policy = model::CpuEvictPolicy::kAllocatable;
    host.policy->threshold.cpu_evict_be_satisfaction_lower_percent = 30;
    host.policy->threshold.cpu_evict_be_satisfaction_upper_percent = 50;
    host.allocatable_batch_cpu = allocatable;
    host.node.allocatable = MilliCpu(0);
    const auto decision = host.round();
    EXPECT_THAT(decision.victims, IsEmpty());
    EXPECT_EQ(decision.of(EvictTask::kBeSatisfaction).trigger, Reason::kStaleSample);
    EXPECT_EQ(decision.of(EvictTask::kBatchAllocatable).trigger, Reason::kStaleSample);
    const auto feature = feature_of(decision, "cpuEvict.allocatable");
    EXPECT_EQ(feature.state, FeatureState::State::kInactive);
    EXPECT_THAT(feature.why, HasSubstr("allocatable kubernetes.io/batch-cpu is not known"));
    EXPECT_THAT(feature.why, HasSubstr("allocatable cpu is not known"));
  }
}

TEST(CpuEvict, WhereTheLedgerHasNothingForBatchAllOfItIsTooMuch) {
  EvictHost host;
  host.policy = EvictHost::allocatable_policy(150, 100);
  host.allocatable_batch_cpu = MilliCpu(0);
  const auto first = host.round();
  EXPECT_EQ(first.of(EvictTask::kBatchAllocatable).trigger, Reason::kOverAllocated);
  EXPECT_THAT(first.victims, testing::IsEmpty()) << "it may be a service that is not measured yet";
  EXPECT_THAT(host.next(std::chrono::seconds(59)).victims, testing::IsEmpty());
  const auto decision = host.next();
  const auto& outcome = decision.of(EvictTask::kBatchAllocatable);
  EXPECT_EQ(outcome.trigger, Reason::kOverAllocated);
  EXPECT_EQ(outcome.whole, MilliCpu(0));
  EXPECT_EQ(outcome.target, MilliCpu(40000));
  EXPECT_EQ(decision.victims.size(), 5U);
  EXPECT_EQ(feature_of(decision, "cpuEvict.allocatable").state, FeatureState::State::kActive);

  EvictHost empty;
  empty.policy = EvictHost::allocatable_policy(150, 100);
  empty.allocatable_batch_cpu = MilliCpu(0);
  empty.pods = {service_pod("ls", 20000)};
  EXPECT_EQ(empty.round().of(EvictTask::kBatchAllocatable).trigger, Reason::kSatisfied) << "nothing is requested";
}

TEST(CpuEvict, BeThatIsAllowedNothingIsStarvedByWhatItUses) {
  EvictHost host;
  host.policy->threshold.cpu_evict_policy = model::CpuEvictPolicy::kAllocatable;
  host.allocatable_batch_cpu = MilliCpu(0);
  const auto decision = host.round();
  EXPECT_EQ(decision.of(EvictTask::kBeSatisfaction).trigger, Reason::kBeStarved);
  EXPECT_EQ(decision.of(EvictTask::kBeSatisfaction).target, MilliCpu(19999)) << "half of its requests, less 1 for none";

  EvictHost idle;
  idle.policy->threshold.cpu_evict_policy = model::CpuEvictPolicy::kAllocatable;
  idle.allocatable_batch_cpu = MilliCpu(0);
  idle.be_cpu = MilliCpu(0);
  EXPECT_EQ(idle.round().of(EvictTask::kBeSatisfaction).trigger, Reason::kNotUsing);
}

TEST(CpuEvict, FeaturesShareTheirVictims) {
  EvictHost host;
  host.policy->threshold.cpu_allocatable_evict_threshold_percent = 150;
  host.policy->threshold.cpu_allocatable_evict_lower_percent = 100;
  host.policy->threshold.allocatable_evict_priority_threshold = 5999;
  const auto decision = host.round();
  EXPECT_EQ(decision.of(EvictTask::kBatchAllocatable).target, MilliCpu(20000));
  EXPECT_EQ(decision.of(EvictTask::kBatchAllocatable).credited, MilliCpu(16000)) << "b and c, by satisfaction";
  EXPECT_THAT(uids_of(decision), ElementsAre("b", "c", "a"));
  EXPECT_EQ(decision.victims[2].task, EvictTask::kBatchAllocatable);
}

TEST(CpuEvict, LsPodsOfLowPriorityCountAndStay) {
  EvictHost host;
  host.policy = EvictHost::allocatable_policy(10, 5, 7999);
  host.pod("ls").priority = 100;
  const auto decision = host.round();
  EXPECT_EQ(decision.of(EvictTask::kCpuAllocatable).trigger, Reason::kOverAllocated);
  EXPECT_EQ(decision.of(EvictTask::kCpuAllocatable).candidates, 0U);
  for (const auto& victim : decision.victims)
    EXPECT_NE(victim.uid, PodUid("ls"));
}

TEST(CpuEvict, VictimsCarryTheWorkThatIsLost) {
  EvictHost host;
  host.work = {{PodUid("b"), 90min}};
  const auto decision = host.round();
  EXPECT_EQ(decision.victims[0].cpu_time_used, 90min);
  EXPECT_EQ(decision.victims[1].cpu_time_used, std::nullopt);
}

TEST(CpuEvict, HeldPodsAreNeitherPickedNorCredited) {
  EvictHost host;
  host.held = {PodUid("b"), PodUid("c")};
  const auto decision = host.round();
  EXPECT_THAT(uids_of(decision), ElementsAre("e", "d"));
  EXPECT_EQ(decision.of(EvictTask::kBeSatisfaction).credited, MilliCpu(0));
  EXPECT_EQ(decision.of(EvictTask::kBeSatisfaction).candidates, 3u);
}

TEST(CpuEvict, WhereOnlyHeldPodsCouldGoNoCoolDownBegins) {
  EvictHost host;
  host.held = {PodUid("a"), PodUid("b"), PodUid("c"), PodUid("d"), PodUid("e")};
  EXPECT_THAT(host.round().victims, IsEmpty());
  host.held.clear();
  EXPECT_THAT(uids_of(host.next()), ElementsAre("b", "c")) << "a second after the hold's end";
}

TEST(CpuEvict, AHeldPodThatIsLeavingAlreadyIsCredited) {
  EvictHost host;
  host.held = {PodUid("b"), PodUid("c")};
  host.pod("b").eviction.terminating = true;
  credit(host.state, PodUid("c"), host.now);  // begun before the hold, and seen through
  const auto decision = host.round();
  EXPECT_EQ(decision.of(EvictTask::kBeSatisfaction).credited, MilliCpu(16000));
  EXPECT_THAT(decision.victims, IsEmpty());
}

TEST(CpuEvict, RealLimitIsTheLeastOfQuotaAndCpus) {
  EXPECT_EQ(be_real_limit(CurrentLimit::of(MilliCpu(1500)), 2), MilliCpu(1500));
  EXPECT_EQ(be_real_limit(CurrentLimit::of(MilliCpu(2500)), 2), MilliCpu(2000));
  EXPECT_EQ(be_real_limit(CurrentLimit::none(), 2), MilliCpu(2000));
  EXPECT_EQ(be_real_limit(CurrentLimit::of(MilliCpu(1500)), std::nullopt), MilliCpu(1500));
  EXPECT_EQ(be_real_limit(CurrentLimit::none(), std::nullopt), std::nullopt);
  EXPECT_EQ(be_real_limit(CurrentLimit::unknown(), 0), std::nullopt);
}

/// The CPU-evict column of the situation matrix.
struct Situation {
  const char* name;
  void (*change)(EvictHost&);
  Reason satisfaction, node_usage, allocatable;
  std::vector<std::string> victims;
};

class Situations : public testing::TestWithParam<Situation> {};

TEST_P(Situations, AreAnswered) {
  const auto& row = GetParam();
  EvictHost host;
  host.policy = EvictHost::node_usage_policy(90, 85);
  auto& threshold = host.policy->threshold;
  threshold.cpu_evict_be_satisfaction_lower_percent = 30;
  threshold.cpu_evict_be_satisfaction_upper_percent = 50;
  threshold.cpu_allocatable_evict_threshold_percent = 150;
  threshold.cpu_allocatable_evict_lower_percent = 150;
  threshold.allocatable_evict_priority_threshold = 5999;
  host.node_cpu = MilliCpu(58240);  // 91 %: 6 % to release
  row.change(host);
  const auto decision = host.round();
  EXPECT_EQ(decision.of(EvictTask::kBeSatisfaction).trigger, row.satisfaction);
  EXPECT_EQ(decision.of(EvictTask::kNodeUsage).trigger, row.node_usage);
  EXPECT_EQ(decision.of(EvictTask::kBatchAllocatable).trigger, row.allocatable);
  EXPECT_EQ(uids_of(decision), row.victims);
}

INSTANTIATE_TEST_SUITE_P(Matrix, Situations,
                         testing::Values(Situation{"AllIsShort",
                                                   [](EvictHost&) {},
                                                   Reason::kBeStarved,
                                                   Reason::kNodeCpuFull,
                                                   Reason::kOverAllocated,
                                                   {"b", "c"}},
                                         Situation{"NoPolicyYet",
                                                   [](EvictHost& host) { host.policy.reset(); },
                                                   Reason::kNoPolicy,
                                                   Reason::kNoPolicy,
                                                   Reason::kNoPolicy,
                                                   {}},
                                         Situation{"SwitchedOff",
                                                   [](EvictHost& host) { host.policy->threshold.enable = false; },
                                                   Reason::kDisabled,
                                                   Reason::kDisabled,
                                                   Reason::kDisabled,
                                                   {}},
                                         Situation{"ConfigSectionRemoved",
                                                   [](EvictHost& host) { host.policy->threshold = {}; },
                                                   Reason::kDisabled,
                                                   Reason::kDisabled,
                                                   Reason::kDisabled,
                                                   {}},
                                         Situation{"NodeMetricMissing",
                                                   [](EvictHost& host) {
                                                     host.node_cpu.reset();
                                                     host.be_cpu.reset();
                                                   },
                                                   Reason::kStaleSample,
                                                   Reason::kStaleSample,
                                                   Reason::kOverAllocated,
                                                   {"a", "b"}},
                                         Situation{"OnePodsMetricMissing",
                                                   [](EvictHost& host) { host.cpu_of("b").reset(); },
                                                   Reason::kBeStarved,
                                                   Reason::kNodeCpuFull,
                                                   Reason::kOverAllocated,
                                                   {"c", "e"}},
                                         Situation{"AllocatableMissing",
                                                   [](EvictHost& host) { host.allocatable_batch_cpu.reset(); },
                                                   Reason::kBeStarved,
                                                   Reason::kNodeCpuFull,
                                                   Reason::kStaleSample,
                                                   {"b", "c"}},
                                         Situation{"NothingAllocatable",
                                                   [](EvictHost& host) { host.allocatable_batch_cpu = MilliCpu(0); },
                                                   Reason::kBeStarved,
                                                   Reason::kNodeCpuFull,
                                                   Reason::kOverAllocated,
                                                   {"b", "c"}},  // what is allocatable may be 0 for a moment
                                         Situation{"BatchFinished",
                                                   [](EvictHost& host) {
                                                     for (auto& pod : host.pods)
                                                       if (pod.qos == model::QosClass::kBe)
                                                         pod.phase = PodPhase::kSucceeded;
                                                   },
                                                   Reason::kSatisfied,
                                                   Reason::kNodeCpuFull,
                                                   Reason::kSatisfied,
                                                   {}},
                                         Situation{"NoPods",
                                                   [](EvictHost& host) { host.pods.clear(); },
                                                   Reason::kSatisfied,
                                                   Reason::kNodeCpuFull,
                                                   Reason::kSatisfied,
                                                   {}},
                                         Situation{"RealLimitMissing",
                                                   [](EvictHost& host) { host.be_limit.reset(); },
                                                   Reason::kStaleSample,
                                                   Reason::kNodeCpuFull,
                                                   Reason::kOverAllocated,
                                                   {"a", "b"}}),
                         [](const auto& row) { return row.param.name; });

TEST(CpuEvict, AStaleSampleEvictsNobody) {
  EvictHost host;
  host.policy->threshold.cpu_allocatable_evict_threshold_percent = 100;
  host.policy->threshold.cpu_allocatable_evict_lower_percent = 90;
  host.policy->threshold.allocatable_evict_priority_threshold = 5999;
  const auto sample = host.sample();
  host.now = host.now + 2001ms;
  const auto step = cpu_evict(host.state, host.input(&sample), host.policy);
  EXPECT_THAT(step.decision.victims, IsEmpty());
  EXPECT_EQ(step.decision.of(EvictTask::kBeSatisfaction).trigger, Reason::kStaleSample);
  EXPECT_EQ(step.decision.of(EvictTask::kBatchAllocatable).trigger, Reason::kOverAllocated);
  EXPECT_EQ(step.decision.of(EvictTask::kBatchAllocatable).candidates, 0U) << "no fresh reading of any pod";
  const auto none = cpu_evict(host.state, host.input(nullptr), host.policy);
  EXPECT_THAT(none.decision.victims, IsEmpty());
  EXPECT_EQ(none.decision.of(EvictTask::kBeSatisfaction).why, "there is no pod sample yet");
}

}  // namespace
}  // namespace tideline::decide::test::cpu_evict_test
