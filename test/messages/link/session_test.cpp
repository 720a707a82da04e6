// What a node and its coordinator rely on while both are well, and when either goes away.

#include <atomic>
#include <future>
#include <thread>

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

TEST_F(LinkTest, PushesAPolicyAndBringsTheNodesAnswer) {
  ServerRecord server_record;
  ClientRecord client_record;
  const auto server = serve(server_config(), server_record);
  const auto client = join(client_config("n1", server->port()), client_record);
  ASSERT_TRUE(client_record.wait_connected(1));
  ASSERT_TRUE(server_record.wait_enrolled(1));

  model::NodePolicy policy;
  policy.version = model::PolicyVersion(41);
  policy.epoch = model::Epoch(7);
  policy.threshold.enable = true;
  policy.threshold.cpu_suppress_policy = model::SuppressPolicy::kWorkConserving;
  server->push_policy({{server_record.enrolled[0].id, policy}});
  ASSERT_TRUE(client_record.signal.wait([&]() { return client_record.policies.size() == 1; }));
  EXPECT_EQ(client_record.policies[0], policy);
  EXPECT_TRUE(server_record.policy_acks.empty());
  client->answer_policy(model::PolicyVersion(41), "");
  ASSERT_TRUE(server_record.signal.wait([&]() { return server_record.policy_acks.size() == 1; }));
  EXPECT_EQ(server_record.policy_acks[0].version, 41U);
  EXPECT_EQ(server_record.policy_acks[0].problem, "");

  policy.version = model::PolicyVersion(42);
  server->push_policy({{server_record.enrolled[0].id, policy}});
  ASSERT_TRUE(client_record.signal.wait([&]() { return client_record.policies.size() == 2; }));
  client->answer_policy(model::PolicyVersion(42), "no such knob");
  ASSERT_TRUE(server_record.signal.wait([&]() { return server_record.policy_acks.size() == 2; }));
  EXPECT_EQ(server_record.policy_acks[1].version, 42U);
  EXPECT_EQ(server_record.policy_acks[1].problem, "no such knob");
}

model::EvictionAsk ask_for(const std::string& uid) {
  model::EvictionRequest request;
  request.id = "b/f/1/" + uid;
  request.uid = model::PodUid(uid);
  return {.seen = model::Epoch(7), .through_api = true, .requests = {request}};
}

TEST_F(LinkTest, ANodesAskForAnEvictionIsAnsweredOnceAndNoSecondIsOpenMeanwhile) {
  ServerRecord server_record;
  ClientRecord client_record;
  const auto server = serve(server_config(), server_record);
  const auto client = join(client_config("n1", server->port()), client_record);
  ASSERT_TRUE(client_record.wait_connected(1));
  const model::EvictionAsk ask = ask_for("u1");
  ASSERT_TRUE(client->ask_evictions(ask));
  EXPECT_EQ(client->ask_evictions(ask).error().code(), ErrorCode::kOverloaded);
  ASSERT_TRUE(server_record.signal.wait([&]() { return server_record.eviction_asks.size() == 1; }));
  const auto arrived = server_record.eviction_asks[0];
  EXPECT_EQ(arrived.ask, ask);
  EXPECT_EQ(arrived.node.str(), "n1");
  const model::EvictionAnswer answer{
      model::Epoch(7),
      {{"b/f/1/u1", model::EvictionVerdict::Answer::kDeferred, model::Reason::kFleetRate, "later", seconds(9)}}};
  server->answer_evictions(arrived.ticket, answer);
  server->answer_evictions(arrived.ticket, answer);
  ASSERT_TRUE(client_record.signal.wait([&]() { return client_record.evictions.size() == 1; }));
  ASSERT_TRUE(client_record.evictions[0]);
  EXPECT_EQ(*client_record.evictions[0], answer);

  ASSERT_TRUE(client->ask_evictions(ask)) << "the one before is answered";
  ASSERT_TRUE(server_record.signal.wait([&]() { return server_record.eviction_asks.size() == 2; }));
  server->refuse_evictions(server_record.eviction_asks[1].ticket, model::Error(ErrorCode::kOverloaded, "too soon"));
  ASSERT_TRUE(client_record.signal.wait([&]() { return client_record.evictions.size() == 2; }));
  EXPECT_EQ(client_record.evictions[1].error().code(), ErrorCode::kOverloaded);

  auto bad = ask;
  bad.requests[0].id.clear();
  EXPECT_EQ(client->ask_evictions(bad).error().code(), ErrorCode::kInvalidArgument);
}

TEST_F(LinkTest, AnAskThatIsOpenWhenTheSessionEndsMayBeMadeInTheNext) {
  ServerRecord server_record;
  ClientRecord client_record;
  const auto server = serve(server_config(), server_record);
  const auto client = join(client_config("n1", server->port()), client_record);
  ASSERT_TRUE(client_record.wait_connected(1));
  const model::EvictionAsk ask = ask_for("u1");
  ASSERT_TRUE(client->ask_evictions(ask));
  ASSERT_TRUE(server_record.signal.wait([&]() { return server_record.eviction_asks.size() == 1; }));
  server->close(server_record.eviction_asks[0].ticket.session, "test");
  ASSERT_TRUE(client_record.wait_connected(2)) << client_record.last_why();
  server->answer_evictions(server_record.eviction_asks[0].ticket, {});
  ASSERT_TRUE(client->ask_evictions(ask));
  EXPECT_TRUE(server_record.signal.wait([&]() { return server_record.eviction_asks.size() == 2; }));
  const std::lock_guard lock(client_record.signal.mutex);
  for (const auto& answer : client_record.evictions)
    EXPECT_FALSE(answer) << "the session's end is no verdict";
}

TEST_F(LinkTest, AcksBringWhatTheLedgerHasForBatchWithItsAge) {
  ServerRecord server_record;
  ClientRecord client_record;
  const auto server = serve(server_config(), server_record);
  const auto client = join(client_config("n1", server->port()), client_record);
  ASSERT_TRUE(client_record.wait_connected(1));
  ASSERT_TRUE(client->send_report(report("n1", 1, 1)));
  ASSERT_TRUE(client_record.wait_acked(1));
  EXPECT_TRUE(client_record.batches.empty()) << "the ledger has nothing yet";
  const model::MonoTime eleven_seconds_ago = mono_now() + -seconds(11);
  server->set_batch({{server_record.enrolled[0].id, {model::MilliCpu(1500), eleven_seconds_ago, model::Bytes(4096)}}});
  ASSERT_TRUE(client->send_report(report("n1", 1, 2)));
  ASSERT_TRUE(client_record.wait_acked(2));
  ASSERT_TRUE(client_record.signal.wait([&]() { return client_record.batches.size() == 1; }));
  EXPECT_EQ(client_record.batches[0].cpu, model::MilliCpu(1500));
  EXPECT_EQ(client_record.batches[0].memory, model::Bytes(4096));
  EXPECT_GE(client_record.batches[0].age, seconds(11));
  EXPECT_LT(client_record.batches[0].age, seconds(60));
}

TEST_F(LinkTest, BringsAHandsOffOrderAndTheNodesAnswer) {
  ServerRecord server_record;
  ClientRecord client_record;
  const auto server = serve(server_config(), server_record);
  const auto client = join(client_config("n1", server->port()), client_record);
  ASSERT_TRUE(client_record.wait_connected(1));
  ASSERT_TRUE(server_record.wait_enrolled(1));
  const auto id = server_record.enrolled[0].id;
  model::HandsOffOrder order{.number = 3, .epoch = model::Epoch(7), .entries = {}};
  order.entries.push_back({"kubepods/besteffort", std::chrono::hours(2), false, "ann", "tuning"});
  order.entries.push_back({"", std::nullopt, true, "bob", "debugging"});
  server->push_hands_off(id, order);
  ASSERT_TRUE(client_record.signal.wait([&]() { return client_record.orders.size() == 1; }));
  EXPECT_EQ(client_record.orders[0], order);
  EXPECT_TRUE(server_record.hands_off_acks.empty());

  // While one waits for its answer the newest of the others waits for it.
  for (order.number = 4; order.number < 7; ++order.number)
    server->push_hands_off(id, order);
  const auto beats = server_record.heartbeat_count();
  ASSERT_TRUE(server_record.signal.wait([&]() { return server_record.heartbeats >= beats + 2; })) << "they are there";
  client->answer_hands_off(3, "");
  ASSERT_TRUE(client_record.signal.wait([&]() { return client_record.orders.size() == 2; }));
  EXPECT_EQ(client_record.orders[1].number, 6u);
  client->answer_hands_off(99, "nobody asked");
  client->answer_hands_off(6, "a file could not be put back");
  ASSERT_TRUE(server_record.signal.wait([&]() { return server_record.hands_off_acks.size() == 2; }));
  EXPECT_EQ(server_record.hands_off_acks[0].version, 3u);
  EXPECT_EQ(server_record.hands_off_acks[0].problem, "");
  EXPECT_EQ(server_record.hands_off_acks[1].version, 6u);
  EXPECT_EQ(server_record.hands_off_acks[1].problem, "a file could not be put back");
}

TEST_F(LinkTest, SendsOnlyTheNewestPolicyWhileOneIsInFlight) {
  ServerRecord server_record;
  ClientRecord client_record;
  const auto server = serve(server_config(), server_record);
  const auto client = join(client_config("n1", server->port()), client_record);
  ASSERT_TRUE(client_record.wait_connected(1));
  ASSERT_TRUE(server_record.wait_enrolled(1));
  const auto id = server_record.enrolled[0].id;
  const auto policy = [](std::uint64_t version) {
    model::NodePolicy made;
    made.version = model::PolicyVersion(version);
    return made;
  };
  server->push_policy({{id, policy(1)}});
  ASSERT_TRUE(client_record.signal.wait([&]() { return client_record.policies.size() == 1; }));
  const auto two_beats = [&]() {
    const auto beats = server_record.heartbeat_count();
    return server_record.signal.wait([&]() { return server_record.heartbeats >= beats + 2; });
  };
  server->push_policy({{id, policy(2)}});
  ASSERT_TRUE(two_beats());
  server->push_policy({{id, policy(3)}});
  ASSERT_TRUE(two_beats());
  client->answer_policy(model::PolicyVersion(1), "");
  ASSERT_TRUE(client_record.signal.wait([&]() { return client_record.policies.size() == 2; }));
  EXPECT_EQ(client_record.policies[1].version, model::PolicyVersion(3)) << "never 2, and 3 only after 1 was answered";
}

TEST_F(LinkTest, PushesPoliciesToManySessionsInSlices) {
  ServerRecord server_record;
  ClientRecord client_record;
  auto config = server_config();
  config.session.policy_slice = 2;
  config.session.policy_slice_every = milliseconds(100);
  const auto server = serve(std::move(config), server_record);
  constexpr std::size_t kNodes = 7;
  std::vector<std::unique_ptr<NodeClient>> clients;
  for (std::size_t i = 0; i < kNodes; ++i)
    clients.push_back(join(client_config("n" + std::to_string(i), server->port()), client_record));
  ASSERT_TRUE(server_record.wait_enrolled(kNodes));
  std::vector<std::pair<SessionId, model::NodePolicy>> policies;
  model::NodePolicy policy;
  policy.version = model::PolicyVersion(5);
  for (const auto& session : server_record.enrolled)
    policies.emplace_back(session.id, policy);
  const auto begin = std::chrono::steady_clock::now();
  server->push_policy(std::move(policies));
  ASSERT_TRUE(client_record.signal.wait([&]() { return client_record.policies.size() == kNodes; }));
  // Two at a time: the last of seven is in the fourth slice, three waits after the first. The loop's clock may be a
  // little behind.
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(250));
  for (const auto& client : clients)
    client->answer_policy(model::PolicyVersion(5), "");
  ASSERT_TRUE(server_record.signal.wait([&]() { return server_record.policy_acks.size() == kNodes; }));
}

TEST_F(LinkTest, ReportIntervalReachesTheNode) {
  ServerRecord server_record;
  ClientRecord client_record;
  const auto server = serve(server_config(), server_record);
  const auto client = join(client_config("n1", server->port()), client_record);
  ASSERT_TRUE(client_record.wait_connected(1));
  ASSERT_TRUE(server_record.wait_enrolled(1));
  server->set_report_interval(server_record.enrolled[0].id, seconds(1), seconds(30));
  ASSERT_TRUE(client_record.signal.wait([&]() { return client_record.intervals.size() == 1; }));
  EXPECT_EQ(client_record.intervals[0], (std::pair<model::Duration, model::Duration>(seconds(1), seconds(30))));
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
  config.session.heartbeat = milliseconds(50);
  config.session.idle_deadline = milliseconds(400);
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
