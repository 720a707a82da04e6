#include "node-actor/decide/arbiter.h"

#include <algorithm>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/pods.h"

namespace tideline::decide::test::arbiter_test {
namespace {

using model::Controller;
using model::CpuSet;
using model::GroupRef;
using model::Knob;
using model::KnobValue;
using model::KubeQos;
using model::MonoTime;
using model::Reason;

constexpr MonoTime kNow{1'000'000};
constexpr std::int64_t kMiB = 1 << 20;
const GroupRef kPod = model::group_of(ls_pod("p"));

Want want(Knob knob, KnobValue value, Controller controller, Reason reason = Reason::kNone,
          const GroupRef& group = kPod) {
  return {group, knob, std::move(value), controller, reason};
}

struct PrecedenceCase {
  const char* name;
  Want winner;
  Want loser;
};

class Precedence : public testing::TestWithParam<PrecedenceCase> {};
INSTANTIATE_TEST_SUITE_P(
    Declared, Precedence,
    testing::Values(
        PrecedenceCase{"BoundPodHasNoQuotaWhateverBurstSays", want(Knob::kCpuQuota, no_limit(), Controller::kCpuset),
                       want(Knob::kCpuQuota, cpu(2000), Controller::kCpuBurst)},
        PrecedenceCase{"BurstBeforeBatchLimits", want(Knob::kCpuQuota, cpu(3000), Controller::kCpuBurst),
                       want(Knob::kCpuQuota, cpu(1000), Controller::kBatchLimits)},
        PrecedenceCase{"BurstBeforeSuppress", want(Knob::kCpuQuota, cpu(3000), Controller::kCpuBurst),
                       want(Knob::kCpuQuota, cpu(1000), Controller::kCpuSuppress)},
        PrecedenceCase{"SuppressWhereItIsTighterThanBatchLimits",
                       want(Knob::kCpuQuota, cpu(500), Controller::kCpuSuppress),
                       want(Knob::kCpuQuota, cpu(1000), Controller::kBatchLimits)},
        PrecedenceCase{"BatchLimitsWhereTheyAreTighterThanSuppress",
                       want(Knob::kCpuQuota, cpu(1000), Controller::kBatchLimits),
                       want(Knob::kCpuQuota, cpu(4000), Controller::kCpuSuppress)},
        PrecedenceCase{"ALimitIsTighterThanNone", want(Knob::kCpuQuota, cpu(4000), Controller::kCpuSuppress),
                       want(Knob::kCpuQuota, no_limit(), Controller::kBatchLimits)},
        PrecedenceCase{"BatchLimitsBeforeAnyoneUnlisted", want(Knob::kCpuQuota, cpu(1000), Controller::kBatchLimits),
                       want(Knob::kCpuQuota, cpu(10), Controller::kCpuQos)},
        PrecedenceCase{"ClassWeightBeforeBatchWeight",
                       want(Knob::kCpuWeight, number(2000), Controller::kCpuQos, Reason::kQosClass),
                       want(Knob::kCpuWeight, number(2), Controller::kBatchLimits, Reason::kBatchRequest)},
        PrecedenceCase{"PodOverrideBeforeClassWeight",
                       want(Knob::kCpuWeight, number(2000), Controller::kCpuQos, Reason::kPodOverride),
                       want(Knob::kCpuWeight, number(2), Controller::kCpuQos, Reason::kQosClass)},
        PrecedenceCase{"PodOverrideBeforeClassIdle",
                       want(Knob::kCpuIdle, number(1), Controller::kCpuQos, Reason::kPodOverride),
                       want(Knob::kCpuIdle, number(0), Controller::kCpuQos, Reason::kQosClass)},
        PrecedenceCase{"PodOverrideBeforeClassIdentity",
                       want(Knob::kBvtWarp, number(2), Controller::kCpuQos, Reason::kPodOverride),
                       want(Knob::kBvtWarp, number(-1), Controller::kCpuQos, Reason::kQosClass)},
        PrecedenceCase{"BoundCpusBeforeSuppress",
                       want(Knob::kCpuset, CpuSet{0, 1, 2}, Controller::kCpuset, Reason::kBoundCpus),
                       want(Knob::kCpuset, CpuSet{3}, Controller::kCpuSuppress, Reason::kSuppressedCpus)},
        PrecedenceCase{"SuppressedCpusBeforeThePool",
                       want(Knob::kCpuset, CpuSet{0, 1, 2}, Controller::kCpuset, Reason::kSuppressedCpus),
                       want(Knob::kCpuset, CpuSet{3}, Controller::kCpuset, Reason::kSharePool)},
        PrecedenceCase{"SuppressBeforeThePool",
                       want(Knob::kCpuset, CpuSet{0, 1, 2}, Controller::kCpuSuppress, Reason::kMinPercentFloor),
                       want(Knob::kCpuset, CpuSet{3}, Controller::kCpuset, Reason::kSharePool)},
        PrecedenceCase{"BatchMemoryBeforeAnyoneUnlisted",
                       want(Knob::kMemoryLimit, memory_value(9 * kMiB), Controller::kBatchLimits),
                       want(Knob::kMemoryLimit, memory_value(kMiB), Controller::kMemoryRelief)},
        PrecedenceCase{"TheTighterBatchMemory",
                       want(Knob::kMemoryLimit, memory_value(8 * kMiB), Controller::kBatchLimits, Reason::kAboveLimit),
                       want(Knob::kMemoryLimit, memory_value(9 * kMiB), Controller::kBatchLimits)},
        PrecedenceCase{"BatchMemoryBeforeNoLimit",
                       want(Knob::kMemoryLimit, memory_value(9 * kMiB), Controller::kBatchLimits),
                       want(Knob::kMemoryLimit, no_memory_limit(), Controller::kBatchLimits)},
        PrecedenceCase{"MemoryQosBeforeAnyoneUnlisted",
                       want(Knob::kMemoryMin, memory_value(9 * kMiB), Controller::kMemoryQos),
                       want(Knob::kMemoryMin, memory_value(kMiB), Controller::kBatchLimits)},
        PrecedenceCase{
            "NoLimitComesAfterTheLargestThereIs",
            want(Knob::kMemoryHigh, memory_value(INT64_MAX), Controller::kMemoryQos, Reason::kMemoryThrottle),
            want(Knob::kMemoryHigh, no_memory_limit(), Controller::kMemoryQos, Reason::kMemoryThrottle)}),
    [](const auto& test) { return test.param.name; });

TEST_P(Precedence, DecidesWhoWinsInEitherOrderAndKeepsTheOther) {
  const auto& [name, winner, loser] = GetParam();
  for (const auto& wants : {std::vector{winner, loser}, std::vector{loser, winner}}) {
    const auto settlement = settle(wants, {}, {}, kNow);
    ASSERT_EQ(settlement.settled.size(), 1u);
    const auto& settled = settlement.settled[0];
    EXPECT_EQ(settled.value, winner.value);
    EXPECT_EQ(settled.controller, winner.controller);
    EXPECT_EQ(settled.reason, winner.reason);
    EXPECT_EQ(settled.held_back, HeldBack::kNone);
    ASSERT_EQ(settled.overruled.size(), 1u);
    EXPECT_EQ(settled.overruled[0], (Overruled{loser, Overruled::Cause::kOutranked}));
  }
}

TEST(Arbiter, KnobsOfDifferentGroupsDoNotMeet) {
  const auto pod = model::group_of(be_pod("q"));
  const auto settlement = settle({want(Knob::kCpuQuota, cpu(1000), Controller::kBatchLimits, Reason::kBatchLimit, pod),
                                  want(Knob::kCpuWeight, number(1024), Controller::kBatchLimits),
                                  want(Knob::kCpuQuota, cpu(2000), Controller::kCpuBurst)},
                                 {}, {}, kNow);
  ASSERT_EQ(settlement.settled.size(), 3u);
  EXPECT_EQ(settlement.find({kPod, Knob::kCpuQuota})->value, cpu(2000));
  EXPECT_EQ(settlement.find({pod, Knob::kCpuQuota})->value, cpu(1000));
  EXPECT_EQ(settlement.find({pod, Knob::kCpuWeight}), nullptr);
  EXPECT_TRUE(settlement.settled[0].overruled.empty());
}

TEST(Arbiter, AMechanismInDryRunDisplacesNothingThatIsWritten) {
  const auto bound = want(Knob::kCpuset, CpuSet{0}, Controller::kCpuset, Reason::kBoundCpus);
  const auto suppressed = want(Knob::kCpuset, CpuSet{0, 1}, Controller::kCpuSuppress);
  const auto settled = settle({bound, suppressed}, {.cpuset = true}, {}, kNow).settled;
  ASSERT_EQ(settled.size(), 1u);
  EXPECT_EQ(settled[0].value, suppressed.value);
  EXPECT_EQ(settled[0].held_back, HeldBack::kNone);
  EXPECT_THAT(settled[0].overruled, testing::ElementsAre(Overruled{bound, Overruled::Cause::kDryRun}));
}

TEST(Arbiter, WhatOnlyDryRunWantsIsSettledHeldBackAndPutBackIfItWasWrittenBefore) {
  struct Case {
    Controller controller;
    model::DryRun dry_run;
  };
  for (const auto& [controller, dry_run] :
       {Case{Controller::kCpuSuppress, {.cpu_suppress = true}}, Case{Controller::kCpuBurst, {.cpu_burst = true}},
        Case{Controller::kCpuQos, {.cpu_qos = true}}, Case{Controller::kCpuset, {.cpuset = true}},
        Case{Controller::kBatchLimits, {.batch_limits = true}}, Case{Controller::kMemoryQos, {.memory_qos = true}},
        Case{Controller::kMemoryRelief, {.memory_relief = true}},
        Case{Controller::kMemoryEvict, {.memory_evict = true}}}) {
    const std::vector wants = {want(Knob::kCpuQuota, cpu(700), controller)};
    const auto dry = settle(wants, dry_run, {}, kNow);
    ASSERT_EQ(dry.settled.size(), 1u) << model::name_of(controller);
    EXPECT_EQ(dry.settled[0].held_back, HeldBack::kDryRun) << model::name_of(controller);
    EXPECT_EQ(dry.settled[0].value, cpu(700));
    EXPECT_EQ(unwanted({{kPod, Knob::kCpuQuota}}, dry).size(), 1u) << "as if it were disabled";
    const auto live = settle(wants, {}, {}, kNow);
    EXPECT_EQ(live.settled[0].held_back, HeldBack::kNone);
    EXPECT_TRUE(unwanted({{kPod, Knob::kCpuQuota}}, live).empty());
  }
}

TEST(Arbiter, HandsOffHoldsAGroupAndAllBelowItUntilItExpires) {
  const auto pod = ls_pod("p");
  const auto container = model::group_of(pod, pod.containers[0]);
  const auto best_effort = model::root_of(KubeQos::kBestEffort);
  const std::vector wants = {
      want(Knob::kCpuQuota, cpu(3000), Controller::kCpuBurst),
      want(Knob::kCpuQuota, cpu(2000), Controller::kCpuBurst, Reason::kThrottled, container),
      want(Knob::kCpuQuota, cpu(900), Controller::kCpuSuppress, Reason::kThresholdFormula, best_effort)};
  struct Case {
    GroupRef group;
    std::vector<GroupRef> held;
  };
  for (const auto& [group, held] : {Case{kPod, {kPod, container}}, Case{container, {container}},
                                    Case{model::root_of(KubeQos::kBurstable), {kPod, container}},
                                    Case{model::root_of(KubeQos::kGuaranteed), {kPod, container, best_effort}},
                                    Case{model::group_of(ls_pod("other")), {}}}) {
    const HandsOff hands_off{group, MonoTime{kNow.ns + 1}, "eve", "debugging"};
    const auto settlement = settle(wants, {}, {hands_off}, kNow);
    for (const auto& settled : settlement.settled) {
      const bool expected = std::find(held.begin(), held.end(), settled.group) != held.end();
      EXPECT_EQ(settled.held_back, expected ? HeldBack::kHandsOff : HeldBack::kNone)
          << text_of(settled.group) << " under " << text_of(group);
      EXPECT_EQ(settled.held_by, expected ? "eve: debugging" : "");
    }
    const auto later = settle(wants, {}, {hands_off}, hands_off.expires);
    EXPECT_TRUE(later.hands_off.empty());
    for (const auto& settled : later.settled)
      EXPECT_EQ(settled.held_back, HeldBack::kNone);
  }
}

TEST(Arbiter, WhatNobodyWantsIsPutBackUnlessHandsOff) {
  const auto gone = model::group_of(be_pod("gone"));
  const std::vector<KnobRef> owned = {{kPod, Knob::kCpuQuota}, {kPod, Knob::kCpuBurst}, {gone, Knob::kCpuWeight}};
  const std::vector wants = {want(Knob::kCpuQuota, cpu(3000), Controller::kCpuBurst)};
  EXPECT_THAT(unwanted(owned, settle(wants, {}, {}, kNow)), testing::ElementsAre(owned[1], owned[2]));
  const HandsOff hands_off{kPod, MonoTime{kNow.ns + 1}, "eve", "debugging"};
  EXPECT_THAT(unwanted(owned, settle(wants, {}, {hands_off}, kNow)), testing::ElementsAre(owned[2]));
  EXPECT_THAT(unwanted(owned, settle({}, {}, {hands_off}, kNow)), testing::ElementsAre(owned[2]));
  EXPECT_EQ(unwanted(owned, settle({}, {}, {hands_off}, hands_off.expires)), owned);
}

TEST(Arbiter, TheWeightOfAGroupThatIsToBeIdleIsHeld) {
  const auto weight = want(Knob::kCpuWeight, number(2048), Controller::kBatchLimits);
  const auto idle = want(Knob::kCpuIdle, number(1), Controller::kCpuQos, Reason::kQosClass);
  const auto held = settle({weight, idle}, {}, {}, kNow);
  EXPECT_EQ(held.find({kPod, Knob::kCpuWeight})->held_back, HeldBack::kIdle);
  EXPECT_EQ(held.find({kPod, Knob::kCpuIdle})->held_back, HeldBack::kNone);
  EXPECT_TRUE(unwanted({{kPod, Knob::kCpuWeight}}, held).empty()) << "it could not be put back either";
  const auto dry = settle({weight, idle}, {.cpu_qos = true}, {}, kNow);
  EXPECT_EQ(dry.find({kPod, Knob::kCpuWeight})->held_back, HeldBack::kNone);
  auto busy = idle;
  busy.value = number(0);
  EXPECT_EQ(settle({weight, busy}, {}, {}, kNow).find({kPod, Knob::kCpuWeight})->held_back, HeldBack::kNone);
}

TEST(Arbiter, AnUnwantedWeightGoesBackOnceItsGroupIsNotIdle) {
  const auto weight = want(Knob::kCpuWeight, number(2048), Controller::kBatchLimits);
  const auto idle = want(Knob::kCpuIdle, number(1), Controller::kCpuQos, Reason::kQosClass);
  const std::vector<KnobRef> owned = {{kPod, Knob::kCpuWeight}};
  EXPECT_TRUE(unwanted(owned, settle({idle}, {}, {}, kNow)).empty()) << "the kernel takes no weight of an idle group";
  EXPECT_TRUE(unwanted(owned, settle({weight, idle}, {.batch_limits = true}, {}, kNow)).empty());
  EXPECT_EQ(unwanted(owned, settle({idle}, {.cpu_qos = true}, {}, kNow)), owned);
  EXPECT_EQ(unwanted(owned, settle({}, {}, {}, kNow)), owned);
}

TEST(Arbiter, AWantThatNoKernelTakesOrThatStopsAGroupIsRefused) {
  const auto by = Controller::kCpuSuppress;
  for (const auto& bad : {want(Knob::kCpuQuota, cpu(0), by),
                          want(Knob::kCpuQuota, cpu(-5), by),
                          want(Knob::kCpuQuota, number(7), by),
                          want(Knob::kCpuBurst, no_limit(), by),
                          want(Knob::kCpuBurst, cpu(-1), by),
                          want(Knob::kCpuset, CpuSet{}, by),
                          want(Knob::kCpuset, cpu(1), by),
                          want(Knob::kCpuWeight, number(1), by),
                          want(Knob::kCpuWeight, number(262145), by),
                          want(Knob::kCpuIdle, number(2), by),
                          want(Knob::kBvtWarp, number(3), by),
                          want(Knob::kBvtWarp, number(-2), by),
                          want(Knob::kCpuQuota, memory_value(kMiB), by),
                          want(Knob::kMemoryMin, no_memory_limit(), by),
                          want(Knob::kMemoryMin, memory_value(-1), by),
                          want(Knob::kMemoryMin, number(5), by),
                          want(Knob::kMemoryLow, no_memory_limit(), by),
                          want(Knob::kMemoryLow, cpu(5), by),
                          want(Knob::kMemoryHigh, memory_value(0), by),
                          want(Knob::kMemoryHigh, number(kMiB), by),
                          want(Knob::kMemoryLimit, memory_value(0), by),
                          want(Knob::kMemoryLimit, memory_value(-1), by),
                          want(Knob::kMemoryLimit, memory_value(65535), by),
                          want(Knob::kMemoryLimit, no_limit(), by),
                          want(Knob::kSoftLimit, memory_value(-1), by),
                          want(Knob::kOomGroup, number(2), by),
                          want(Knob::kOomGroup, memory_value(1), by),
                          want(Knob::kWmarkRatio, number(101), by),
                          want(Knob::kWmarkRatio, number(-1), by),
                          want(Knob::kWmarkScaleFactor, number(0), by),
                          want(Knob::kWmarkScaleFactor, number(1001), by),
                          want(Knob::kWmarkMinAdj, number(-26), by),
                          want(Knob::kWmarkMinAdj, number(51), by),
                          want(Knob::kMemoryPriority, number(13), by),
                          want(Knob::kMemoryPriority, number(-1), by),
                          want(Knob::kUsePriorityOom, number(2), by),
                          want(Knob::kPageCacheEnable, number(2), by),
                          want(Knob::kPageCacheSize, no_memory_limit(), by),
                          want(Knob::kPageCacheSize, memory_value(-1), by),
                          want(Knob::kPageCacheSync, number(2), by),
                          want(Knob::kCoreSched, number(1), by)}) {
    const auto alone = settle({bad}, {}, {}, kNow);
    EXPECT_TRUE(alone.settled.empty()) << name_of(bad.knob) << " " << text_of(bad.value);
    EXPECT_THAT(alone.refused, testing::ElementsAre(bad));
  }
  for (const auto& good : {want(Knob::kCpuQuota, cpu(1), by),
                           want(Knob::kCpuBurst, cpu(0), by),
                           want(Knob::kCpuWeight, number(2), by),
                           want(Knob::kCpuWeight, number(262144), by),
                           want(Knob::kCpuset, CpuSet{0}, by),
                           want(Knob::kBvtWarp, number(-1), by),
                           want(Knob::kMemoryMin, memory_value(0), by),
                           want(Knob::kMemoryLow, memory_value(1), by),
                           want(Knob::kMemoryHigh, no_memory_limit(), by),
                           want(Knob::kMemoryHigh, memory_value(65536), by),
                           want(Knob::kMemoryLimit, no_memory_limit(), by),
                           want(Knob::kMemoryLimit, memory_value(65536), by),
                           want(Knob::kSoftLimit, memory_value(0), by),
                           want(Knob::kSoftLimit, no_memory_limit(), by),
                           want(Knob::kOomGroup, number(1), by),
                           want(Knob::kWmarkRatio, number(100), by),
                           want(Knob::kWmarkScaleFactor, number(1), by),
                           want(Knob::kWmarkMinAdj, number(-25), by),
                           want(Knob::kWmarkMinAdj, number(50), by),
                           want(Knob::kMemoryPriority, number(12), by),
                           want(Knob::kUsePriorityOom, number(1), by),
                           want(Knob::kPageCacheEnable, number(0), by),
                           want(Knob::kPageCacheSize, memory_value(0), by),
                           want(Knob::kPageCacheSync, number(1), by)})
    EXPECT_EQ(settle({good}, {}, {}, kNow).settled.size(), 1u) << name_of(good.knob);
}

TEST(SettleAgain, TheSameWantsAreTheSameSettlementAndAnyChangeIsNot) {
  const auto quota = want(Knob::kCpuQuota, cpu(1000), Controller::kBatchLimits);
  const auto more = want(Knob::kCpuQuota, cpu(2000), Controller::kBatchLimits);
  const HandsOff hold{kPod, MonoTime{kNow.ns + 10}, "ann", "by hand"};
  LastSettlement last;
  const auto first = settle_again(last, {quota}, {}, {hold}, kNow);
  EXPECT_EQ(*first, settle({quota}, {}, {hold}, kNow));
  EXPECT_EQ(settle_again(last, {quota}, {}, {hold}, MonoTime{kNow.ns + 9}), first);

  const auto over = settle_again(last, {quota}, {}, {hold}, MonoTime{kNow.ns + 10});
  EXPECT_EQ(*over, settle({quota}, {}, {}, kNow)) << "the hold has ended by itself";
  EXPECT_EQ(settle_again(last, {quota}, {}, {hold}, MonoTime{kNow.ns + 11}), over);

  EXPECT_EQ(*settle_again(last, {more}, {}, {}, kNow), settle({more}, {}, {}, kNow));
  const model::DryRun dry_run{.batch_limits = true};
  EXPECT_EQ(*settle_again(last, {more}, dry_run, {}, kNow), settle({more}, dry_run, {}, kNow));
  EXPECT_EQ(*settle_again(last, {more}, dry_run, {hold}, kNow), settle({more}, dry_run, {hold}, kNow));
  EXPECT_EQ(*settle_again(last, {}, dry_run, {hold}, kNow), settle({}, dry_run, {hold}, kNow));
}

class RandomWants : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Seeds, RandomWants, testing::Range(1u, 11u));

TEST_P(RandomWants, SettleToOneValueEachWhateverTheirOrderAndLoseNone) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  std::mt19937 random(GetParam());
  const auto upto = [&](int most) { return std::uniform_int_distribution<int>(0, most)(random); };
  for (int round = 0; round < 300; ++round) {
    std::vector<Want> wants;
    for (int i = upto(20); i > 0; --i) {
      const auto knob = static_cast<Knob>(upto(12));
      KnobValue value = number(upto(3));
      if (knob >= Knob::kMemoryMin && knob <= Knob::kSoftLimit) {
        value = upto(3) == 0 ? no_memory_limit() : memory_value((upto(3) - 1) * kMiB);
        if (upto(9) == 0) value = memory_value(INT64_MAX);
      }
      if (knob == Knob::kCpuQuota || knob == Knob::kCpuBurst) value = upto(3) == 0 ? no_limit() : cpu(upto(3));
      if (knob == Knob::kCpuset) value = upto(4) == 0 ? CpuSet{} : CpuSet{upto(2), upto(2)};
      const auto group = upto(3) == 0 ? model::root_of(static_cast<KubeQos>(upto(2)))
                                      : model::group_of(ls_pod(std::string(1, static_cast<char>('a' + upto(2)))));
      wants.push_back(want(knob, value, static_cast<Controller>(upto(11)), static_cast<Reason>(100 + upto(2)), group));
    }
    const model::DryRun dry_run{.cpu_suppress = upto(1) == 0,
                                .cpuset = upto(1) == 0,
                                .memory_qos = upto(1) == 0,
                                .memory_relief = upto(1) == 0};
    const auto settlement = settle(wants, dry_run, {}, kNow);
    auto refused = settlement.refused.size();
    auto kept = settlement.settled.size();
    for (std::size_t i = 0; i < settlement.settled.size(); ++i) {
      const auto& settled = settlement.settled[i];
      kept += settled.overruled.size();
      ASSERT_EQ(settlement.find({settled.group, settled.knob}), &settled) << "one entry a knob, and in order";
    }
    ASSERT_EQ(kept + refused, wants.size());
    std::shuffle(wants.begin(), wants.end(), random);
    ASSERT_EQ(settle(wants, dry_run, {}, kNow).settled, settlement.settled);
  }
}

}  // namespace
}  // namespace tideline::decide::test::arbiter_test
