#include "coordinator/policy/rollout.h"

#include <gtest/gtest.h>

namespace tideline::policy::rollout_test {
namespace {

using model::NodeName;
using model::PolicyVersion;

const NodeName kA("a");
const NodeName kB("b");
constexpr model::Epoch kEpoch(7);

/// `percent` everywhere, but `fast_percent` on nodes labelled pool=fast.
std::shared_ptr<const ClusterPolicy> thresholds(int percent, int fast_percent) {
  auto parsed =
      parse({{"resource-threshold-config",
              R"({"clusterStrategy": {"enable": true, "cpuSuppressThresholdPercent": )" + std::to_string(percent) +
                  R"(}, "nodeStrategies": [{"name": "fast", "nodeSelector": {"matchLabels": {"pool": "fast"}},
                                "cpuSuppressThresholdPercent": )" +
                  std::to_string(fast_percent) + "}]}"}});
  EXPECT_TRUE(parsed.ok());
  return std::make_shared<const ClusterPolicy>(std::move(parsed).value());
}

/// A rollout with version 1 in force: 60 %, 80 % for the pool "fast".
Rollout loaded() {
  Rollout rollout(kEpoch);
  rollout.set(thresholds(60, 80), PolicyVersion(1));
  return rollout;
}

std::vector<std::string> names(const std::vector<std::pair<NodeName, model::NodePolicy>>& due) {
  std::vector<std::string> out;
  for (const auto& [name, policy] : due)
    out.push_back(name.str());
  return out;
}

using Names = std::vector<std::string>;

TEST(Rollout, SendsOnceASession) {
  Rollout rollout = loaded();
  rollout.opened(kA);
  rollout.told(kA, {{}, {}});
  EXPECT_EQ(names(rollout.take_due()), Names{"a"});
  EXPECT_EQ(names(rollout.take_due()), Names{});
  rollout.told(kA, {{}, {}});
  EXPECT_EQ(names(rollout.take_due()), Names{});
}

TEST(Rollout, SendsAgainToANewSessionAlsoWhenTheOldOneWasNeverSeenToClose) {
  Rollout rollout = loaded();
  rollout.opened(kA);
  rollout.told(kA, {{}, {}});
  rollout.take_due();
  rollout.opened(kA);
  EXPECT_EQ(names(rollout.take_due()), Names{"a"});
  rollout.closed(kA);
  rollout.opened(kA);
  EXPECT_EQ(names(rollout.take_due()), Names{"a"}) << "its labels are known from before";
}

TEST(Rollout, SendsNothingToANodeWhoseLabelsWereNeverTold) {
  Rollout rollout = loaded();
  rollout.opened(kA);
  EXPECT_EQ(names(rollout.take_due()), Names{});
  rollout.told(kA, {{{"pool", "fast"}}, {}});
  const auto due = rollout.take_due();
  ASSERT_EQ(names(due), Names{"a"});
  EXPECT_EQ(due[0].second.threshold.cpu_suppress_threshold_percent, 80);
}

TEST(Rollout, SendsNothingToAClosedSessionAndCatchesUpWhenItOpens) {
  Rollout rollout = loaded();
  rollout.opened(kA);
  rollout.told(kA, {{}, {}});
  rollout.take_due();
  rollout.closed(kA);
  rollout.set(thresholds(50, 70), PolicyVersion(2));
  EXPECT_EQ(names(rollout.take_due()), Names{});
  rollout.opened(kA);
  const auto due = rollout.take_due();
  ASSERT_EQ(names(due), Names{"a"});
  EXPECT_EQ(due[0].second.version, PolicyVersion(2));
  EXPECT_EQ(due[0].second.threshold.cpu_suppress_threshold_percent, 50);
}

TEST(Rollout, SendsAChangedPolicyToAllOpenNodesWithVersionAndEpoch) {
  Rollout rollout = loaded();
  for (const auto& node : {kA, kB}) {
    rollout.opened(node);
    rollout.told(node, {{}, {}});
  }
  EXPECT_EQ(names(rollout.take_due()), (Names{"a", "b"}));
  rollout.set(thresholds(50, 70), PolicyVersion(2));
  const auto due = rollout.take_due();
  ASSERT_EQ(names(due), (Names{"a", "b"}));
  for (const auto& [name, policy] : due) {
    EXPECT_EQ(policy.version, PolicyVersion(2));
    EXPECT_EQ(policy.epoch, kEpoch);
  }
}

TEST(Rollout, GivesNoMoreNodesThanAskedForAndTheRestNext) {
  Rollout rollout = loaded();
  for (const char* name : {"a", "b", "c"}) {
    rollout.opened(NodeName(name));
    rollout.told(NodeName(name), {{}, {}});
  }
  EXPECT_EQ(names(rollout.take_due(2)), (Names{"a", "b"}));
  EXPECT_TRUE(rollout.has_due());
  EXPECT_EQ(names(rollout.take_due(2)), Names{"c"});
  EXPECT_FALSE(rollout.has_due());
}

TEST(Rollout, WantsWhatPolicyAndLabelsGiveNowWhateverWasSent) {
  Rollout rollout = loaded();
  const auto percent = [&] { return rollout.wanted(kA)->threshold.cpu_suppress_threshold_percent; };
  rollout.opened(kA);
  rollout.told(kA, {{}, {}});
  rollout.take_due();
  EXPECT_EQ(percent(), 60);
  rollout.told(kA, {{{"pool", "fast"}}, {}});
  EXPECT_EQ(percent(), 80) << "not sent yet";
  rollout.take_due();
  EXPECT_EQ(percent(), 80);
  rollout.closed(kA);
  rollout.set(thresholds(50, 70), PolicyVersion(2));
  EXPECT_EQ(percent(), 70);
  rollout.take_due();
  EXPECT_EQ(percent(), 70) << "never sent";
  EXPECT_EQ(rollout.wanted(kA)->version, PolicyVersion(2));
  rollout.opened(kA);
  EXPECT_EQ(percent(), 70);
}

TEST(Rollout, TellsANewVersionAlsoWhereItsTermsAreTheSame) {
  Rollout rollout = loaded();
  rollout.opened(kA);
  rollout.told(kA, {{}, {}});
  rollout.take_due();
  rollout.set(thresholds(60, 90), PolicyVersion(2));
  EXPECT_EQ(names(rollout.take_due()), Names{"a"}) << "the node acks versions, so it must hear of each";
}

TEST(Rollout, ChangedLabelsSendOnlyWhereTheyChangeTheTerms) {
  Rollout rollout = loaded();
  rollout.opened(kA);
  rollout.told(kA, {{}, {}});
  rollout.take_due();
  rollout.told(kA, {{{"rack", "4"}}, {}});
  EXPECT_EQ(names(rollout.take_due()), Names{});
  rollout.told(kA, {{{"rack", "4"}, {"pool", "fast"}}, {}});
  const auto due = rollout.take_due();
  ASSERT_EQ(names(due), Names{"a"});
  EXPECT_EQ(due[0].second.threshold.cpu_suppress_threshold_percent, 80);
}

TEST(Rollout, OnlyTheNewestOfSeveralChangesIsSent) {
  Rollout rollout = loaded();
  rollout.opened(kA);
  rollout.told(kA, {{}, {}});
  rollout.set(thresholds(50, 70), PolicyVersion(2));
  rollout.set(thresholds(40, 70), PolicyVersion(3));
  const auto due = rollout.take_due();
  ASSERT_EQ(due.size(), 1U);
  EXPECT_EQ(due[0].second.version, PolicyVersion(3));
}

TEST(Rollout, WithoutAPolicyNothingIsWantedAndThoseWhoCameEarlyAreSentTheFirst) {
  Rollout rollout(kEpoch);
  rollout.opened(kA);
  rollout.told(kA, {{}, {}});
  EXPECT_FALSE(rollout.wanted(kA));
  EXPECT_EQ(names(rollout.take_due()), Names{});
  rollout.set(thresholds(60, 80), PolicyVersion(1));
  EXPECT_EQ(names(rollout.take_due()), Names{"a"});
}

TEST(Rollout, WantedFollowsTheLabelsAndTakesUnknownOnesForNone) {
  Rollout rollout = loaded();
  EXPECT_EQ(rollout.wanted(kA)->threshold.cpu_suppress_threshold_percent, 60);
  rollout.told(kA, {{{"pool", "fast"}}, {}});
  EXPECT_EQ(rollout.wanted(kA)->threshold.cpu_suppress_threshold_percent, 80);
  EXPECT_EQ(rollout.wanted(kB)->threshold.cpu_suppress_threshold_percent, 60);
  EXPECT_EQ(rollout.wanted(kB)->version, PolicyVersion(1));
}

TEST(Rollout, ClosingANodeNeverSeenChangesNothing) {
  Rollout rollout = loaded();
  rollout.closed(kA);
  EXPECT_EQ(names(rollout.take_due()), Names{});
}

TEST(Rollout, TellsABadRatioLabelOnceANodeAndText) {
  Rollout rollout = loaded();
  const std::string key = "node.koordinator.sh/cpu-reclaim-ratio";
  const auto problems = rollout.told(kA, {{{key, "0,8"}}, {}});
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_NE(problems[0].find("\"0,8\""), std::string::npos) << problems[0];
  EXPECT_EQ(rollout.told(kA, {{{key, "0.8"}}, {}}).size(), 0u);
  EXPECT_EQ(rollout.told(kA, {{{key, "0,8"}}, {}}).size(), 0u) << "told before";
  EXPECT_EQ(rollout.told(kB, {{{key, "0,8"}}, {}}).size(), 1u) << "another node";
  std::size_t told = 0;
  for (int i = 0; i < 100; ++i)
    told += rollout.told(kB, {{{key, "bad" + std::to_string(i)}}, {}}).size();
  EXPECT_EQ(told, Rollout::kMaxLabelProblems - 1);
}

TEST(Rollout, AnotherStrategyInItsAnnotationsIsAnotherPolicyAndOtherAnnotationsAreNot) {
  Rollout rollout = loaded();
  rollout.opened(kA);
  const std::string strategy = "node.koordinator.sh/colocation-strategy";
  const std::string taken = "node.koordinator.sh/thirdPartyAllocations";
  rollout.told(kA, {{}, {{strategy, R"({"degradeTimeMinutes": 5})"}}});
  const auto due = rollout.take_due();
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].second.colocation.degrade_time_minutes, 5);
  rollout.told(kA, {{}, {{strategy, R"({"degradeTimeMinutes": 5})"}, {taken, R"({"allocations": []})"}}});
  EXPECT_FALSE(rollout.has_due()) << "what other schedulers give away changes all the time";
  rollout.told(kA, {{}, {{taken, R"({"allocations": []})"}}});
  const auto back = rollout.take_due();
  ASSERT_EQ(back.size(), 1u);
  EXPECT_EQ(back[0].second.colocation.degrade_time_minutes, 15);
}

TEST(Rollout, TellsABadAnnotationOnceANodeAndText) {
  Rollout rollout = loaded();
  const NodeFacts bad{{}, {{"node.koordinator.sh/reservation", "4 CPUs"}}};
  const auto problems = rollout.told(kA, bad);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_NE(problems[0].find("\"4 CPUs\""), std::string::npos) << problems[0];
  rollout.told(kA, {{}, {}});
  EXPECT_EQ(rollout.told(kA, bad).size(), 0u) << "told before";
  EXPECT_EQ(rollout.told(kB, bad).size(), 1u) << "another node";
}

TEST(Rollout, ForgottenNodeStartsAnew) {
  Rollout rollout = loaded();
  rollout.opened(kA);
  rollout.told(kA, {{{"pool", "fast"}}, {}});
  rollout.forget(kA);
  EXPECT_EQ(names(rollout.take_due()), Names{});
  EXPECT_EQ(rollout.wanted(kA)->threshold.cpu_suppress_threshold_percent, 60);
}

}  // namespace
}  // namespace tideline::policy::rollout_test
