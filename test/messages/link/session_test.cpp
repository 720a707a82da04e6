// A node's sessions: their begin, their reports and acks, their end.

#include <atomic>
#include <future>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

#include "messages/codec/report_bytes.h"
#include "messages/link/clocks.h"
#include "test/messages/link/fixture.h"
#include "test/messages/link/hostile_peer.h"

namespace tideline::link {
namespace {

using model::ErrorCode;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(LinkTest, EnrolsReportsAndIsAcked) {
  ServerRecord server_record;
  ClientRecord client_record;
  const auto server = serve(server_config(), server_record);
  const auto client = join(client_config("n1", server->port()), client_record);

  ASSERT_TRUE(client_record.wait_connected(1)) << client_record.last_why();
  EXPECT_EQ(client_record.welcomes[0].epoch, model::Epoch(7));
  EXPECT_EQ(client_record.welcomes[0].heartbeat, milliseconds(100));
  ASSERT_TRUE(server_record.wait_enrolled(1));
  EXPECT_EQ(server_record.enrolled[0].hello.node.str(), "n1");
  EXPECT_EQ(server_record.enrolled[0].hello.agent_version, "test");
  EXPECT_EQ(server->sessions(), 1U);

  const auto sent = report("n1", 1, 1);
  ASSERT_TRUE(client->send_report(sent));
  ASSERT_TRUE(client_record.wait_acked(1));
  EXPECT_THAT(client_record.acked, ElementsAre(1));
  EXPECT_EQ(*server_record.reports[0].report, sent);
  const auto as_bytes = codec::report_from_bytes(server_record.reports[0].bytes);
  ASSERT_TRUE(as_bytes) << as_bytes.error().message();
  EXPECT_EQ(*as_bytes, sent);
  EXPECT_GT(server_record.reports[0].mono.ns, 0);
}

TEST_F(LinkTest, AnAckIsHeldUntilTheNextReportAndNoLonger) {
  ServerRecord server_record;
  ClientRecord client_record;
  auto config = server_config();
  config.rpc.max_held_answers = 2;  // with that of the newest report
  const auto server = serve(std::move(config), server_record);
  const auto client = join(client_config("n1", server->port()), client_record);
  ASSERT_TRUE(client_record.wait_connected(1)) << client_record.last_why();
  for (std::uint64_t seq = 1; seq <= 50; ++seq) {
    ASSERT_TRUE(client->send_report(report("n1", 1, seq)));
    ASSERT_TRUE(client_record.wait_acked(seq)) << seq;
  }
  EXPECT_TRUE(client_record.disconnects.empty());
}

TEST_F(LinkTest, TellsTheNodeWhatIsDurableAlready) {
  ServerRecord server_record;
  ClientRecord client_record;
  auto config = server_config();
  config.enroll = [](const Hello& hello) -> model::Result<EnrollAnswer> {
    return EnrollAnswer{.epoch = model::Epoch(7), .acked_through = model::Seq(hello.incarnation.value() * 100)};
  };
  const auto server = serve(std::move(config), server_record);
  auto client_settings = client_config("n1", server->port());
  client_settings.incarnation = model::Incarnation(3);
  const auto client = join(std::move(client_settings), client_record);
  ASSERT_TRUE(client_record.wait_connected(1));
  EXPECT_EQ(client_record.welcomes[0].acked_through, model::Seq(300));
}

TEST_F(LinkTest, AcksOnlyWhenTheOwnerSaysSo) {
  ServerRecord server_record;
  ClientRecord client_record;
  const auto server = serve(server_config(), server_record, false);
  const auto client = join(client_config("n1", server->port()), client_record);
  ASSERT_TRUE(client_record.wait_connected(1));
  ASSERT_TRUE(client->send_report(report("n1", 1, 1)));
  ASSERT_TRUE(server_record.wait_reports(1));
  const auto beats = server_record.heartbeat_count();
  ASSERT_TRUE(server_record.signal.wait([&]() { return server_record.heartbeats >= beats + 2; }));
  EXPECT_TRUE(client_record.acked.empty());
  EXPECT_EQ(client->send_report(report("n1", 1, 2)).error().code(), ErrorCode::kOverloaded) << "the window is one";

  server->acknowledge({server_record.reports[0].ticket});
  ASSERT_TRUE(client_record.wait_acked(1));
  EXPECT_TRUE(client->send_report(report("n1", 1, 2)));
}

TEST_F(LinkTest, RefusalReachesTheNodeWithItsReason) {
  ServerRecord server_record;
  ClientRecord client_record;
  const auto server = serve(server_config(), server_record, false);
  const auto client = join(client_config("n1", server->port()), client_record);
  ASSERT_TRUE(client_record.wait_connected(1));
  ASSERT_TRUE(client->send_report(report("n1", 1, 1)));
  ASSERT_TRUE(server_record.wait_reports(1));
  server->refuse(server_record.reports[0].ticket, model::Error(ErrorCode::kOverloaded, "the disk is full"));
  ASSERT_TRUE(client_record.signal.wait([&]() { return client_record.refused.size() == 1; }));
  EXPECT_EQ(client_record.refused[0].second, model::Error(ErrorCode::kOverloaded, "the disk is full"));
  EXPECT_TRUE(client->send_report(report("n1", 1, 1)));
}

TEST_F(LinkTest, RefusesToSendWhatTheOtherEndWouldRefuse) {
  ServerRecord server_record;
  ClientRecord client_record;
  const auto server = serve(server_config(), server_record);
  const auto client = join(client_config("n1", server->port()), client_record);
  ASSERT_TRUE(client_record.wait_connected(1));
  EXPECT_EQ(client->send_report(report("n1", 1, 0)).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_TRUE(client->send_report(report("n1", 1, 1)));
}

TEST_F(LinkTest, ReconnectsByItselfAndSendsAgainAfterTheServerCameBack) {
  ServerRecord first_record;
  ServerRecord second_record;
  ClientRecord client_record;
  auto first = serve(server_config(), first_record, false);
  const auto port = first->port();
  const auto client = join(client_config("n1", port), client_record);
  ASSERT_TRUE(client_record.wait_connected(1));
  ASSERT_TRUE(client->send_report(report("n1", 1, 1)));
  ASSERT_TRUE(first_record.wait_reports(1));
  first.reset();
  ASSERT_TRUE(client_record.wait_disconnected(1));
  EXPECT_EQ(client->send_report(report("n1", 1, 1)).error().code(), ErrorCode::kUnavailable);
  ASSERT_TRUE(client_record.wait_disconnected(3)) << "it keeps trying";

  auto config = server_config();
  config.listen = "127.0.0.1:" + std::to_string(port);
  const auto second = serve(std::move(config), second_record);
  ASSERT_TRUE(second);
  ASSERT_TRUE(client_record.wait_connected(2)) << client_record.last_why();
  EXPECT_TRUE(client_record.acked.empty());
  ASSERT_TRUE(client->send_report(report("n1", 1, 1)));
  ASSERT_TRUE(client_record.wait_acked(1));
  EXPECT_THAT(client_record.acked, ElementsAre(1));
}

TEST_F(LinkTest, TriesItsCoordinatorsInTurn) {
  ServerRecord server_record;
  ClientRecord client_record;
  const auto server = serve(server_config(), server_record);
  auto config = client_config("n1", server->port());
  config.coordinators.insert(config.coordinators.begin(), "127.0.0.1:1");
  const auto client = join(std::move(config), client_record);
  ASSERT_TRUE(client_record.wait_connected(1)) << client_record.last_why();
  ASSERT_EQ(client_record.disconnects.size(), 1U);
  EXPECT_THAT(client_record.disconnects[0], HasSubstr("127.0.0.1:1"));
}

TEST_F(LinkTest, ClosingASessionSaysWhyAndTheNodeComesBack) {
  ServerRecord server_record;
  ClientRecord client_record;
  const auto server = serve(server_config(), server_record);
  const auto client = join(client_config("n1", server->port()), client_record);
  ASSERT_TRUE(server_record.wait_enrolled(1));
  server->close(server_record.enrolled[0].id, "denylisted");
  ASSERT_TRUE(server_record.wait_closed(1));
  EXPECT_EQ(server_record.closed[0].why, "denylisted");
  EXPECT_EQ(server_record.closed[0].node, "n1");
  ASSERT_TRUE(server_record.wait_enrolled(2));
  EXPECT_NE(server_record.enrolled[1].id, server_record.enrolled[0].id);
}

TEST_F(LinkTest, SameAgentComingBackReplacesItsOldSession) {
  ServerRecord server_record;
  ClientRecord first_record;
  ClientRecord second_record;
  const auto server = serve(server_config(), server_record);
  auto slow = client_config("n1", server->port());
  slow.backoff_min = slow.backoff_max = seconds(60);  // the replaced one stays away
  const auto first = join(std::move(slow), first_record);
  ASSERT_TRUE(first_record.wait_connected(1));
  const auto second = join(client_config("n1", server->port()), second_record);
  ASSERT_TRUE(second_record.wait_connected(1)) << second_record.last_why();
  ASSERT_TRUE(first_record.wait_disconnected(1));
  ASSERT_TRUE(server_record.wait_closed(1));
  EXPECT_EQ(server_record.closed[0].session, server_record.enrolled[0].id);
  EXPECT_THAT(server_record.closed[0].why, HasSubstr("took over"));
  EXPECT_EQ(server->sessions(), 1U);
}

TEST_F(LinkTest, SecondAgentOfALiveNodeIsRefusedUntilTheFirstIsGone) {
  ServerRecord server_record;
  ClientRecord first_record;
  ClientRecord second_record;
  const auto server = serve(server_config(), server_record);
  auto first = join(client_config("n1", server->port()), first_record);
  ASSERT_TRUE(first_record.wait_connected(1));
  auto config = client_config("n1", server->port());
  config.incarnation = model::Incarnation(2);
  const auto second = join(std::move(config), second_record);
  ASSERT_TRUE(second_record.wait_disconnected(1));
  EXPECT_THAT(second_record.last_why(), HasSubstr("another agent runs as node 'n1'"));
  EXPECT_TRUE(first_record.disconnects.empty());
  first.reset();
  EXPECT_TRUE(second_record.wait_connected(1));
}

TEST_F(LinkTest, HeartbeatsKeepAnIdleSessionOpenBeyondItsDeadline) {
  ServerRecord server_record;
  ClientRecord client_record;
  auto config = server_config();
  config.session.heartbeat = milliseconds(250);
  config.session.idle_deadline = milliseconds(2000);
  const auto server = serve(std::move(config), server_record);
  const auto client = join(client_config("n1", server->port()), client_record);
  ASSERT_TRUE(server_record.signal.wait([&]() { return server_record.heartbeats >= 16; }));
  EXPECT_TRUE(server_record.closed.empty());
  EXPECT_TRUE(client_record.disconnects.empty());
}

TEST_F(LinkTest, AnsweredReportsStandForHeartbeats) {
  ServerRecord server_record;
  ClientRecord client_record;
  auto config = server_config();
  config.session.heartbeat = seconds(1);
  config.session.idle_deadline = seconds(20);
  const auto server = serve(std::move(config), server_record);
  const auto client = join(client_config("n1", server->port()), client_record);
  ASSERT_TRUE(client_record.wait_connected(1)) << client_record.last_why();
  const auto begin = mono_now();
  for (std::uint64_t seq = 1; mono_now() - begin < milliseconds(4500); ++seq) {
    ASSERT_TRUE(client->send_report(report("n1", 1, seq)));
    ASSERT_TRUE(client_record.wait_acked(seq));
    std::this_thread::sleep_for(milliseconds(50));
  }
  EXPECT_LE(server_record.heartbeat_count(), 1U) << "of four, and that one only where an ack took a second";
  EXPECT_TRUE(server_record.signal.wait([&]() { return server_record.heartbeats >= 2; })) << "once it is silent";
}

// A heartbeat may be due in the very turn of the loop in which its session ends.
TEST_F(LinkTest, NodesOutliveCoordinatorsThatEndBetweenTheirHeartbeats) {
  constexpr std::size_t kNodes = 30;
  const auto loop = make_client_loop();
  std::vector<std::unique_ptr<ClientRecord>> records;
  std::vector<std::unique_ptr<NodeClient>> clients;
  std::uint16_t port = 0;
  for (std::size_t round = 1; round <= 5; ++round) {
    ServerRecord server_record;
    auto config = server_config();
    config.session.heartbeat = milliseconds(10);
    if (port != 0) config.listen = "127.0.0.1:" + std::to_string(port);
    auto server = serve(std::move(config), server_record);
    port = server->port();
    while (clients.size() < kNodes) {
      records.push_back(std::make_unique<ClientRecord>());
      auto client = NodeClient::start(client_config("n" + std::to_string(clients.size()), port), *records.back(), loop);
      ASSERT_TRUE(client) << client.error().message();
      clients.push_back(*std::move(client));
    }
    for (const auto& record : records)
      ASSERT_TRUE(record->wait_connected(round)) << record->last_why();
    server.reset();
    for (const auto& record : records)
      ASSERT_TRUE(record->wait_disconnected(round));
  }
}

TEST_F(LinkTest, ServerDropsANodeThatHangs) {
  ServerRecord server_record;
  ClientRecord client_record;
  auto config = server_config();
  config.session.heartbeat = milliseconds(50);
  config.session.idle_deadline = milliseconds(400);
  const auto server = serve(std::move(config), server_record);
  std::promise<void> release;
  std::atomic<bool> hung = false;
  client_record.in_policy = [&, gate = release.get_future().share()](const model::NodePolicy&) {
    if (!hung.exchange(true)) gate.wait();
  };
  const auto client = join(client_config("n1", server->port()), client_record);
  ASSERT_TRUE(server_record.wait_enrolled(1));
  server->push_policy({{server_record.enrolled[0].id, model::NodePolicy{}}});
  ASSERT_TRUE(server_record.wait_closed(1));
  EXPECT_THAT(server_record.closed[0].why, HasSubstr("silent for"));
  release.set_value();
  EXPECT_TRUE(client_record.wait_connected(2)) << "it notices and comes back";
}

TEST_F(LinkTest, NodeLeavesACoordinatorThatHangs) {
  ServerRecord server_record;
  ClientRecord client_record;
  auto config = server_config();
  config.session.heartbeat = milliseconds(50);
  config.session.idle_deadline = milliseconds(400);
  std::promise<void> release;
  std::atomic<bool> hung = false;
  server_record.in_heartbeat = [&, gate = release.get_future().share()]() {
    if (!hung.exchange(true)) gate.wait();
  };
  const auto server = serve(std::move(config), server_record);
  const auto client = join(client_config("n1", server->port()), client_record);
  ASSERT_TRUE(client_record.wait_disconnected(1));
  EXPECT_THAT(client_record.disconnects[0], HasSubstr("no answer to a heartbeat"));
  release.set_value();
  EXPECT_TRUE(client_record.wait_connected(2)) << client_record.last_why();
}

TEST_F(LinkTest, StopEndsEventsAndMayBeCalledTwice) {
  ServerRecord server_record;
  ClientRecord client_record;
  const auto server = serve(server_config(), server_record);
  const auto client = join(client_config("n1", server->port()), client_record);
  ASSERT_TRUE(client_record.wait_connected(1));
  client->stop();
  EXPECT_FALSE(client->connected());
  EXPECT_EQ(client->send_report(report("n1", 1, 1)).error().code(), ErrorCode::kUnavailable);
  client->stop();
  server->stop();
  server->acknowledge({Ticket{}});
  server->push_policy({{SessionId(1), model::NodePolicy{}}});
  server->stop();
  EXPECT_EQ(server->sessions(), 0U);
}

TEST_F(LinkTest, ReportUnderWayWhenTheServerStopsIsAckedAndNoFurtherOneIsTaken) {
  ServerRecord server_record;
  ClientRecord early_record;
  ClientRecord late_record;
  auto config = server_config();
  config.session.drain_deadline = seconds(60);
  const auto server = serve(std::move(config), server_record, false);
  const auto early = join(client_config("n1", server->port()), early_record);
  const auto late = join(client_config("n2", server->port()), late_record);
  ASSERT_TRUE(early_record.wait_connected(1)) << early_record.last_why();
  ASSERT_TRUE(late_record.wait_connected(1)) << late_record.last_why();
  ASSERT_TRUE(early->send_report(report("n1", 1, 1)));
  ASSERT_TRUE(server_record.wait_reports(1));

  auto stopped = std::async(std::launch::async, [&] { server->stop(); });
  const auto give_up = std::chrono::steady_clock::now() + seconds(20);
  bool closed = false;
  while (!closed && std::chrono::steady_clock::now() < give_up) {
    closed = !RawSocket(server->port()).connected();
    std::this_thread::yield();
  }
  EXPECT_TRUE(closed) << "nobody new is let in";
  EXPECT_TRUE(late->send_report(report("n2", 1, 1)));
  EXPECT_TRUE(late_record.signal.wait([&] { return late_record.refused.size() == 1; }));
  EXPECT_EQ(stopped.wait_for(milliseconds(0)), std::future_status::timeout);
  server->acknowledge({server_record.reports[0].ticket});
  EXPECT_TRUE(early_record.wait_acked(1));
  stopped.get();
  EXPECT_TRUE(early_record.refused.empty());
  ASSERT_EQ(late_record.refused.size(), 1u);
  EXPECT_EQ(late_record.refused[0].second.code(), ErrorCode::kUnavailable) << "the node keeps it";
  EXPECT_THAT(late_record.refused[0].second.message(), HasSubstr("the server stops"));
  EXPECT_EQ(server_record.reports.size(), 1u);
  EXPECT_EQ(server->counts().rejected, 0u);
}

TEST_F(LinkTest, StopWaitsForAcksNoLongerThanItMay) {
  ServerRecord server_record;
  ClientRecord client_record;
  const auto server = serve(server_config(), server_record, false);
  const auto client = join(client_config("n1", server->port()), client_record);
  ASSERT_TRUE(client_record.wait_connected(1));
  ASSERT_TRUE(client->send_report(report("n1", 1, 1)));
  ASSERT_TRUE(server_record.wait_reports(1));
  server->stop();
  EXPECT_EQ(server->sessions(), 0U);
  EXPECT_TRUE(client_record.acked.empty());
}

TEST_F(LinkTest, ClientsOfOneLoopLiveAndEndEachForItself) {
  ServerRecord server_record;
  const auto server = serve(server_config(), server_record);
  const auto loop = make_client_loop();
  ClientRecord staying_record;
  ClientRecord leaving_record;
  const auto staying = NodeClient::start(client_config("n1", server->port()), staying_record, loop);
  const auto leaving = NodeClient::start(client_config("n2", server->port()), leaving_record, loop);
  ASSERT_TRUE(staying && leaving);
  ASSERT_TRUE(staying_record.wait_connected(1)) << staying_record.last_why();
  ASSERT_TRUE(leaving_record.wait_connected(1)) << leaving_record.last_why();

  (*leaving)->stop();
  ASSERT_TRUE(server_record.wait_closed(1));
  EXPECT_EQ((*leaving)->send_report(report("n2", 1, 1)).error().code(), ErrorCode::kUnavailable);
  (*leaving)->answer_policy(model::PolicyVersion(1), "");
  (*leaving)->answer_hands_off(1, "");
  ASSERT_TRUE((*staying)->send_report(report("n1", 1, 1)));
  EXPECT_TRUE(staying_record.wait_acked(1)) << "after what was posted for the one that left";
  EXPECT_EQ(server->sessions(), 1U);
}

TEST_F(LinkTest, StartNamesWhatIsWrongWithItsConfiguration) {
  ServerRecord server_record;
  ClientRecord client_record;
  auto config = server_config();
  config.listen = "localhost";
  EXPECT_THAT(NodeServer::start(config, server_record).error().message(), HasSubstr("'localhost': want host:port"));
  const auto server = serve(server_config(), server_record);
  config.listen = "127.0.0.1:" + std::to_string(server->port());
  EXPECT_THAT(NodeServer::start(config, server_record).error().message(), HasSubstr("in use"));
  config = server_config();
  config.tls.key.clear();
  EXPECT_THAT(NodeServer::start(config, server_record).error().message(), HasSubstr("no key file"));

  auto client = client_config("n1", 1);
  client.tls.key.clear();
  EXPECT_THAT(NodeClient::start(client, client_record).error().message(), HasSubstr("no key file"));
  client = client_config("n1", 1);
  client.coordinators.clear();
  EXPECT_THAT(NodeClient::start(client, client_record).error().message(), HasSubstr("no coordinator address"));
  client = client_config("n1", 1);
  client.server_name = "*.tideline";
  EXPECT_THAT(NodeClient::start(client, client_record).error().message(), HasSubstr("*.tideline"));
}

}  // namespace
}  // namespace tideline::link
