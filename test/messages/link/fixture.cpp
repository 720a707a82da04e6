#include "test/messages/link/fixture.h"

#include <algorithm>

namespace tideline::link {

void ServerRecord::on_enrolled(const SessionInfo& session) {
  signal.update([&]() { enrolled.push_back(session); });
}

void ServerRecord::on_reports(std::vector<ArrivedReport> arrived) {
  std::vector<Ticket> tickets;
  for (const auto& one : arrived)
    tickets.push_back(one.ticket);
  signal.update([&]() {
    for (auto& one : arrived)
      reports.push_back(std::move(one));
  });
  if (server != nullptr) server->acknowledge(std::move(tickets));
}

void ServerRecord::on_policy_ack(SessionId, const model::NodeName& node, model::PolicyVersion version,
                                 const std::string& problem) {
  signal.update([&]() { policy_acks.push_back({node.str(), version.value(), problem}); });
}

void ServerRecord::on_hands_off_ack(SessionId, const model::NodeName& node, std::uint64_t number,
                                    const std::string& problem) {
  signal.update([&]() { hands_off_acks.push_back({node.str(), number, problem}); });
}

void ServerRecord::on_objects_ack(SessionId, const model::NodeName& node, std::uint64_t number,
                                  const std::string& problem) {
  signal.update([&]() { objects_acks.push_back({node.str(), number, problem}); });
}

void ServerRecord::on_eviction_ask(ArrivedEvictionAsk ask) {
  signal.update([&] { eviction_asks.push_back(std::move(ask)); });
}

void ServerRecord::on_closed(SessionId session, const model::NodeName& node, const std::string& why) {
  signal.update([&]() { closed.push_back({session, node.str(), why}); });
}

void ServerRecord::on_heartbeat(SessionId, model::MonoTime, model::WallTime) {
  signal.update([&]() { ++heartbeats; });
  if (in_heartbeat) in_heartbeat();
}

void ServerRecord::on_peer_refused(const std::string&, const model::Error& why, std::uint64_t) {
  signal.update([&]() { refusals.push_back(why.message()); });
}

bool ServerRecord::wait_enrolled(std::size_t count) {
  return signal.wait([&]() { return enrolled.size() >= count; });
}
bool ServerRecord::wait_reports(std::size_t count) {
  return signal.wait([&]() { return reports.size() >= count; });
}
bool ServerRecord::wait_closed(std::size_t count) {
  return signal.wait([&]() { return closed.size() >= count; });
}
bool ServerRecord::wait_refused(const std::string& part) {
  return signal.wait([&]() {
    return std::any_of(refusals.begin(), refusals.end(),
                       [&](const std::string& why) { return why.find(part) != std::string::npos; });
  });
}
std::size_t ServerRecord::heartbeat_count() {
  const std::lock_guard lock(signal.mutex);
  return heartbeats;
}

void ClientRecord::on_connected(const Welcome& welcome) {
  signal.update([&]() { welcomes.push_back(welcome); });
}
void ClientRecord::on_disconnected(const std::string& why, unsigned) {
  signal.update([&]() { disconnects.push_back(why); });
}
void ClientRecord::on_acked(model::Seq seq) {
  signal.update([&]() { acked.push_back(seq.value()); });
}
void ClientRecord::on_refused(model::Seq seq, const model::Error& why) {
  signal.update([&]() { refused.emplace_back(seq.value(), why); });
}
void ClientRecord::on_policy(const model::NodePolicy& policy) {
  signal.update([&]() { policies.push_back(policy); });
  if (in_policy) in_policy(policy);
}
void ClientRecord::on_report_interval(model::Duration interval, model::Duration duration) {
  signal.update([&]() { intervals.emplace_back(interval, duration); });
}

void ClientRecord::on_evictions(const model::Result<model::EvictionAnswer>& answer) {
  signal.update([&] { evictions.push_back(answer); });
}

void ClientRecord::on_batch(const model::BatchAllocatable& allocatable) {
  signal.update([&] { batches.push_back(allocatable); });
}

void ClientRecord::on_hands_off(const model::HandsOffOrder& order) {
  signal.update([&]() { orders.push_back(order); });
}

void ClientRecord::on_objects(const model::NodeObjects& set) {
  signal.update([&]() { objects.push_back(set); });
}

bool ClientRecord::wait_connected(std::size_t count) {
  return signal.wait([&]() { return welcomes.size() >= count; });
}
bool ClientRecord::wait_disconnected(std::size_t count) {
  return signal.wait([&]() { return disconnects.size() >= count; });
}
bool ClientRecord::wait_acked(std::size_t count) {
  return signal.wait([&]() { return acked.size() >= count; });
}
std::string ClientRecord::last_why() {
  const std::lock_guard lock(signal.mutex);
  return disconnects.empty() ? "" : disconnects.back();
}

model::Report LinkTest::report(const std::string& node, std::uint64_t incarnation, std::uint64_t seq) {
  model::Report made;
  made.node = model::NodeName(node);
  made.incarnation = model::Incarnation(incarnation);
  made.seq = model::Seq(seq);
  made.mono = model::MonoTime{1'000'000'000 * static_cast<std::int64_t>(seq)};
  made.wall = model::WallTime{1'700'000'000'000};
  made.window = std::chrono::seconds(10);
  made.status.cpu_capacity = model::MilliCpu(4000);
  model::NodeSample sample;
  sample.at = made.mono;
  sample.wall = made.wall;
  sample.window = std::chrono::seconds(1);
  sample.node_cpu = model::MilliCpu(1234);
  made.samples.push_back(sample);
  return made;
}

NodeServerConfig LinkTest::server_config() {
  NodeServerConfig config;
  config.listen = "127.0.0.1:0";
  config.tls = server_files_;
  config.enroll = [](const Hello&) -> model::Result<EnrollAnswer> {
    return EnrollAnswer{.epoch = model::Epoch(7), .acked_through = model::Seq(0)};
  };
  config.session.heartbeat = std::chrono::milliseconds(100);
  config.session.idle_deadline = std::chrono::seconds(5);
  // Many tests end with reports that nobody acks.
  config.session.drain_deadline = std::chrono::milliseconds(100);
  return config;
}

NodeClientConfig LinkTest::client_config(const std::string& node, std::uint16_t port) {
  NodeClientConfig config;
  config.coordinators = {"127.0.0.1:" + std::to_string(port)};
  config.server_name = "coordinator.tideline";
  config.tls = files(ca_.node(node));
  config.node = model::NodeName(node);
  config.incarnation = model::Incarnation(1);
  config.agent_version = "test";
  config.reconnect_spread = std::chrono::milliseconds(50);
  config.backoff_min = std::chrono::milliseconds(50);
  config.backoff_max = std::chrono::milliseconds(200);
  config.seed = 1;
  return config;
}

std::unique_ptr<NodeServer> LinkTest::serve(NodeServerConfig config, ServerRecord& record, bool ack) {
  auto server = NodeServer::start(std::move(config), record);
  if (!server) {
    ADD_FAILURE() << server.error().message();
    return nullptr;
  }
  if (ack) record.server = server->get();
  return *std::move(server);
}

std::unique_ptr<NodeClient> LinkTest::join(NodeClientConfig config, ClientRecord& record) {
  auto client = NodeClient::start(std::move(config), record);
  if (!client) {
    ADD_FAILURE() << client.error().message();
    return nullptr;
  }
  return *std::move(client);
}

}  // namespace tideline::link
