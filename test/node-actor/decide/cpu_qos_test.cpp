#include "node-actor/decide/cpu_qos.h"

#include <algorithm>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/pods.h"

namespace tideline::decide::test::cpu_qos_test {
namespace {

using model::FeatureState;
using model::GroupRef;
using model::Knob;
using model::KnobSet;
using model::KubeQos;
using model::NodePolicy;
using model::Pod;
using model::QosClass;
using model::Reason;
using testing::HasSubstr;
using State = FeatureState::State;

const GroupRef kKubepods = model::root_of(KubeQos::kGuaranteed);
const GroupRef kBurstable = model::root_of(KubeQos::kBurstable);
const GroupRef kBesteffort = model::root_of(KubeQos::kBestEffort);

KnobSet knobs(std::initializer_list<Knob> present) {
  KnobSet set;
  for (const auto knob : {Knob::kCpuWeight, Knob::kCpuIdle, Knob::kBvtWarp}) {
    const bool has = std::find(present.begin(), present.end(), knob) != present.end();
    set.knobs.push_back({knob, has, "file", has ? "" : "no such file"});
  }
  return set;
}
const KnobSet kUpstream = knobs({Knob::kCpuWeight, Knob::kCpuIdle});
const KnobSet kAlibaba = knobs({Knob::kCpuWeight, Knob::kCpuIdle, Knob::kBvtWarp});

NodePolicy be_policy(int sched_idle) {
  NodePolicy policy;
  policy.qos.be.enable = true;
  policy.qos.be.sched_idle = sched_idle;
  return policy;
}
NodePolicy all_classes() {
  auto policy = be_policy(0);
  policy.qos.ls.enable = policy.qos.lsr.enable = true;
  policy.qos.ls.group_identity = 1;
  return policy;
}

Want qos_want(const GroupRef& group, Knob knob, std::int64_t value, Reason reason = Reason::kQosClass) {
  return {group, knob, number(value), model::Controller::kCpuQos, reason};
}

FeatureState feature(const Wants& wants, const std::string& name) {
  for (const auto& feature : wants.features) {
    if (feature.feature == name) return feature;
  }
  return {};
}

std::optional<std::int64_t> identity_of(const Wants& wants, const GroupRef& group) {
  for (const auto& want : wants.wants) {
    if (want.knob == Knob::kBvtWarp && want.group == group) return std::get<model::Number>(want.value).value;
  }
  return std::nullopt;
}

TEST(CpuQos, BeClassHoldsTheBesteffortRootAtTheKubeletsWeight) {
  const auto pod = be_pod("b");
  const auto wants = cpu_qos({pod, ls_pod("l")}, kUpstream, be_policy(0));
  EXPECT_THAT(wants.wants, testing::ElementsAre(qos_want(kBesteffort, Knob::kCpuWeight, 2)));
}

TEST(CpuQos, SchedIdleActsOnBePodsAndTheirContainersAndNeverOnARoot) {
  const auto pod = be_pod("b", 2);
  EXPECT_THAT(cpu_qos({pod, ls_pod("l")}, kUpstream, be_policy(1)).wants,
              testing::UnorderedElementsAre(qos_want(kBesteffort, Knob::kCpuWeight, 2),
                                            qos_want(model::group_of(pod), Knob::kCpuIdle, 1),
                                            qos_want(model::group_of(pod, pod.containers[0]), Knob::kCpuIdle, 1),
                                            qos_want(model::group_of(pod, pod.containers[1]), Knob::kCpuIdle, 1)));
}

TEST(CpuQos, BePodsBesideLsPodsYieldAtTheirOwnLevel) {
  for (const auto kube_qos : {KubeQos::kBurstable, KubeQos::kGuaranteed}) {
    const auto pod = pod_of("b", QosClass::kBe, kube_qos);
    const auto root = qos_want(kBesteffort, Knob::kCpuWeight, 2);
    EXPECT_THAT(cpu_qos({pod}, kUpstream, be_policy(0)).wants,
                testing::UnorderedElementsAre(root, qos_want(model::group_of(pod), Knob::kCpuWeight, 2)));
    EXPECT_THAT(cpu_qos({pod}, kUpstream, be_policy(1)).wants,
                testing::UnorderedElementsAre(root, qos_want(model::group_of(pod), Knob::kCpuIdle, 1)));
    EXPECT_THAT(cpu_qos({pod}, knobs({Knob::kCpuWeight}), be_policy(1)).wants,
                testing::UnorderedElementsAre(root, qos_want(model::group_of(pod), Knob::kCpuWeight, 2)))
        << "no cpu.idle: the weight is next best";
  }
}

TEST(CpuQos, PodsThatEndedAndContainersThatDoNotRunYetAreLeftAlone) {
  auto ended = be_pod("e");
  ended.phase = model::PodPhase::kSucceeded;
  auto starting = be_pod("s");
  starting.phase = model::PodPhase::kPending;
  starting.containers[0].id.clear();
  EXPECT_THAT(cpu_qos({ended, starting}, kUpstream, be_policy(1)).wants,
              testing::UnorderedElementsAre(qos_want(kBesteffort, Knob::kCpuWeight, 2),
                                            qos_want(model::group_of(starting), Knob::kCpuIdle, 1)));
}

struct IdentityCase {
  const char* name;
  QosClass qos;
  KubeQos kube_qos;
  std::optional<model::CpuQosOverride> annotation;
  std::optional<int> wanted;
};

class Identity : public testing::TestWithParam<IdentityCase> {};
INSTANTIATE_TEST_SUITE_P(
    Pods, Identity,
    testing::Values(IdentityCase{"Lse", QosClass::kLse, KubeQos::kGuaranteed, {}, 2},
                    IdentityCase{"Lsr", QosClass::kLsr, KubeQos::kGuaranteed, {}, 2},
                    IdentityCase{"Ls", QosClass::kLs, KubeQos::kBurstable, {}, 1},
                    IdentityCase{"LsBelowTheBesteffortRoot", QosClass::kLs, KubeQos::kBestEffort, {}, 1},
                    IdentityCase{"Be", QosClass::kBe, KubeQos::kBestEffort, {}, -1},
                    IdentityCase{"BeBesideLs", QosClass::kBe, KubeQos::kBurstable, {}, -1},
                    IdentityCase{"System", QosClass::kSystem, KubeQos::kBurstable, {}, std::nullopt},
                    IdentityCase{"LsWithItsOwn", QosClass::kLs, KubeQos::kBurstable, {{true, -1}}, -1},
                    IdentityCase{"LsThatOnlySaysYes", QosClass::kLs, KubeQos::kBurstable, {{true, {}}}, 1},
                    IdentityCase{"LsThatSaysNo", QosClass::kLs, KubeQos::kBurstable, {{false, 2}}, 0},
                    IdentityCase{"BeMayNotRaiseItself", QosClass::kBe, KubeQos::kBestEffort, {{true, 2}}, -1},
                    IdentityCase{"LsrHasNoAnnotation", QosClass::kLsr, KubeQos::kGuaranteed, {{false, {}}}, 2}),
    [](const auto& test) { return test.param.name; });

TEST_P(Identity, IsThePodsClassOrItsAnnotationOfLsPods) {
  const auto& param = GetParam();
  auto pod = pod_of("p", param.qos, param.kube_qos);
  pod.cpu_qos = param.annotation;
  const auto wants = cpu_qos({pod}, kAlibaba, all_classes());
  EXPECT_EQ(identity_of(wants, model::group_of(pod)), param.wanted);
  EXPECT_EQ(identity_of(wants, kKubepods), 0);
  EXPECT_EQ(identity_of(wants, kBurstable), 1);
  EXPECT_EQ(identity_of(wants, kBesteffort), -1);
}

TEST(CpuQos, APodsOwnIdentityIsMarkedAsSuch) {
  auto pod = ls_pod("p");
  pod.cpu_qos = {true, 2};
  const auto wants = cpu_qos({pod}, kAlibaba, all_classes()).wants;
  EXPECT_THAT(wants, testing::Contains(qos_want(model::group_of(pod), Knob::kBvtWarp, 2, Reason::kPodOverride)));
}

TEST(CpuQos, AGuaranteedPodFollowsLsWhereLsrIsOff) {
  auto policy = all_classes();
  policy.qos.lsr.enable = false;
  const auto pod = pod_of("g", QosClass::kLsr, KubeQos::kGuaranteed);
  EXPECT_EQ(identity_of(cpu_qos({pod}, kAlibaba, policy), model::group_of(pod)), 1);
}

TEST(CpuQos, ADisabledClassWantsNothingButItsPodsMayAskThemselves) {
  auto own = ls_pod("own");
  own.cpu_qos = {true, 2};
  const auto wants = cpu_qos({own, ls_pod("other"), be_pod("b")}, kAlibaba, NodePolicy{});
  EXPECT_THAT(wants.wants,
              testing::ElementsAre(qos_want(model::group_of(own), Knob::kBvtWarp, 2, Reason::kPodOverride)));
  for (const auto* name : {"cpuQOS.lsrClass", "cpuQOS.lsClass", "cpuQOS.beClass"})
    EXPECT_EQ(feature(wants, name), (FeatureState{name, State::kInactive, "disabled"}));
  EXPECT_EQ(feature(wants, "cpuQOS.annotation").state, State::kActive);
}

TEST(CpuQos, WithoutPolicyNothingIsWantedAndEachClassSaysSo) {
  const auto wants = cpu_qos({be_pod("b")}, kAlibaba, std::nullopt);
  EXPECT_TRUE(wants.wants.empty());
  ASSERT_EQ(wants.features.size(), 3u);
  for (const auto& feature : wants.features)
    EXPECT_EQ(feature.state, State::kInactive);
}

TEST(CpuQos, AMissingKnobIsUnsupportedByNameWhileTheRestIsApplied) {
  const auto upstream = cpu_qos({}, kUpstream, all_classes());
  EXPECT_EQ(feature(upstream, "cpuQOS.lsClass").state, State::kUnsupported);
  EXPECT_THAT(feature(upstream, "cpuQOS.lsClass").why, HasSubstr("bvt-warp: no such file; applied: nothing"));
  EXPECT_THAT(feature(upstream, "cpuQOS.beClass").why, HasSubstr("applied: besteffort root at weight 2"));

  auto policy = be_policy(1);
  policy.qos.be.group_identity = 0;
  EXPECT_EQ(feature(cpu_qos({}, kUpstream, policy), "cpuQOS.beClass").state, State::kActive)
      << "identity 0 is what a kernel without it does";
  const auto no_idle = cpu_qos({be_pod("b")}, knobs({Knob::kCpuWeight}), policy);
  EXPECT_EQ(feature(no_idle, "cpuQOS.beClass").state, State::kUnsupported);
  EXPECT_THAT(feature(no_idle, "cpuQOS.beClass").why, HasSubstr("cpu-idle: no such file"));
  const auto nothing = cpu_qos({be_pod("b")}, KnobSet{}, policy);
  EXPECT_TRUE(nothing.wants.empty());
  EXPECT_THAT(feature(nothing, "cpuQOS.beClass").why, HasSubstr("cpu-weight was not probed"));

  auto own = ls_pod("own");
  own.cpu_qos = {true, 2};
  const auto annotated = feature(cpu_qos({own}, kUpstream, NodePolicy{}), "cpuQOS.annotation");
  EXPECT_EQ(annotated.state, State::kUnsupported);
  EXPECT_THAT(annotated.why, HasSubstr("bvt-warp: no such file"));
}

TEST(CpuQos, GroupIdentityIsToldAsNotVerified) {
  auto own = ls_pod("own");
  own.cpu_qos = {true, 2};
  const auto wants = cpu_qos({own}, kAlibaba, all_classes());
  EXPECT_THAT(feature(wants, "cpuQOS.lsClass").why, HasSubstr("groupIdentity 1 (its effect is not verified)"));
  EXPECT_THAT(feature(wants, "cpuQOS.annotation").why, HasSubstr("(its effect is not verified)"));
}

TEST(CpuQos, AllThatIsAskedForIsActiveWhereTheKernelHasIt) {
  auto policy = all_classes();
  policy.qos.be.sched_idle = 1;
  const auto wants = cpu_qos({}, kAlibaba, policy);
  for (const auto& feature : wants.features)
    EXPECT_EQ(feature.state, State::kActive) << feature.feature << ": " << feature.why;
}

TEST(CpuQos, CoreSchedThatTheKernelLacksIsUnsupportedAndSetsNoIdentity) {
  auto policy = all_classes();
  policy.qos.cpu_policy = model::CpuQosMechanism::kCoreSched;
  const auto wants = cpu_qos({ls_pod("l"), be_pod("b")}, kAlibaba, policy);
  EXPECT_THAT(wants.wants, testing::ElementsAre(qos_want(kBesteffort, Knob::kCpuWeight, 2)));
  for (const auto& feature : wants.features) {
    EXPECT_EQ(feature.state, State::kUnsupported) << feature.feature;
    EXPECT_THAT(feature.why, HasSubstr("cpuPolicy coreSched"));
    EXPECT_THAT(feature.why, HasSubstr("core-sched was not probed"));
  }
  EXPECT_THAT(feature(wants, "cpuQOS.lsClass").why, HasSubstr("coreExpeller"));
  EXPECT_THAT(feature(wants, "cpuQOS.beClass").why, testing::Not(HasSubstr("coreExpeller")));
}

TEST(CpuQos, CoreSchedIsActiveWhereTheKernelHasIt) {
  auto policy = all_classes();
  policy.qos.cpu_policy = model::CpuQosMechanism::kCoreSched;
  auto set = kUpstream;
  set.knobs.push_back({Knob::kCoreSched, true, "", ""});
  const auto wants = cpu_qos({}, set, policy);
  for (const auto& feature : wants.features)
    EXPECT_EQ(feature.state, State::kActive) << feature.feature << ": " << feature.why;
  EXPECT_THAT(feature(wants, "cpuQOS.lsClass").why, HasSubstr("coreSched with coreExpeller"));
}

TEST(CpuQos, LatencySensitivePodsAreNeverIdle) {
  auto policy = all_classes();
  policy.qos.ls.sched_idle = policy.qos.lsr.sched_idle = policy.qos.be.sched_idle = 1;
  const auto wants = cpu_qos({ls_pod("l"), pod_of("g", QosClass::kLsr, KubeQos::kGuaranteed)}, kAlibaba, policy);
  for (const auto& want : wants.wants)
    EXPECT_NE(want.knob, Knob::kCpuIdle) << text_of(want.group);
  EXPECT_EQ(feature(wants, "cpuQOS.lsClass").state, State::kUnsupported);
}

class RandomClasses : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Seeds, RandomClasses, testing::Range(1u, 11u));

TEST_P(RandomClasses, OnlyBeYieldsAndOnlyByKnobsThatAreThere) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  std::mt19937 random(GetParam());
  const auto upto = [&](int most) { return std::uniform_int_distribution<int>(0, most)(random); };
  for (int round = 0; round < 500; ++round) {
    NodePolicy policy;
    policy.qos.cpu_policy = static_cast<model::CpuQosMechanism>(upto(1));
    for (auto* qos : {&policy.qos.lsr, &policy.qos.ls, &policy.qos.be})
      *qos = {
          .enable = upto(1) == 1, .group_identity = upto(3) - 1, .sched_idle = upto(1), .core_expeller = upto(1) == 1};
    std::vector<Pod> pods;
    for (int i = upto(6); i > 0; --i) {
      pods.push_back(
          pod_of("p" + std::to_string(i), static_cast<QosClass>(upto(4)), static_cast<KubeQos>(upto(2)), upto(2)));
      if (upto(1) == 0) pods.back().cpu_qos = {upto(1) == 1, upto(3) - 1};
    }
    KnobSet set;
    for (const auto knob : {Knob::kCpuWeight, Knob::kCpuIdle, Knob::kBvtWarp})
      set.knobs.push_back({knob, upto(1) == 1, "file", "absent"});
    const auto wants = cpu_qos(pods, set, policy);
    ASSERT_GE(wants.features.size(), 3u);
    for (const auto& want : wants.wants) {
      ASSERT_TRUE(set.has(want.knob));
      if (want.knob == Knob::kBvtWarp) continue;
      if (want.group.level == GroupRef::Level::kRoot) {
        ASSERT_EQ(want, qos_want(kBesteffort, Knob::kCpuWeight, 2));
        continue;
      }
      const auto pod = std::find_if(pods.begin(), pods.end(), [&](const Pod& p) { return p.uid == want.group.pod; });
      ASSERT_EQ(pod->qos, QosClass::kBe);
      ASSERT_EQ(want.value, number(want.knob == Knob::kCpuIdle ? 1 : 2));
    }
  }
}

}  // namespace
}  // namespace tideline::decide::test::cpu_qos_test
