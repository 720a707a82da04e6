#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/worked_host.h"

namespace tideline::decide::test::cpu_suppress_test {
namespace {

TEST(CpuSuppress, EveryTermIsThereToExplain) {
  const auto terms =
      decide_once(worked_host(CurrentLimit::of(MilliCpu(4000))), policy_of(SuppressPolicy::kCfsQuota, 5)).terms;
  EXPECT_EQ(terms.capacity, MilliCpu(32000));
  EXPECT_EQ(terms.threshold_percent, 65);
  EXPECT_EQ(terms.threshold, MilliCpu(20800));
  EXPECT_EQ(terms.node_used, MilliCpu(24000));
  EXPECT_EQ(terms.be_used, MilliCpu(12000));
  EXPECT_EQ(terms.non_be_pods_used, MilliCpu(10000));
  EXPECT_EQ(terms.reserved, MilliCpu(1000));
  EXPECT_EQ(terms.non_be_used, MilliCpu(12000));
  EXPECT_EQ(terms.formula, MilliCpu(8800));
  EXPECT_EQ(terms.floor, MilliCpu(1600));
  EXPECT_TRUE(terms.from_fast_loop);
  EXPECT_EQ(terms.sample_age, model::kZeroDuration);
}

TEST(CpuSuppress, BacksOffOnTheFastSampleWithoutWaitingForThePodLoop) {
  auto input = worked_host(CurrentLimit::of(MilliCpu(8800)));
  input.now = kNow + 900ms;
  input.fast = model::FastSample{kNow + 900ms, 100ms, MilliCpu(29000), MilliCpu(8800), {}, {}};
  const auto decision = decide_once(input, policy_of(SuppressPolicy::kCfsQuota));
  EXPECT_EQ(decision.action, Action::kLimit);
  EXPECT_EQ(decision.limit, MilliCpu(20800 - 20200));
}

TEST(CpuSuppress, PodLoopStandsInForAFastLoopThatStopped) {
  auto input = worked_host(CurrentLimit::none());
  input.fast->at = MonoTime{kNow.ns - (600ms).count() * 1'000'000};
  input.fast->node_cpu = MilliCpu(31000);
  const auto decision = decide_once(input, policy_of(SuppressPolicy::kCfsQuota));
  EXPECT_FALSE(decision.terms.from_fast_loop);
  EXPECT_EQ(decision.limit, MilliCpu(8800));
}

TEST(CpuSuppress, AFastLoopOfOneSecondIsNotStaleBetweenItsOwnRounds) {
  auto input = worked_host(CurrentLimit::none());
  input.fast->window = 1s;
  input.now = kNow + 1900ms;
  EXPECT_TRUE(decide_once(input, policy_of(SuppressPolicy::kCfsQuota)).terms.from_fast_loop);
}

TEST(CpuSuppress, AFastSampleIsStaleAfterTwoSecondsHoweverLongItsWindowWas) {
  auto input = worked_host(CurrentLimit::none());
  input.fast->window = 3s;
  input.fast->node_cpu = MilliCpu(31000);
  input.now = kNow + 2000ms;
  input.pods->at = input.now;
  EXPECT_TRUE(decide_once(input, policy_of(SuppressPolicy::kCfsQuota)).terms.from_fast_loop);
  input.now = kNow + 2001ms;
  const auto decision = decide_once(input, policy_of(SuppressPolicy::kCfsQuota));
  EXPECT_FALSE(decision.terms.from_fast_loop);
  EXPECT_EQ(decision.limit, MilliCpu(8800)) << "by the pod loop's newer sample";
}

/// The worked host with a quota of 8800 set `ago`, whose LS now uses `more` than the formula allowed for: in the last
/// window, and in the last second.
struct Moved {
  model::Duration ago;
  std::int64_t more_in_window = 0;
  std::int64_t more_in_second = 0;
  std::optional<std::int64_t> periods_begun;
  bool ordered = false;  // kernel ordering is verified
  std::optional<model::Duration> period_ago = {};
};

SuppressDecision after_move(const Moved& moved) {
  auto input = worked_host(CurrentLimit::of(MilliCpu(8800)));
  input.fast->node_cpu = *input.fast->node_cpu + MilliCpu(moved.more_in_window);
  input.fast->be_periods = moved.periods_begun;
  input.protection.verified = moved.ordered;
  input.pods->node_cpu = *input.pods->node_cpu + MilliCpu(moved.more_in_second);
  SuppressState state;
  state.last_limit = MilliCpu(8800);
  state.last_change = MonoTime{kNow.ns - moved.ago.count()};
  if (moved.period_ago) state.last_period = MonoTime{kNow.ns - moved.period_ago->count()};
  return decide_once(input, policy_of(SuppressPolicy::kCfsQuota), state);
}

TEST(CpuSuppress, AnUrgentFallIsWrittenInTheRoundThatSeesIt) {
  const auto decision =
      after_move({.ago = 100ms, .more_in_window = 1600, .more_in_second = 0, .periods_begun = 0, .ordered = false});
  EXPECT_EQ(decision.action, Action::kLimit);
  EXPECT_EQ(decision.limit, MilliCpu(7200)) << "5 % of 32 cores lower";
  EXPECT_EQ(decision.rule, Reason::kThresholdFormula);
}

TEST(CpuSuppress, ASmallFallWaitsForItsPaceAndThenFollowsTheLongerWindow) {
  Moved moved{.ago = 4800ms, .more_in_window = 1500, .more_in_second = 700, .periods_begun = {}, .ordered = false};
  auto decision = after_move(moved);
  EXPECT_EQ(decision.action, Action::kHold);
  EXPECT_EQ(decision.rule, Reason::kPaced);
  EXPECT_EQ(decision.reason, Reason::kPaced);
  moved.ago = 4900ms;
  decision = after_move(moved);
  EXPECT_EQ(decision.action, Action::kLimit);
  EXPECT_EQ(decision.limit, MilliCpu(8100)) << "one window says nothing that lasts";
  moved.more_in_window = 0;
  EXPECT_EQ(after_move(moved).limit, MilliCpu(8100));
}

TEST(CpuSuppress, AFallBelowTwoPercentWaitsHalfAMinute) {
  for (const bool ordered : {false, true}) {
    Moved moved{.ago = 29'800ms, .more_in_window = 0, .more_in_second = 639, .periods_begun = 1, .ordered = ordered};
    EXPECT_EQ(after_move(moved).rule, Reason::kPaced);
    moved.ago = 29'900ms;
    EXPECT_EQ(after_move(moved).limit, MilliCpu(8161));
    moved.more_in_second = 319;
    EXPECT_EQ(after_move(moved).rule, Reason::kWithinDeadBand);
  }
}

TEST(CpuSuppress, AFallOfFivePercentThatOnlyTheLongerWindowShowsWaitsAPeriod) {
  Moved moved{.ago = 740ms, .more_in_window = 0, .more_in_second = 1600, .periods_begun = 1, .ordered = false};
  EXPECT_EQ(after_move(moved).rule, Reason::kPaced);
  moved.ago = 750ms;
  EXPECT_EQ(after_move(moved).limit, MilliCpu(7200));
  moved.more_in_second = 1590;
  EXPECT_EQ(after_move(moved).rule, Reason::kPaced) << "a write hands out more than that";
}

TEST(CpuSuppress, ChangesAreWrittenAtTheBeginOfAQuotaPeriodWhereOneComes) {
  Moved moved{.ago = 10s, .more_in_window = 700, .more_in_second = 700, .periods_begun = 0, .ordered = false};
  for (const auto& [ago, due] : {std::pair(100ms, false), std::pair(1000ms, false), std::pair(1100ms, true)}) {
    moved.period_ago = ago;
    EXPECT_EQ(after_move(moved).action == Action::kLimit, due)
        << ago.count() << " ms: late in a period a write would hand out a second quota, and without one nothing";
  }
  moved.period_ago = 1100ms;
  moved.periods_begun = 1;
  EXPECT_EQ(after_move(moved).action, Action::kLimit);
}

TEST(CpuSuppress, AWriteBeginsAPeriodOfAGroupThatHadNone) {
  SuppressState state;
  state.last_period = kNow;
  const auto later = kNow + 10s;
  EXPECT_TRUE(change_is_due(state, later, 1100ms, kPace));
  EXPECT_FALSE(change_is_due(state, later, 1000ms, kPace)) << "its begin is not seen yet";
}

TEST(CpuSuppress, WhereOrderIsVerifiedASmallChangeWaitsFiveSeconds) {
  Moved small{.ago = 4800ms, .more_in_window = 1500, .more_in_second = 1500, .periods_begun = 1, .ordered = true};
  EXPECT_EQ(after_move(small).rule, Reason::kPaced);
  small.ago = 4900ms;
  EXPECT_EQ(after_move(small).limit, MilliCpu(7300));
  const Moved urgent{.ago = 100ms, .more_in_window = 1600, .more_in_second = 0, .periods_begun = 0, .ordered = true};
  EXPECT_EQ(after_move(urgent).action, Action::kLimit);
}

TEST(CpuSuppress, AWindowThatShowsLessLsThanTheLastSecondDoesNotRaise) {
  const auto decision =
      after_move({.ago = 1s, .more_in_window = -4000, .more_in_second = 0, .periods_begun = 1, .ordered = false});
  EXPECT_EQ(decision.action, Action::kHold);
  EXPECT_EQ(decision.rule, Reason::kWithinDeadBand);
}

TEST(CpuSuppress, OnASmallHostAQuarterOfACpuIsUrgentAndFivePercentAreNot) {
  auto input = worked_host(CurrentLimit::of(MilliCpu(800)));
  input.node = {MilliCpu(2000), MilliCpu(2000)};
  input.pods->ls_cpu = MilliCpu(500);
  input.pods->node_cpu = MilliCpu(1300);
  input.pods->be_cpu = MilliCpu(800);
  SuppressState state;
  state.last_change = MonoTime{kNow.ns - 100'000'000};
  for (const auto& [ls, urgent] : {std::pair(749, false), std::pair(750, true)}) {
    input.fast = model::FastSample{kNow, 100ms, MilliCpu(800 + ls), MilliCpu(800), {}, {}};
    const auto decision = decide_once(input, policy_of(SuppressPolicy::kCfsQuota), state);
    EXPECT_EQ(decision.action == Action::kLimit, urgent) << ls;
  }
}

TEST(CpuSuppress, AForeignValueThatIsNotToBeAnsweredYetStaysAndTheFeatureSaysSo) {
  for (const auto& foreign :
       {CurrentLimit::none(), CurrentLimit::of(MilliCpu(30'000)), CurrentLimit::of(MilliCpu(500))}) {
    auto input = worked_host(foreign);
    input.overwritten = MilliCpu(8800);
    const auto decision = decide_once(input, policy_of(SuppressPolicy::kCfsQuota));
    EXPECT_EQ(decision.action, Action::kHold);
    EXPECT_EQ(decision.reason, Reason::kDrift);
    EXPECT_EQ(decision.rule, Reason::kDrift);
    EXPECT_THAT(decision.features[0].why, testing::HasSubstr(": drift, somebody else wrote that"));
    input.overwritten.reset();
    EXPECT_EQ(decide_once(input, policy_of(SuppressPolicy::kCfsQuota)).action, Action::kLimit) << "once it is time";
  }
}

TEST(CpuSuppress, WithoutWeightsNoForeignValueThatGivesBatchMoreIsWaitedFor) {
  for (const auto& foreign : {CurrentLimit::none(), CurrentLimit::of(MilliCpu(30'000))}) {
    auto input = worked_host(foreign);
    input.overwritten = MilliCpu(8800);
    input.protection.verified = false;
    const auto decision = decide_once(input, policy_of(SuppressPolicy::kCfsQuota));
    EXPECT_EQ(decision.action, Action::kLimit);
    EXPECT_EQ(decision.limit, MilliCpu(8800));
  }
  auto input = worked_host(CurrentLimit::of(MilliCpu(500)));
  input.overwritten = MilliCpu(8800);
  input.protection.verified = false;
  EXPECT_EQ(decide_once(input, policy_of(SuppressPolicy::kCfsQuota)).reason, Reason::kDrift) << "services gain by it";
}

TEST(CpuSuppress, AnUrgentFallWaitsForNoForeignValueAndNeverRaisesIt) {
  auto input = worked_host(CurrentLimit::none());
  input.overwritten = MilliCpu(8800);
  input.fast->node_cpu = MilliCpu(29'000);
  const auto decision = decide_once(input, policy_of(SuppressPolicy::kCfsQuota));
  EXPECT_EQ(decision.action, Action::kLimit);
  EXPECT_EQ(decision.limit, MilliCpu(3800)) << "20.8 - (29 - 12)";
  input.current = CurrentLimit::of(MilliCpu(1000));
  EXPECT_EQ(decide_once(input, policy_of(SuppressPolicy::kCfsQuota)).action, Action::kHold) << "BE has less already";
  input.fast.reset();
  input.pods.reset();
  EXPECT_EQ(decide_once(input, policy_of(SuppressPolicy::kCfsQuota)).reason, Reason::kStaleSample);
}

TEST(CpuSuppress, AForeignValueIsNoReasonToKeepALimitThatIsSwitchedOff) {
  auto input = worked_host(CurrentLimit::of(MilliCpu(30'000)));
  input.overwritten = MilliCpu(8800);
  SuppressState state;
  state.ours = true;
  auto off = policy_of(SuppressPolicy::kCfsQuota);
  off.threshold.enable = false;
  const auto decision = decide_once(input, off, state);
  EXPECT_EQ(decision.action, Action::kRelease);
  EXPECT_TRUE(decision.write);
}

TEST(CpuSuppress, PodsBelowTheBestEffortRootThatAreNotBeAreToldOf) {
  const auto pod = [](const std::string& name, model::QosClass qos, model::KubeQos kube_qos) {
    model::Pod made;
    made.uid = model::PodUid(name);
    made.name_space = "shop";
    made.name = name;
    made.qos = qos;
    made.kube_qos = kube_qos;
    return made;
  };
  std::vector<model::Pod> pods = {pod("job", model::QosClass::kBe, model::KubeQos::kBestEffort),
                                  pod("web", model::QosClass::kLs, model::KubeQos::kBurstable),
                                  pod("train", model::QosClass::kBe, model::KubeQos::kBurstable)};
  EXPECT_EQ(throttled_with_be(pods), "");
  pods.push_back(pod("cache", model::QosClass::kLs, model::KubeQos::kBestEffort));
  EXPECT_EQ(throttled_with_be(pods),
            "1 pod below the besteffort root is not BE, and its quota throttles that, too: shop/cache (LS)");
  pods.push_back(pod("agent", model::QosClass::kSystem, model::KubeQos::kBestEffort));
  EXPECT_EQ(throttled_with_be(pods),
            "2 pods below the besteffort root are not BE, and its quota throttles them, too: shop/cache (LS) first");
  pods[3].phase = model::PodPhase::kSucceeded;
  pods[4].phase = model::PodPhase::kFailed;
  EXPECT_EQ(throttled_with_be(pods), "");
}

TEST(CpuSuppress, TheAnnotatedReservationIsLeftToTheSystemWhereItIsMore) {
  auto input = worked_host(CurrentLimit::none());
  input.node.annotated = MilliCpu(500);
  EXPECT_EQ(input.node.reserved(), MilliCpu(1000)) << "less than what is not allocatable";
  input.node.annotated = MilliCpu(5000);
  EXPECT_EQ(input.node.reserved(), MilliCpu(5000));
  EXPECT_EQ(decide_once(input, policy_of(SuppressPolicy::kCfsQuota)).limit, MilliCpu(5800))
      << "20.8 - max(24 - 12, 10 + 5)";
}

TEST(CpuSuppress, BePodsOutsideTheBesteffortRootAreNotTakenForLs) {
  auto input = worked_host(CurrentLimit::none());
  input.be_outside_root = MilliCpu(1500);
  EXPECT_EQ(decide_once(input, policy_of(SuppressPolicy::kCfsQuota)).limit, MilliCpu(9800))
      << "20.8 - max(24 - 13.5, 10 + 1)";
  input.be_outside_root = std::nullopt;
  EXPECT_EQ(decide_once(input, policy_of(SuppressPolicy::kCfsQuota)).limit, MilliCpu(8800)) << "unknown: as non-BE";
}

TEST(CpuSuppress, WhatBePodsOutsideUseMoreIsNotTakenForLsBeforeThePodLoopSeesIt) {
  auto input = worked_host(CurrentLimit::of(MilliCpu(12000)));
  input.be_outside_root = MilliCpu(0);
  input.fast = model::FastSample{kNow, 100ms, MilliCpu(25500), MilliCpu(12000), {}, MilliCpu(1500)};
  EXPECT_EQ(decide_once(input, policy_of(SuppressPolicy::kCfsQuota)).terms.formula, MilliCpu(8800))
      << "20.8 - max(25.5 - 13.5, 10 + 1)";
  input.fast->be_outside_cpu = std::nullopt;
  EXPECT_EQ(decide_once(input, policy_of(SuppressPolicy::kCfsQuota)).terms.formula, MilliCpu(7300));
}

TEST(CpuSuppress, SumsBePodsOutsideTheBesteffortRoot) {
  model::NodeSample sample;
  for (const auto& [uid, use] : std::vector<std::pair<const char*, std::optional<MilliCpu>>>{
           {"a", MilliCpu(100)}, {"b", MilliCpu(30)}, {"c", std::nullopt}}) {
    model::PodUse pod_use;
    pod_use.uid = model::PodUid(uid);
    pod_use.cpu = use;
    sample.pods.push_back(pod_use);
  }
  const auto pod = [](const char* uid, model::QosClass qos, model::KubeQos kube) {
    model::Pod result;
    result.uid = model::PodUid(uid);
    result.qos = qos;
    result.kube_qos = kube;
    return result;
  };
  using enum model::QosClass;
  using enum model::KubeQos;
  EXPECT_EQ(be_outside_root(sample, {pod("a", kBe, kBurstable), pod("b", kBe, kBestEffort)}), MilliCpu(100));
  EXPECT_EQ(be_outside_root(sample, {pod("b", kLs, kBurstable)}), MilliCpu(0));
  EXPECT_EQ(be_outside_root(sample, {pod("c", kBe, kBurstable)}), std::nullopt) << "a pod without reading is not 0";
  EXPECT_EQ(be_outside_root(sample, {pod("gone", kBe, kGuaranteed)}), std::nullopt);
  auto ended = pod("gone", kBe, kGuaranteed);
  ended.phase = model::PodPhase::kSucceeded;
  EXPECT_EQ(be_outside_root(sample, {pod("a", kBe, kBurstable), ended}), MilliCpu(100)) << "an ended pod uses nothing";
}

TEST(CpuSuppress, StaleDataLeavesTheQuotaAlone) {
  for (const auto current : {CurrentLimit::none(), CurrentLimit::of(MilliCpu(400))}) {
    auto input = worked_host(current);
    input.now = kNow + 3s;
    const auto decision = decide_once(input, policy_of(SuppressPolicy::kCfsQuota));
    EXPECT_EQ(decision.action, Action::kHold);
    EXPECT_EQ(decision.reason, Reason::kStaleSample);
    EXPECT_FALSE(decision.write);
  }
}

TEST(CpuSuppress, FreshFastDataWithStalePodDataOnlyLowers) {
  auto input = worked_host(CurrentLimit::of(MilliCpu(4000)));
  input.now = kNow + 5s;
  input.fast->at = input.now;
  auto decision = decide_once(input, policy_of(SuppressPolicy::kCfsQuota));
  EXPECT_EQ(decision.action, Action::kHold);
  EXPECT_EQ(decision.reason, Reason::kStaleSample);

  input.fast->node_cpu = MilliCpu(31000);
  decision = decide_once(input, policy_of(SuppressPolicy::kCfsQuota));
  EXPECT_EQ(decision.action, Action::kLimit);
  EXPECT_EQ(decision.limit, MilliCpu(1800));
}

TEST(CpuSuppress, NoPolicyTouchesNothing) {
  for (const bool ours : {false, true}) {
    SuppressState state;
    state.ours = ours;
    const auto decision = decide_once(worked_host(CurrentLimit::of(MilliCpu(4000))), std::nullopt, state);
    EXPECT_EQ(decision.action, Action::kHold);
    EXPECT_EQ(decision.reason, Reason::kNoPolicy);
    ASSERT_EQ(decision.features.size(), 1u);
    EXPECT_EQ(decision.features[0].state, FeatureState::State::kInactive);
    EXPECT_THAT(decision.features[0].why, testing::HasSubstr("no-policy"));
  }
}

TEST(CpuSuppress, DisablingReleasesOurOwnQuotaOnce) {
  auto policy = policy_of(SuppressPolicy::kCfsQuota);
  auto step = cpu_suppress({}, worked_host(CurrentLimit::none()), policy);
  ASSERT_EQ(step.decision.action, Action::kLimit);
  policy.threshold.enable = false;
  step = cpu_suppress(step.state, worked_host(CurrentLimit::of(MilliCpu(8800))), policy);
  EXPECT_EQ(step.decision.action, Action::kRelease);
  EXPECT_EQ(step.decision.reason, Reason::kDisabled);
  EXPECT_TRUE(step.decision.write);
  step = cpu_suppress(step.state, worked_host(CurrentLimit::none()), policy);
  EXPECT_FALSE(step.decision.write);
}

TEST(CpuSuppress, DisablingLeavesAForeignQuotaAlone) {
  auto policy = policy_of(SuppressPolicy::kCfsQuota);
  policy.threshold.enable = false;
  const auto decision = decide_once(worked_host(CurrentLimit::of(MilliCpu(4000))), policy);
  EXPECT_EQ(decision.action, Action::kHold);
  EXPECT_EQ(decision.reason, Reason::kDisabled);
}

TEST(CpuSuppress, AQuotaThatCannotBeReadCountsAsTheLastOneDecided) {
  auto input = worked_host(CurrentLimit::unknown());
  input.protection.verified = false;
  EXPECT_EQ(decide_once(input, policy_of(SuppressPolicy::kCfsQuota)).action, Action::kHold);

  SuppressState state;
  state.last_limit = MilliCpu(4000);
  state.last_change = MonoTime{kNow.ns - 950'000'000};
  const auto decision = decide_once(input, policy_of(SuppressPolicy::kCfsQuota), state);
  EXPECT_EQ(decision.action, Action::kLimit);
  EXPECT_EQ(decision.limit, MilliCpu(4000 + 3040)) << "0.95 s of growth";
}

TEST(CpuSuppress, ALimitThatIsNeverSeenNorWrittenIsNotCalledActive) {
  const auto decision = decide_once(worked_host(CurrentLimit::unknown()), policy_of(SuppressPolicy::kCfsQuota));
  EXPECT_EQ(decision.features[0].feature, "cpuSuppress");
  EXPECT_EQ(decision.features[0].state, FeatureState::State::kInactive);
  EXPECT_THAT(decision.features[0].why, testing::HasSubstr("cannot be read"));
}

TEST(CpuSuppress, CpusetPolicyLimitsByQuotaAndSaysSo) {
  const auto decision = decide_once(worked_host(CurrentLimit::none()), policy_of(SuppressPolicy::kCpuset));
  EXPECT_EQ(decision.limit, MilliCpu(8800));
  ASSERT_EQ(decision.features.size(), 2u);
  EXPECT_EQ(decision.features[1].feature, "cpuSuppress.cpuset");
  EXPECT_EQ(decision.features[1].state, FeatureState::State::kUnsupported);
  EXPECT_THAT(decision.features[1].why, testing::HasSubstr("cfsQuota"));
}

TEST(CpuSuppress, WhatWasFarBelowALimitIsForgottenWhileThereIsNone) {
  const auto quota = policy_of(SuppressPolicy::kCfsQuota);
  auto off = quota;
  off.threshold.enable = false;
  auto by_cpuset = worked_host(CurrentLimit::of(MilliCpu(12'000)));
  by_cpuset.cpuset = CpusetSide::kInPlace;
  const struct {
    const char* name;
    SuppressInput input;
    std::optional<model::NodePolicy> policy;
    bool stays;
  } cases[] = {{"far below it", worked_host(CurrentLimit::of(MilliCpu(12'000))), quota, true},
               {"somebody took it", worked_host(CurrentLimit::none()), quota, false},
               {"it cannot be read", worked_host(CurrentLimit::unknown()), quota, false},
               {"disabled", worked_host(CurrentLimit::of(MilliCpu(12'000))), off, false},
               {"no policy", worked_host(CurrentLimit::of(MilliCpu(12'000))), std::nullopt, false},
               {"by CPU set", by_cpuset, policy_of(SuppressPolicy::kCpuset), false}};
  for (const auto& each : cases) {
    SuppressState state;
    state.ours = true;
    state.noise.far_below_since = MonoTime{kNow.ns - 60'000'000'000};
    const auto after = cpu_suppress(state, each.input, each.policy).state.noise.far_below_since;
    EXPECT_EQ(after.has_value(), each.stays) << each.name;
  }
}

TEST(CpuSuppress, SafeLimitIsMinPercentOrOnePercentAndNeverNothing) {
  const NodeFacts node{MilliCpu(32000), MilliCpu(31000)};
  EXPECT_EQ(safe_be_limit(node, std::nullopt), MilliCpu(320));
  EXPECT_EQ(safe_be_limit(node, policy_of(SuppressPolicy::kCfsQuota)), MilliCpu(320));
  EXPECT_EQ(safe_be_limit(node, policy_of(SuppressPolicy::kCfsQuota, 10)), MilliCpu(3200));
  EXPECT_EQ(safe_be_limit(node, policy_of(SuppressPolicy::kCfsQuota, 0)), kKernelMinimum);
  EXPECT_EQ(safe_be_limit({MilliCpu(1000), MilliCpu(1000)}, std::nullopt), kKernelMinimum);
}

/// Feeds decisions back as the kernel would hold them, every `period`, and returns the limits over time.
std::vector<std::int64_t> recover(model::Duration period, int rounds) {
  auto input = worked_host(CurrentLimit::of(MilliCpu(1000)));
  input.protection.verified = false;
  SuppressState state;
  state.last_change = kNow;
  std::vector<std::int64_t> limits;
  for (int i = 1; i <= rounds; ++i) {
    input.now = kNow + i * period;
    input.fast->at = input.pods->at = input.now;
    auto step = cpu_suppress(state, input, policy_of(SuppressPolicy::kCfsQuota));
    state = step.state;
    if (step.decision.action == Action::kLimit) input.current = CurrentLimit::of(step.decision.limit);
    limits.push_back(input.current.quota.value());
  }
  return limits;
}

TEST(CpuSuppress, GrowsAlikeInAFastAndInASlowLoop) {
  EXPECT_THAT(recover(1s, 3), testing::ElementsAre(4200, 7400, 7400)) << "the rest, 4.4 %, is not worth a write yet";
  for (const auto period : {20ms, 50ms, 100ms, 200ms, 500ms, 1000ms}) {
    const auto limits = recover(period, static_cast<int>(9s / period));
    for (std::size_t i = 0; i < limits.size(); ++i) {
      const auto seconds = std::chrono::duration<double>((static_cast<int>(i) + 1) * period).count();
      const auto late = std::chrono::duration<double>(kPace + period).count();
      ASSERT_LE(static_cast<double>(limits[i]), 1000 + 3200 * seconds + 1) << seconds << " s";
      ASSERT_GE(static_cast<double>(limits[i]), std::min(1000 + 3200 * (seconds - late), 8800.0 - 1600)) << seconds;
    }
    EXPECT_NEAR(static_cast<double>(limits.back()), 8800, 640) << "less is not hurried, " << period.count() << " ms";
  }
}

TEST(CpuSuppress, LongSilenceDoesNotSaveUpGrowth) {
  auto input = worked_host(CurrentLimit::of(MilliCpu(1000)));
  SuppressState state;
  state.last_change = MonoTime{kNow.ns - 3600'000'000'000};
  EXPECT_EQ(decide_once(input, policy_of(SuppressPolicy::kCfsQuota), state).limit, MilliCpu(4200));
}

}  // namespace
}  // namespace tideline::decide::test::cpu_suppress_test
