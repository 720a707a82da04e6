// What a session carries beside reports: policies, orders, verdicts on evictions, what there is for batch.

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

#include "messages/link/clocks.h"
#include "test/messages/link/fixture.h"

namespace tideline::link {
namespace {

using model::ErrorCode;
using std::chrono::milliseconds;
using std::chrono::seconds;

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

}  // namespace
}  // namespace tideline::link
