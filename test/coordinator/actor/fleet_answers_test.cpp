// What operators are answered about nodes.

#include <algorithm>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

#include "coordinator/actor/backend.h"
#include "coordinator/actor/history_actor.h"
#include "storage/store/memory_store.h"
#include "test/coordinator/actor/fleet_fixture.h"

namespace tideline::coordinator::fleet_answers_test {
namespace {

using model::NodeName;
using testing::HasSubstr;

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

TEST_F(Fleet, AQuestionAboutAllNodesHoldsUpNobody) {
  constexpr std::size_t kNodes = 5 * SurveyDesk::kSlice;
  for (std::size_t i = 0; i < kNodes; ++i)
    caf::anon_send(fleet_, Durable{arrived("n" + std::to_string(i), 1)});
  // The actor stands still until all that follows lies before it.
  std::promise<void> all_asked;
  const auto asked = all_asked.get_future().share();
  caf::anon_send(fleet_, AskNode{NodeName("n1"), [asked](const model::Result<fleet::NodeView>&) { asked.wait(); }});
  auto order = std::make_shared<std::vector<std::string>>();
  auto views = std::make_shared<std::vector<fleet::NodeView>>();
  auto done = std::make_shared<std::promise<void>>();
  caf::anon_send(fleet_, AskNodes{[order, views](model::Result<std::vector<fleet::NodeView>> answer) {
                   order->emplace_back("all");
                   if (answer) *views = *std::move(answer);
                 }});
  caf::anon_send(fleet_, AskPods{{}, [order](const model::Result<std::vector<fleet::PodView>>&) {
                                   order->emplace_back("all their pods");
                                 }});
  caf::anon_send(
      fleet_, AskNode{NodeName("n2"), [order](const model::Result<fleet::NodeView>&) { order->emplace_back("one"); }});
  caf::anon_send(fleet_, AskPolicyNodes{{}, [order, done](const model::Result<admin::PolicyStatus>&) {
                                          order->emplace_back("all policies");
                                          done->set_value();
                                        }});
  all_asked.set_value();
  ASSERT_EQ(done->get_future().wait_for(kPatience), std::future_status::ready);
  EXPECT_THAT(*order, testing::ElementsAre("one", "all", "all their pods", "all policies"));
  ASSERT_EQ(views->size(), kNodes);
  const auto by_name = [](const auto& a, const auto& b) { return a.name < b.name; };
  EXPECT_TRUE(std::is_sorted(views->begin(), views->end(), by_name));
  EXPECT_EQ(views->front().status, node("n0")->status) << "the very status, and no copy of it";
}

TEST_F(Fleet, TheSumOverManyNodesIsThatOfTheRowsBesideIt) {
  constexpr std::size_t kNodes = 2 * SurveyDesk::kSlice + 1;
  load_colocation();
  for (std::size_t i = 0; i < kNodes; ++i)
    caf::anon_send(fleet_, Durable{arrived("n" + std::to_string(i), 1)});
  caf::anon_send(fleet_, Durable{arrived_ago("gone", std::chrono::minutes(10))});
  caf::anon_send(fleet_, LedgerTick{});
  ASSERT_TRUE(eventually([&] { return reclaimed().nodes.size() == kNodes + 1; }));
  const auto account = reclaimed();
  EXPECT_EQ(account.nodes.front().node, NodeName("gone"));
  model::MilliCpu offered;
  for (std::size_t i = 1; i < account.nodes.size(); ++i)
    offered += account.nodes[i].cpu.offered;
  EXPECT_GT(offered, model::MilliCpu(0));
  EXPECT_EQ(account.cluster.cpu.offered, offered);
  const auto report = ask<model::ClusterReport>(fleet_, [](auto reply) {
    return AskCluster{{{0}, {1}, 1, {}}, std::move(reply)};
  });
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->total.nodes, kNodes);
  EXPECT_EQ(report->gone, 1u);
  EXPECT_EQ(report->total.account.cpu.offered, offered);
}

}  // namespace
}  // namespace tideline::coordinator::fleet_answers_test
