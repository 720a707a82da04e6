#include "coordinator/admin/server.h"

#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <thread>

#include <arpa/inet.h>
#include <capnp/dynamic.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "coordinator/admin/roles.h"
#include "test/coordinator/admin/server_fixture.h"

namespace tideline::admin {
namespace {

using model::ErrorCode;
using test::AdminTestClient;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> schema_methods() {
  std::vector<std::string> names;
  for (const auto method : capnp::Schema::from<schema::Admin>().getMethods()) {
    names.emplace_back(method.getProto().getName().cStr());
  }
  return names;
}

const std::set<std::string> kAdminsMethods = {"historyBackup"};
const std::set<std::string> kNoViewersMethods = {"policyApply", "handsOffBegin", "handsOffEnd",  "release",
                                                 "resume",      "historyVerify", "historyBackup"};

TEST_F(AdminServerTest, HoldsTheRoleMatrixOverTlsForEveryMethodOfTheSchema) {
  start();
  const std::set<std::string> all = [] {
    const auto names = schema_methods();
    return std::set<std::string>(names.begin(), names.end());
  }();
  const std::map<std::string, std::set<std::string>> want = {
      {"viewer", kNoViewersMethods}, {"operator", kAdminsMethods}, {"admin", {}}};
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

TEST_F(AdminServerTest, ClosesAConnectionThatIsIdle) {
  config_.idle_deadline = std::chrono::milliseconds(100);
  start();
  auto caller = client("viewer");
  caller.admin().whoamiRequest().send().wait(caller.scope());
  caller.timer().timeoutAfter(10 * kj::SECONDS, caller.gone()).wait(caller.scope());
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

TEST_F(AdminServerTest, RefusesACertificateOfAnotherAuthority) {
  start();
  test::TempDir elsewhere;
  const test::CertAuthority other(elsewhere.str(), "other");
  auto files = other.person("admin", "eve");
  files.ca = authority_.ca_file();
  const auto read = [](const std::string& path) {
    std::ifstream in(path);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  // The client's own check would refuse it; a hostile client has none.
  const link::TlsMaterial material{read(files.certificate), read(files.key), read(files.ca)};
  bool refused_call = false;
  try {
    AdminTestClient eve(server_->port(), material);
    refused_call = eve.error_of([&] { eve.admin().whoamiRequest().send().wait(eve.scope()); }).has_value();
  } catch (const kj::Exception&) {
    refused_call = true;
  }
  EXPECT_TRUE(refused_call);
  EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(AdminServerTest, ServesOthersWhileHostileBytesArrive) {
  start();
  auto caller = client("viewer");
  std::mt19937 random(7);
  std::vector<int> sockets;
  for (int i = 0; i < 50; ++i) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server_->port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    std::string bytes(1 + random() % 600, '\0');
    for (char& c : bytes)
      c = static_cast<char>(random());
    if (i % 3 == 0) bytes = "GET /metrics HTTP/1.1\r\n\r\n";
    [[maybe_unused]] const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    sockets.push_back(fd);
  }
  EXPECT_EQ(caller.admin().nodesRequest().send().wait(caller.scope()).getNodes().size(), 2u);
  for (const int fd : sockets)
    ::close(fd);
}

TEST_F(AdminServerTest, TakesReplacedCertificatesWithoutARestart) {
  start();
  test::TempDir elsewhere;
  const test::CertAuthority next(elsewhere.str(), "next");
  const auto files = next.coordinator();
  // The trust file goes first and last would do as well: only a whole, matching set is taken.
  const auto put = [](const std::string& from, const std::string& to) {
    std::filesystem::copy_file(from, to + ".new");
    std::filesystem::rename(to + ".new", to);
  };
  put(files.ca, config_.tls.ca);
  put(files.certificate, config_.tls.certificate);
  put(files.key, config_.tls.key);
  const auto person = material(next.person("viewer", "bob"));
  bool served = false;
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!served && std::chrono::steady_clock::now() < give_up) {
    try {
      AdminTestClient bob(server_->port(), person);
      served = !bob.error_of([&] { bob.admin().whoamiRequest().send().wait(bob.scope()); });
    } catch (const kj::Exception&) {
    }
  }
  EXPECT_TRUE(served);
}

TEST_F(AdminServerTest, TriesChangedFilesAgainUntilTheyFit) {
  start();
  // A certificate that is not valid yet: nothing but time has to pass for it to fit.
  const auto files = authority_.issue("later", {.common_name = "coordinator",
                                                .dns_names = {"coordinator.tideline"},
                                                .server_auth = true,
                                                .valid_from = std::chrono::seconds(4)});
  std::filesystem::rename(files.key, config_.tls.key);
  std::filesystem::rename(files.certificate, config_.tls.certificate);
  const auto told = [&] {
    const auto lines = refused();
    return std::count_if(lines.begin(), lines.end(), [](const auto& line) {
      return line.find("changed TLS files") != std::string::npos && line.find("not yet valid") != std::string::npos;
    });
  };
  const auto person = material(authority_.person("viewer", "bob"));
  bool fresh = false;
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!fresh && std::chrono::steady_clock::now() < give_up) {
    auto io = kj::setupAsyncIo();
    auto context = link::KjContext::of(io);
    auto connector = link::TlsConnector::create(context, person, "coordinator.tideline");
    ASSERT_TRUE(connector.ok());
    const auto seen =
        (*connector)->connect("127.0.0.1:" + std::to_string(server_->port())).wait(io.waitScope).certificate;
    fresh = seen.common_name == "coordinator";
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  EXPECT_TRUE(fresh);
  EXPECT_EQ(told(), 1) << "each problem is told once, however often the files are tried";
}

TEST_F(AdminServerTest, SessionEndsWithItsCertificate) {
  start();
  AdminTestClient brief(
      server_->port(),
      material(authority_.issue(
          "brief", {.common_name = "viewer:ann", .client_auth = true, .valid_to = std::chrono::seconds(3)})));
  brief.admin().whoamiRequest().send().wait(brief.scope());
  brief.timer().timeoutAfter(20 * kj::SECONDS, brief.gone()).wait(brief.scope());
}

TEST_F(AdminServerTest, ADeniedNameIsCutOffAndNotLetInAgain) {
  config_.denied_names_file = directory_.write("denied", "viewer:eve\n");
  start();
  {
    auto ann = client("operator");
    ann.admin().whoamiRequest().send().wait(ann.scope());
    directory_.write("denied", "operator:ann\n");
    ann.timer().timeoutAfter(20 * kj::SECONDS, ann.gone()).wait(ann.scope());
  }
  {
    auto again = client("operator");
    const auto error = again.error_of([&] { again.admin().whoamiRequest().send().wait(again.scope()); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code(), ErrorCode::kPermissionDenied);
    EXPECT_THAT(error->message(), HasSubstr("denied names"));
  }
  AdminTestClient bob(server_->port(), material(authority_.person("viewer", "bob")));
  bob.admin().whoamiRequest().send().wait(bob.scope());
}

TEST_F(AdminServerTest, DoesNotStartWithDeniedNamesThatItCannotRead) {
  config_.denied_names_file = directory_.write("denied", "eve\n");
  const auto server = AdminServer::start(config_, backend_);
  ASSERT_FALSE(server.ok());
  EXPECT_THAT(server.error().message(), HasSubstr("line 1"));
}

TEST_F(AdminServerTest, CountsRepeatedRefusalsInsteadOfTellingEach) {
  start();
  constexpr int kCalls = 40;
  auto viewer = client("viewer");
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < kCalls; ++i)
    EXPECT_TRUE(viewer.error_of([&] { viewer.admin().policyApplyRequest().send().wait(viewer.scope()); }));
  const auto tenths = (std::chrono::steady_clock::now() - began) / std::chrono::milliseconds(100);
  EXPECT_LE(refused().size(), static_cast<std::size_t>(tenths) + 1);
  std::this_thread::sleep_for(std::chrono::milliseconds(120));
  EXPECT_TRUE(viewer.error_of([&] { viewer.admin().policyApplyRequest().send().wait(viewer.scope()); }));
  const std::lock_guard lock(mutex_);
  EXPECT_EQ(refused_.size() + suppressed_, kCalls + 1u);
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

TEST_F(AdminServerTest, NeedsAnAddressOrASocket) {
  const auto server = AdminServer::start({}, backend_);
  ASSERT_FALSE(server.ok());
  EXPECT_EQ(server.error().code(), ErrorCode::kInvalidArgument);
}

TEST_F(AdminServerTest, NamesTheMissingHalfOfItsTlsFiles) {
  config_.tls.key = "";
  const auto server = AdminServer::start(config_, backend_);
  ASSERT_FALSE(server.ok());
  EXPECT_THAT(server.error().message(), HasSubstr("key"));
}

class UnixSocketTest : public AdminServerTest {
 protected:
  UnixSocketTest() {
    config_.listen.clear();
    config_.unix_socket = directory_.str() + "/run/admin.sock";
    config_.unix_group = "daemon";
  }
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: it changes the user and group it connects as";
  }

  /// Runs `f` on a thread of its own with these credentials. The kernel keeps them per thread; only glibc does not.
  template <class F>
  static void as(uid_t uid, gid_t gid, std::vector<gid_t> groups, F f) {
    std::thread([&] {
      ASSERT_EQ(::syscall(SYS_setgroups, groups.size(), groups.data()), 0);
      ASSERT_EQ(::syscall(SYS_setresgid, gid, gid, gid), 0);
      ASSERT_EQ(::syscall(SYS_setresuid, uid, uid, uid), 0);
      f();
    }).join();
  }

  static gid_t daemon_gid() { return ::getgrnam("daemon")->gr_gid; }
  static constexpr uid_t kNobody = 65534;
};

TEST_F(UnixSocketTest, HoldsTheRoleMatrixForEveryMethodOfTheSchema) {
  start();
  AdminTestClient root(config_.unix_socket);
  EXPECT_THAT(forbidden(root), IsEmpty());
  as(kNobody, daemon_gid(), {}, [&] {
    AdminTestClient member(config_.unix_socket);
    EXPECT_EQ(forbidden(member), kNoViewersMethods);
  });
  as(kNobody, kNobody, {daemon_gid()}, [&] {
    AdminTestClient member(config_.unix_socket);
    EXPECT_EQ(forbidden(member), kNoViewersMethods) << "a supplementary group counts as well";
  });
}

TEST_F(UnixSocketTest, KeepsStrangersOutByModeAndByCredentials) {
  start();
  struct stat info {};
  ASSERT_EQ(::stat(config_.unix_socket.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0660u);
  EXPECT_EQ(info.st_gid, daemon_gid());
  ASSERT_EQ(::stat((directory_.str() + "/run").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0750u);
  as(kNobody, kNobody, {}, [&] { EXPECT_THROW(AdminTestClient stranger(config_.unix_socket), kj::Exception); });
  // Even with modes that let them through, the credentials decide.
  ::chmod((directory_.str() + "/run").c_str(), 0755);
  ::chmod(config_.unix_socket.c_str(), 0666);
  as(kNobody, kNobody, {}, [&] {
    AdminTestClient stranger(config_.unix_socket);
    const auto names = schema_methods();
    EXPECT_EQ(forbidden(stranger), std::set<std::string>(names.begin(), names.end()));
  });
  EXPECT_THAT(backend_.calls(), IsEmpty());
}

TEST_F(UnixSocketTest, IsForRootOnlyWithoutTheGroupAndSaysSo) {
  config_.unix_group = "no-such-group";
  start();
  EXPECT_THAT(server_->unix_note(), AllOf(HasSubstr("no-such-group"), HasSubstr("root only")));
  struct stat info {};
  ASSERT_EQ(::stat(config_.unix_socket.c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 0u);
  EXPECT_EQ(info.st_gid, 0u);
  AdminTestClient root(config_.unix_socket);
  EXPECT_THAT(forbidden(root), IsEmpty());
  as(kNobody, daemon_gid(), {}, [&] { EXPECT_THROW(AdminTestClient member(config_.unix_socket), kj::Exception); });
  // Even with modes that let them through, the credentials decide.
  ::chmod((directory_.str() + "/run").c_str(), 0755);
  ::chmod(config_.unix_socket.c_str(), 0666);
  as(kNobody, daemon_gid(), {}, [&] {
    AdminTestClient member(config_.unix_socket);
    const auto names = schema_methods();
    EXPECT_EQ(forbidden(member), std::set<std::string>(names.begin(), names.end()));
  });
}

TEST_F(UnixSocketTest, SurvivesHostileBytes) {
  start();
  std::mt19937 random(11);
  for (int i = 0; i < 50; ++i) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    config_.unix_socket.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    std::string bytes(8 + random() % 4000, '\0');
    for (char& c : bytes)
      c = static_cast<char>(random());
    // Small segment counts and sizes reach the message reader, large ones its bounds.
    if (i % 2 == 0) bytes.replace(0, 8, std::string("\0\0\0\0\x10\0\0\0", 8));
    if (i % 5 == 0) bytes.replace(0, 8, std::string("\0\0\0\0\xff\xff\xff\x7f", 8));
    [[maybe_unused]] const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    ::close(fd);
  }
  AdminTestClient root(config_.unix_socket);
  EXPECT_EQ(root.admin().nodesRequest().send().wait(root.scope()).getNodes().size(), 2u);
}

}  // namespace
}  // namespace tideline::admin
