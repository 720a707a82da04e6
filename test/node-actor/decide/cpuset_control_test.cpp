#include "node-actor/decide/cpuset_control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/cpuset_hosts.h"

namespace tideline::decide::test::cpuset_control_test {
namespace {

using model::Controller;
using model::KubeQos;
using testing::HasSubstr;
using testing::IsEmpty;

const auto kByCpuset = policy_of(SuppressPolicy::kCpuset);
const auto kByQuota = policy_of(SuppressPolicy::kCfsQuota);

const model::Pod kLse = pod_of("e", QosClass::kLse, cpus("2-3"), KubeQos::kGuaranteed);
const model::Pod kLsr = pod_of("r", QosClass::kLsr, cpus("4-7"), KubeQos::kGuaranteed);
const model::Pod kLs = pod_of("s", QosClass::kLs);
const model::Pod kBe = pod_of("b", QosClass::kBe);
const model::Pod kSystem = pod_of("y", QosClass::kSystem);

CpusetDecision decide(const std::vector<model::Pod>& pods, const CpusetInput& input,
                      const std::optional<model::NodePolicy>& policy, const CpusetState& state = {},
                      const Topology& host = host_of(kWorkedTopology)) {
  return cpuset_control(state, host, pods, input, policy).decision;
}

TEST(CpusetControl, NothingIsWantedWhereNobodyIsBoundAndThePolicyIsNotCpuset) {
  for (const auto policy : {SuppressPolicy::kCfsQuota, SuppressPolicy::kWorkConserving}) {
    const auto decision = decide({kLs, kBe, kSystem}, worked_cpusets(), policy_of(policy));
    EXPECT_THAT(decision.wants.wants, IsEmpty());
    ASSERT_EQ(decision.wants.features.size(), 1U);
    EXPECT_EQ(decision.wants.features[0],
              (FeatureState{"cpuset", FeatureState::State::kInactive, "no pod is bound to CPUs"}));
  }
}

TEST(CpusetControl, BoundPodsHaveTheirCpusAndNoQuotaOfTheirOwn) {
  const auto decision = decide({kLse, kLsr, kLs}, worked_cpusets(), kByQuota);
  EXPECT_EQ(set_of_container(decision, kLse), "2-3");
  EXPECT_EQ(set_of_container(decision, kLsr), "4-7");
  EXPECT_EQ(set_for(decision, group_of(kLse)), "-") << "the pod's own level stays wide";
  for (const auto& group : {group_of(kLse), group_of(kLse, kLse.containers[0]), group_of(kLsr)}) {
    const auto quota = want_for(decision, group, Knob::kCpuQuota);
    ASSERT_TRUE(quota) << model::text_of(group);
    EXPECT_EQ(quota->value, model::KnobValue(model::Limit{}));
    EXPECT_EQ(quota->reason, Reason::kBoundCpus);
    EXPECT_EQ(quota->controller, Controller::kCpuset);
  }
  EXPECT_FALSE(want_for(decision, group_of(kLs), Knob::kCpuQuota));
  EXPECT_EQ(feature_of(decision, "cpuset")->why,
            "2 bound pods, LSE on 2-3, LSR on 4-7; LS pool 0-1,8-31, BE pool 0-1,4-31");
  EXPECT_EQ(feature_of(decision, "cpuset")->state, FeatureState::State::kActive);
}

TEST(CpusetControl, LsBesideBoundPodsSharesTheRest) {
  const auto decision = decide({kLse, kLsr, kLs, kSystem}, worked_cpusets(), kByQuota);
  EXPECT_EQ(set_of_container(decision, kLs), "0-1,8-31");
  EXPECT_EQ(want_for(decision, group_of(kLs, kLs.containers[0]))->reason, Reason::kSharePool);
  EXPECT_EQ(set_for(decision, group_of(kLs)), "-");
  EXPECT_EQ(set_of_container(decision, kSystem), "-");
}

TEST(CpusetControl, BeStaysOffLsesCpusUnderEveryPolicy) {
  for (const auto policy : {SuppressPolicy::kCfsQuota, SuppressPolicy::kWorkConserving}) {
    const auto decision = decide({kLse, kLsr, kBe}, worked_cpusets(), policy_of(policy));
    for (const auto& group : {kBeRoot, group_of(kBe), group_of(kBe, kBe.containers[0])})
      EXPECT_EQ(set_for(decision, group), "0-1,4-31");
    EXPECT_EQ(want_for(decision, kBeRoot)->controller, Controller::kCpuset);
  }
  auto disabled = kByCpuset;
  disabled.threshold.enable = false;
  EXPECT_EQ(set_for(decide({kLse, kBe}, worked_cpusets(), disabled), kBeRoot), "0-1,4-31");
  EXPECT_EQ(set_for(decide({kLse, kBe}, worked_cpusets(), std::nullopt), kBeRoot), "0-1,4-31");
  EXPECT_EQ(set_for(decide({kLsr, kBe}, worked_cpusets(), kByQuota), kBeRoot), "-") << "LSR lends all";
}

TEST(CpusetControl, TheFormulaGivesBeNineOfTheWorkedHostsCpus) {
  const auto decision = decide({kLs, kBe}, worked_cpusets(), kByCpuset);
  for (const auto& group : {kBeRoot, group_of(kBe), group_of(kBe, kBe.containers[0])})
    EXPECT_EQ(set_for(decision, group), "0-8");
  EXPECT_EQ(want_for(decision, kBeRoot)->reason, Reason::kSuppressedCpus);
  EXPECT_EQ(want_for(decision, kBeRoot)->controller, Controller::kCpuSuppress);
  EXPECT_EQ(set_of_container(decision, kLs), "-") << "nobody is bound: nothing to separate";
  EXPECT_EQ(feature_of(decision, "cpuSuppress.cpuset")->why, "BE on 0-8 (9 CPUs of 9 asked for): threshold-formula");
}

TEST(CpusetControl, LentAndOtherCpusShareInProportion) {
  auto lsr = kLsr;
  lsr.bound_cpus = cpus("16-31");
  const auto decision = decide({lsr, kBe}, worked_cpusets(), kByCpuset);
  ASSERT_TRUE(decision.be);
  EXPECT_EQ((decision.be->cpus & cpus("16-31")).size(), 4) << "floor(9 * 16 / 32)";
  EXPECT_EQ((decision.be->cpus & cpus("0-15")).size(), 5);
}

TEST(CpusetControl, LentCpusAreAllThereIsWhenTheRestIsTaken) {
  auto lsr = kLsr;
  lsr.bound_cpus = cpus("0-31");
  auto decision = decide({lsr, kLs, kBe}, worked_cpusets(), kByCpuset);
  EXPECT_EQ(decision.be->cpus.text(), "0-8");
  EXPECT_EQ(set_of_container(decision, kLs), "-") << "no pool, and none before";
  EXPECT_THAT(feature_of(decision, "cpuset")->why, HasSubstr("no CPU left for LS"));
}

TEST(CpusetControl, WhenAllCpusAreTakenTheLastSetsStay) {
  auto lse = kLse;
  lse.bound_cpus = cpus("0-31");
  CpusetState state;
  state.be = cpus("4-7");
  state.ls = cpus("0-1,4-31");
  for (const auto& policy : {kByCpuset, kByQuota}) {
    const auto step = cpuset_control(state, host_of(kWorkedTopology), {lse, kLs, kBe}, worked_cpusets(), policy);
    EXPECT_EQ(set_for(step.decision, kBeRoot), "4-7");
    EXPECT_EQ(want_for(step.decision, kBeRoot)->reason, Reason::kNoCpusLeft);
    EXPECT_EQ(set_of_container(step.decision, kLs), "0-1,4-31");
    EXPECT_EQ(want_for(step.decision, group_of(kLs, kLs.containers[0]))->reason, Reason::kNoCpusLeft);
    EXPECT_EQ(step.state.be, state.be);
    EXPECT_EQ(step.state.ls, state.ls);
  }
  EXPECT_EQ(set_for(decide({lse, kBe}, worked_cpusets(), kByQuota), kBeRoot), "-");
}

TEST(CpusetControl, BeOutsideTheBesteffortRootIsConfinedToo) {
  auto outside = kBe;
  outside.uid = model::PodUid("o");
  outside.kube_qos = KubeQos::kBurstable;
  const auto decision = decide({kBe, outside}, worked_cpusets(), kByCpuset);
  EXPECT_EQ(set_for(decision, group_of(outside)), "0-8");
  EXPECT_EQ(set_of_container(decision, outside), "0-8");
  EXPECT_EQ(set_for(decision, model::root_of(KubeQos::kBurstable)), "-");
}

TEST(CpusetControl, TheBesteffortRootStaysWideForPodsThatAreNotBe) {
  auto guest = kSystem;
  guest.kube_qos = KubeQos::kBestEffort;
  const auto decision = decide({kBe, guest}, worked_cpusets(), kByCpuset);
  EXPECT_EQ(set_for(decision, kBeRoot), "-");
  EXPECT_EQ(set_for(decision, group_of(kBe)), "0-8");
  EXPECT_EQ(set_for(decision, group_of(guest)), "-");
  EXPECT_THAT(feature_of(decision, "cpuSuppress.cpuset")->why, HasSubstr("not the besteffort root"));
  guest.phase = model::PodPhase::kFailed;
  EXPECT_EQ(set_for(decide({kBe, guest}, worked_cpusets(), kByCpuset), kBeRoot), "0-8");
}

TEST(CpusetControl, APodThatHasEndedStaysWithBeWhileItsGroupIsThere) {
  auto ended = kBe;
  ended.phase = model::PodPhase::kSucceeded;
  const std::vector<model::PodUid> lingering{ended.uid};
  auto input = worked_cpusets();
  input.lingering = lingering;
  const auto decision = decide({kLs, ended}, input, kByCpuset);
  for (const auto& group : {kBeRoot, group_of(ended), group_of(ended, ended.containers[0])})
    EXPECT_EQ(set_for(decision, group), "0-8") << "cgroup v1 takes no other CPUs below the root";
}

TEST(CpusetControl, TheRootStaysWideUntilTheGroupOfAnEndedPodThatIsNotBeIsGone) {
  auto guest = kSystem;
  guest.kube_qos = KubeQos::kBestEffort;
  guest.phase = model::PodPhase::kFailed;
  const std::vector<model::PodUid> lingering{guest.uid};
  auto input = worked_cpusets();
  input.lingering = lingering;
  EXPECT_EQ(set_for(decide({kBe, guest}, input, kByCpuset), kBeRoot), "-") << "its group holds all CPUs";
  input.lingering = {};
  EXPECT_EQ(set_for(decide({kBe, guest}, input, kByCpuset), kBeRoot), "0-8");
}

TEST(CpusetControl, KubeletsStaticPolicyIsRespected) {
  auto input = worked_cpusets();
  input.node = {.reserved = {}, .manager = KubeletCpuManager::kStatic, .kubelet_exclusive = cpus("0-3")};
  auto kubelets = kLs;
  kubelets.uid = model::PodUid("g");
  kubelets.kube_qos = KubeQos::kGuaranteed;
  const auto decision = decide({kLsr, kubelets, kLs, kBe}, input, kByCpuset);
  EXPECT_EQ(set_of_container(decision, kubelets), "-");
  EXPECT_EQ(set_of_container(decision, kLs), "8-31");
  EXPECT_EQ(set_for(decision, kBeRoot), "-") << "kubelet could not write a wider set below it";
  EXPECT_EQ(set_for(decision, group_of(kBe)), "-");
  EXPECT_EQ(decision.be->cpus & cpus("0-3"), CpuSet{});
  EXPECT_EQ(set_of_container(decision, kBe), decision.be->cpus.text());
  EXPECT_THAT(feature_of(decision, "cpuset")->why, testing::HasSubstr("kubelet's static CPU manager gave away 0-3"));
}

TEST(CpusetControl, ReservedCpusAreNobodys) {
  auto input = worked_cpusets();
  input.node.reserved = cpus("0-3");
  const auto decision = decide({kLsr, kLs, kBe}, input, kByQuota);
  EXPECT_EQ(set_of_container(decision, kLs), "8-31");
  EXPECT_EQ(set_for(decision, kBeRoot), "4-31");
  EXPECT_THAT(feature_of(decision, "cpuset")->why, testing::HasSubstr("reserved 0-3"));
  EXPECT_THAT(decide({kLs, kBe}, input, kByQuota).wants.wants, IsEmpty());
}

TEST(CpusetControl, ContainersWithoutIdAndPodsThatEndedAreLeftOut) {
  auto lse = kLse;
  lse.containers.push_back({.name = "starting", .id = "", .requests = {}, .limits = {}});
  auto ended = kBe;
  ended.phase = model::PodPhase::kSucceeded;
  for (const auto& want : decide({lse, ended}, worked_cpusets(), kByCpuset).wants.wants) {
    EXPECT_NE(want.group.pod, ended.uid);
    EXPECT_FALSE(want.group.level == GroupRef::Level::kContainer && want.group.container_id.empty());
  }
}

TEST(CpusetControl, APodWithTooFewCpusOnlineSharesTheRestAndKeepsItsQuota) {
  auto lse = kLse;
  lse.requests.cpu = MilliCpu(2000);
  const auto decision = decide({lse, kLs}, worked_cpusets(), kByQuota, {}, without(host_of(kWorkedTopology), {3}));
  EXPECT_EQ(set_of_container(decision, lse), "0-2,4-31");
  EXPECT_FALSE(want_for(decision, group_of(lse), Knob::kCpuQuota));
  EXPECT_THAT(feature_of(decision, "cpuset")->why, HasSubstr("pod e: CPUs 3 of 2-3 are offline"));
}

TEST(CpusetControl, WithoutTheKnobNothingIsWantedAndTheFeaturesSayWhy) {
  auto input = worked_cpusets();
  input.knobs = knobs_of({Knob::kCpuQuota});
  const auto step = cpuset_control({.be = cpus("0-3"), .ls = {}, .count = {}}, host_of(kWorkedTopology), {kLse, kBe},
                                   input, kByCpuset);
  EXPECT_THAT(step.decision.wants.wants, IsEmpty()) << "also no quota is lifted: nobody is bound";
  EXPECT_EQ(step.state, CpusetState{});
  EXPECT_EQ(*feature_of(step.decision, "cpuset"),
            (FeatureState{"cpuset", FeatureState::State::kUnsupported, "no such file"}));
  EXPECT_EQ(feature_of(step.decision, "cpuSuppress.cpuset")->state, FeatureState::State::kUnsupported);
  EXPECT_THAT(feature_of(step.decision, "cpuSuppress.cpuset")->why, HasSubstr("cfsQuota"));
}

TEST(CpusetControl, WithoutTheQuotaKnobCpusAreStillBound) {
  auto input = worked_cpusets();
  input.knobs = knobs_of({Knob::kCpuset});
  const auto decision = decide({kLse}, input, kByQuota);
  EXPECT_EQ(set_of_container(decision, kLse), "2-3");
  EXPECT_FALSE(want_for(decision, group_of(kLse), Knob::kCpuQuota));
  EXPECT_THAT(feature_of(decision, "cpuset")->why, HasSubstr("keep their own quota: no such file"));
}

TEST(CpusetControl, ADryRunOfSuppressLeavesLsesCpusProtected) {
  auto policy = kByCpuset;
  policy.dry_run.cpu_suppress = true;
  std::vector<std::pair<Controller, std::string>> wanted;
  for (const auto& want : decide({kLse, kBe}, worked_cpusets(), policy).wants.wants) {
    if (want.group == kBeRoot) wanted.emplace_back(want.controller, model::text_of(want.value));
  }
  ASSERT_EQ(wanted.size(), 2U);
  EXPECT_EQ(wanted[0].first, Controller::kCpuSuppress);
  EXPECT_EQ(wanted[1], std::pair(Controller::kCpuset, std::string("0-1,4-31")));
}

TEST(CpusetControl, LongRemarksFitTheReport) {
  auto lse = pod_of(std::string(5000, 'x'), QosClass::kLse, {99});
  EXPECT_LE(feature_of(decide({lse}, worked_cpusets(), kByQuota), "cpuset")->why.size(),
            model::ReportLimits::kMaxTextBytes);
}

}  // namespace
}  // namespace tideline::decide::test::cpuset_control_test
