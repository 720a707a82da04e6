#include "node-actor/decide/memory_evict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/memory_evict_host.h"

namespace tideline::decide::test::memory_evict_test {
namespace {

using model::Bytes;
using model::Controller;
using model::FeatureState;
using model::PodPhase;
using model::PodUid;
using model::Reason;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// Pods that only MemoryEvict may take.
void leave_to_memory_evict(MemoryHost& host) {
  for (auto& pod : host.pods)
    pod.eviction.allowed_by = {{"MemoryEvict"}};
  host.policy->threshold.evict_enabled_priority_threshold = 5999;
}

TEST(MemoryEvict, ReleasesWhatKoordinatorsExampleSays) {
  MemoryHost host;
  const auto decision = host.round();
  const auto& outcome = decision.of(EvictTask::kBeMemory);
  EXPECT_EQ(outcome.trigger, Reason::kNodeMemoryFull);
  EXPECT_EQ(outcome.target, Bytes(3000)) << "71 % used, 68 to be reached: 3 % of capacity";
  EXPECT_EQ(outcome.released, Bytes(3000));
  EXPECT_EQ(outcome.measured, Bytes(71'000));
  EXPECT_EQ(outcome.whole, Bytes(100'000));
  EXPECT_EQ(outcome.lower_percent, 68);
  EXPECT_THAT(uids_of(decision), ElementsAre("e", "b")) << "the lowest priority, then the largest";
  const auto& victim = decision.victims[1];
  EXPECT_EQ(victim.reason, Reason::kNodeMemoryFull);
  EXPECT_EQ(victim.releases, Bytes(2500));
  EXPECT_EQ(victim.memory_used, Bytes(2500));
  EXPECT_EQ(victim.id, "boot-1/memoryEvict.beUsage/5000000000000/b");
  EXPECT_EQ(controller_of(victim.task), Controller::kMemoryEvict);
  const auto feature = feature_of(decision, "memoryEvict.beUsage");
  EXPECT_EQ(feature.state, FeatureState::State::kActive);
  EXPECT_THAT(feature.why, HasSubstr("3000 bytes to release"));
  EXPECT_THAT(feature.why, HasSubstr("2 of 5 candidates evicted"));
}

TEST(MemoryEvict, OfSixtyNineAndNineTenthsPercentNobodyGoes) {
  MemoryHost host;
  host.used = Bytes(69'900);
  const auto decision = host.round();
  EXPECT_THAT(decision.victims, IsEmpty());
  EXPECT_EQ(decision.of(EvictTask::kBeMemory).trigger, Reason::kSatisfied);
  EXPECT_EQ(feature_of(decision, "memoryEvict.beUsage").state, FeatureState::State::kActive);
}

TEST(MemoryEvict, TheLowerPercentIsThePolicysWhereItHasOne) {
  MemoryHost host;
  host.policy = MemoryHost::use_policy(70, 66);
  const auto decision = host.round();
  EXPECT_EQ(decision.of(EvictTask::kBeMemory).target, Bytes(5000));
  EXPECT_THAT(uids_of(decision), ElementsAre("e", "b", "c"));
}

TEST(MemoryEvict, GrowthThatReliefSeesComingEvictsBelowTheThreshold) {
  MemoryHost host;
  host.used = Bytes(60'000);
  host.growth = Bytes(2000);
  const auto decision = host.round();
  EXPECT_EQ(decision.of(EvictTask::kBeMemory).trigger, Reason::kNodeMemoryFull);
  EXPECT_THAT(uids_of(decision), ElementsAre("e", "b"));
  for (int second = 0; second < 60; ++second)
    ASSERT_THAT(host.next().victims, IsEmpty()) << "those two are enough for as long as they leave";
  EXPECT_EQ(host.next().of(EvictTask::kBeMemory).trigger, Reason::kNodeMemoryFull);
}

TEST(MemoryEvict, EachFeatureIsListedAndSaysWhyItDoesNothing) {
  MemoryHost host;
  host.policy.reset();
  auto decision = host.round();
  EXPECT_THAT(decision.victims, IsEmpty());
  EXPECT_EQ(decision.features.size(), 3U);
  for (const auto task : kAllMemoryEvictTasks)
    EXPECT_EQ(decision.of(task).trigger, Reason::kNoPolicy);

  host.policy = MemoryHost::use_policy(70);
  host.policy->threshold.enable = false;
  decision = host.round();
  for (const auto task : kAllMemoryEvictTasks)
    EXPECT_EQ(decision.of(task).trigger, Reason::kDisabled);

  host.policy = MemoryHost::use_policy(0);
  EXPECT_EQ(host.round().of(EvictTask::kBeMemory).trigger, Reason::kDisabled);

  for (const auto& [threshold, lower] : std::vector<std::pair<int, int>>{{70, 70}, {70, 80}, {101, 50}, {70, -1}}) {
    host.policy = MemoryHost::use_policy(threshold, lower);
    decision = host.round();
    EXPECT_EQ(decision.of(EvictTask::kBeMemory).trigger, Reason::kBadEvictPolicy) << threshold << ", " << lower;
    EXPECT_THAT(decision.victims, IsEmpty());
  }

  host.policy = MemoryHost::use_policy(70);
  host.policy->threshold.memory_allocatable_evict_threshold_percent = 110;
  decision = host.round();
  EXPECT_EQ(decision.of(EvictTask::kNodeMemory).why, "evictEnabledPriorityThreshold is not set");
  EXPECT_EQ(decision.of(EvictTask::kBatchMemoryAllocatable).trigger, Reason::kBadEvictPolicy);
  EXPECT_THAT(feature_of(decision, "memoryEvict.allocatable").why,
              HasSubstr("memoryAllocatableEvictThresholdPercent and memoryAllocatableEvictLowerPercent act together"));
  EXPECT_EQ(feature_of(decision, "memoryEvict.allocatable.mid-memory").state, FeatureState::State::kUnsupported);
}

TEST(MemoryEvict, WhatIsNotKnownOfTheHostNeverEvicts) {
  MemoryHost unwatched;
  unwatched.watched = false;
  auto decision = unwatched.round();
  EXPECT_THAT(decision.victims, IsEmpty());
  EXPECT_EQ(decision.of(EvictTask::kBeMemory).trigger, Reason::kStaleSample);

  MemoryHost blind;
  blind.used.reset();
  decision = blind.round();
  EXPECT_THAT(decision.victims, IsEmpty());
  EXPECT_EQ(decision.of(EvictTask::kBeMemory).trigger, Reason::kStaleSample);
  EXPECT_EQ(feature_of(decision, "memoryEvict.beUsage").state, FeatureState::State::kInactive);
}

/// Koordinator's fault 10b: a metrics outage deletes batch-memory from the node, and all batch goes.
TEST(MemoryEvict, UnknownAllocatableIsNoReasonToEvict) {
  for (const auto& allocatable : {std::optional<Bytes>(), std::optional(Bytes(-1))}) {
    MemoryHost host;
    host.policy = MemoryHost::allocatable_policy(100, 90);
    host.allocatable_batch_memory = allocatable;
    host.memory_allocatable = Bytes(0);
    for (int second = 0; second < 100; ++second)
      ASSERT_THAT(host.next().victims, IsEmpty()) << second;
    const auto decision = host.round();
    EXPECT_EQ(decision.of(EvictTask::kBatchMemoryAllocatable).trigger, Reason::kStaleSample);
    EXPECT_EQ(decision.of(EvictTask::kMemoryAllocatable).trigger, Reason::kStaleSample);
    const auto feature = feature_of(decision, "memoryEvict.allocatable");
    EXPECT_EQ(feature.state, FeatureState::State::kInactive);
    EXPECT_THAT(feature.why, HasSubstr("allocatable kubernetes.io/batch-memory is not known"));
    EXPECT_THAT(feature.why, HasSubstr("allocatable memory is not known"));
  }
}

/// Koordinator's fault 4: its MemoryEvict credits each victim a thousandfold, and stops after the first.
TEST(MemoryEvict, BytesAreCountedAsBytes) {
  MemoryHost host;
  leave_to_memory_evict(host);
  for (const auto* uid : {"a", "b", "c", "d", "e"})
    host.uses[uid] = 1000;
  const auto decision = host.round();
  EXPECT_EQ(decision.of(EvictTask::kBeMemory).candidates, 0U);
  EXPECT_EQ(decision.of(EvictTask::kNodeMemory).target, Bytes(3000));
  EXPECT_THAT(uids_of(decision), ElementsAre("e", "a", "b"));
  EXPECT_EQ(decision.victims[0].id, "boot-1/memoryEvict.nodeUsage/5000000000000/e");
}

TEST(MemoryEvict, MemoryEvictTakesLabelledPodsOfItsPriorityOnly) {
  MemoryHost host;
  leave_to_memory_evict(host);
  host.pod("e").eviction.enabled = false;
  host.pod("b").priority = 6000;
  host.pod("ls").priority = 10;
  EXPECT_THAT(uids_of(host.round()), ElementsAre("c", "d")) << "2000 and 1500; no LS pod, whatever its label says";
}

/// Koordinator's fault 5: finished batch pods count, and are evicted for credit.
TEST(MemoryEvict, FinishedPodsNeitherCountNorGo) {
  MemoryHost host;
  host.policy = MemoryHost::allocatable_policy(100, 90);
  for (const auto* uid : {"a", "b", "c"})
    host.pod(uid).phase = PodPhase::kSucceeded;
  auto decision = host.round();
  EXPECT_EQ(decision.of(EvictTask::kBatchMemoryAllocatable).measured, Bytes(16'000));
  EXPECT_EQ(decision.of(EvictTask::kBatchMemoryAllocatable).trigger, Reason::kSatisfied);
  EXPECT_THAT(decision.victims, IsEmpty());

  MemoryHost full;
  full.pod("e").phase = PodPhase::kFailed;
  full.pod("b").phase = PodPhase::kSucceeded;
  EXPECT_THAT(uids_of(full.round()), ElementsAre("c", "d"));
}

TEST(MemoryEvict, OverAllocationReleasesDownToTheLowerPercent) {
  MemoryHost host;
  host.policy = MemoryHost::allocatable_policy(150, 100);
  const auto decision = host.round();
  const auto& outcome = decision.of(EvictTask::kBatchMemoryAllocatable);
  EXPECT_EQ(outcome.trigger, Reason::kMemoryOverAllocated);
  EXPECT_EQ(outcome.measured, Bytes(40'000));
  EXPECT_EQ(outcome.whole, Bytes(20'000));
  EXPECT_EQ(outcome.target, Bytes(20'000));
  EXPECT_THAT(uids_of(decision), ElementsAre("e", "a", "b")) << "lowest priority; then all ask for as much";
  EXPECT_EQ(decision.victims[0].reason, Reason::kMemoryOverAllocated);
  EXPECT_EQ(decision.of(EvictTask::kMemoryAllocatable).trigger, Reason::kSatisfied);
}

TEST(MemoryEvict, WhereTheLedgerHasNothingForBatchAllOfItIsTooMuchAfterAMinute) {
  MemoryHost host;
  host.policy = MemoryHost::allocatable_policy(150, 100);
  host.allocatable_batch_memory = Bytes(0);
  EXPECT_THAT(host.round().victims, IsEmpty()) << "it may be a service that is not measured yet";
  EXPECT_THAT(host.next(59s).victims, IsEmpty());
  EXPECT_EQ(host.next().victims.size(), 5U);
}

TEST(MemoryEvict, ServicesOfLowPriorityCountForNativeMemoryAndStay) {
  MemoryHost host;
  host.policy = MemoryHost::allocatable_policy(10, 5, 7999);
  host.pod("ls").priority = 100;
  host.pod("ls").requests.memory = Bytes(50'000);
  host.allocatable_batch_memory = Bytes(100'000);
  auto free = memory_pod("free", 0, 3500);
  free.requests.memory = Bytes(700);
  host.pods.push_back(free);
  host.uses["free"] = 300;
  const auto decision = host.round();
  const auto& outcome = decision.of(EvictTask::kMemoryAllocatable);
  EXPECT_EQ(outcome.trigger, Reason::kMemoryOverAllocated);
  EXPECT_EQ(outcome.measured, Bytes(50'700));
  EXPECT_EQ(outcome.candidates, 1U);
  for (const auto& victim : decision.victims)
    EXPECT_NE(victim.uid, PodUid("ls"));
}

TEST(MemoryEvict, AfterARoundWithVictimsNobodyIsPickedForFourSeconds) {
  MemoryHost host;
  ASSERT_THAT(uids_of(host.round()), ElementsAre("e", "b"));
  host.used = Bytes(75'000);
  for (int second = 1; second < 4; ++second) {
    const auto decision = host.next();
    ASSERT_THAT(decision.victims, IsEmpty()) << second;
    ASSERT_EQ(decision.of(EvictTask::kBeMemory).reason, Reason::kCoolingDown);
  }
  EXPECT_THAT(uids_of(host.next()), ElementsAre("c", "d", "a")) << "7000 less the 3000 that leave";
}

TEST(MemoryEvict, AStartBeginsWithoutACoolDown) {
  MemoryHost host;
  EXPECT_FALSE(host.state.quiet_until);
  EXPECT_THAT(host.round().victims, Not(IsEmpty()));
}

TEST(MemoryEvict, VictimsAreCreditedUntilTheyAreGoneAndTheNeedHoldsMeanwhile) {
  MemoryHost host;
  ASSERT_THAT(uids_of(host.round()), ElementsAre("e", "b"));
  for (int second = 0; second < 100; ++second) {
    const auto decision = host.next();
    const auto& outcome = decision.of(EvictTask::kBeMemory);
    ASSERT_THAT(decision.victims, IsEmpty()) << "second " << second;
    ASSERT_EQ(outcome.trigger, Reason::kNodeMemoryFull) << "or who waits would be withdrawn";
    ASSERT_EQ(outcome.credited, Bytes(3000));
    ASSERT_EQ(outcome.target, Bytes(3000));
  }
  host.pod("e").eviction.terminating = true;  // which lasts longer than any memory
  host.pod("b").eviction.terminating = true;
  for (int second = 0; second < 100; ++second)
    ASSERT_THAT(host.next().victims, IsEmpty()) << "second " << second;
}

TEST(MemoryEvict, WhenLessIsMissingTheTargetFalls) {
  MemoryHost host;
  ASSERT_THAT(uids_of(host.round()), ElementsAre("e", "b"));
  host.used = Bytes(69'000);
  const auto decision = host.next();
  EXPECT_EQ(decision.of(EvictTask::kBeMemory).trigger, Reason::kNodeMemoryFull);
  EXPECT_EQ(decision.of(EvictTask::kBeMemory).target, Bytes(1000));
  host.used = Bytes(68'000);
  EXPECT_EQ(host.next().of(EvictTask::kBeMemory).trigger, Reason::kSatisfied);
}

TEST(MemoryEvict, ARefusedVictimIsNotCreditedAndAnotherGoes) {
  MemoryHost host;
  ASSERT_THAT(uids_of(host.round()), ElementsAre("e", "b"));
  for (auto& each : host.asked)
    each.refused = each.uid == PodUid("b");
  host.next(3s);
  const auto decision = host.next();
  EXPECT_EQ(decision.of(EvictTask::kBeMemory).credited, Bytes(500));
  EXPECT_THAT(uids_of(decision), ElementsAre("c", "d"));
}

/// Relief may have looked just before it went: its memory would count twice.
TEST(MemoryEvict, TheRoundInWhichOneIsGonePicksNobody) {
  MemoryHost host;
  ASSERT_THAT(uids_of(host.round()), ElementsAre("e", "b"));
  host.next(10s);
  host.remove("b");
  host.used = Bytes(75'000);
  const auto decision = host.next();
  EXPECT_THAT(decision.victims, IsEmpty());
  EXPECT_EQ(decision.of(EvictTask::kBeMemory).reason, Reason::kCoolingDown);
  EXPECT_THAT(decision.of(EvictTask::kBeMemory).why, HasSubstr("must show first"));
  EXPECT_THAT(uids_of(host.next()), ElementsAre("c", "d", "a")) << "it did not show: others are needed";
}

TEST(MemoryEvict, MissingDataDoesNotEndAnEpisode) {
  MemoryHost host;
  const auto first = host.round();
  const auto used = std::exchange(host.used, std::nullopt);
  EXPECT_EQ(host.next().of(EvictTask::kBeMemory).trigger, Reason::kStaleSample);
  host.used = used;
  host.next(121s);
  const auto again = host.next();
  ASSERT_THAT(uids_of(again), ElementsAre("e", "b"));
  EXPECT_EQ(again.victims[0].id, first.victims[0].id) << "asking again is the same request";
  host.used = Bytes(60'000);
  host.next();
  host.used = used;
  host.next(121s);
  const auto later = host.next();
  ASSERT_FALSE(later.victims.empty());
  EXPECT_NE(later.victims[0].id, first.victims[0].id);
}

TEST(MemoryEvict, HeldPodsAndThoseOfUnknownUseAreNotPicked) {
  MemoryHost host;
  host.held = {PodUid("b")};
  host.uses["e"].reset();
  const auto decision = host.round();
  EXPECT_EQ(decision.of(EvictTask::kBeMemory).candidates, 3U);
  EXPECT_THAT(uids_of(decision), ElementsAre("c", "d"));
}

TEST(MemoryEvict, VictimsCarryTheWorkThatIsLost) {
  MemoryHost host;
  host.work = {{PodUid("e"), 90min}};
  EXPECT_EQ(host.round().victims[0].cpu_time_used, 90min);
}

TEST(MemoryEvict, ThePodsPolicyNamesKoordinatorsFeatures) {
  MemoryHost host;
  host.policy->threshold.memory_allocatable_evict_threshold_percent = 150;
  host.policy->threshold.memory_allocatable_evict_lower_percent = 150;
  host.policy->threshold.allocatable_evict_priority_threshold = 5999;
  for (auto& pod : host.pods)
    pod.eviction.allowed_by.emplace();
  host.pod("d").eviction.allowed_by = {{"BEMemoryEvict"}};
  host.pod("a").eviction.allowed_by = {{"MemoryAllocatableEvict", "BECPUEvict"}};
  const auto decision = host.round();
  ASSERT_THAT(uids_of(decision), ElementsAre("d", "a"));
  EXPECT_EQ(decision.victims[0].task, EvictTask::kBeMemory);
  EXPECT_EQ(decision.victims[1].task, EvictTask::kBatchMemoryAllocatable);
}

// One account for CPU and memory.

TEST(MemoryEvict, WhoWasJustPickedForCpuIsCredited) {
  MemoryHost host;
  host.asked = {{PodUid("b"), host.now}};
  const auto decision = host.round();
  EXPECT_EQ(decision.of(EvictTask::kBeMemory).target, Bytes(3000)) << "relief did not know of it";
  EXPECT_EQ(decision.of(EvictTask::kBeMemory).credited, Bytes(2500));
  EXPECT_THAT(uids_of(decision), ElementsAre("e"));
}

TEST(MemoryEvict, WhoLeavesForCpuIsNeededWhereMemoryIsFullWithoutIt) {
  MemoryHost host;
  host.asked = {{PodUid("b"), host.now}};
  host.pending = Bytes(2500);
  for (int second = 0; second < 60; ++second) {
    const auto decision = host.next();
    ASSERT_THAT(decision.victims, IsEmpty()) << "it brings the use below the threshold";
    ASSERT_EQ(decision.of(EvictTask::kBeMemory).trigger, Reason::kNodeMemoryFull);
    ASSERT_EQ(decision.of(EvictTask::kBeMemory).target, Bytes(2500));
  }
  host.used = Bytes(69'000);
  EXPECT_EQ(host.next().of(EvictTask::kBeMemory).trigger, Reason::kSatisfied);
}

TEST(MemoryEvict, WhoLeavesForMemoryIsCreditedByCpuEviction) {
  MemoryHost memory;
  ASSERT_THAT(uids_of(memory.round()), ElementsAre("e", "b"));
  EvictHost cpu;
  cpu.state.asked = memory.asked;
  const auto decision = cpu.round();
  EXPECT_EQ(decision.of(EvictTask::kBeSatisfaction).target, model::MilliCpu(10'000));
  EXPECT_EQ(decision.of(EvictTask::kBeSatisfaction).credited, model::MilliCpu(16'000));
  EXPECT_THAT(decision.victims, IsEmpty());
}

TEST(MemoryEvict, WhoIsPickedInADryRunIsToldOnceAndCountedOnByNobodyElse) {
  MemoryHost memory;
  memory.policy->dry_run.memory_evict = true;
  ASSERT_THAT(uids_of(memory.round()), ElementsAre("e", "b"));
  EXPECT_EQ(memory.pending, Bytes(0)) << "relief must not wait for it";
  for (int second = 0; second < 100; ++second)
    ASSERT_THAT(memory.next().victims, IsEmpty()) << second;
  EvictHost cpu;
  cpu.now = memory.now;
  cpu.state.asked = memory.asked;
  const auto decision = cpu.round();
  EXPECT_EQ(decision.of(EvictTask::kBeSatisfaction).credited, model::MilliCpu(0));
  EXPECT_THAT(uids_of(decision), ElementsAre("b", "c")) << "nor does it keep anybody from going";
  memory.policy->dry_run.memory_evict = false;
  memory.next();
  EXPECT_THAT(uids_of(memory.next()), ElementsAre("e", "b")) << "from now on in earnest";
}

TEST(MemoryEvict, PendingReleaseIsWhatLeavesInEarnest) {
  MemoryHost host;
  host.pod("a").eviction.terminating = true;
  host.asked = {{PodUid("a"), host.now},
                {PodUid("b"), host.now},
                {PodUid("c"), host.now, true},
                {PodUid("d"), host.now, false, Controller::kCpuEvict},
                {PodUid("gone"), host.now}};
  const auto readings = host.memory();
  EXPECT_EQ(pending_release(readings, host.asked), Bytes(3500)) << "a once, and b";
  EXPECT_EQ(pending_release({}, host.asked), Bytes(0));
}

}  // namespace
}  // namespace tideline::decide::test::memory_evict_test
