// Peers that send nonsense, nothing, or too much.

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <random>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test/messages/link/fixture.h"
#include "test/messages/link/hostile_peer.h"

namespace tideline::link {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

TEST_F(LinkTest, GarbageEndsItsOwnConnectionOnly) {
  ServerRecord server_record;
  ClientRecord bystander_record;
  auto config = server_config();
  config.accept.handshake_deadline = milliseconds(500);
  const auto server = serve(std::move(config), server_record);
  const auto bystander = join(client_config("bystander", server->port()), bystander_record);
  ASSERT_TRUE(bystander_record.wait_connected(1));

  const unsigned seed = 20'240'607;
  std::mt19937 random(seed);
  const auto noise = [&](std::size_t size) {
    std::string bytes(size, '\0');
    for (char& byte : bytes)
      byte = static_cast<char>(random());
    return bytes;
  };
  // A TLS record header that promises a ClientHello, then anything.
  const std::string bogus_hello = std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
  std::vector<std::unique_ptr<RawSocket>> peers;
  for (int i = 0; i < 30; ++i) {
    for (const auto& bytes : {noise(64), noise(4000), bogus_hello + noise(501), bogus_hello,
                              std::string("GET / HTTP/1.1\r\nHost: coordinator\r\n\r\n"), std::string()}) {
      peers.push_back(std::make_unique<RawSocket>(server->port()));
      peers.back()->send(bytes);
    }
  }
  for (std::size_t i = 0; i < peers.size(); ++i)
    EXPECT_TRUE(peers[i]->wait_closed()) << "peer " << i << ", seed " << seed;
  ASSERT_TRUE(bystander->send_report(report("bystander", 1, 1)));
  EXPECT_TRUE(bystander_record.wait_acked(1));
  EXPECT_TRUE(bystander_record.disconnects.empty()) << bystander_record.last_why();
  EXPECT_EQ(server->sessions(), 1U);
}

TEST_F(LinkTest, SilentConnectionsAreClosedAndLetOthersThrough) {
  ServerRecord server_record;
  ClientRecord client_record;
  auto config = server_config();
  config.accept.max_handshakes = 4;
  config.accept.handshake_deadline = milliseconds(300);
  const auto server = serve(std::move(config), server_record);
  std::vector<std::unique_ptr<RawSocket>> silent;
  for (int i = 0; i < 12; ++i)
    silent.push_back(std::make_unique<RawSocket>(server->port()));
  const auto client = join(client_config("n1", server->port()), client_record);
  EXPECT_TRUE(client_record.wait_connected(1)) << client_record.last_why();
  for (const auto& peer : silent)
    EXPECT_TRUE(peer->wait_closed());
  EXPECT_TRUE(server_record.wait_refused("not finished within 300 ms"));
}

TEST_F(LinkTest, HandshakesAreCapped) {
  ServerRecord server_record;
  ClientRecord client_record;
  auto config = server_config();
  config.accept.max_handshakes = 1;
  config.accept.handshake_deadline = seconds(2);
  const auto server = serve(std::move(config), server_record);
  const RawSocket silent(server->port());
  const auto client = join(client_config("n1", server->port()), client_record);
  ASSERT_TRUE(client_record.wait_connected(1)) << client_record.last_why();
  const std::lock_guard lock(server_record.signal.mutex);
  EXPECT_EQ(server_record.refusals.size(), 1U) << "the client had to wait for the silent one's deadline";
}

TEST_F(LinkTest, WhileTheLoopIsBehindHandshakesBeginOneByOneAndAllComeIn) {
  ServerRecord server_record;
  ClientRecord client_record;
  auto config = server_config();
  config.accept.most_lag = milliseconds(-1);  // however little it is
  config.accept.handshake_at_least_every = milliseconds(200);
  const auto server = serve(std::move(config), server_record);
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::unique_ptr<NodeClient>> clients;
  for (const auto* name : {"n1", "n2", "n3", "n4"})
    clients.push_back(join(client_config(name, server->port()), client_record));
  ASSERT_TRUE(client_record.wait_connected(4)) << client_record.last_why();
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(600)) << "three waits";
}

TEST_F(LinkTest, WhoWaitsInTheBacklogKeepsItsPlace) {
  ServerRecord server_record;
  ClientRecord client_record;
  auto config = server_config();
  config.accept.max_handshakes = 1;
  config.accept.handshake_deadline = milliseconds(1500);
  const auto server = serve(std::move(config), server_record);
  const RawSocket silent(server->port());
  auto settings = client_config("n1", server->port());
  settings.connect_deadline = milliseconds(1000);
  const auto client = join(std::move(settings), client_record);
  ASSERT_TRUE(client_record.wait_connected(1));
  const std::lock_guard lock(client_record.signal.mutex);
  EXPECT_TRUE(client_record.disconnects.empty()) << client_record.disconnects.front();
}

TEST_F(LinkTest, WhoLeftWhileItWaitedTakesNoHandshake) {
  ServerRecord server_record;
  auto config = server_config();
  config.accept.max_handshakes = 1;
  config.accept.handshake_deadline = milliseconds(300);
  const auto server = serve(std::move(config), server_record);
  const RawSocket silent(server->port());
  { const RawSocket gone(server->port()); }
  EXPECT_TRUE(server_record.wait_refused("it left before its handshake began"));
}

TEST_F(LinkTest, GoesOnAcceptingAfterTheProcessRanOutOfFiles) {
  ServerRecord server_record;
  ClientRecord client_record;
  const auto server = serve(server_config(), server_record);
  {
    const RawSocket first(server->port());  // proves that the loop runs
    const int spare = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit tight{.rlim_cur = std::min<rlim_t>(before.rlim_cur, 256), .rlim_max = before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
    std::vector<int> hoard;
    for (int fd = ::dup(0); fd >= 0; fd = ::dup(0))
      hoard.push_back(fd);
    EXPECT_EQ(errno, EMFILE);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server->port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(spare, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    std::this_thread::sleep_for(milliseconds(300));  // some failed accepts
    for (const int fd : hoard)
      ::close(fd);
    ::setrlimit(RLIMIT_NOFILE, &before);
    ::close(spare);
  }
  const auto client = join(client_config("n1", server->port()), client_record);
  EXPECT_TRUE(client_record.wait_connected(1)) << client_record.last_why();
}

TEST_F(LinkTest, ConnectionsBeyondTheLimitAreClosed) {
  ServerRecord server_record;
  ClientRecord first_record;
  ClientRecord second_record;
  auto config = server_config();
  config.accept.max_connections = 1;
  const auto server = serve(std::move(config), server_record);
  const auto first = join(client_config("n1", server->port()), first_record);
  ASSERT_TRUE(first_record.wait_connected(1));
  auto second = join(client_config("n2", server->port()), second_record);
  ASSERT_TRUE(second_record.wait_disconnected(1));
  EXPECT_TRUE(server_record.wait_refused("1 connections are open"));
  first->stop();
  EXPECT_TRUE(second_record.wait_connected(1)) << "room again";
}

TEST_F(LinkTest, PeerThatNeverEnrolsIsDropped) {
  ServerRecord server_record;
  auto config = server_config();
  config.session.enroll_deadline = milliseconds(200);
  const auto server = serve(std::move(config), server_record);
  HostilePeer peer(files(ca_.node("n1")), server->port());
  ASSERT_TRUE(peer.connect());
  EXPECT_TRUE(peer.wait_closed());
  EXPECT_TRUE(server_record.wait_refused("no enrolment within 200 ms"));
}

TEST_F(LinkTest, SessionThatFallsSilentIsDropped) {
  ServerRecord server_record;
  auto config = server_config();
  config.session.heartbeat = milliseconds(50);
  config.session.idle_deadline = milliseconds(200);
  const auto server = serve(std::move(config), server_record);
  HostilePeer peer(files(ca_.node("n1")), server->port());
  ASSERT_TRUE(peer.connect());
  ASSERT_TRUE(peer.enroll("n1"));
  EXPECT_TRUE(peer.wait_closed());
  ASSERT_TRUE(server_record.wait_closed(1));
  EXPECT_THAT(server_record.closed[0].why, HasSubstr("silent for"));
}

TEST_F(LinkTest, OfManyThatFallSilentTogetherAllAreDroppedPartByPart) {
  ServerRecord server_record;
  auto config = server_config();
  config.session.heartbeat = milliseconds(50);
  config.session.idle_deadline = milliseconds(200);
  config.session.end_slice = 1;
  const auto server = serve(std::move(config), server_record);
  std::vector<std::unique_ptr<HostilePeer>> peers;
  for (const auto* name : {"n1", "n2", "n3", "n4"}) {
    peers.push_back(std::make_unique<HostilePeer>(files(ca_.node(name)), server->port()));
    ASSERT_TRUE(peers.back()->connect());
    ASSERT_TRUE(peers.back()->enroll(name));
  }
  for (const auto& peer : peers)
    EXPECT_TRUE(peer->wait_closed());
  ASSERT_TRUE(server_record.wait_closed(4));
  EXPECT_EQ(server->sessions(), 0U);
}

TEST_F(LinkTest, OfManyThatEndAtOnceAllAreTakenDownAndOthersGoOn) {
  constexpr std::size_t kMany = 30;  // several parts
  ServerRecord server_record;
  ClientRecord bystander_record;
  auto config = server_config();
  config.session.idle_deadline = std::chrono::seconds(60);  // they say nothing while the others come in
  const auto server = serve(std::move(config), server_record);
  const auto bystander = join(client_config("bystander", server->port()), bystander_record);
  ASSERT_TRUE(bystander_record.wait_connected(1));
  std::vector<std::unique_ptr<HostilePeer>> peers;
  for (std::size_t i = 0; i < kMany; ++i) {
    const auto name = "n" + std::to_string(i);
    peers.push_back(std::make_unique<HostilePeer>(files(ca_.node(name)), server->port()));
    ASSERT_TRUE(peers.back()->connect());
    ASSERT_TRUE(peers.back()->enroll(name));
  }
  EXPECT_EQ(server->sessions(), kMany + 1);
  peers.clear();
  ASSERT_TRUE(bystander->send_report(report("bystander", 1, 1)));
  EXPECT_TRUE(bystander_record.wait_acked(1));
  ASSERT_TRUE(server_record.wait_closed(kMany));
  EXPECT_EQ(server->sessions(), 1U);
  EXPECT_TRUE(bystander_record.disconnects.empty());
  // Their names are free.
  HostilePeer again(files(ca_.node("n0")), server->port());
  ASSERT_TRUE(again.connect());
  EXPECT_TRUE(again.enroll("n0", 2));
}

TEST_F(LinkTest, FloodIsRejectedAndThenDropped) {
  ServerRecord server_record;
  ClientRecord bystander_record;
  auto config = server_config();
  config.session.max_rejections = 10;
  const auto server = serve(std::move(config), server_record, false);
  const auto bystander = join(client_config("bystander", server->port()), bystander_record);
  ASSERT_TRUE(bystander_record.wait_connected(1));
  HostilePeer peer(files(ca_.node("n1")), server->port());
  ASSERT_TRUE(peer.connect());
  ASSERT_TRUE(peer.enroll("n1"));
  EXPECT_EQ(peer.flood(report("n1", 1, 1), 500), 500U);
  ASSERT_TRUE(server_record.wait_closed(1));
  EXPECT_THAT(server_record.closed[0].why, HasSubstr("10 calls rejected"));
  EXPECT_TRUE(peer.wait_closed());
  EXPECT_LE(server_record.reports.size(), 1U);
  EXPECT_TRUE(bystander_record.disconnects.empty());
}

TEST_F(LinkTest, ANodeThatComesTooOftenIsRefusedAndOthersAreNot) {
  ServerRecord server_record;
  ClientRecord bystander_record;
  auto config = server_config();
  config.session.enroll_burst = 3;
  config.session.enroll_every = seconds(60);
  const auto server = serve(std::move(config), server_record);
  const auto own = files(ca_.node("n1"));
  for (int i = 0; i < 3; ++i) {
    HostilePeer peer(own, server->port());
    ASSERT_TRUE(peer.connect());
    ASSERT_TRUE(peer.enroll("n1"));
  }
  HostilePeer peer(own, server->port());
  ASSERT_TRUE(peer.connect());
  const auto outcome = peer.enroll("n1");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), model::ErrorCode::kOverloaded);
  EXPECT_TRUE(peer.wait_closed());
  EXPECT_TRUE(server_record.wait_refused("node 'n1' opens sessions too often"));
  EXPECT_EQ(server_record.enrolled.size(), 3U);
  const auto bystander = join(client_config("bystander", server->port()), bystander_record);
  EXPECT_TRUE(bystander_record.wait_connected(1)) << bystander_record.last_why();
}

TEST_F(LinkTest, AFloodOfOneKindDoesNotHideAnotherKind) {
  ServerRecord server_record;
  const auto server = serve(server_config(), server_record);
  HostilePeer liar(files(ca_.node("n1")), server->port());
  ASSERT_TRUE(liar.connect());
  for (int i = 0; i < 100; ++i) {
    const RawSocket peer(server->port());
    peer.send("GET / HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(peer.wait_closed()) << "it would have left before its handshake";
  }
  ASSERT_TRUE(server_record.wait_refused("TLS handshake"));
  EXPECT_FALSE(liar.enroll("n2"));
  EXPECT_TRUE(server_record.wait_refused("the hello names node 'n2'"));
  const std::lock_guard lock(server_record.signal.mutex);
  EXPECT_LT(server_record.refusals.size(), 100U);
}

TEST_F(LinkTest, MalformedReportsAreRejectedAndThenDropTheSession) {
  ServerRecord server_record;
  auto config = server_config();
  config.session.max_rejections = 3;
  const auto server = serve(std::move(config), server_record);
  HostilePeer peer(files(ca_.node("n1")), server->port());
  ASSERT_TRUE(peer.connect());
  ASSERT_TRUE(peer.enroll("n1"));
  auto bad = report("n1", 1, 1);
  bad.samples[0].node_cpu = model::MilliCpu(-5);
  for (int i = 0; i < 3; ++i) {
    const auto outcome = peer.report(bad);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code(), model::ErrorCode::kMalformed);
    EXPECT_THAT(outcome.error().message(), HasSubstr("node_cpu: -5"));
  }
  EXPECT_TRUE(peer.wait_closed());
  EXPECT_TRUE(server_record.reports.empty());
}

TEST_F(LinkTest, OversizedReportIsRejected) {
  ServerRecord server_record;
  const auto server = serve(server_config(), server_record);
  HostilePeer peer(files(ca_.node("n1")), server->port());
  ASSERT_TRUE(peer.connect());
  ASSERT_TRUE(peer.enroll("n1"));
  auto big = report("n1", 1, 1);
  big.status.protection.why.assign(model::ReportLimits::kMaxWireBytes + 1, 'x');
  const auto outcome = peer.report(big);
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().message(), HasSubstr("limit"));
  EXPECT_TRUE(peer.report(report("n1", 1, 2)));
}

TEST_F(LinkTest, MessageBeyondTheTraversalLimitEndsTheConnection) {
  ServerRecord server_record;
  const auto server = serve(server_config(), server_record);
  HostilePeer peer(files(ca_.node("n1")), server->port());
  ASSERT_TRUE(peer.connect());
  ASSERT_TRUE(peer.enroll("n1"));
  auto huge = report("n1", 1, 1);
  huge.status.protection.why.assign(8 << 20, 'x');
  EXPECT_FALSE(peer.report(huge));
  EXPECT_TRUE(peer.wait_closed());
  ASSERT_TRUE(server_record.wait_closed(1));
  EXPECT_THAT(server_record.closed[0].why, Not(HasSubstr("silent")));
}

TEST_F(LinkTest, PeerThatDoesNotReadIsDropped) {
  ServerRecord server_record;
  auto config = server_config();
  config.rpc.max_queued_bytes = 16 * 1024;
  config.rpc.max_held_answers = SIZE_MAX;
  config.session.idle_deadline = seconds(20);
  const auto server = serve(std::move(config), server_record);
  HostilePeer peer(files(ca_.node("n1")), server->port());
  ASSERT_TRUE(peer.connect());
  ASSERT_TRUE(peer.enroll("n1"));
  peer.go_deaf();
  const auto until = std::chrono::steady_clock::now() + seconds(20);
  const auto closed = [&]() {
    const std::lock_guard lock(server_record.signal.mutex);
    return !server_record.closed.empty();
  };
  while (!closed() && std::chrono::steady_clock::now() < until)
    peer.send_heartbeats();
  ASSERT_TRUE(server_record.wait_closed(1));
  EXPECT_THAT(server_record.closed[0].why, HasSubstr("bytes lie unread"));
}

TEST_F(LinkTest, PeerThatReadsItsAnswersAndReleasesNoneIsDropped) {
  ServerRecord server_record;
  ClientRecord bystander_record;
  auto config = server_config();
  config.rpc.max_held_answers = 100;
  const auto server = serve(std::move(config), server_record);
  const auto bystander = join(client_config("bystander", server->port()), bystander_record);
  ASSERT_TRUE(bystander_record.wait_connected(1));
  HostilePeer peer(files(ca_.node("n1")), server->port());
  ASSERT_TRUE(peer.connect());
  ASSERT_TRUE(peer.enroll("n1"));
  // Who is done with its answers may ask for as many as it likes.
  const auto released = peer.heartbeats(300, false);
  ASSERT_TRUE(released) << released.error().message();
  const auto few = peer.heartbeats(90, true);
  ASSERT_TRUE(few) << few.error().message();
  EXPECT_FALSE(peer.heartbeats(30, true));
  ASSERT_TRUE(server_record.wait_closed(1));
  EXPECT_THAT(server_record.closed[0].why,
              HasSubstr("101 answers lie unread or are held by the peer, the limit is 100"));
  EXPECT_TRUE(peer.wait_closed());
  EXPECT_TRUE(bystander_record.disconnects.empty());
}

}  // namespace
}  // namespace tideline::link
