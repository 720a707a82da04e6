#include "node-actor/fleet/bench.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "messages/clock/clock.h"
#include "messages/log/log.h"
#include "node-actor/fleet/fleet_rows.h"
#include "node-actor/fleet/inbox.h"
#include "node-actor/fleet/node_names.h"

namespace tideline::rehearsal {
namespace {

using model::Duration;
using model::MonoTime;
using model::Result;

constexpr Duration kDrain = std::chrono::seconds(10);
constexpr Duration kLongestWait = std::chrono::milliseconds(50);
constexpr int kLiveIntervals = 2;  // a report older than that is history, as for tideline-node
constexpr std::int64_t kLogEveryNs = 1'000'000'000;

struct Node {
  GeneratedNode reports;
  std::unique_ptr<Ear> ear;
  MonoTime window_start;
  bool connected = false;
  bool in_flight = false;
  bool knows_pods = true;
  std::optional<model::Report> open;  // made, and not acked
  MonoTime sent;
  std::uint64_t gap = 0;  // reports that were dropped since the last one
};

class Bench {
 public:
  Bench(const BenchConfig& config, const std::atomic<bool>& stop)
      : config_(config), stop_(stop), rows_(config.json), random_(config.seed), noise_(kLogEveryNs) {}

  Result<void> run() {
    if (auto ready = check_fleet(config_, 1); !ready) return ready;
    if (auto begun = begin(); !begun) return begun;
    const MonoTime begin = clock::mono_now();
    rows_.start(begin);
    MonoTime next_row = begin + config_.row_every;
    while (!stop_ && (config_.length == model::kZeroDuration || clock::mono_now() - begin < config_.length)) {
      turn();
      if (clock::mono_now() < next_row) continue;
      rows_.print(clock::mono_now(), connected_);
      next_row = next_row + config_.row_every;
    }
    // Without new reports: those that are made get their answer.
    const MonoTime end = clock::mono_now();
    draining_ = true;
    while (open_reports() != 0 && clock::mono_now() - end < kDrain)
      turn();
    rows_.print_whole(end, connected_, open_reports());
    for (auto& node : nodes_)
      node.ear->stop();
    return {};
  }

 private:
  Result<void> begin() {
    std::random_device entropy;
    NodeShape shape = config_.shape;
    if (config_.pods_from_coordinator) shape.pods = 0;
    const auto hears = config_.pods_from_coordinator ? Ear::Hears::kPodsToo : Ear::Hears::kReportsAndPolicies;
    const auto loop = link::make_client_loop();
    for (std::size_t i = 0; i < config_.nodes; ++i) {
      const std::string name = node_name(config_.prefix, config_.first + i);
      // New in each run: the numbers of reports begin again.
      const model::Incarnation incarnation((std::uint64_t{entropy()} << 32 | entropy()) | 1);
      auto ear = Ear::start(config_, name, incarnation, Arrival::kSpread, random_(), loop, inbox_,
                            {.node = i, .life = 0}, hears);
      if (!ear) return ear.error();
      nodes_.push_back({.reports = GeneratedNode(model::NodeName(name), config_.seed, incarnation, shape),
                        .ear = *std::move(ear),
                        .window_start = clock::mono_now(),
                        .connected = false,
                        .in_flight = false,
                        .knows_pods = !config_.pods_from_coordinator,
                        .open = {},
                        .sent = {},
                        .gap = 0});
      // Each node has a phase of its own.
      const auto phase = std::uniform_int_distribution<std::int64_t>(0, config_.interval.count())(random_);
      due_.push({clock::mono_now() + Duration(phase), i});
    }
    return {};
  }

  void turn() {
    const MonoTime now = clock::mono_now();
    Duration wait = kLongestWait;
    if (!due_.empty()) wait = std::clamp(due_.top().first - now, model::kZeroDuration, kLongestWait);
    for (const LinkNote& note : inbox_.take(wait))
      hear(note);
    const MonoTime then = clock::mono_now();
    while (!due_.empty() && due_.top().first <= then) {
      const auto [at, index] = due_.top();
      due_.pop();
      due_.push({at + config_.interval, index});
      report(nodes_[index], then);
    }
  }

  void report(Node& node, MonoTime now) {
    if (node.open) {
      if (!draining_) rows_.missed();
      return send(node);
    }
    if (!node.connected || !node.knows_pods || draining_) return;
    // A node that was away reports on one interval, not on all the time.
    const Duration window = std::min(now - node.window_start, config_.interval);
    node.open = node.reports.report(now, clock::wall_now(), window);
    node.open->gap_reports = std::exchange(node.gap, 0);
    node.window_start = now;
    rows_.made();
    send(node);
  }

  void send(Node& node) {
    if (!node.open || !node.connected || node.in_flight) return;
    const MonoTime now = clock::mono_now();
    node.open->lane =
        now - node.open->mono <= config_.interval * kLiveIntervals ? model::Lane::kLive : model::Lane::kBackfill;
    const auto sent = node.ear->client().send_report(*node.open);
    if (sent) {
      node.in_flight = true;
      node.sent = now;
    } else if (sent.error().code() == model::ErrorCode::kInvalidArgument) {
      rows_.refused();
      tell("not sent", sent.error().message());
      drop(node);
    }
  }

  void hear(const LinkNote& note) {
    Node& node = nodes_[note.of.node];
    switch (note.kind) {
      case LinkNote::Kind::kConnected:
        ++connected_;
        node.connected = true;
        node.in_flight = false;
        rows_.connected(note.at);
        if (node.open && node.open->seq <= note.seq) answered(node);
        return send(node);
      case LinkNote::Kind::kDisconnected:
        if (node.connected) --connected_;
        rows_.disconnected(node.connected);
        node.connected = false;
        node.in_flight = false;
        return tell("no session", note.why);
      case LinkNote::Kind::kAcked:
        if (!node.open || node.open->seq != note.seq) return;
        rows_.latency(note.at - node.sent);
        return answered(node);
      case LinkNote::Kind::kRefused:
        rows_.refused();
        node.in_flight = false;
        tell("refused", note.why);
        if (note.for_good) drop(node);
        return;
      case LinkNote::Kind::kPolicy:
        node.reports.applied(note.policy->version);
        node.ear->client().answer_policy(note.policy->version, "");
        return rows_.policy(note.policy->version, note.at);
      case LinkNote::Kind::kHandsOff:
        return node.ear->client().answer_hands_off(note.hands_off->number, "");
      case LinkNote::Kind::kObjects:
        if (!note.objects) return node.ear->refuse_objects(note.number);
        node.reports.take(*note.objects);
        node.knows_pods = true;
        return node.ear->take_objects(note.number);
      case LinkNote::Kind::kPace:
      case LinkNote::Kind::kEvictions:
      case LinkNote::Kind::kBatch:
        return;
    }
  }

  void answered(Node& node) {
    rows_.acked();
    node.open.reset();
    node.in_flight = false;
  }

  /// Nobody will ever take it; the next report says so.
  static void drop(Node& node) {
    node.gap += 1 + node.open->gap_reports;
    node.open.reset();
  }

  std::size_t open_reports() const {
    return static_cast<std::size_t>(
        std::count_if(nodes_.begin(), nodes_.end(), [](const Node& node) { return node.open.has_value(); }));
  }

  void tell(const char* what, const std::string& why) {
    if (const auto held = noise_.admit(clock::mono_now().ns)) {
      log::warn("fleet-link", "{}: {}{}", what, why, *held == 0 ? "" : fmt::format(" ({} more held back)", *held));
    }
  }

  using Due = std::pair<MonoTime, std::size_t>;

  const BenchConfig& config_;
  const std::atomic<bool>& stop_;
  FleetRows rows_;
  std::mt19937_64 random_;
  log::RateLimit noise_;
  Inbox inbox_;
  std::vector<Node> nodes_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  std::size_t connected_ = 0;
  bool draining_ = false;
};

}  // namespace

Result<void> run_bench(const BenchConfig& config, const std::atomic<bool>& stop) {
  return Bench(config, stop).run();
}

}  // namespace tideline::rehearsal
