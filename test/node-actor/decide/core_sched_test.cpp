#include "node-actor/decide/core_sched.h"

#include <algorithm>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/pods.h"

namespace tideline::decide::test::core_sched_test {
namespace {

using model::CoreSchedPolicy;
using model::KubeQos;
using model::NodePolicy;
using model::Pod;
using model::PodPhase;
using model::QosClass;

model::KnobSet knobs(bool has) {
  return {{{model::Knob::kCoreSched, has, "", has ? "" : "no SMT"}}};
}

NodePolicy core_sched_policy() {
  NodePolicy policy;
  policy.qos.cpu_policy = model::CpuQosMechanism::kCoreSched;
  policy.qos.lsr.enable = policy.qos.ls.enable = policy.qos.be.enable = true;
  return policy;
}

Pod labelled(Pod pod, const std::string& group, CoreSchedPolicy policy = CoreSchedPolicy::kGroup) {
  pod.core_sched = {.group_id = group, .policy = policy};
  return pod;
}

/// What one pod gets; nullopt: no cookie.
std::optional<CookieGroup> group_for(const Pod& pod, const NodePolicy& policy = core_sched_policy()) {
  const auto wants = core_sched({pod}, knobs(true), policy);
  EXPECT_EQ(wants.size(), 1u);
  return wants.empty() ? std::nullopt : wants.front().group;
}

TEST(CoreSched, PodsOfOneClassShareACookieAndLsNeverSharesWithBe) {
  const auto ls = group_for(ls_pod("l"));
  ASSERT_TRUE(ls);
  EXPECT_EQ(ls, group_for(ls_pod("m")));
  EXPECT_TRUE(ls->expeller);
  const auto be = group_for(be_pod("b"));
  ASSERT_TRUE(be);
  EXPECT_FALSE(be->expeller);
  EXPECT_NE(ls, be);
}

TEST(CoreSched, AGroupIdBindsPodsTogetherButNotAcrossExpelling) {
  EXPECT_EQ(group_for(labelled(ls_pod("l"), "web")), group_for(labelled(ls_pod("m"), "web")));
  EXPECT_NE(group_for(labelled(ls_pod("l"), "web")), group_for(labelled(ls_pod("m"), "db")));
  EXPECT_NE(group_for(labelled(ls_pod("l"), "web")), group_for(labelled(be_pod("b"), "web")));
  auto policy = core_sched_policy();
  policy.qos.ls.core_expeller = false;
  EXPECT_EQ(group_for(labelled(ls_pod("l"), "web"), policy), group_for(labelled(be_pod("b"), "web"), policy));
}

TEST(CoreSched, AnExclusivePodIsAloneAndCannotBeJoinedByItsUid) {
  const auto alone = group_for(labelled(ls_pod("l"), "web", CoreSchedPolicy::kExclusive));
  ASSERT_TRUE(alone);
  EXPECT_EQ(alone->exclusive, model::PodUid("l"));
  EXPECT_NE(alone, group_for(labelled(ls_pod("m"), "web", CoreSchedPolicy::kExclusive)));
  EXPECT_NE(alone, group_for(labelled(ls_pod("m"), "l")));
}

TEST(CoreSched, NoneSystemAndClassesThatAreOffGetNoCookie) {
  EXPECT_EQ(group_for(labelled(ls_pod("l"), "web", CoreSchedPolicy::kNone)), std::nullopt);
  EXPECT_EQ(group_for(pod_of("s", QosClass::kSystem, KubeQos::kBurstable)), std::nullopt);
  auto policy = core_sched_policy();
  policy.qos.be.enable = false;
  EXPECT_EQ(group_for(be_pod("b"), policy), std::nullopt);
  policy.qos.lsr.enable = false;
  EXPECT_TRUE(group_for(pod_of("g", QosClass::kLsr, KubeQos::kGuaranteed), policy)) << "Guaranteed follows lsClass";
  policy.qos.ls.enable = false;
  EXPECT_EQ(group_for(pod_of("g", QosClass::kLsr, KubeQos::kGuaranteed), policy), std::nullopt);
}

TEST(CoreSched, PodsThatHaveEndedAreLeftOut) {
  auto done = ls_pod("l");
  done.phase = PodPhase::kSucceeded;
  EXPECT_TRUE(core_sched({done}, knobs(true), core_sched_policy()).empty());
}

TEST(CoreSched, NothingIsWantedWhereItIsNotAskedForDryOrNotThere) {
  const std::vector<Pod> pods{ls_pod("l"), be_pod("b")};
  EXPECT_EQ(core_sched(pods, knobs(true), core_sched_policy()).size(), 2u);
  EXPECT_TRUE(core_sched(pods, knobs(true), std::nullopt).empty());
  EXPECT_TRUE(core_sched(pods, knobs(false), core_sched_policy()).empty());
  auto policy = core_sched_policy();
  policy.dry_run.cpu_qos = true;
  EXPECT_TRUE(core_sched(pods, knobs(true), policy).empty());
  policy = core_sched_policy();
  policy.qos.cpu_policy = model::CpuQosMechanism::kGroupIdentity;
  EXPECT_TRUE(core_sched(pods, knobs(true), policy).empty());
}

TEST(CoreSched, NobodySharesWithAnExpellerButExpellers) {
  std::mt19937 random(7);
  const auto upto = [&](int most) { return std::uniform_int_distribution<int>(0, most)(random); };
  for (int round = 0; round < 300; ++round) {
    auto policy = core_sched_policy();
    for (auto* qos : {&policy.qos.lsr, &policy.qos.ls, &policy.qos.be})
      *qos = {.enable = upto(3) > 0, .group_identity = 0, .sched_idle = 0, .core_expeller = upto(1) == 1};
    std::vector<Pod> pods;
    for (int i = 0; i < 8; ++i) {
      auto pod = pod_of("p" + std::to_string(i), static_cast<QosClass>(upto(4)), static_cast<KubeQos>(upto(2)));
      pods.push_back(labelled(pod, "p" + std::to_string(upto(3)), static_cast<CoreSchedPolicy>(upto(2))));
    }
    const auto wants = core_sched(pods, knobs(true), policy);
    ASSERT_EQ(wants.size(), pods.size());
    for (std::size_t i = 0; i < wants.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (!wants[i].group || wants[i].group != wants[j].group) continue;
        ASSERT_EQ(wants[i].group->expeller, wants[j].group->expeller);
        ASSERT_TRUE(wants[i].group->exclusive.empty()) << "seed 7, round " << round;
      }
    }
  }
}

}  // namespace
}  // namespace tideline::decide::test::core_sched_test
