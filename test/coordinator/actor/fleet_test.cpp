#include <cstdlib>
#include <thread>

#include <gmock/gmock.h>

#include "coordinator/actor/backend.h"
#include "coordinator/actor/fleet_actor.h"
#include "coordinator/actor/history_actor.h"
#include "coordinator/actor/ledger_input.h"
#include "coordinator/policy/content.h"
#include "storage/store/memory_store.h"
#include "test/coordinator/actor/actor_fixture.h"

namespace tideline::coordinator {
namespace {

using model::NodeName;
using testing::HasSubstr;

class Fleet : public Actors {
 protected:
  caf::actor fleet_ = {};

  void SetUp() override {
    fleet_ = spawn<FleetActor>(model::Epoch(3), fleet::FleetOptions{}, probe(), std::make_shared<LinkPort>());
  }
  void TearDown() override {
    fleet_ = nullptr;
    Actors::TearDown();
  }
  model::Result<fleet::NodeView> node(const std::string& name) {
    return ask<fleet::NodeView>(fleet_, [&](admin::Reply<fleet::NodeView> reply) {
      return AskNode{NodeName(name), std::move(reply)};
    });
  }
  void connect_and_report(const std::string& name, std::uint64_t session) {
    caf::anon_send(fleet_, Enrolled{session_of(name, session)});
    caf::anon_send(fleet_, Durable{arrived(name, 1, session)});
  }
  static std::shared_ptr<const link::ArrivedReport> arrived_ago(const std::string& name, model::Duration age) {
    auto old = std::make_shared<link::ArrivedReport>(*arrived(name, 1));
    old->mono = old->mono + -age;
    return old;
  }
  void load_colocation() {
    auto parsed = policy::parse({{"colocation-config", R"({"enable": true})"}});
    ASSERT_TRUE(parsed.ok()) << parsed.error().message();
    caf::anon_send(fleet_,
                   PolicyLoaded{std::make_shared<const policy::ClusterPolicy>(*parsed), model::PolicyVersion(1)});
  }
  admin::ReclaimedReport reclaimed() {
    auto answer = ask<admin::ReclaimedReport>(fleet_, [](auto reply) { return AskReclaimed{std::move(reply)}; });
    EXPECT_TRUE(answer.ok());
    return answer ? *answer : admin::ReclaimedReport{};
  }
  model::Result<model::Duration> watch(const std::string& name) {
    return ask<model::Duration>(fleet_, [&](auto reply) { return AskWatch{NodeName(name), 10, std::move(reply)}; });
  }
  template <class Claim>
  static bool eventually(Claim claim) {
    for (const auto until = std::chrono::steady_clock::now() + kPatience; !claim();) {
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
  }
  template <class T>
  void expect_unknown(const model::Result<T>& answer) {
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().code(), model::ErrorCode::kNotFound);
    EXPECT_THAT(answer.error().message(), HasSubstr("\"nobody\""));
  }
};

TEST_F(Fleet, AnswersWhoAsksForAnUnknownNode) {
  expect_unknown(node("nobody"));
  expect_unknown(ask<std::vector<fleet::PodView>>(fleet_, [](auto reply) {
    return AskPods{NodeName("nobody"), std::move(reply)};
  }));
  expect_unknown(watch("nobody"));
  expect_unknown(ask<admin::PolicyReport>(fleet_, [](auto reply) {
    return AskEffective{NodeName("nobody"), {}, std::move(reply)};
  }));
}

TEST_F(Fleet, EmptyFleetAnswersEverythingElse) {
  const auto nodes = ask<std::vector<fleet::NodeView>>(fleet_, [](auto reply) { return AskNodes{std::move(reply)}; });
  ASSERT_TRUE(nodes.ok());
  EXPECT_TRUE(nodes->empty());
  EXPECT_TRUE(ask<admin::ReclaimedReport>(fleet_, [](auto reply) { return AskReclaimed{std::move(reply)}; }).ok());
  EXPECT_TRUE(watch("").ok());
  EXPECT_TRUE(ask<admin::PolicyReport>(fleet_, [](auto reply) {
                return AskEffective{NodeName(), {}, std::move(reply)};
              }).ok());
}

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

TEST_F(Fleet, GivesTheNewestStatusesForACheck) {
  connect_and_report("n1", 1);
  caf::anon_send(fleet_, Enrolled{session_of("n2", 2)});
  const auto job = std::make_shared<CheckJob>();
  caf::anon_send(fleet_, AskCheckNodes{job, probe()});
  const auto all = next<CheckNodes>();
  ASSERT_TRUE(all);
  EXPECT_EQ(all->job, job);
  ASSERT_EQ(all->statuses.size(), 2u);
  EXPECT_EQ(all->statuses[0].first, NodeName("n1"));
  ASSERT_NE(all->statuses[0].second, nullptr);
  EXPECT_EQ(*all->statuses[0].second, arrived("n1", 1)->report->status);
  EXPECT_EQ(all->statuses[1].first, NodeName("n2"));
  EXPECT_EQ(all->statuses[1].second, nullptr) << "no report of it yet";
  expect_unknown(ask<admin::PolicyCheck>(fleet_, [&](admin::Reply<admin::PolicyCheck> reply) {
    const auto one = std::make_shared<CheckJob>();
    one->node = NodeName("nobody");
    one->reply = std::move(reply);
    return AskCheckNodes{one, probe()};
  }));
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

TEST_F(Fleet, ClusterRowLeavesOutNodesThatAreGone) {
  load_colocation();
  connect_and_report("n1", 1);
  caf::anon_send(fleet_, Durable{arrived_ago("gone", std::chrono::minutes(10))});
  caf::anon_send(fleet_, LedgerTick{});
  const auto account = reclaimed();
  ASSERT_EQ(account.nodes.size(), 2u);
  EXPECT_EQ(account.nodes[0].node, NodeName("gone")) << "its own row stays";
  EXPECT_EQ(account.cluster.cpu.capacity, account.nodes[1].cpu.capacity);
  EXPECT_EQ(account.cluster.cpu.offered, account.nodes[1].cpu.offered);
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

TEST_F(Fleet, ExplainsAnAccountByItsReportItsPolicyAndItsPods) {
  load_colocation();
  auto full = std::make_shared<link::ArrivedReport>(*arrived("n1", 1));
  model::Pod pod;
  pod.uid = model::PodUid("u1");
  pod.name_space = "shop";
  pod.name = "web";
  pod.requests.cpu = model::MilliCpu(700);
  model::Report report = *full->report;
  report.pods.emplace_back().pod = std::move(pod);
  full->report = std::make_shared<const model::Report>(std::move(report));
  caf::anon_send(fleet_, Durable{std::move(full)});
  caf::anon_send(fleet_, LedgerTick{});
  const auto ask_for = [&](const std::string& name) {
    return ask<model::ExplainedAccount>(fleet_, [&](auto reply) {
      return AskExplainReclaimed{{NodeName(name), std::nullopt}, std::move(reply)};
    });
  };
  const auto explained = ask_for("n1");
  ASSERT_TRUE(explained.ok()) << explained.error().message();
  EXPECT_FALSE(explained->stored);
  auto published = reclaimed().nodes.at(0);
  published.data_age = explained->account.data_age;
  EXPECT_EQ(explained->account, published);
  EXPECT_EQ(explained->cpu.terms.at(0).detail, "report 1");
  ASSERT_EQ(explained->cpu.pods.size(), 1u);
  EXPECT_EQ(explained->cpu.pods[0].name, "shop/web");
  EXPECT_EQ(explained->cpu.pods[0].basis, model::ChargeBasis::kUnmeasured);
  EXPECT_EQ(explained->cpu.pods[0].charged, model::MilliCpu(700));
  expect_unknown(ask_for("nobody"));
}

TEST_F(Fleet, ClusterIsGroupedByTheLabelsAskedFor) {
  load_colocation();
  for (const auto* name : {"n1", "n2", "n3"}) {
    auto one = std::make_shared<link::ArrivedReport>(*arrived(name, 1));
    model::Report report = *one->report;
    if (name[1] != '3') report.status.labels = {{"zone", name[1] == '1' ? "a" : "b"}};
    one->report = std::make_shared<const model::Report>(std::move(report));
    caf::anon_send(fleet_, Durable{std::move(one)});
  }
  caf::anon_send(fleet_, Durable{arrived_ago("gone", std::chrono::minutes(10))});
  caf::anon_send(fleet_, LedgerTick{});
  const auto report = ask<model::ClusterReport>(fleet_, [](auto reply) {
    return AskCluster{{{0}, {1}, 1, {"zone"}}, std::move(reply)};
  });
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->total.nodes, 3u);
  EXPECT_EQ(report->gone, 1u);
  ASSERT_EQ(report->groupings.size(), 1u);
  std::vector<std::string> values;
  for (const auto& group : report->groupings[0].groups)
    values.push_back(group.value);
  EXPECT_THAT(values, testing::ElementsAre("", "a", "b"));
  EXPECT_EQ(report->total.account.cpu.capacity, model::MilliCpu(12'000));
}

TEST_F(Fleet, AQuestionByALabelIsOfTheNodesThatHaveItNow) {
  for (const auto* name : {"n1", "n2", "n3"}) {
    auto one = std::make_shared<link::ArrivedReport>(*arrived(name, 1));
    model::Report report = *one->report;
    if (name != std::string("n2")) report.status.labels = {{"pool", "web"}};
    one->report = std::make_shared<const model::Report>(std::move(report));
    caf::anon_send(fleet_, Durable{std::move(one)});
  }
  const auto labelled = [&](const char* value) {
    auto names = ask<std::vector<NodeName>>(fleet_, [&](admin::Reply<std::vector<NodeName>> reply) {
      return AskLabelled{{"pool", value}, std::move(reply)};
    });
    EXPECT_TRUE(names.ok());
    return names.value_or({});
  };
  EXPECT_THAT(labelled("web"), testing::ElementsAre(NodeName("n1"), NodeName("n3")));
  EXPECT_THAT(labelled(""), testing::ElementsAre(NodeName("n2"))) << "those without it";
  EXPECT_THAT(labelled("db"), testing::IsEmpty());

  // The probe stands where the reader of tiers would.
  ActorBackend backend(fleet_, {}, {}, {probe(), {}, std::make_shared<BackupDoor>()});
  admin::SeriesQuery query;
  query.label = model::ClusterPart{"pool", "web"};
  backend.history_query(query, [](const model::Result<admin::SeriesPage>&) {});
  const auto asked = next<AskSeries>();
  ASSERT_TRUE(asked);
  EXPECT_THAT(asked->query.question.nodes, testing::ElementsAre(NodeName("n1"), NodeName("n3")));
  EXPECT_EQ(asked->query.label, query.label);
  std::promise<model::Result<admin::SeriesPage>> none;
  query.label->value = "db";
  backend.history_query(query, [&](model::Result<admin::SeriesPage> page) { none.set_value(std::move(page)); });
  auto answer = none.get_future();
  ASSERT_EQ(answer.wait_for(kPatience), std::future_status::ready);
  const auto refused = answer.get();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), model::ErrorCode::kNotFound);
  EXPECT_NE(refused.error().message().find("pool=db"), std::string::npos);
}

TEST_F(Fleet, OperatorsGetTheLiveClusterTogetherWithItsTrend) {
  connect_and_report("n1", 1);
  caf::anon_send(fleet_, LedgerTick{});
  auto memory = std::make_shared<store::MemoryStore>();
  const std::vector<model::AccountAt> rows{{{500}, {}}, {{1500}, {}}};
  ASSERT_TRUE(memory->append_accounts(rows).ok());
  ActorBackend backend(fleet_, spawn<HistoryReader>(std::shared_ptr<const store::HistoryStore>(memory)), {});
  std::promise<model::Result<model::ClusterReport>> promise;
  backend.cluster({{0}, {1000}, 10, {}},
                  [&](model::Result<model::ClusterReport> report) { promise.set_value(std::move(report)); });
  auto answer = promise.get_future();
  ASSERT_EQ(answer.wait_for(kPatience), std::future_status::ready);
  const auto report = answer.get();
  ASSERT_TRUE(report.ok()) << report.error().message();
  EXPECT_EQ(report->total.nodes, 1u);
  EXPECT_EQ(report->trend, (std::vector<model::AccountAt>{rows[0]}));
}

TEST_F(Fleet, ATrendOfAPartIsItsOwnAndOneThatIsNotThereIsToldWhichAre) {
  const std::string label = "topology.kubernetes.io/zone";
  for (const auto* zone : {"a", "b"}) {
    auto one = std::make_shared<link::ArrivedReport>(*arrived(zone, 1));
    model::Report report = *one->report;
    report.status.labels = {{label, zone}};
    one->report = std::make_shared<const model::Report>(std::move(report));
    caf::anon_send(fleet_, Durable{std::move(one)});
  }
  caf::anon_send(fleet_, LedgerTick{});
  auto memory = std::make_shared<store::MemoryStore>();
  std::vector<model::AccountAt> rows{{{500}, {}}, {{600}, {}}, {{700}, {}}};
  rows[1].account.node = NodeName(label + "=a");
  rows[2].account.node = NodeName(label + "=gone");
  ASSERT_TRUE(memory->append_accounts(rows).ok());
  ActorBackend backend(fleet_, spawn<HistoryReader>(std::shared_ptr<const store::HistoryStore>(memory)), {});
  const auto ask_for = [&](const char* zone) -> model::Result<model::ClusterReport> {
    auto promise = std::make_shared<std::promise<model::Result<model::ClusterReport>>>();
    auto answer = promise->get_future();
    backend.cluster({{0}, {1000}, 10, {"pool"}, model::ClusterPart{label, zone}},
                    [promise](model::Result<model::ClusterReport> report) { promise->set_value(std::move(report)); });
    if (answer.wait_for(kPatience) != std::future_status::ready) {
      return model::Error(model::ErrorCode::kInternal, "no answer");
    }
    return answer.get();
  };
  const auto of_a = ask_for("a");
  ASSERT_TRUE(of_a.ok()) << of_a.error().message();
  ASSERT_EQ(of_a->trend.size(), 1u);
  EXPECT_EQ(of_a->trend[0].at, model::WallTime{600});
  ASSERT_EQ(of_a->groupings.size(), 1u) << "those that were asked for";
  EXPECT_EQ(of_a->groupings[0].label, "pool");
  const auto of_gone = ask_for("gone");
  ASSERT_TRUE(of_gone.ok()) << "what was is to be seen after its nodes are gone";
  EXPECT_EQ(of_gone->trend.size(), 1u);
  const auto of_b = ask_for("b");
  ASSERT_TRUE(of_b.ok()) << "it is there, and has no history yet";
  EXPECT_TRUE(of_b->trend.empty());
  const auto of_c = ask_for("c");
  ASSERT_FALSE(of_c.ok());
  EXPECT_EQ(of_c.error().code(), model::ErrorCode::kNotFound);
  EXPECT_THAT(of_c.error().message(), testing::AllOf(HasSubstr(label + "=c"), HasSubstr("there are: a, b")));
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

TEST_F(Fleet, PodsOfAllNodesBeyondOneAnswerAreRefusedAndThoseOfOneNodeAreNot) {
  const auto pods = [&](const std::string& name) {
    return ask<std::vector<fleet::PodView>>(fleet_, [&](auto reply) {
      return AskPods{NodeName(name), std::move(reply)};
    });
  };
  constexpr std::size_t kNodes = admin::AdminLimits::kMaxPods / model::ReportLimits::kMaxPods + 1;
  for (std::size_t n = 0; n < kNodes; ++n) {
    auto full = std::make_shared<link::ArrivedReport>(*arrived("n" + std::to_string(n), 1));
    model::Report report = *full->report;
    for (std::size_t i = 0; i < model::ReportLimits::kMaxPods; ++i) {
      model::Pod pod;
      pod.uid = model::PodUid(std::to_string(i));
      report.pods.emplace_back().pod = std::move(pod);
    }
    full->report = std::make_shared<const model::Report>(std::move(report));
    EXPECT_TRUE(pods("").ok()) << n;
    caf::anon_send(fleet_, Durable{std::move(full)});
  }
  const auto all = pods("");
  ASSERT_FALSE(all.ok());
  EXPECT_EQ(all.error().code(), model::ErrorCode::kOverloaded);
  EXPECT_THAT(all.error().message(), HasSubstr("--node"));
  EXPECT_EQ(pods("n3")->size(), model::ReportLimits::kMaxPods);
}

TEST_F(Fleet, WatchOfANodeWithoutASessionDoesNotReadAsACoordinatorOutOfReach) {
  connect_and_report("n1", 1);
  caf::anon_send(fleet_, Closed{link::SessionId(1), NodeName("n1"), "gone"});
  const auto watched = watch("n1");
  ASSERT_FALSE(watched.ok());
  EXPECT_EQ(watched.error().code(), model::ErrorCode::kNotFound);
  EXPECT_THAT(watched.error().message(), HasSubstr("no session"));
}

TEST_F(Fleet, AWatchOfManyNodesIsSlowerAndOneOfANodeAmongThemIsNot) {
  for (std::uint64_t i = 0; i <= 2 * PaceDesk::kReportsPerSecond; ++i) {
    caf::anon_send(fleet_, Enrolled{session_of("n" + std::to_string(i), i + 1)});
    if (i == 0) {
      EXPECT_EQ(watch("").value_or({}), model::Duration(std::chrono::seconds(1)));
    }
  }
  EXPECT_EQ(watch("").value_or({}), model::Duration(std::chrono::seconds(3)));
  EXPECT_EQ(watch("n7").value_or({}), model::Duration(std::chrono::seconds(1)));
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

model::NodePolicy version_four() {
  model::NodePolicy policy;
  policy.version = model::PolicyVersion(4);
  policy.scaling.cpu_normalization = model::Ratio(120);
  return policy;
}

TEST(LedgerInput, TakesWhatIsPredictedAndLeavesUnknownWhatIsNot) {
  fleet::NodeUsage usage;
  usage.arrived = model::MonoTime{77};
  const auto none = ledger_input(NodeName("n1"), usage, version_four());
  EXPECT_EQ(none.prod_reclaimable_cpu, std::nullopt);
  EXPECT_EQ(none.prod_reclaimable_memory, std::nullopt);
  const auto input = ledger_input(NodeName("n1"), usage, version_four(), {model::MilliCpu(8), std::nullopt});
  EXPECT_EQ(input.prod_reclaimable_cpu, model::MilliCpu(8));
  EXPECT_EQ(input.prod_reclaimable_memory, std::nullopt);
}

TEST(LedgerInput, NodeThatNeverReportedHasNoArrival) {
  const auto input = ledger_input(NodeName("n1"), std::nullopt, version_four());
  EXPECT_EQ(input.node, NodeName("n1"));
  EXPECT_EQ(input.policy, model::PolicyVersion(4));
  EXPECT_EQ(input.arrived, std::nullopt);
  EXPECT_EQ(input.system_cpu, std::nullopt);
  EXPECT_TRUE(input.pods.empty());
}

TEST(LedgerInput, UnknownUseStaysUnknown) {
  fleet::NodeUsage usage;
  usage.arrived = model::MonoTime{77};
  usage.cpu_capacity = model::MilliCpu(4000);
  usage.cpu_allocatable = model::MilliCpu(3500);
  usage.system_memory = model::Bytes(5);
  usage.node_memory = model::Bytes(6);
  fleet::PodUsage batch;
  batch.uid = model::PodUid("u1");
  batch.qos = model::QosClass::kBe;
  batch.phase = model::PodPhase::kPending;
  batch.requests.batch_cpu = model::MilliCpu(500);
  batch.mid_requests.cpu = model::MilliCpu(70);
  batch.memory = model::Bytes(9);
  usage.pods = {batch};
  const auto input = ledger_input(NodeName("n1"), usage, version_four());
  EXPECT_EQ(input.arrived, model::MonoTime{77});
  EXPECT_EQ(input.cpu_normalization, model::Ratio(120));
  EXPECT_EQ(input.cpu_capacity, model::MilliCpu(4000));
  EXPECT_EQ(input.cpu_allocatable, model::MilliCpu(3500));
  EXPECT_EQ(input.system_cpu, std::nullopt);
  EXPECT_EQ(input.system_memory, model::Bytes(5));
  EXPECT_EQ(input.used_cpu, std::nullopt);
  EXPECT_EQ(input.used_memory, model::Bytes(6));
  ASSERT_EQ(input.pods.size(), 1u);
  EXPECT_EQ(input.pods[0].uid, model::PodUid("u1"));
  EXPECT_EQ(input.pods[0].tier, model::tier_of(std::nullopt, model::QosClass::kBe));
  EXPECT_EQ(input.pods[0].phase, model::PodPhase::kPending);
  EXPECT_EQ(input.pods[0].requests.batch_cpu, model::MilliCpu(500));
  EXPECT_EQ(input.pods[0].mid_requests.cpu, model::MilliCpu(70));
  EXPECT_EQ(input.pods[0].cpu, std::nullopt);
  EXPECT_EQ(input.pods[0].memory, model::Bytes(9));
}

}  // namespace
}  // namespace tideline::coordinator
