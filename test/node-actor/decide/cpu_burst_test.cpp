#include "node-actor/decide/cpu_burst.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/burst_host.h"

namespace tideline::decide::test::cpu_burst_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const auto kScaling = burst_policy(BurstPolicy::kCfsQuotaBurstOnly);
const auto kBurstOnly = burst_policy(BurstPolicy::kCpuBurstOnly);
const auto kBoth = burst_policy(BurstPolicy::kAuto);
constexpr std::int64_t kBusyNode = 16000;  // of 32000 at 50 %: overload

/// Throttled until its target is the ceiling.
void raise_to_ceiling(BurstHost& host, const model::NodePolicy& policy = kScaling) {
  for (int i = 0; i < 10; ++i)
    host.next(policy, host.throttled());
}

TEST(CpuBurst, ScalesQuotaUpWhileThrottled) {
  BurstHost host;
  std::vector<std::int64_t> quotas;
  for (int i = 0; i < 8; ++i) {
    const auto decision = host.next(kScaling, host.throttled());
    quotas.push_back(quota_of(decision, "c").value_or(0));
    EXPECT_EQ(quota_of(decision, "web"), quota_of(decision, "c")) << "the pod has this container alone";
    EXPECT_EQ(decision.containers.at(0).quota_reason, Reason::kThrottled);
  }
  // The worked example in us: 240 000, 288 000, 345 600, 414 720, 497 664, 597 196, 600 000.
  EXPECT_THAT(quotas, ElementsAre(2400, 2880, 3456, 4147, 4976, 5971, 6000, 6000));
}

TEST(CpuBurst, ScalesQuotaDownToTheLimitWhileTheSharePoolIsBusy) {
  BurstHost host;
  raise_to_ceiling(host);
  for (int i = 0; i < 2; ++i)
    host.next(kScaling, host.quiet(kBusyNode * 2));  // until the mean of 5 s is over
  std::vector<std::int64_t> quotas;
  for (int i = 0; i < 8; ++i)
    quotas.push_back(*quota_of(host.next(kScaling, host.throttled(kBusyNode * 2)), "c"));
  EXPECT_THAT(quotas, ElementsAre(4800, 3840, 3072, 2457, 2000, 2000, 2000, 2000));
}

TEST(CpuBurst, APodThatIsStoppedBeforeItsContainersRaisesTheOneThatUsesMostOfItsLimit) {
  BurstHost host;
  host.pods = {pod_of("web", {container_of("c", 2000), container_of("d", 500)})};  // each uses 1000
  auto sample = host.quiet();
  sample.pods[0].throttled_ratio = 0.4;
  const auto decision = host.next(kScaling, sample);
  EXPECT_EQ(host.state.pods.at(PodUid("web")).at(0).quota_milli, 2000);
  EXPECT_EQ(host.state.pods.at(PodUid("web")).at(1).quota_milli, 600);
  EXPECT_EQ(quota_of(decision, "web"), 2600);
  EXPECT_EQ(decision.containers.at(1).throttled_ratio, 0.4);
  EXPECT_EQ(decision.containers.at(1).quota_reason, Reason::kThrottled);
  EXPECT_EQ(decision.containers.at(0).quota_reason, Reason::kNotThrottled);
}

TEST(CpuBurst, APodsThrottlingIsItsContainersWhereOneOfThemHasSome) {
  BurstHost host;
  host.pods = {pod_of("web", {container_of("c", 2000), container_of("d", 500)})};
  auto sample = host.quiet();
  sample.pods[0].throttled_ratio = 1;
  sample.pods[0].containers[0].throttled_ratio = 0.1;
  host.next(kScaling, sample);
  EXPECT_EQ(host.state.pods.at(PodUid("web")).at(0).quota_milli, 2400);
  EXPECT_EQ(host.state.pods.at(PodUid("web")).at(1).quota_milli, 500);
}

TEST(CpuBurst, APodsThrottlingStandsInForNoReadingThatIsMissing) {
  BurstHost host;
  auto sample = host.quiet();
  sample.pods[0].throttled_ratio = 1;
  sample.pods[0].containers[0].throttled_ratio.reset();
  EXPECT_EQ(host.next(kScaling, sample).containers.at(0).quota_reason, Reason::kStaleSample);
  EXPECT_EQ(host.state.pods.at(PodUid("web")).at(0).quota_milli, 2000);
}

TEST(CpuBurst, WantsNoQuotaBeforeTheFirstRiseAndTheSpecsAfterwards) {
  BurstHost host;
  EXPECT_THAT(host.next(kScaling, host.quiet()).wants.wants, testing::IsEmpty());
  host.next(kScaling, host.throttled());
  for (int i = 0; i < 10; ++i)
    host.next(kScaling, host.quiet(32000));
  const auto decision = host.next(kScaling, host.quiet(32000));
  ASSERT_EQ(decision.wants.wants.size(), 2u);
  for (const auto& want : decision.wants.wants) {
    EXPECT_EQ(want, (Want{want.group, Knob::kCpuQuota, model::Limit{MilliCpu(2000)}, model::Controller::kCpuBurst,
                          Reason::kSpecQuota}));
  }
}

TEST(CpuBurst, OneSampleIsOneStepAndNoStepComesSoonerThanItsPace) {
  BurstHost host;
  host.next(kScaling, host.throttled());
  EXPECT_EQ(quota_of(host.round(kScaling), "c"), 2400);
  EXPECT_EQ(quota_of(host.silence(kScaling, 950ms), "c"), 2400) << "the same sample says nothing twice";
  host.interval = 100ms;
  int steps = 0;
  for (int i = 0; i < 100; ++i) {
    const auto before = quota_of(host.round(kScaling), "c");
    if (quota_of(host.next(kScaling, host.throttled()), "c") != before) ++steps;
  }
  EXPECT_EQ(host.state.pods.at(PodUid("web")).at(0).quota_milli, 6000);
  EXPECT_EQ(steps, 6);
}

TEST(CpuBurst, KernelBurstIsTheLimitsPercentageWithinTheQuota) {
  BurstHost host;
  host.pods = {pod_of("web", {container_of("c", 2000), container_of("d", 500)})};
  auto policy = kBurstOnly;
  policy.burst.cpu_burst_percent = 40;
  auto decision = host.next(policy, host.throttled());
  EXPECT_EQ(burst_of(decision, "c"), 800);
  EXPECT_EQ(burst_of(decision, "d"), 200);
  EXPECT_EQ(burst_of(decision, "web"), 1000);
  EXPECT_EQ(quota_of(decision, "c"), std::nullopt) << "cpuBurstOnly scales nothing";
  for (const auto& want : decision.wants.wants)
    EXPECT_EQ(want.reason, Reason::kBurstToLimit);

  policy.burst.cpu_burst_percent = 1000;
  decision = host.next(policy, host.throttled());
  EXPECT_EQ(burst_of(decision, "c"), 2000);
  EXPECT_EQ(burst_of(decision, "d"), 500);
  EXPECT_EQ(burst_of(decision, "web"), 2500);
  for (const auto& want : decision.wants.wants)
    EXPECT_EQ(want.reason, Reason::kBurstClamped);
  EXPECT_THAT(feature_of(decision, "cpuBurst.kernel").why, HasSubstr("2 of them clamped"));
}

TEST(CpuBurst, AutoDoesBothAndTheBurstFollowsTheScaledQuota) {
  BurstHost host;
  const auto first = host.next(kBoth, host.throttled());
  EXPECT_EQ(quota_of(first, "c"), 2400);
  EXPECT_EQ(burst_of(first, "c"), 2400);
  EXPECT_EQ(burst_of(first, "web"), 2400);
  raise_to_ceiling(host, kBoth);
  EXPECT_EQ(burst_of(host.next(kBoth, host.quiet()), "c"), 6000);
}

TEST(CpuBurst, AMissingKnobIsNamedAndTheOtherMeansStillWorks) {
  BurstHost host;
  host.knobs.knobs[1] = {Knob::kCpuBurst, false, "cpu.cfs_burst_us", "no such file in kernel 4.19"};
  auto decision = host.next(kBoth, host.throttled());
  EXPECT_EQ(quota_of(decision, "c"), 2400);
  EXPECT_EQ(burst_of(decision, "c"), std::nullopt);
  EXPECT_EQ(feature_of(decision, "cpuBurst").state, FeatureState::State::kActive);
  EXPECT_EQ(feature_of(decision, "cpuBurst.kernel").state, FeatureState::State::kUnsupported);
  EXPECT_EQ(feature_of(decision, "cpuBurst.kernel").why, "cpu-burst: no such file in kernel 4.19");

  decision = host.next(kBurstOnly, host.throttled());
  EXPECT_THAT(decision.wants.wants, testing::IsEmpty());
  EXPECT_EQ(feature_of(decision, "cpuBurst").state, FeatureState::State::kUnsupported);
  EXPECT_THAT(feature_of(decision, "cpuBurst").why, HasSubstr("no such file"));

  host.knobs = {{{Knob::kCpuBurst, true, "cpu.max.burst", ""}}};
  decision = host.next(kBoth, host.throttled());
  EXPECT_EQ(burst_of(decision, "c"), 2000);
  EXPECT_EQ(quota_of(decision, "c"), std::nullopt);
  EXPECT_EQ(feature_of(decision, "cpuBurst.quotaScaling").why, "cpu-quota: cpu-quota was not probed");
}

TEST(CpuBurst, AContainerThatRestartsBeginsAtItsLimitAndLeavesNothingInThePod) {
  BurstHost host;
  host.pods = {pod_of("web", {container_of("c", 2000), container_of("d", 1000)})};
  raise_to_ceiling(host);
  EXPECT_EQ(quota_of(host.next(kScaling, host.quiet()), "web"), 9000);
  host.pods[0].containers[0].id = "c2";
  const auto decision = host.next(kScaling, host.quiet());
  EXPECT_EQ(quota_of(decision, "c2"), std::nullopt);
  EXPECT_EQ(quota_of(decision, "d"), 3000);
  EXPECT_EQ(quota_of(decision, "web"), 5000);
  EXPECT_EQ(host.state.pods.at(PodUid("web")).size(), 2u) << "the old container is forgotten";
}

TEST(CpuBurst, ALimitThatChangesMovesTheBoundsAtOnce) {
  BurstHost host;
  raise_to_ceiling(host);
  host.pods[0].containers[0].limits.cpu = MilliCpu(1000);
  EXPECT_EQ(quota_of(host.next(kScaling, host.quiet()), "c"), 3000);
  host.pods[0].containers[0].limits.cpu = MilliCpu(4000);
  EXPECT_EQ(quota_of(host.next(kScaling, host.quiet()), "c"), 4000);
}

TEST(CpuBurst, APodHasAQuotaOnlyIfAllItsContainersHaveALimit) {
  BurstHost host;
  host.pods = {pod_of("web", {container_of("c", 2000), container_of("free", {}), container_of("zero", 0)})};
  const auto decision = host.next(kBoth, host.throttled());
  EXPECT_EQ(wanted(decision), (WantedMilli{{{"c", Knob::kCpuQuota}, 2400}, {{"c", Knob::kCpuBurst}, 2400}}));
}

TEST(CpuBurst, APodsOwnLimitIsItsBase) {
  BurstHost host;
  host.pods[0].limits.cpu = MilliCpu(3000);  // an init container's, say
  EXPECT_EQ(quota_of(host.next(kScaling, host.throttled()), "web"), 3400);

  BurstHost narrow;
  narrow.pods = {pod_of("web", {container_of("c", 2000), container_of("d", 2000)})};
  narrow.pods[0].limits.cpu = MilliCpu(2500);
  const auto decision = narrow.next(kBoth, narrow.throttled());
  EXPECT_EQ(quota_of(decision, "c"), std::nullopt);
  EXPECT_EQ(quota_of(decision, "web"), std::nullopt);
  EXPECT_EQ(burst_of(decision, "web"), 2500);
  EXPECT_THAT(feature_of(decision, "cpuBurst.quotaScaling").why, HasSubstr("1 pods not scaled"));
}

TEST(CpuBurst, APodsOwnLimitBesideAContainerWithoutOneBinds) {
  BurstHost host;
  host.pods = {pod_of("web", {container_of("c", 2000), container_of("free", {})})};
  host.pods[0].limits.cpu = MilliCpu(3000);  // cgroup v1 takes no container's quota above it
  BurstDecision decision;
  for (int i = 0; i < 5; ++i)
    decision = host.next(kBoth, host.throttled());
  EXPECT_EQ(wanted(decision), (WantedMilli{{{"c", Knob::kCpuBurst}, 2000}}));
  EXPECT_THAT(feature_of(decision, "cpuBurst.quotaScaling").why, HasSubstr("1 pods not scaled"));
}

TEST(CpuBurst, AContainerWithoutAGroupCountsWithItsLimitAndGetsNothing) {
  BurstHost host;
  host.pods = {pod_of("web", {container_of("", 1000), container_of("d", 2000)})};
  const auto decision = host.next(kBoth, host.throttled());
  EXPECT_EQ(wanted(decision), (WantedMilli{{{"web", Knob::kCpuQuota}, 3400},
                                           {{"d", Knob::kCpuQuota}, 2400},
                                           {{"web", Knob::kCpuBurst}, 3400},
                                           {{"d", Knob::kCpuBurst}, 2400}}));
  host.pods[0].containers.pop_back();
  EXPECT_THAT(host.next(kBoth, host.throttled()).wants.wants, testing::IsEmpty());
}

TEST(CpuBurst, IsForLivingLsPodsThatAreNotBoundToCpus) {
  BurstHost host;
  host.pods.clear();
  const auto add = [&](const std::string& uid, model::QosClass qos) -> Pod& {
    return host.pods.emplace_back(pod_of(uid, {container_of(uid + "-c", 2000)}, qos));
  };
  add("lse", model::QosClass::kLse);
  add("lsr", model::QosClass::kLsr);
  add("be", model::QosClass::kBe);
  add("system", model::QosClass::kSystem);
  add("bound", model::QosClass::kLs).bound_cpus = {0, 1};
  add("done", model::QosClass::kLs).phase = model::PodPhase::kSucceeded;
  add("failed", model::QosClass::kLs).phase = model::PodPhase::kFailed;
  EXPECT_THAT(host.next(kBoth, host.throttled()).wants.wants, testing::IsEmpty());
  EXPECT_TRUE(host.state.pods.empty());
  add("pending", model::QosClass::kLs).phase = model::PodPhase::kPending;
  EXPECT_EQ(quota_of(host.next(kBoth, host.throttled()), "pending-c"), 2400);
}

TEST(CpuBurst, ThePodsAnnotationGoesBeforeTheNodesPolicy) {
  BurstHost host;
  host.pods = {pod_of("own", {container_of("a", 2000)}), pod_of("off", {container_of("b", 2000)})};
  host.pods[0].cpu_burst = model::CpuBurstOverride{.policy = BurstPolicy::kAuto,
                                                   .cpu_burst_percent = 50,
                                                   .cfs_quota_burst_percent = 110,
                                                   .cfs_quota_burst_period_seconds = {},
                                                   .share_pool_threshold_percent = {}};
  auto decision = host.next(model::NodePolicy{}, host.throttled());
  EXPECT_EQ(quota_of(decision, "a"), 2200);
  EXPECT_EQ(burst_of(decision, "a"), 1000);
  EXPECT_EQ(quota_of(decision, "b"), std::nullopt);
  EXPECT_EQ(feature_of(decision, "cpuBurst").why, "policy none; 1 pods");

  host.pods[1].cpu_burst = model::CpuBurstOverride{.policy = BurstPolicy::kNone,
                                                   .cpu_burst_percent = {},
                                                   .cfs_quota_burst_percent = {},
                                                   .cfs_quota_burst_period_seconds = {},
                                                   .share_pool_threshold_percent = {}};
  decision = host.next(kBoth, host.throttled());
  EXPECT_EQ(quota_of(decision, "b"), std::nullopt);
  EXPECT_EQ(burst_of(decision, "b"), std::nullopt);

  const auto odd = effective_burst(kBoth.burst, model::CpuBurstOverride{.policy = {},
                                                                        .cpu_burst_percent = 0,
                                                                        .cfs_quota_burst_percent = 99,
                                                                        .cfs_quota_burst_period_seconds = -2,
                                                                        .share_pool_threshold_percent = 101});
  EXPECT_EQ(odd, kBoth.burst) << "what is out of bounds is the node's";
}

TEST(CpuBurst, ThePodsThresholdJudgesItsOwnQuota) {
  BurstHost host;
  host.pods = {pod_of("careful", {container_of("a", 2000)}), pod_of("plain", {container_of("b", 2000)})};
  host.pods[0].cpu_burst = model::CpuBurstOverride{.policy = {},
                                                   .cpu_burst_percent = {},
                                                   .cfs_quota_burst_percent = {},
                                                   .cfs_quota_burst_period_seconds = {},
                                                   .share_pool_threshold_percent = 10};
  const auto decision = host.next(kScaling, host.throttled(8000));
  EXPECT_EQ(quota_of(decision, "a"), std::nullopt);
  EXPECT_EQ(decision.containers.at(0).quota_reason, Reason::kSharePoolBusy);
  EXPECT_EQ(quota_of(decision, "b"), 2400);
}

TEST(CpuBurst, AnAllowanceThatIsSpentBringsTheQuotaDownUntilItIsEarnedAgain) {
  BurstHost host;
  const auto policy = burst_policy(BurstPolicy::kCfsQuotaBurstOnly, 300, 60);
  const auto use = [&](std::int64_t milli, double ratio) {
    auto sample = host.quiet();
    sample.pods[0].containers[0].cpu = MilliCpu(milli);
    sample.pods[0].containers[0].throttled_ratio = ratio;
    return sample;
  };
  auto decision = host.next(policy, use(2000, 0.5));
  ASSERT_EQ(decision.containers.at(0).limiter,
            new_limiter(12000, initial_share("web", "c")));  // 100 % of the limit spends nothing
  int seconds = 0;
  for (; decision.containers.at(0).limiter->allows(); ++seconds) {
    ASSERT_LT(seconds, 120);
    decision = host.next(policy, use(6000, 0.5));
  }
  EXPECT_EQ(seconds, static_cast<int>(std::ceil(12000 * initial_share("web", "c") / 200)));
  EXPECT_EQ(decision.containers.at(0).quota_reason, Reason::kBurstTokensSpent);
  const auto high = *quota_of(decision, "c");
  EXPECT_EQ(quota_of(host.next(policy, use(2000, 0.5)), "c"), std::max<std::int64_t>(2000, high * 8 / 10));
  for (int i = 0; i < 10; ++i)
    decision = host.next(policy, use(2000, 0.5));
  EXPECT_EQ(quota_of(decision, "c"), 2000);
  for (int i = 0; i < 5; ++i)
    decision = host.next(policy, use(0, 0));
  EXPECT_TRUE(decision.containers.at(0).limiter->allows());
  EXPECT_EQ(quota_of(host.next(policy, use(2000, 0.5)), "c"), 2400);
}

TEST(CpuBurst, AnotherCapacityBeginsAnotherAllowance) {
  BurstHost host;
  host.next(burst_policy(BurstPolicy::kAuto, 300, 60), host.quiet());
  const auto decision = host.next(burst_policy(BurstPolicy::kAuto, 200, 60), host.throttled());
  EXPECT_EQ(decision.containers.at(0).limiter->capacity, 6000);
  EXPECT_EQ(host.next(kBoth, host.quiet()).containers.at(0).limiter, std::nullopt);
}

TEST(CpuBurst, WhatIsSwitchedOffIsNotWantedAndForgotten) {
  BurstHost host;
  raise_to_ceiling(host, kBoth);
  const auto off = host.next(model::NodePolicy{}, host.throttled());
  EXPECT_THAT(off.wants.wants, testing::IsEmpty());
  EXPECT_TRUE(host.state.pods.empty());
  EXPECT_THAT(off.wants.features, ElementsAre(FeatureState{"cpuBurst", FeatureState::State::kInactive, "disabled"}));
  EXPECT_THAT(host.next(std::nullopt, host.throttled()).wants.features,
              ElementsAre(FeatureState{"cpuBurst", FeatureState::State::kInactive, "no-policy"}));
  EXPECT_EQ(quota_of(host.next(kBoth, host.throttled()), "c"), 2400) << "begins again at the limit";
}

TEST(CpuBurst, PodsThatAreGoneLeaveNoState) {
  BurstHost host;
  for (int i = 0; i < 50; ++i) {
    host.pods = {pod_of("pod-" + std::to_string(i), {container_of("c", 2000)})};
    host.next(kBoth, host.throttled());
    ASSERT_EQ(host.state.pods.size(), 1u);
  }
  EXPECT_LE(host.state.pool.size(), 5u);
}

}  // namespace
}  // namespace tideline::decide::test::cpu_burst_test
