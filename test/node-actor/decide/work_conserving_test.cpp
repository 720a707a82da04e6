#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/worked_host.h"

namespace tideline::decide::test::work_conserving_test {
namespace {

TEST(WorkConserving, NoQuotaWhileProtectedAndNotPressed) {
  const auto policy = policy_of(SuppressPolicy::kWorkConserving);
  auto decision = decide_once(worked_host(CurrentLimit::none()), policy);
  EXPECT_EQ(decision.action, Action::kRelease);
  EXPECT_EQ(decision.reason, Reason::kNotPressed);
  EXPECT_FALSE(decision.write) << "there is no quota to take away";
  SuppressState ours;
  ours.ours = true;
  decision = decide_once(worked_host(CurrentLimit::of(MilliCpu(8800))), policy, ours);
  EXPECT_EQ(decision.action, Action::kRelease);
  EXPECT_TRUE(decision.write);
}

TEST(WorkConserving, LeavesAForeignQuotaAlone) {
  const auto policy = policy_of(SuppressPolicy::kWorkConserving);
  for (const auto current : {CurrentLimit::of(MilliCpu(4000)), CurrentLimit::unknown()}) {
    const auto decision = decide_once(worked_host(current), policy);
    EXPECT_EQ(decision.action, Action::kHold);
    EXPECT_EQ(decision.reason, Reason::kNotPressed);
    EXPECT_FALSE(decision.write);
  }
}

TEST(WorkConserving, ASlowPodLoopIsNotStaleBetweenItsOwnRounds) {
  auto input = worked_host(CurrentLimit::none());
  input.pod_interval = 10s;
  for (const auto late : {2s, 9s, 20s}) {
    input.now = kNow + late;
    input.fast->at = input.now;
    EXPECT_EQ(decide_once(input, policy_of(SuppressPolicy::kWorkConserving)).reason, Reason::kNotPressed)
        << late.count();
  }
  input.now = kNow + 20001ms;
  EXPECT_EQ(decide_once(input, policy_of(SuppressPolicy::kWorkConserving)).reason, Reason::kPressureUnknown);
}

TEST(WorkConserving, UnprotectedFallsBackToQuotaAndNamesWhy) {
  auto input = worked_host(CurrentLimit::none());
  input.protection = {false, "kubepods/besteffort cpu.shares 1024"};
  const auto decision = decide_once(input, policy_of(SuppressPolicy::kWorkConserving));
  EXPECT_EQ(decision.action, Action::kLimit);
  EXPECT_EQ(decision.limit, MilliCpu(8800));
  EXPECT_EQ(decision.reason, Reason::kUnprotected);
  EXPECT_EQ(decision.rule, Reason::kThresholdFormula);
  EXPECT_THAT(decision.features[1].why, testing::HasSubstr("cpu.shares 1024"));
}

TEST(WorkConserving, UnknownSignalFallsBackToQuota) {
  auto input = worked_host(CurrentLimit::none());
  input.pods->ls_delay_per_cpu = std::nullopt;
  const auto decision = decide_once(input, policy_of(SuppressPolicy::kWorkConserving));
  EXPECT_EQ(decision.action, Action::kLimit);
  EXPECT_EQ(decision.reason, Reason::kPressureUnknown);
}

TEST(WorkConserving, StalePodSampleIsAnUnknownSignal) {
  auto input = worked_host(CurrentLimit::none());
  input.now = kNow + 3s;
  input.fast->at = input.now;
  const auto decision = decide_once(input, policy_of(SuppressPolicy::kWorkConserving));
  EXPECT_EQ(decision.reason, Reason::kPressureUnknown);
  EXPECT_EQ(decision.action, Action::kLimit);
}

TEST(WorkConserving, PressedComesAfterTwoSecondsAndGoesAfterTenQuietOnes) {
  const auto policy = policy_of(SuppressPolicy::kWorkConserving);
  auto input = worked_host(CurrentLimit::none());
  SuppressState state;
  const auto second = [&](int t, double delay) {
    input.now = kNow + std::chrono::seconds(t);
    input.fast->at = input.pods->at = input.now;
    input.pods->ls_delay_per_cpu = delay;
    const auto step = cpu_suppress(state, input, policy);
    state = step.state;
    if (step.decision.action == Action::kLimit) input.current = CurrentLimit::of(step.decision.limit);
    if (step.decision.action == Action::kRelease) input.current = CurrentLimit::none();
    return step.decision.reason;
  };
  EXPECT_EQ(second(0, 0.01), Reason::kNotPressed);
  EXPECT_EQ(second(1, 0.9), Reason::kNotPressed);
  EXPECT_EQ(second(2, 0.9), Reason::kPressed);
  EXPECT_EQ(input.current, CurrentLimit::of(MilliCpu(8800)));
  for (int t = 3; t < 3 + kQuietSamples - 1; ++t)
    EXPECT_EQ(second(t, 0.01), Reason::kPressedHold) << t;
  EXPECT_EQ(second(3 + kQuietSamples - 1, 0.01), Reason::kNotPressed);
  EXPECT_EQ(input.current, CurrentLimit::none());
}

}  // namespace
}  // namespace tideline::decide::test::work_conserving_test
