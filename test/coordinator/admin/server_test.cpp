// What the admin server's methods take and answer, and from whom.

#include "coordinator/admin/server.h"

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "test/coordinator/admin/server_fixture.h"

namespace tideline::admin {
namespace {

using model::ErrorCode;
using test::AdminTestClient;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(AdminServerTest, HoldsTheRoleMatrixOverTlsForEveryMethodOfTheSchema) {
  start();
  const auto all = schema_methods();
  const std::map<std::string, std::set<std::string>> want = {
      {"viewer", no_viewers_methods()}, {"operator", {"historyBackup"}}, {"admin", {}}};
  for (const auto& [role, methods] : want) {
    auto caller = client(role);
    EXPECT_EQ(forbidden(caller), methods) << role;
  }
  // Certificates of the right authority that carry no role.
  for (const auto& files :
       {authority_.issue("norole", {.common_name = "ann", .client_auth = true}),
        authority_.issue("badrole", {.common_name = "superuser:ann", .client_auth = true}), authority_.node("web-1")}) {
    AdminTestClient caller(server_->port(), material(files));
    EXPECT_EQ(forbidden(caller), all) << files.certificate;
  }
}

TEST_F(AdminServerTest, BackendHearsOfPolicyApplyFromThoseWhoMayAlone) {
  start();
  const auto files = [&](const std::string& who) {
    return who == "node" ? authority_.node("web-1") : authority_.person(who, "ann");
  };
  std::vector<std::string> heard;
  for (const std::string who : {"node", "viewer", "operator", "admin"}) {
    AdminTestClient caller(server_->port(), material(files(who)));
    const bool refused = apply(caller).has_value();
    EXPECT_EQ(refused, who == "node" || who == "viewer") << who;
    if (!refused) heard.emplace_back("policy_apply by ann colocation-config");
    EXPECT_EQ(backend_.calls(), heard) << who;
  }
}

TEST_F(AdminServerTest, NamesCallerRoleAndNeededRole) {
  start();
  auto viewer = client("viewer");
  const auto error = viewer.error_of([&] { viewer.admin().policyApplyRequest().send().wait(viewer.scope()); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::kPermissionDenied);
  EXPECT_EQ(error->message(), "policyApply needs the role operator; ann has the role viewer");
  EXPECT_THAT(refused(), Contains(HasSubstr("policyApply needs the role operator")));
}

TEST_F(AdminServerTest, TellsWhoTheCallerIs) {
  start();
  auto caller = client("operator");
  const auto who = caller.admin().whoamiRequest().send().wait(caller.scope());
  EXPECT_STREQ(who.getRole().cStr(), "operator");
  EXPECT_STREQ(who.getName().cStr(), "ann");
}

TEST_F(AdminServerTest, PassesTheCallersNameToPolicyApply) {
  start();
  auto caller = client("operator");
  auto request = caller.admin().policyApplyRequest();
  auto documents = request.initDocuments(1);
  documents[0].setKey("colocation-config");
  documents[0].setJson("{}");
  const auto response = request.send().wait(caller.scope());
  EXPECT_EQ(response.getVersion(), 8u);
  EXPECT_THAT(backend_.calls(), ElementsAre("policy_apply by ann colocation-config"));
}

TEST_F(AdminServerTest, SaysThatANodeIsUnknown) {
  start();
  auto caller = client("viewer");
  auto request = caller.admin().nodeRequest();
  request.setName("web-9");
  const auto error = caller.error_of([&] { request.send().wait(caller.scope()); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::kNotFound);
  EXPECT_EQ(error->message(), "node web-9 is not known here");
}

TEST_F(AdminServerTest, CarriesANodeWithAllItsParts) {
  start();
  auto caller = client("viewer");
  auto request = caller.admin().nodeRequest();
  request.setName("web-1");
  const auto response = request.send().wait(caller.scope());
  const auto node = response.getNode();
  EXPECT_STREQ(node.getName().cStr(), "web-1");
  EXPECT_EQ(node.getLiveness(), schema::Liveness::LIVE);
  EXPECT_EQ(node.getReportAgeMs().getValue(), 3400);
  EXPECT_FALSE(node.getClockOffsetKnown());
  EXPECT_EQ(node.getLast().getNodeCpu().getValue(), 1350);
  EXPECT_EQ(node.getReclaimed().getCpu().getOffered(), 750);
  EXPECT_EQ(node.getStatus().getCpuCapacity(), 2000);
  EXPECT_EQ(node.getPolicyContent(), 0x1234abcdu);
  EXPECT_EQ(node.getPolicyContentApplied(), 0x1234abcdu);
}

TEST_F(AdminServerTest, CarriesACheckWithAllItsPartsForAViewer) {
  start();
  auto caller = client("viewer");
  auto request = caller.admin().policyCheckRequest();
  auto documents = request.initDocuments(1);
  documents[0].setKey("colocation-config");
  documents[0].setJson("{}");
  const auto response = request.send().wait(caller.scope());
  EXPECT_EQ(response.getVersion(), 7u);
  const auto check = response.getCheck();
  EXPECT_FALSE(check.getSame());
  EXPECT_TRUE(check.getCut());
  EXPECT_STREQ(check.getDropped()[0].cStr(), "colocation-config");
  EXPECT_STREQ(check.getNotices()[0].getWhy().cStr(), "accepted only");
  EXPECT_STREQ(check.getFleet()[0].getKey().cStr(), "eviction.maxPerMinute");
  EXPECT_EQ(check.getNodes(), 3u);
  EXPECT_EQ(check.getUnchanged(), 1u);
  const auto group = check.getGroups()[0];
  EXPECT_EQ(group.getNodes().getCount(), 2u);
  EXPECT_STREQ(group.getNodes().getFirst()[1].cStr(), "web-1");
  ASSERT_EQ(group.getChanges().size(), 2u);
  EXPECT_STREQ(group.getChanges()[0].getBefore().cStr(), "\"cpuset\"");
  EXPECT_STREQ(group.getChanges()[0].getAfter().cStr(), "\"cfsQuota\"");
  EXPECT_STREQ(group.getChanges()[0].getBy().cStr(), "nodeStrategies[0] \"db\"");
  EXPECT_EQ(check.getUnknown().getCount(), 21u);
  EXPECT_EQ(check.getOverlaps()[0].getOtherCount(), 9u);
  EXPECT_STREQ(check.getOverlaps()[0].getOthers()[0].cStr(), "nodeStrategies[1]");
  EXPECT_EQ(check.getUnused()[0].getWhy(), 1u);
  EXPECT_STREQ(check.getLabelProblems()[0].getNodes().getFirst()[0].cStr(), "web-1");
  EXPECT_TRUE(check.getLacks()[0].getAlready());
  EXPECT_THAT(backend_.calls(), ElementsAre("policy_check colocation-config"));
}

TEST_F(AdminServerTest, RefusesACheckOfNothingAndOfAnUnknownNode) {
  start();
  auto caller = client("viewer");
  const auto checked = [&](unsigned documents, const char* node) {
    auto request = caller.admin().policyCheckRequest();
    request.initDocuments(documents);
    request.setNode(node);
    return caller.error_of([&] { request.send().wait(caller.scope()); });
  };
  const auto nothing = checked(0, "");
  ASSERT_TRUE(nothing);
  EXPECT_EQ(nothing->code(), ErrorCode::kInvalidArgument);
  const auto unknown = checked(1, "web-9");
  ASSERT_TRUE(unknown);
  EXPECT_EQ(unknown->code(), ErrorCode::kNotFound);
}

TEST_F(AdminServerTest, CarriesAnExplainedAccountWithAllItsParts) {
  start();
  auto caller = client("viewer");
  auto request = caller.admin().explainReclaimedRequest();
  request.setNode("web-1");
  const auto response = request.send().wait(caller.scope());
  const auto explained = response.getExplained();
  EXPECT_FALSE(explained.getStored());
  EXPECT_EQ(explained.getAccount().getCpu().getOffered(), 750);
  ASSERT_EQ(explained.getCpu().getTerms().size(), 3u);
  EXPECT_STREQ(explained.getCpu().getTerms()[0].getDetail().cStr(), "report 42");
  EXPECT_EQ(explained.getCpu().getTerms()[0].getAgeMs().getValue(), 4000);
  EXPECT_FALSE(explained.getCpu().getTerms()[2].getValue().getKnown());
  EXPECT_STREQ(explained.getCpu().getPods()[0].getName().cStr(), "shop/nginx-0");
  request = caller.admin().explainReclaimedRequest();
  request.setNode("web-1");
  request.setAtMs(77);
  EXPECT_TRUE(request.send().wait(caller.scope()).getExplained().getStored());
}

TEST_F(AdminServerTest, ClusterAnswersWithinItsBounds) {
  start();
  auto caller = client("viewer");
  const auto ask = [&](auto fill) {
    auto request = caller.admin().clusterRequest();
    request.setFromMs(5);
    request.setToMs(10);
    fill(request);
    std::string said;
    const auto error = caller.error_of([&] {
      const auto response = request.send().wait(caller.scope());
      const auto report = response.getReport();
      said = std::to_string(report.getGroupings().size()) + " groupings, trend from " +
             std::to_string(report.getTrend()[0].getWallMs());
    });
    return error ? error->message() : said;
  };
  EXPECT_EQ(ask([](auto&) {}), "0 groupings, trend from 5");
  EXPECT_EQ(ask([](auto& r) { r.initBy(1).set(0, "zone"); }), "1 groupings, trend from 5");
  EXPECT_EQ(ask([](auto& r) { r.setMaxPoints(7); }), "0 groupings, trend from 5");
  EXPECT_THAT(backend_.calls(), ElementsAre("cluster 2000", "cluster 2000", "cluster 7"));
  EXPECT_THAT(ask([](auto& r) { r.setToMs(5); }), HasSubstr("range is empty"));
  EXPECT_THAT(ask([](auto& r) { r.initBy(5); }), HasSubstr("5 labels"));
  EXPECT_THAT(ask([](auto& r) { r.initBy(1); }), HasSubstr("0 bytes"));
  EXPECT_THAT(ask([](auto& r) {
                auto by = r.initBy(2);
                by.set(0, "zone");
                by.set(1, "zone");
              }),
              HasSubstr("twice"));
  EXPECT_EQ(ask([](auto& r) { r.setTrendOf("topology.kubernetes.io/zone=a=b"); }), "0 groupings, trend from 5");
  EXPECT_THAT(backend_.calls(), Contains("cluster 2000 of topology.kubernetes.io/zone=a=b"));
  EXPECT_THAT(ask([](auto& r) { r.setTrendOf("topology.kubernetes.io/zone"); }), HasSubstr("no LABEL=VALUE"));
  EXPECT_THAT(ask([](auto& r) { r.setTrendOf("pool=a"); }),
              HasSubstr("by topology.kubernetes.io/zone and node.kubernetes.io/instance-type, not by pool"));
  EXPECT_THAT(ask([](auto& r) { r.setTrendOf(std::string(300, 'x').c_str()); }), HasSubstr("300 bytes"));
  auto explain = caller.admin().explainReclaimedRequest();
  explain.setNode("web-1");
  explain.setAtMs(-1);
  const auto error = caller.error_of([&] { explain.send().wait(caller.scope()); });
  ASSERT_TRUE(error);
  EXPECT_THAT(error->message(), HasSubstr("before 1970"));
}

TEST_F(AdminServerTest, RefusesBadArgumentsBeforeTheBackendHearsOfThem) {
  start();
  auto caller = client("admin");
  const auto history = [&](auto fill) {
    auto request = caller.admin().historyRequest();
    auto query = request.initQuery();
    query.setNode("web-1");
    query.initMetrics(1).set(0, 1);
    query.setFromMs(0);
    query.setToMs(10'000);
    fill(query);
    const auto error = caller.error_of([&] { request.send().wait(caller.scope()); });
    return error ? error->message() : "accepted";
  };
  EXPECT_EQ(history([](auto) {}), "accepted");
  EXPECT_THAT(history([](auto q) { q.setNode(""); }), HasSubstr("name is empty"));
  EXPECT_THAT(history([](auto q) { q.setNode(std::string(300, 'x').c_str()); }), HasSubstr("300 bytes"));
  EXPECT_THAT(history([](auto q) { q.initMetrics(0); }), HasSubstr("0 metrics"));
  EXPECT_THAT(history([](auto q) { q.initMetrics(17); }), HasSubstr("17 metrics"));
  EXPECT_THAT(history([](auto q) { q.initMetrics(1).set(0, 999); }), HasSubstr("999"));
  EXPECT_THAT(history([](auto q) {
                auto metrics = q.initMetrics(2);
                metrics.set(0, 1);
                metrics.set(1, 1);
              }),
              HasSubstr("twice"));
  EXPECT_THAT(history([](auto q) { q.setToMs(0); }), HasSubstr("range is empty"));
  auto watch = caller.admin().watchRequest();
  watch.setSeconds(4000);
  const auto error = caller.error_of([&] { watch.send().wait(caller.scope()); });
  ASSERT_TRUE(error);
  EXPECT_THAT(error->message(), HasSubstr("1..3600"));
  EXPECT_THAT(backend_.calls(), ElementsAre("history web-1"));
}

TEST_F(AdminServerTest, RefusesDocumentsBeyondTheirBound) {
  start();
  auto caller = client("admin");
  auto request = caller.admin().policyApplyRequest();
  auto documents = request.initDocuments(2);
  const std::string half(AdminLimits::kMaxDocumentBytes / 2 + 1, ' ');
  for (unsigned i = 0; i < 2; ++i)
    documents[i].setJson(half.c_str());
  const auto error = caller.error_of([&] { request.send().wait(caller.scope()); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::kOverloaded);
  EXPECT_THAT(backend_.calls(), IsEmpty());
}

TEST_F(AdminServerTest, AnswersForABackendThatStaysSilent) {
  config_.backend_deadline = std::chrono::milliseconds(50);
  backend_.keep_silent = true;
  start();
  auto caller = client("viewer");
  const auto error = caller.error_of([&] { caller.admin().nodesRequest().send().wait(caller.scope()); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::kUnavailable);
}

TEST_F(AdminServerTest, AnswersForABackendThatDropsTheQuestion) {
  backend_.drop_replies = true;
  start();
  auto caller = client("viewer");
  const auto error = caller.error_of([&] { caller.admin().nodesRequest().send().wait(caller.scope()); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::kInternal);
}

TEST_F(AdminServerTest, BoundsTheCallsThatWaitOnOneConnection) {
  config_.max_calls_per_connection = 2;
  backend_.keep_silent = true;
  start();
  auto caller = client("viewer");
  auto admin = caller.admin();
  auto first = admin.nodesRequest().send();
  auto second = admin.nodesRequest().send();
  const auto error = caller.error_of([&] { admin.nodesRequest().send().wait(caller.scope()); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::kOverloaded);
}

TEST_F(AdminServerTest, RepliesAfterTheStopAreHarmless) {
  backend_.keep_silent = true;
  start();
  {
    auto caller = client("viewer");
    auto waiting = caller.admin().nodesRequest().send();
    caller.admin().whoamiRequest().send().wait(caller.scope());
    server_->stop();
    const auto error = caller.error_of([&] { waiting.wait(caller.scope()); });
    ASSERT_TRUE(error);
  }
  // The kept replies are destroyed with the backend, after the server.
  server_.reset();
}

TEST_F(AdminServerTest, TellsThatAnAnswerIsTooLargeInsteadOfDroppingTheCaller) {
  config_.rpc.max_queued_bytes = 512;
  start();
  auto caller = client("viewer");
  const auto error = caller.error_of([&] { caller.admin().nodesRequest().send().wait(caller.scope()); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::kOverloaded);
  EXPECT_THAT(error->message(), HasSubstr("512"));
  EXPECT_STREQ(caller.admin().whoamiRequest().send().wait(caller.scope()).getName().cStr(), "ann");
}

}  // namespace
}  // namespace tideline::admin
