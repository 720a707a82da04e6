// The cpuset controller over several rounds: what it keeps, and what it does with data that is missing or old.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/cpuset_hosts.h"

namespace tideline::decide::test::cpuset_rounds_test {
namespace {

using testing::IsEmpty;

const auto kByCpuset = policy_of(SuppressPolicy::kCpuset);
const model::Pod kBe = pod_of("b", QosClass::kBe);
const model::Pod kLs = pod_of("s", QosClass::kLs);

CpusetInput stale(CpusetInput input) {
  input.terms.formula.reset();
  input.terms.steady_formula.reset();
  input.terms.non_be_pods_used.reset();
  return input;
}

CpusetInput with_formula(CpusetInput input, std::int64_t formula) {
  input.terms.formula = MilliCpu(formula);
  input.terms.steady_formula = MilliCpu(formula);
  return input;
}

/// A host with its pods and a policy, a round per second.
struct Host {
  Topology topology = host_of(kWorkedTopology);
  std::vector<model::Pod> pods{kBe, kLs};
  std::optional<model::NodePolicy> policy = kByCpuset;
  CpusetState state;
  CpusetDecision decision;

  std::string round(CpusetInput input = worked_cpusets()) {
    now = now + 1s;
    input.now = now;
    auto step = cpuset_control(state, topology, pods, input, policy);
    state = std::move(step.state);
    decision = std::move(step.decision);
    return decision.be ? decision.be->cpus.text() : "-";
  }
  MonoTime now = kNow;
};

TEST(CpusetRounds, SteadyLoadWantsTheSameSetAgain) {
  Host host;
  host.round();
  const auto first = host.decision.wants;
  for (int i = 0; i < 5; ++i) {
    host.round();
    EXPECT_EQ(host.decision.wants, first);
  }
}

TEST(CpusetRounds, KoordinatorsExampleGrowsFromFourToEightToNine) {
  Host host;
  EXPECT_EQ(host.round(with_formula(worked_cpusets(), 3500)), "0-3");
  EXPECT_EQ(host.round(), "0-3") << "one round is not enough";
  EXPECT_EQ(host.round(), "0-7");
  EXPECT_EQ(host.round(), "0-8");
  EXPECT_EQ(host.round(with_formula(worked_cpusets(), -5200)), "0-1") << "LS at 25 cores: at once";
}

TEST(CpusetRounds, AfterAStartItGoesOnFromWhatTheKernelHas) {
  Host host;
  auto input = worked_cpusets();
  input.be_current = cpus("20-23");
  EXPECT_EQ(host.round(input), "20-23");
  EXPECT_EQ(host.round(input), "16-23");
}

TEST(CpusetRounds, WithoutFreshDataTheLastSetStays) {
  Host host;
  host.round();
  EXPECT_EQ(host.round(stale(worked_cpusets())), "0-8");
  EXPECT_EQ(host.decision.be->reason, Reason::kStaleSample);
  EXPECT_EQ(set_for(host.decision, kBeRoot), "0-8");
}

TEST(CpusetRounds, AfterAStartWithoutDataBeIsLeftAsItIs) {
  Host host;
  EXPECT_EQ(host.round(stale(worked_cpusets())), "-") << "it has the host";
  EXPECT_EQ(feature_of(host.decision, "cpuSuppress.cpuset")->state, FeatureState::State::kInactive);
  auto input = stale(worked_cpusets());
  input.be_current = cpus("20-23");
  EXPECT_EQ(host.round(input), "20-23");
  Host blind;
  input.be_current.reset();
  EXPECT_EQ(blind.round(input), "-");
  EXPECT_THAT(blind.decision.wants.wants, IsEmpty());
}

TEST(CpusetRounds, EvenWithoutDataBeLeavesTheCpusOfANewLsePod) {
  Host host;
  host.round();
  host.pods.push_back(pod_of("e", QosClass::kLse, cpus("0-3")));
  host.round(stale(worked_cpusets()));
  EXPECT_EQ(host.decision.be->cpus & cpus("0-3"), CpuSet{});
  EXPECT_EQ(host.decision.be->cpus.size(), 9);
  EXPECT_TRUE(host.decision.be->cpus.contains(cpus("4-8")));
}

TEST(CpusetRounds, AHostThatCannotBeReadKeepsAllSets) {
  Host host;
  const auto lse = pod_of("e", QosClass::kLse, cpus("30-31"));
  host.pods.push_back(lse);
  for (const auto& policy : {std::optional(kByCpuset), std::optional(policy_of(SuppressPolicy::kCfsQuota)),
                             std::optional<model::NodePolicy>()}) {
    host.policy = policy;
    host.topology = host_of(kWorkedTopology);
    const auto before = host.round();
    host.topology = {};
    EXPECT_EQ(host.round(), before);
    EXPECT_EQ(host.decision.be->reason, Reason::kStaleSample);
    EXPECT_EQ(set_of_container(host.decision, kLs), "0-29");
    EXPECT_EQ(set_of_container(host.decision, lse), "30-31");
  }
}

TEST(CpusetRounds, LosingThePolicyReleasesNothing) {
  Host host;
  host.round();
  host.policy.reset();
  EXPECT_EQ(host.round(), "0-8");
  EXPECT_EQ(host.decision.be->reason, Reason::kNoPolicy);
}

/// Another policy, and no data at all.
Host blind_host_under(SuppressPolicy policy) {
  Host host;
  host.round();
  host.policy = policy_of(policy);
  return host;
}

TEST(CpusetRounds, UnderAnotherPolicyTheSetStaysWhileNothingIsKnown) {
  for (const auto policy : {SuppressPolicy::kCfsQuota, SuppressPolicy::kWorkConserving}) {
    auto host = blind_host_under(policy);
    for (int i = 0; i < 5; ++i)
      EXPECT_EQ(host.round(stale(worked_cpusets())), "0-8");
    EXPECT_EQ(host.decision.be->reason, Reason::kStaleSample);
    EXPECT_EQ(feature_of(host.decision, "cpuSuppress.cpuset")->why, "BE stays on 0-8 until another limit holds it");
    EXPECT_EQ(host.round(), "0-8") << "there is data, and no limit yet";
    auto limited = worked_cpusets();
    limited.be_limit = MilliCpu(8800);
    EXPECT_EQ(host.round(limited), "-");
    EXPECT_EQ(feature_of(host.decision, "cpuSuppress.cpuset"), nullptr);
    EXPECT_EQ(host.round(stale(worked_cpusets())), "-") << "what it does not have it does not keep";
  }
}

TEST(CpusetRounds, AQuotaThatAllowsNoMoreThanTheSetNeedsNoDataToTakeItsPlace) {
  auto input = stale(worked_cpusets());
  input.be_limit = MilliCpu(9001);
  auto host = blind_host_under(SuppressPolicy::kCfsQuota);
  EXPECT_EQ(host.round(input), "0-8");
  input.be_limit = MilliCpu(9000);
  EXPECT_EQ(host.round(input), "-");
}

TEST(CpusetRounds, AQuotaWithoutFreshPodDataMayNotRaiseWhatTheSetAllows) {
  auto input = worked_cpusets();
  input.terms.non_be_pods_used.reset();
  input.be_limit = MilliCpu(12000);
  auto host = blind_host_under(SuppressPolicy::kCfsQuota);
  EXPECT_EQ(host.round(input), "0-8");
}

TEST(CpusetRounds, WhereWeightsAloneHoldBeTheSetIsGivenBack) {
  auto input = worked_cpusets();
  input.terms = decide_once(worked_host(CurrentLimit::none()), policy_of(SuppressPolicy::kWorkConserving)).terms;
  ASSERT_TRUE(input.terms.by_weights);
  auto host = blind_host_under(SuppressPolicy::kWorkConserving);
  EXPECT_EQ(host.round(input), "-");
}

TEST(CpusetRounds, AKernelWithoutQuotasIsNotWaitedFor) {
  auto host = blind_host_under(SuppressPolicy::kCfsQuota);
  auto input = worked_cpusets();
  input.knobs = knobs_of({Knob::kCpuset});
  EXPECT_EQ(host.round(stale(input)), "0-8");
  EXPECT_EQ(host.round(input), "-") << "as far as is known";
}

TEST(CpusetRounds, ASetThatStaysLeavesTheCpusOfANewLsePod) {
  auto host = blind_host_under(SuppressPolicy::kCfsQuota);
  host.pods.push_back(pod_of("e", QosClass::kLse, cpus("0-3")));
  host.round(stale(worked_cpusets()));
  EXPECT_EQ(host.decision.be->cpus & cpus("0-3"), CpuSet{});
  EXPECT_EQ(host.decision.be->cpus.size(), 9);
}

TEST(CpusetRounds, APoolThatStaysForWantOfDataIsNotWhatTheFormulaAsksFor) {
  Host host;
  host.pods.push_back(pod_of("e", QosClass::kLse, cpus("0-3")));
  host.policy = policy_of(SuppressPolicy::kCfsQuota);
  EXPECT_EQ(host.round(), "4-31");
  host.policy = kByCpuset;
  EXPECT_EQ(host.round(stale(worked_cpusets())), "4-31");
  EXPECT_FALSE(host.state.suppressed);
  host.round();
  EXPECT_TRUE(host.state.suppressed);
}

TEST(CpusetRounds, DisablingReleasesBe) {
  Host host;
  host.round();
  host.policy->threshold.enable = false;
  EXPECT_EQ(host.round(), "-");
  EXPECT_THAT(host.decision.wants.wants, IsEmpty());
  EXPECT_EQ(host.state, CpusetState{});
}

TEST(CpusetRounds, WhenTheLastBoundPodEndsLsIsReleased) {
  Host host;
  host.policy = policy_of(SuppressPolicy::kCfsQuota);
  host.pods.push_back(pod_of("e", QosClass::kLse, cpus("0-3")));
  host.round();
  EXPECT_EQ(set_of_container(host.decision, kLs), "4-31");
  host.pods.back().phase = model::PodPhase::kFailed;
  host.round();
  EXPECT_THAT(host.decision.wants.wants, IsEmpty());
  EXPECT_EQ(host.state, CpusetState{});
}

TEST(CpusetRounds, OfflineCpusAreReplaced) {
  Host host;
  host.round();
  host.topology = without(host_of(kWorkedTopology), cpus("0-1"));
  host.round();
  EXPECT_TRUE(host.decision.be->cpus.contains(cpus("2-8")));
  EXPECT_EQ(host.decision.be->cpus.size(), 9);
}

TEST(CpusetRounds, ATinyHostLeavesLsOneOfTwoCpus) {
  Host host;
  host.topology = host_of(kTinyHost);
  EXPECT_EQ(host.round(with_formula(worked_cpusets(), 300)), "0");
}

TEST(CpusetRounds, TheQuotaStandsInUntilTheSetIsInPlace) {
  auto input = worked_host(CurrentLimit::none());
  input.cpuset = CpusetSide::kNotInPlace;
  auto step = cpu_suppress({}, input, kByCpuset);
  EXPECT_EQ(step.decision.limit, MilliCpu(8800));
  EXPECT_EQ(step.decision.features.size(), 1U) << "cpuSuppress.cpuset is cpuset_control's to tell";
  input.cpuset = CpusetSide::kInPlace;
  input.current = CurrentLimit::of(MilliCpu(8800));
  auto no_pods = input;
  no_pods.pods->ls_cpu.reset();
  EXPECT_EQ(cpu_suppress(step.state, no_pods, kByCpuset).decision.action, Action::kHold) << "missing data";
  step = cpu_suppress(step.state, input, kByCpuset);
  EXPECT_EQ(step.decision.action, Action::kRelease);
  EXPECT_EQ(step.decision.reason, Reason::kSuppressedCpus);
  input.current = CurrentLimit::none();
  step = cpu_suppress(step.state, input, kByCpuset);
  EXPECT_EQ(step.decision.action, Action::kHold);
  EXPECT_FALSE(step.decision.write);
  EXPECT_EQ(step.decision.features[0].state, FeatureState::State::kActive);
}

TEST(CpusetRounds, AQuotaOfSomebodyElsesIsNotReleasedForTheSet) {
  auto input = worked_host(CurrentLimit::of(MilliCpu(5000)));
  input.cpuset = CpusetSide::kInPlace;
  EXPECT_EQ(decide_once(input, kByCpuset).action, Action::kHold);
}

TEST(CpusetRounds, AComplementingQuotaTakesOffTheFraction) {
  auto input = worked_host(CurrentLimit::none());
  input.cpuset = CpusetSide::kComplemented;
  EXPECT_EQ(decide_once(input, kByCpuset).limit, MilliCpu(8800));
}

TEST(CpusetRounds, CfsQuotaDoesNotCareForTheSet) {
  auto input = worked_host(CurrentLimit::none());
  input.cpuset = CpusetSide::kInPlace;
  EXPECT_EQ(decide_once(input, policy_of(SuppressPolicy::kCfsQuota)).limit, MilliCpu(8800));
}

}  // namespace
}  // namespace tideline::decide::test::cpuset_rounds_test
