// Koordinator's worked host with host applications: services outside of pods, and best-effort ones.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/worked_host.h"

namespace tideline::decide::test::host_applications_test {
namespace {

const auto kPolicy = policy_of(SuppressPolicy::kCfsQuota);

/// The worked host, of whose 12 cores beyond BE applications use so much.
SuppressInput host_with(std::optional<MilliCpu> services, std::optional<MilliCpu> in_be = MilliCpu(0)) {
  auto input = worked_host(CurrentLimit::none());
  input.pods->app_cpu = services;
  input.pods->app_cpu_in_be = in_be;
  return input;
}

TEST(HostApplications, CountAsUseOfServicesBesideThePods) {
  // 65 % of 32 - max(24 - 12, 10 + 1 + reserved 1)
  EXPECT_EQ(decide_once(host_with(MilliCpu(1'000)), kPolicy).limit, MilliCpu(8'800));
  // 65 % of 32 - max(24 - 12, 10 + 4 + reserved 1)
  const auto decision = decide_once(host_with(MilliCpu(4'000)), kPolicy);
  EXPECT_EQ(decision.limit, MilliCpu(5'800));
  EXPECT_EQ(decision.terms.non_be_pods_used, MilliCpu(14'000));
  EXPECT_EQ(decision.terms.steady_formula, MilliCpu(5'800));
}

TEST(HostApplications, ServicesBelowTheBestEffortRootAreNoUseOfBestEffort) {
  // 65 % of 32 - max(24 - (12 - 3), 10 + 3 + 1)
  const auto decision = decide_once(host_with(MilliCpu(3'000), MilliCpu(3'000)), kPolicy);
  EXPECT_EQ(decision.terms.be_used, MilliCpu(9'000));
  EXPECT_EQ(decision.limit, MilliCpu(5'800));
  EXPECT_EQ(decision.terms.steady_formula, MilliCpu(5'800));
}

TEST(HostApplications, OneThatCannotBeReadRaisesNothing) {
  auto input = host_with(std::nullopt);
  input.current = CurrentLimit::of(MilliCpu(2'000));
  const auto decision = decide_once(input, kPolicy);
  EXPECT_EQ(decision.action, Action::kHold);
  EXPECT_EQ(decision.terms.non_be_pods_used, std::nullopt);
  input.current = CurrentLimit::of(MilliCpu(20'000));
  EXPECT_EQ(decide_once(input, kPolicy).action, Action::kLimit) << "it may still fall";
}

TEST(HostApplications, OneBelowTheBestEffortRootThatCannotBeReadOnlyLowersTheLimit) {
  for (const auto& services : {std::optional<MilliCpu>(), std::optional(MilliCpu(0))}) {
    auto input = host_with(services, std::nullopt);
    input.current = CurrentLimit::of(MilliCpu(2'000));
    auto decision = decide_once(input, kPolicy);
    EXPECT_EQ(decision.action, Action::kHold);
    EXPECT_EQ(decision.reason, Reason::kStaleSample);
    EXPECT_EQ(decision.terms.non_be_pods_used, std::nullopt);
    for (const auto current : {CurrentLimit::of(MilliCpu(20'000)), CurrentLimit::none()}) {
      input.current = current;
      decision = decide_once(input, kPolicy);
      EXPECT_EQ(decision.action, Action::kLimit);
      EXPECT_EQ(decision.limit, MilliCpu(8'800)) << "65 % of 32 - (24 - 12): BE's use is 12 at most";
    }
    input.fast.reset();
    EXPECT_EQ(decide_once(input, kPolicy).limit, MilliCpu(8'800)) << "by the pod round's reading, too";
  }
}

TEST(HostApplications, OneBelowTheBestEffortRootThatCannotBeReadLeavesTheQuotaBesideACpuset) {
  SuppressState state;
  state.ours = true;
  for (const bool known : {true, false}) {
    auto input = host_with(MilliCpu(0), known ? std::optional(MilliCpu(0)) : std::nullopt);
    input.current = CurrentLimit::of(MilliCpu(2'000));
    input.cpuset = CpusetSide::kInPlace;
    const auto decision = decide_once(input, policy_of(SuppressPolicy::kCpuset), state);
    EXPECT_EQ(decision.action, known ? Action::kRelease : Action::kHold);
  }
}

TEST(HostApplications, MissingUseNeverRaisesWhatBestEffortGets) {
  for (std::int64_t use = 0; use <= 12'000; use += 500) {
    for (const std::int64_t in_be : {std::int64_t{0}, use / 2, use}) {
      for (const std::int64_t quota : {20, 1'000, 5'000, 9'000, 20'000}) {
        auto known = host_with(MilliCpu(use), MilliCpu(in_be));
        known.current = CurrentLimit::of(MilliCpu(quota));
        auto unknown = host_with(std::nullopt, in_be > 0 ? std::nullopt : std::optional(MilliCpu(0)));
        unknown.current = known.current;
        const auto after = [&](const SuppressInput& input) {
          const auto decision = decide_once(input, kPolicy);
          return decision.action == Action::kLimit ? decision.limit : MilliCpu(quota);
        };
        EXPECT_LE(after(unknown), std::max(after(known), MilliCpu(quota))) << use << " " << in_be << " " << quota;
        EXPECT_LE(after(unknown), MilliCpu(quota)) << "no rise of what is not known";
      }
    }
  }
}

}  // namespace
}  // namespace tideline::decide::test::host_applications_test
