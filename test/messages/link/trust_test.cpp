// Certificates that are renewed, run out or are not trusted any more, while sessions are open.

#include <filesystem>

#include <gmock/gmock.h>

#include "messages/clock/clock.h"
#include "test/messages/link/fixture.h"

namespace tideline::link {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

TEST_F(LinkTest, RenewedServerCertificateNeedsNoRestartOfTheNode) {
  ServerRecord server_record;
  ClientRecord client_record;
  const auto server = serve(server_config(), server_record);
  const auto client = join(client_config("n1", server->port()), client_record);
  ASSERT_TRUE(server_record.wait_enrolled(1));
  const auto before = server_record.enrolled[0].certificate_serial;
  static_cast<void>(ca_.node("n1"));  // new key and certificate in the same files
  server->close(server_record.enrolled[0].id, "test");
  ASSERT_TRUE(server_record.wait_enrolled(2)) << client_record.last_why();
  EXPECT_NE(server_record.enrolled[1].certificate_serial, before);
}

TEST_F(LinkTest, ServerTakesUpChangedFilesWhileItRuns) {
  ServerRecord server_record;
  ClientRecord stranger_record;
  ClientRecord client_record;
  auto config = server_config();
  config.accept.reload_every = milliseconds(50);
  config.session.enroll_deadline = milliseconds(400);  // and with it a short sweep
  config.tls.ca = dir_.write("bundle.crt", dir_.read("ca.crt"));
  const auto server = serve(std::move(config), server_record);
  const auto member = join(client_config("n1", server->port()), client_record);
  ASSERT_TRUE(client_record.wait_connected(1));
  auto stranger_config = client_config("n2", server->port());
  stranger_config.tls = files(other_ca_.node("n2"));
  stranger_config.tls.ca = dir_.write("both.crt", dir_.read("ca.crt") + dir_.read("other-ca.crt"));
  const auto stranger = join(std::move(stranger_config), stranger_record);
  ASSERT_TRUE(stranger_record.wait_disconnected(2));

  dir_.write("bundle.crt", "half a fi");
  ASSERT_TRUE(stranger_record.wait_disconnected(8));
  EXPECT_TRUE(stranger_record.welcomes.empty());
  dir_.write("bundle.crt", dir_.read("ca.crt") + dir_.read("other-ca.crt"));
  EXPECT_TRUE(stranger_record.wait_connected(1)) << stranger_record.last_why();
  EXPECT_TRUE(client_record.disconnects.empty()) << "sessions live on";
}

TEST_F(LinkTest, ServerTakesUpFilesThatBecomeGoodWithoutAChange) {
  ServerRecord server_record;
  ClientRecord client_record;
  test::CertSpec spec{.dns_names = {"coordinator.tideline"}, .server_auth = true};
  auto config = server_config();
  config.tls = files(ca_.issue("server", spec));
  config.tls.ca = dir_.write("bundle.crt", dir_.read("ca.crt"));
  config.accept.reload_every = milliseconds(50);
  config.session.enroll_deadline = milliseconds(400);  // and with it a short sweep
  const auto server = serve(std::move(config), server_record);
  spec.valid_from = seconds(2);
  static_cast<void>(ca_.issue("server", spec));
  dir_.write("bundle.crt", dir_.read("ca.crt") + dir_.read("other-ca.crt"));

  auto client_settings = client_config("n2", server->port());
  client_settings.tls = files(other_ca_.node("n2"));
  client_settings.tls.ca = dir_.write("both.crt", dir_.read("ca.crt") + dir_.read("other-ca.crt"));
  const auto client = join(std::move(client_settings), client_record);
  ASSERT_TRUE(client_record.wait_disconnected(1)) << "the new authority counts with the whole set of files";
  EXPECT_TRUE(client_record.wait_connected(1)) << client_record.last_why();
}

TEST_F(LinkTest, NodeStartsWithBadFilesAndJoinsWhenTheyAreGood) {
  ServerRecord server_record;
  ClientRecord client_record;
  const auto server = serve(server_config(), server_record);
  auto config = client_config("n1", server->port());
  const auto expired = files(ca_.issue("node", {.dns_names = {"n1.node.tideline"},
                                                .client_auth = true,
                                                .valid_from = seconds(-7200),
                                                .valid_to = seconds(-3600)}));
  config.tls = expired;
  const auto client = join(std::move(config), client_record);
  ASSERT_NE(client, nullptr);
  ASSERT_TRUE(client_record.wait_disconnected(1));
  EXPECT_THAT(client_record.last_why(), HasSubstr("expired"));
  static_cast<void>(ca_.issue("node", {.dns_names = {"n1.node.tideline"}, .client_auth = true}));
  EXPECT_TRUE(client_record.wait_connected(1)) << client_record.last_why();
}

TEST_F(LinkTest, NodeNamesACertificateThatIsAnothersBeforeItConnects) {
  ServerRecord server_record;
  ClientRecord client_record;
  const auto server = serve(server_config(), server_record);
  auto config = client_config("n1", server->port());
  config.node = model::NodeName("n2");
  const auto client = join(std::move(config), client_record);
  ASSERT_TRUE(client_record.wait_disconnected(1));
  EXPECT_THAT(client_record.last_why(), HasSubstr("is node \"n1\"'s, not \"n2\"'s"));
  EXPECT_TRUE(server_record.refusals.empty());
}

TEST_F(LinkTest, SessionEndsWithItsCertificate) {
  ServerRecord server_record;
  ClientRecord client_record;
  auto config = server_config();
  config.session.idle_deadline = milliseconds(400);  // and with it a short sweep
  config.session.heartbeat = milliseconds(50);
  const auto server = serve(std::move(config), server_record);
  auto client_settings = client_config("n1", server->port());
  client_settings.tls = files(ca_.issue(
      "brief", {.dns_names = {"n1.node.tideline"}, .client_auth = true, .valid_to = std::chrono::seconds(3)}));
  const auto client = join(std::move(client_settings), client_record);
  ASSERT_TRUE(client_record.wait_connected(1)) << client_record.last_why();
  ASSERT_TRUE(server_record.wait_closed(1));
  EXPECT_THAT(server_record.closed[0].why, HasSubstr("certificate has expired"));
  ASSERT_TRUE(client_record.wait_disconnected(2));
  EXPECT_THAT(client_record.last_why(), HasSubstr("expired")) << "the node names its own file";
}

TEST_F(LinkTest, ASessionEndsBeforeItsCertificateSoThatTheNodeComesWithARenewedOne) {
  ServerRecord server_record;
  ClientRecord client_record;
  auto config = server_config();
  config.session.enroll_deadline = milliseconds(400);  // and with it a short sweep
  config.session.max_age = seconds(2);
  config.session.least_age = milliseconds(200);
  const auto server = serve(std::move(config), server_record);
  const auto begin = clock::mono_now();
  const auto client = join(client_config("n1", server->port()), client_record);
  ASSERT_TRUE(server_record.wait_enrolled(1));
  static_cast<void>(ca_.node("n1"));  // new key and certificate in the same files
  ASSERT_TRUE(server_record.wait_enrolled(2)) << client_record.last_why();
  EXPECT_THAT(server_record.closed[0].why, HasSubstr("may come again"));
  EXPECT_NE(server_record.enrolled[1].certificate_serial, server_record.enrolled[0].certificate_serial);
  // It is as old as its connection.
  const model::Duration lived = server_record.enrolled[1].enrolled - begin;
  EXPECT_GE(lived, milliseconds(1500)) << "a quarter earlier at most";
}

TEST_F(LinkTest, ADeniedNameGetsNoSessionAndLosesTheOneItHas) {
  ServerRecord server_record;
  ClientRecord good_record;
  ClientRecord bad_record;
  ClientRecord denied_record;
  auto config = server_config();
  config.accept.reload_every = milliseconds(50);
  config.session.enroll_deadline = milliseconds(400);  // and with it a short sweep
  config.denied_names_file = dir_.write("denied", "n3.node.tideline\n");
  const auto server = serve(std::move(config), server_record);
  const auto good = join(client_config("n1", server->port()), good_record);
  const auto bad = join(client_config("n2", server->port()), bad_record);
  ASSERT_TRUE(good_record.wait_connected(1));
  ASSERT_TRUE(bad_record.wait_connected(1));
  const auto denied = join(client_config("n3", server->port()), denied_record);
  ASSERT_TRUE(denied_record.wait_disconnected(1));

  // As a whole: an empty list denies nobody.
  const auto deny = [&](const std::string& text) {
    std::filesystem::rename(dir_.write("denied.new", text), dir_.str() + "/denied");
  };
  deny("nobody at all\n");
  ASSERT_TRUE(server_record.signal.wait([&]() { return server_record.heartbeats >= 10; }));
  EXPECT_TRUE(server_record.closed.empty());
  EXPECT_TRUE(denied_record.welcomes.empty()) << "a list that cannot be read changes nothing";
  deny("n2.node.tideline\n");
  ASSERT_TRUE(server_record.wait_closed(1));
  EXPECT_EQ(server_record.closed[0].node, "n2");
  EXPECT_THAT(server_record.closed[0].why, HasSubstr("among the denied names"));
  ASSERT_TRUE(bad_record.wait_disconnected(3));
  EXPECT_THAT(bad_record.last_why(), HasSubstr("among the denied names"));
  EXPECT_EQ(bad_record.welcomes.size(), 1U);
  EXPECT_TRUE(good_record.disconnects.empty());

  deny("");
  EXPECT_TRUE(bad_record.wait_connected(2)) << bad_record.last_why();
}

TEST_F(LinkTest, DoesNotStartWithDeniedNamesThatItCannotRead) {
  ServerRecord server_record;
  auto config = server_config();
  config.denied_names_file = dir_.write("denied", "n1\n");
  const auto server = NodeServer::start(std::move(config), server_record);
  ASSERT_FALSE(server.ok());
  EXPECT_THAT(server.error().message(), HasSubstr("line 1"));
}

}  // namespace
}  // namespace tideline::link
