#include "node-actor/sense/judge_protection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tideline::sense::judge_protection_test {
namespace {

using model::GroupWeight;
using model::SiblingWeights;
using ::testing::AllOf;
using ::testing::HasSubstr;

GroupWeight weight(const std::string& group, std::int64_t value, bool idle = false) {
  GroupWeight made;
  made.group = group;
  made.file = "cpu.shares";
  made.weight = value;
  made.idle = idle;
  return made;
}

SiblingWeights tree(const GroupWeight& best_effort, const std::vector<GroupWeight>& siblings) {
  SiblingWeights made;
  made.best_effort = best_effort;
  made.siblings = siblings;
  return made;
}

TEST(Protection, KubeletsWeightsProtect) {
  const auto judged = judge_protection(tree(weight("k/besteffort", 2), {weight("k/burstable", 1024)}));
  EXPECT_TRUE(judged.verified);
  EXPECT_THAT(judged.why, AllOf(HasSubstr("k/besteffort cpu.shares 2"), HasSubstr("k/burstable cpu.shares 1024"),
                                HasSubstr("0.2 %")));
}

TEST(Protection, ABatchPodBesideLsIsUnverifiedAndNamed) {
  const auto weights = tree(weight("k/besteffort", 2), {weight("k/burstable", 1024)});
  const auto judged = judge_protection(weights, {"jobs/train", "jobs/other"});
  EXPECT_FALSE(judged.verified);
  EXPECT_THAT(judged.why, AllOf(HasSubstr("jobs/train"), HasSubstr("1 more")));
  const auto spoilt =
      judge_protection(tree(weight("k/besteffort", 1024), {weight("k/burstable", 1024)}), {"jobs/train"});
  EXPECT_THAT(spoilt.why, HasSubstr("50.0 %")) << "the worse reason first";
}

TEST(Protection, OnlyRunningBatchPodsOutsideTheRootAreBesideLs) {
  model::Pod pod;
  pod.name_space = "jobs";
  pod.name = "train";
  pod.qos = model::QosClass::kBe;
  pod.kube_qos = model::KubeQos::kBurstable;
  EXPECT_THAT(be_beside_ls({pod}), ::testing::ElementsAre("jobs/train"));
  auto inside = pod;
  inside.kube_qos = model::KubeQos::kBestEffort;
  auto ended = pod;
  ended.phase = model::PodPhase::kFailed;
  auto service = pod;
  service.qos = model::QosClass::kLs;
  EXPECT_THAT(be_beside_ls({inside, ended, service}), ::testing::IsEmpty());
}

TEST(Protection, EqualWeightsDoNot) {
  const auto judged = judge_protection(tree(weight("k/besteffort", 1024), {weight("k/burstable", 1024)}));
  EXPECT_FALSE(judged.verified);
  EXPECT_THAT(judged.why, HasSubstr("50.0 %"));
}

TEST(Protection, LightestSiblingDecides) {
  const auto judged = judge_protection(tree(
      weight("k/besteffort", 2), {weight("k/burstable", 1024), weight("k/podtiny", 10), weight("k/podbig", 4096)}));
  EXPECT_FALSE(judged.verified);
  EXPECT_THAT(judged.why, HasSubstr("k/podtiny cpu.shares 10"));
}

TEST(Protection, FivePercentIsTheEdge) {
  EXPECT_TRUE(judge_protection(tree(weight("be", 5), {weight("ls", 95)})).verified);
  EXPECT_FALSE(judge_protection(tree(weight("be", 5), {weight("ls", 94)})).verified);
}

TEST(Protection, IdleRootProtectsAtAnyWeight) {
  EXPECT_TRUE(judge_protection(tree(weight("be", 1024, true), {weight("ls", 2)})).verified);
  EXPECT_TRUE(judge_protection(tree(weight("be", 0, true), {weight("ls", 2)})).verified);
}

TEST(Protection, IdleLsSiblingIsNeverProtected) {
  EXPECT_FALSE(judge_protection(tree(weight("be", 2), {weight("ls", 1024, true)})).verified);
  EXPECT_FALSE(judge_protection(tree(weight("be", 2, true), {weight("ls", 1024, true)})).verified);
}

TEST(Protection, NothingBesideItIsNothingToProtect) {
  const auto judged = judge_protection(tree(weight("be", 1024), {}));
  EXPECT_TRUE(judged.verified);
  EXPECT_THAT(judged.why, HasSubstr("no group beside it"));
}

TEST(Protection, WhatCannotBeReadIsUnverified) {
  auto unreadable = weight("ls", 0);
  unreadable.weight = std::nullopt;
  unreadable.error = "read ls/cpu.shares: Permission denied";
  auto judged = judge_protection(tree(weight("be", 2, true), {weight("a", 1024), unreadable}));
  EXPECT_FALSE(judged.verified);
  EXPECT_EQ(judged.why, unreadable.error);

  judged = judge_protection(tree(unreadable, {weight("a", 1024)}));
  EXPECT_FALSE(judged.verified);
  EXPECT_EQ(judged.why, unreadable.error);

  auto unlisted = tree(weight("be", 2), {});
  unlisted.error = "open k: gone";
  EXPECT_FALSE(judge_protection(unlisted).verified);
  EXPECT_EQ(judge_protection(unlisted).why, "open k: gone");
  EXPECT_FALSE(judge_protection({}).verified);
}

}  // namespace
}  // namespace tideline::sense::judge_protection_test
