// What the fleet's actor makes of sessions, reports and policies.

#include <cstdlib>

#include <gmock/gmock.h>

#include "coordinator/policy/content.h"
#include "test/coordinator/actor/fleet_fixture.h"

namespace tideline::coordinator::fleet_test {
namespace {

using model::NodeName;

TEST_F(Fleet, BridgeIsToldOfAccountsThatRestOnAReportWithWhatPublishingNeeds) {
  const auto fleet = spawn<FleetActor>(model::Epoch(3), fleet::FleetOptions{}, probe(), std::make_shared<LinkPort>(),
                                       fleet::HandsOffBook{}, std::optional<fleet::EvictionArbiter>(),
                                       profile::ProfileBook{}, std::vector<RememberedNode>(), probe());
  auto parsed = policy::parse(
      {{"colocation-config", R"({"enable": true, "resourceDiffThreshold": 0.25,
      "updateTimeThresholdSeconds": 60})"},
       {"resource-amplification-config", R"({"enable": true, "resourceAmplificationRatio": {"cpu": 1.5}})"}});
  ASSERT_TRUE(parsed.ok()) << parsed.error().message();
  caf::anon_send(fleet, PolicyLoaded{std::make_shared<const policy::ClusterPolicy>(*parsed), model::PolicyVersion(1)});
  caf::anon_send(fleet, Enrolled{session_of("only-connected", 2)});
  caf::anon_send(fleet, Enrolled{session_of("n1", 1)});
  caf::anon_send(fleet, Durable{arrived("n1", 1)});
  caf::anon_send(fleet, LedgerTick{});
  const auto told = next<AccountsComputed>();
  ASSERT_TRUE(told);
  ASSERT_EQ(told->accounts->size(), 1u);
  const auto& computed = told->accounts->front();
  EXPECT_EQ(computed.account.node, NodeName("n1"));
  EXPECT_EQ(computed.account.cpu.capacity, model::MilliCpu(4000));
  EXPECT_TRUE(computed.account.data_age);
  EXPECT_EQ(computed.diff_threshold, 0.25);
  EXPECT_EQ(computed.update_threshold, model::Duration(std::chrono::seconds(60)));
  EXPECT_EQ(computed.scaling.cpu_amplification, model::Ratio(150));
  EXPECT_EQ(computed.scaling.memory_amplification, model::Ratio());

  // Made anew, and it does not report: what its Node has must go.
  auto other_life = session_of("n1", 3);
  other_life.hello.incarnation = model::Incarnation(8);
  caf::anon_send(fleet, Enrolled{other_life});
  caf::anon_send(fleet, LedgerTick{});
  const auto lost = next<AccountsComputed>();
  ASSERT_TRUE(lost);
  EXPECT_FALSE(lost->accounts->front().account.data_age);
  EXPECT_EQ(lost->accounts->front().account.cpu.rule, model::ReclaimRule::kStale);
}

TEST_F(Fleet, BridgeIsToldWhatNodesUseWhenItAsks) {
  const auto fleet = spawn<FleetActor>(model::Epoch(3), fleet::FleetOptions{}, probe(), std::make_shared<LinkPort>(),
                                       fleet::HandsOffBook{}, std::optional<fleet::EvictionArbiter>(),
                                       profile::ProfileBook{}, std::vector<RememberedNode>(), probe());
  caf::anon_send(fleet, Enrolled{session_of("n1", 1)});
  caf::anon_send(fleet, Durable{arrived("n1", 1)});
  caf::anon_send(fleet, MeasureNodes{{NodeName("n1"), NodeName("n2")}});
  const auto told = next<NodesMeasured>();
  ASSERT_TRUE(told);
  ASSERT_EQ(told->nodes->size(), 2u);
  const auto& node = told->nodes->front();
  EXPECT_EQ(node.node, NodeName("n1"));
  EXPECT_EQ(node.interval, model::Duration(std::chrono::seconds(60)));
  ASSERT_TRUE(node.metric);
  EXPECT_EQ(node.metric->use, (model::MetricUse{model::MilliCpu(1000), model::Bytes(1 << 20)}));
  EXPECT_FALSE(told->nodes->back().metric) << "it does not report";
}

TEST_F(Fleet, NodeIsLiveOnlyOnceItsReportIsDurable) {
  caf::anon_send(fleet_, Enrolled{session_of("n1", 1)});
  const auto before = node("n1");
  ASSERT_TRUE(before.ok());
  EXPECT_TRUE(before->connected);
  EXPECT_EQ(before->liveness, fleet::Liveness::kNever);
  caf::anon_send(fleet_, Durable{arrived("n1", 1)});
  EXPECT_EQ(node("n1")->liveness, fleet::Liveness::kLive);
}

TEST_F(Fleet, RefusedPolicyIsShownWithItsReasonAndNotAsApplied) {
  connect_and_report("n1", 1);
  caf::anon_send(fleet_, PolicyLoaded{std::make_shared<policy::ClusterPolicy>(), model::PolicyVersion(5)});
  ASSERT_TRUE(eventually([&] { return node("n1")->policy_wanted == model::PolicyVersion(5); }));
  caf::anon_send(fleet_, PolicyAnswered{link::SessionId(1), NodeName("n1"), model::PolicyVersion(5), "no cpuset here"});
  const auto refused = node("n1");
  EXPECT_EQ(refused->policy_applied, model::PolicyVersion(0));
  EXPECT_EQ(refused->policy_problem, "no cpuset here");
  caf::anon_send(fleet_, PolicyAnswered{link::SessionId(1), NodeName("n1"), model::PolicyVersion(5), ""});
  const auto taken = node("n1");
  EXPECT_EQ(taken->policy_applied, model::PolicyVersion(5));
  EXPECT_EQ(taken->policy_problem, "");
}

TEST_F(Fleet, ContentOfTheWantedPolicyIsTakenOverByTheAck) {
  connect_and_report("n1", 1);
  load_colocation();
  ASSERT_TRUE(eventually([&] { return node("n1")->policy_wanted == model::PolicyVersion(1); }));
  model::NodePolicy says;
  says.colocation.enable = true;
  const auto content = policy::content_of(says);
  EXPECT_EQ(node("n1")->policy_content, content);
  EXPECT_EQ(node("n1")->policy_content_applied, model::PolicyContent());
  caf::anon_send(fleet_, PolicyAnswered{link::SessionId(1), NodeName("n1"), model::PolicyVersion(1), ""});
  EXPECT_EQ(node("n1")->policy_content_applied, content);
  for (const auto* name : {"n1", ""}) {
    const auto report = ask<admin::PolicyReport>(fleet_, [&](auto reply) {
      return AskEffective{NodeName(name), {}, std::move(reply)};
    });
    ASSERT_TRUE(report.ok());
    EXPECT_EQ(report->content, content) << name;
  }
}

TEST_F(Fleet, ClosingOfAReplacedSessionLeavesItsNodeConnected) {
  caf::anon_send(fleet_, Enrolled{session_of("n1", 1)});
  caf::anon_send(fleet_, Enrolled{session_of("n1", 2)});
  caf::anon_send(fleet_, Closed{link::SessionId(1), NodeName("n1"), "replaced"});
  EXPECT_TRUE(node("n1")->connected);
  caf::anon_send(fleet_, Closed{link::SessionId(2), NodeName("n1"), "gone"});
  EXPECT_FALSE(node("n1")->connected);
}

TEST_F(Fleet, LedgerOffersNothingWithoutAPolicy) {
  connect_and_report("n1", 1);
  caf::anon_send(fleet_, LedgerTick{});
  const auto account = reclaimed();
  ASSERT_EQ(account.nodes.size(), 1u);
  EXPECT_EQ(account.nodes[0].cpu.offered, model::MilliCpu(0));
  EXPECT_EQ(account.nodes[0].cpu.rule, model::ReclaimRule::kDisabled);
}

TEST_F(Fleet, LedgerAccountsForEveryKnownNode) {
  load_colocation();
  connect_and_report("n1", 1);
  connect_and_report("n2", 2);
  caf::anon_send(fleet_, Enrolled{session_of("silent", 3)});
  caf::anon_send(fleet_, LedgerTick{});
  const auto account = reclaimed();
  ASSERT_EQ(account.nodes.size(), 3u);
  for (const std::size_t i : {0u, 1u}) {
    EXPECT_EQ(account.nodes[i].node, NodeName(i == 0 ? "n1" : "n2"));
    EXPECT_EQ(account.nodes[i].cpu.rule, model::ReclaimRule::kUsage);
    EXPECT_GT(account.nodes[i].cpu.offered, model::MilliCpu(0));
  }
  EXPECT_EQ(account.nodes[2].node, NodeName("silent"));
  EXPECT_EQ(account.nodes[2].cpu.rule, model::ReclaimRule::kStale);
  EXPECT_EQ(account.nodes[2].cpu.offered, model::MilliCpu(0));
  EXPECT_EQ(account.cluster.cpu.offered, account.nodes[0].cpu.offered + account.nodes[1].cpu.offered);
}

TEST_F(Fleet, AnotherAgentsSessionGetsNeitherTheOfferNorThePolicyOfTheOneBefore) {
  load_colocation();
  auto labelled = std::make_shared<link::ArrivedReport>(*arrived("n1", 1));
  model::Report report = *labelled->report;
  report.status.labels["node.koordinator.sh/cpu-reclaim-ratio"] = "0.5";
  labelled->report = std::make_shared<const model::Report>(std::move(report));
  caf::anon_send(fleet_, Enrolled{session_of("n1", 1)});
  caf::anon_send(fleet_, Durable{std::move(labelled)});
  caf::anon_send(fleet_, LedgerTick{});
  const auto threshold_percent = [&] {
    const auto answer = ask<admin::PolicyReport>(fleet_, [](auto reply) {
      return AskEffective{NodeName("n1"), {}, std::move(reply)};
    });
    return answer ? answer->effective.colocation.cpu_reclaim_threshold_percent : -1;
  };
  EXPECT_GT(reclaimed().nodes.at(0).cpu.offered, model::MilliCpu(0));
  EXPECT_EQ(threshold_percent(), 50);

  auto another = session_of("n1", 2);
  another.hello.incarnation = model::Incarnation(8);
  caf::anon_send(fleet_, Enrolled{another});
  caf::anon_send(fleet_, LedgerTick{});
  const auto account = reclaimed().nodes.at(0);
  EXPECT_EQ(account.cpu.rule, model::ReclaimRule::kStale);
  EXPECT_EQ(account.cpu.offered, model::MilliCpu(0));
  EXPECT_EQ(threshold_percent(), model::ColocationPolicy{}.cpu_reclaim_threshold_percent);
  const auto explained = ask<model::ExplainedAccount>(fleet_, [](auto reply) {
    return AskExplainReclaimed{{NodeName("n1"), std::nullopt}, std::move(reply)};
  });
  ASSERT_TRUE(explained.ok());
  EXPECT_EQ(explained->cpu.terms.at(0).detail, "no report yet");
}

TEST_F(Fleet, AccountsGoIntoHistoryAsTheyArePublished) {
  load_colocation();
  connect_and_report("n1", 1);
  caf::anon_send(fleet_, LedgerTick{});
  auto published = reclaimed().nodes.at(0);
  std::optional<KeepAccounts> keep;
  do {  // the actor's own tick may have come before the report
    keep = next<KeepAccounts>();
    ASSERT_TRUE(keep);
    ASSERT_EQ(keep->accounts.size(), 1u);
  } while (keep->accounts[0].account.cpu.rule != published.cpu.rule);
  const auto& kept = keep->accounts[0];
  EXPECT_LE(std::abs(kept.at.ms - clock::wall_now().ms), 60'000);
  published.data_age = kept.account.data_age;
  EXPECT_EQ(kept.account, published);
}

TEST_F(Fleet, NodeNotHeardOfForTheRetentionIsForgotten) {
  caf::anon_send(fleet_, Durable{arrived_ago("yesterday", std::chrono::hours(24))});
  caf::anon_send(fleet_, Durable{arrived_ago("last-month", std::chrono::hours(24 * 30))});
  caf::anon_send(fleet_, LedgerTick{});
  EXPECT_TRUE(node("yesterday").ok());
  const auto forgotten = node("last-month");
  ASSERT_FALSE(forgotten.ok());
  EXPECT_EQ(forgotten.error().code(), model::ErrorCode::kNotFound);
  EXPECT_EQ(reclaimed().nodes.size(), 1u);
}

TEST_F(Fleet, WhatPredictionsRestOnIsKeptSliceBySlice) {
  connect_and_report("n1", 1);
  for (std::size_t slice = 0; slice < profile::ProfileBook::kSlices; ++slice)
    caf::anon_send(fleet_, LedgerTick{});
  const auto setting = next<KeepSetting>();
  ASSERT_TRUE(setting);
  EXPECT_EQ(setting->key, prediction_setting(profile::ProfileBook::slice_of(NodeName("n1"))));
  profile::ProfileBook kept;
  EXPECT_TRUE(kept.read(setting->value, clock::mono_now(), clock::wall_now()).ok());
  EXPECT_EQ(kept.size(), 1u);
}

}  // namespace
}  // namespace tideline::coordinator::fleet_test
