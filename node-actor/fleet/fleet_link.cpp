#include "node-actor/fleet/fleet_link.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <sys/resource.h>

#include "messages/clock/clock.h"
#include "node-actor/fleet/node_names.h"

namespace tideline::rehearsal {

using model::Duration;
using model::Result;

Result<void> check_fleet(const FleetConfig& config, std::size_t files_of_node) {
  rlimit limit{};
  constexpr std::size_t kOthers = 64;
  const std::size_t wanted = config.nodes * files_of_node + kOthers;
  ::getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max < wanted) {
    return model::Error(model::ErrorCode::kOverloaded,
                        fmt::format("{} nodes need {} sockets and files, and this process may open {}: ulimit -Hn {}",
                                    config.nodes, wanted - kOthers, limit.rlim_max, wanted));
  }
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  for (const std::size_t index : {config.first, config.first + config.nodes - 1}) {
    const std::string name = node_name(config.prefix, index);
    const auto material = link::load(node_files(config.certs, name), link::TlsUse::kClient);
    if (!material) return material.error();
    if (auto own = link::speaks_for(*material, model::NodeName(name)); !own) return own.error();
  }
  return {};
}

Result<std::unique_ptr<Ear>> Ear::start(const FleetConfig& config, const std::string& node,
                                        model::Incarnation incarnation, Arrival arrival, std::uint64_t seed,
                                        std::shared_ptr<link::ClientLoop> loop, Inbox& inbox, const NoteOf& note,
                                        Hears hears) {
  link::NodeClientConfig client;
  client.coordinators = config.coordinators;
  client.server_name = config.server_name;
  client.tls = node_files(config.certs, node);
  client.node = model::NodeName(node);
  client.incarnation = incarnation;
  client.agent_version = "tideline-fleet " TIDELINE_VERSION;
  client.first_attempt_now = arrival == Arrival::kAtOnce || config.spread == model::kZeroDuration;
  client.reconnect_spread = std::max<Duration>(config.spread, std::chrono::milliseconds(1));
  client.seed = seed;
  std::unique_ptr<Ear> ear(new Ear(inbox, note, hears));
  auto started = link::NodeClient::start(std::move(client), *ear, std::move(loop));
  if (!started) return started.error();
  ear->client_ = *std::move(started);
  return ear;
}

void Ear::stop() {
  client_.reset();
}

void Ear::put(LinkNote note) {
  note.of = note_;
  note.at = clock::mono_now();
  inbox_.put(std::move(note));
}

void Ear::on_connected(const link::Welcome& welcome) {
  put({.kind = LinkNote::Kind::kConnected, .seq = welcome.acked_through, .epoch = welcome.epoch});
}

void Ear::on_disconnected(const std::string& why, unsigned) {
  put({.kind = LinkNote::Kind::kDisconnected, .why = why});
}

void Ear::on_acked(model::Seq seq) {
  put({.kind = LinkNote::Kind::kAcked, .seq = seq});
}

void Ear::on_refused(model::Seq seq, const model::Error& why) {
  const bool for_good = why.code() == model::ErrorCode::kInvalidArgument || why.code() == model::ErrorCode::kMalformed;
  put({.kind = LinkNote::Kind::kRefused, .seq = seq, .for_good = for_good, .why = why.message()});
}

void Ear::on_policy(const model::NodePolicy& policy) {
  put({.kind = LinkNote::Kind::kPolicy, .policy = std::make_shared<const model::NodePolicy>(policy)});
}

void Ear::on_report_interval(Duration interval, Duration duration) {
  if (hears_ == Hears::kAll) put({.kind = LinkNote::Kind::kPace, .interval = interval, .length = duration});
}

void Ear::on_hands_off(const model::HandsOffOrder& order) {
  put({.kind = LinkNote::Kind::kHandsOff, .hands_off = std::make_shared<const model::HandsOffOrder>(order)});
}

void Ear::on_objects(const model::NodeObjects& objects) {
  const auto told = hears_ == Hears::kPodsToo ? std::make_shared<const model::NodeObjects>(objects) : nullptr;
  put({.kind = LinkNote::Kind::kObjects, .objects = told, .number = objects.number});
}

void Ear::on_evictions(const Result<model::EvictionAnswer>& answer) {
  if (hears_ != Hears::kAll || !answer) return;
  put({.kind = LinkNote::Kind::kEvictions, .evictions = std::make_shared<const model::EvictionAnswer>(*answer)});
}

void Ear::on_batch(const model::BatchAllocatable& allocatable) {
  if (hears_ == Hears::kAll) put({.kind = LinkNote::Kind::kBatch, .batch = allocatable});
}

}  // namespace tideline::rehearsal
