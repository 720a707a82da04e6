// Who gets in and who does not, and that everyone who does not leaves the others alone.

#include <gmock/gmock.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include "messages/link/kj_accept.h"
#include "test/messages/link/fixture.h"
#include "test/messages/link/hostile_peer.h"

namespace tideline::link {
namespace {

using model::ErrorCode;
using std::chrono::milliseconds;
using testing::HasSubstr;

class RefusalTest : public LinkTest {
 protected:
  void SetUp() override {
    server_ = serve(server_config(), server_record_);
    bystander_ = join(client_config("bystander", server_->port()), bystander_record_);
    ASSERT_TRUE(bystander_record_.wait_connected(1)) << bystander_record_.last_why();
  }
  void TearDown() override {
    ASSERT_TRUE(bystander_->send_report(report("bystander", 1, 1)));
    EXPECT_TRUE(bystander_record_.wait_acked(1));
    EXPECT_TRUE(bystander_record_.disconnects.empty()) << bystander_record_.last_why();
    EXPECT_EQ(server_->sessions(), 1U);
  }

  /// TLS lets it through; enrolling as `node` must fail with `why`, and the server's owner hears of it.
  void expect_refused(const TlsFiles& files, const std::string& node, const std::string& why) {
    HostilePeer peer(files, server_->port());
    ASSERT_TRUE(peer.connect());
    const auto outcome = peer.enroll(node);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code(), ErrorCode::kPermissionDenied);
    EXPECT_THAT(outcome.error().message(), HasSubstr(why));
    EXPECT_TRUE(peer.wait_closed());
    EXPECT_TRUE(server_record_.wait_refused(why));
    EXPECT_EQ(server_record_.enrolled.size(), 1U);
  }

  /// TLS itself refuses the client, telling it `alert`.
  void expect_refused_by_tls(const TlsFiles& files, const std::string& alert) {
    EXPECT_THAT(raw_tls(server_->port(), files, TLS1_3_VERSION), HasSubstr(alert));
    EXPECT_TRUE(server_record_.wait_refused("TLS handshake"));
    HostilePeer peer(files, server_->port());
    auto outcome = peer.connect();
    if (outcome) outcome = peer.enroll("n1");
    EXPECT_FALSE(outcome);
    EXPECT_EQ(server_record_.enrolled.size(), 1U);
  }

  ServerRecord server_record_;
  ClientRecord bystander_record_;
  std::unique_ptr<NodeServer> server_;
  std::unique_ptr<NodeClient> bystander_;
};

TEST_F(LinkTest, AnAttemptEndsWhereTheCoordinatorNeverAnswers) {
  const auto hung = bind_to("127.0.0.1:0");  // its kernel takes connections, and nobody else
  ASSERT_TRUE(hung);
  ClientRecord client_record;
  auto settings = client_config("n1", hung->port);
  settings.queue_deadline = milliseconds(200);
  const auto client = join(std::move(settings), client_record);
  ASSERT_TRUE(client_record.wait_disconnected(2)) << "it tries again";
  EXPECT_THAT(client_record.last_why(), HasSubstr("connected, but no answer within 200 ms"));
  ::close(hung->fd);
}

TEST_F(RefusalTest, CertificateOfAnotherAuthority) {
  auto files = this->files(other_ca_.node("n1"));
  files.ca = ca_.ca_file();
  expect_refused_by_tls(files, "unknown ca");
}

TEST_F(RefusalTest, NoCertificate) {
  EXPECT_THAT(raw_tls(server_->port(), std::nullopt, TLS1_3_VERSION), HasSubstr("certificate required"));
  EXPECT_TRUE(server_record_.wait_refused("TLS handshake"));
}

TEST_F(RefusalTest, Tls12) {
  const auto good = files(ca_.node("n1"));
  EXPECT_THAT(raw_tls(server_->port(), good, TLS1_2_VERSION), HasSubstr("protocol version"));
  EXPECT_EQ(raw_tls(server_->port(), good, TLS1_3_VERSION), "") << "the same client gets in with TLS 1.3";
}

TEST_F(RefusalTest, ClaimingTheNameOfAnotherNode) {
  expect_refused(files(ca_.node("n1")), "n2", "the hello names node 'n2'");
}

TEST_F(RefusalTest, ClaimingTheNameOfALiveNodeDoesNotTouchIt) {
  expect_refused(files(ca_.node("n1")), "bystander", "speaks for 'n1'");
  EXPECT_TRUE(server_record_.closed.empty());
}

TEST_F(RefusalTest, WildcardCertificate) {
  const auto files =
      this->files(ca_.issue("wild", {.common_name = "n1", .dns_names = {"*.node.tideline"}, .client_auth = true}));
  expect_refused(files, "n1", "wildcard");
}

TEST_F(RefusalTest, NameInTheCommonNameOnly) {
  const auto files = this->files(ca_.issue("cn-only", {.common_name = "n1.node.tideline", .client_auth = true}));
  expect_refused(files, "n1", "no DNS SAN");
}

TEST_F(RefusalTest, ServerCertificateUsedByAClient) {
  const auto files = this->files(
      ca_.issue("server-eku", {.common_name = "n1", .dns_names = {"n1.node.tideline"}, .server_auth = true}));
  expect_refused_by_tls(files, "unsupported certificate");
}

TEST_F(RefusalTest, CertificateWithoutExtendedKeyUsage) {
  const auto files = this->files(ca_.issue("no-eku", {.common_name = "n1", .dns_names = {"n1.node.tideline"}}));
  expect_refused(files, "n1", "clientAuth");
}

TEST_F(RefusalTest, ExpiredCertificate) {
  const auto files = this->files(ca_.issue("expired", {.common_name = "n1",
                                                       .dns_names = {"n1.node.tideline"},
                                                       .client_auth = true,
                                                       .valid_from = std::chrono::hours(-2),
                                                       .valid_to = std::chrono::hours(-1)}));
  expect_refused_by_tls(files, "certificate expired");
}

TEST_F(RefusalTest, OperatorCertificateOnTheNodePort) {
  expect_refused(files(ca_.person("admin", "root")), "n1", "no DNS SAN");
}

TEST_F(RefusalTest, AnotherProtocol) {
  HostilePeer peer(files(ca_.node("n1")), server_->port());
  ASSERT_TRUE(peer.connect());
  const auto outcome = peer.enroll("n1", 1, 9);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), ErrorCode::kUnsupported);
  EXPECT_THAT(outcome.error().message(), HasSubstr("link protocol 9"));
  EXPECT_TRUE(peer.wait_closed());
}

TEST_F(RefusalTest, ReportInAnothersName) {
  HostilePeer peer(files(ca_.node("n1")), server_->port());
  ASSERT_TRUE(peer.connect());
  ASSERT_TRUE(peer.enroll("n1"));
  const auto outcome = peer.report(report("bystander", 1, 5));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), ErrorCode::kPermissionDenied);
  EXPECT_TRUE(peer.wait_closed());
  ASSERT_TRUE(server_record_.wait_closed(1));
  EXPECT_THAT(server_record_.closed[0].why, HasSubstr("as node 'bystander'"));
  EXPECT_TRUE(server_record_.reports.empty());
}

TEST_F(RefusalTest, ReportOfAnotherIncarnation) {
  HostilePeer peer(files(ca_.node("n1")), server_->port());
  ASSERT_TRUE(peer.connect());
  ASSERT_TRUE(peer.enroll("n1", 1));
  EXPECT_FALSE(peer.report(report("n1", 2, 5)));
  EXPECT_TRUE(peer.wait_closed());
}

TEST_F(LinkTest, RefusesANodeTheOwnerDoesNotWant) {
  ServerRecord server_record;
  ClientRecord client_record;
  auto config = server_config();
  config.enroll = [](const Hello& hello) -> model::Result<EnrollAnswer> {
    return model::Error(ErrorCode::kPermissionDenied, "node '" + hello.node.str() + "' is on the denylist");
  };
  const auto server = serve(std::move(config), server_record);
  const auto client = join(client_config("n1", server->port()), client_record);
  ASSERT_TRUE(client_record.wait_disconnected(2)) << "it goes on trying";
  EXPECT_THAT(client_record.last_why(), HasSubstr("node 'n1' is on the denylist"));
  EXPECT_TRUE(server_record.enrolled.empty());
}

TEST_F(LinkTest, ClientRefusesAServerOfAnotherName) {
  ServerRecord server_record;
  ClientRecord client_record;
  auto config = server_config();
  config.tls = files(ca_.coordinator("impostor.tideline"));
  const auto server = serve(std::move(config), server_record);
  const auto client = join(client_config("n1", server->port()), client_record);
  ASSERT_TRUE(client_record.wait_disconnected(1));
  EXPECT_THAT(client_record.last_why(), HasSubstr("127.0.0.1:" + std::to_string(server->port())));
  EXPECT_TRUE(client_record.welcomes.empty());
}

TEST_F(LinkTest, ClientRefusesAServerWithAWildcardName) {
  ServerRecord server_record;
  ClientRecord client_record;
  auto config = server_config();
  config.tls = files(ca_.issue("wild-server", {.dns_names = {"*.dc1.tideline"}, .server_auth = true}));
  const auto server = serve(std::move(config), server_record);
  auto client_settings = client_config("n1", server->port());
  client_settings.server_name = "coordinator.dc1.tideline";
  const auto client = join(std::move(client_settings), client_record);
  ASSERT_TRUE(client_record.wait_disconnected(1));
  EXPECT_THAT(client_record.last_why(), HasSubstr("*.dc1.tideline, not for 'coordinator.dc1.tideline'"));
  EXPECT_TRUE(client_record.welcomes.empty());
}

TEST_F(LinkTest, ClientRefusesAServerOfAnotherAuthority) {
  ServerRecord server_record;
  ClientRecord client_record;
  auto config = server_config();
  config.tls = files(other_ca_.coordinator());
  const auto server = serve(std::move(config), server_record);
  const auto client = join(client_config("n1", server->port()), client_record);
  ASSERT_TRUE(client_record.wait_disconnected(1));
  EXPECT_THAT(client_record.last_why(), HasSubstr("certificate"));
  EXPECT_TRUE(client_record.welcomes.empty());
}

}  // namespace
}  // namespace tideline::link
