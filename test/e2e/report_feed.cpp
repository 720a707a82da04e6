#include "test/e2e/report_feed.h"

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "messages/link/node_client.h"

namespace tideline::test {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kLongestWait(20);
constexpr milliseconds kTryAgain(200);

struct Note {
  enum class Kind { kConnected, kDisconnected, kAcked, kRefused, kPolicy, kHandsOff, kObjects } kind = Kind::kConnected;
  std::size_t node = 0;
  std::uint64_t number = 0;  // of a report, of a policy, of an order, of a set
  bool for_good = false;
  std::string why = {};
};

class Notes {
 public:
  void put(Note note) {
    {
      const std::lock_guard lock(mutex_);
      notes_.push_back(std::move(note));
    }
    came_.notify_one();
  }
  std::vector<Note> take() {
    std::unique_lock lock(mutex_);
    came_.wait_for(lock, kLongestWait, [this] { return !notes_.empty(); });
    return std::exchange(notes_, {});
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<Note> notes_;
};

class Ears final : public link::NodeClientEvents {
 public:
  Ears(Notes& notes, std::size_t node) : notes_(notes), node_(node) {}

  void on_connected(const link::Welcome& welcome) override {
    put(Note::Kind::kConnected, welcome.acked_through.value());
  }
  void on_disconnected(const std::string& why, unsigned) override {
    notes_.put({.kind = Note::Kind::kDisconnected, .node = node_, .number = 0, .for_good = false, .why = why});
  }
  void on_acked(model::Seq seq) override { put(Note::Kind::kAcked, seq.value()); }
  void on_refused(model::Seq seq, const model::Error& why) override {
    using enum model::ErrorCode;
    notes_.put({.kind = Note::Kind::kRefused,
                .node = node_,
                .number = seq.value(),
                .for_good = why.code() == kInvalidArgument || why.code() == kMalformed,
                .why = why.message()});
  }
  void on_policy(const model::NodePolicy& policy) override { put(Note::Kind::kPolicy, policy.version.value()); }
  void on_report_interval(model::Duration, model::Duration) override {}
  void on_hands_off(const model::HandsOffOrder& order) override { put(Note::Kind::kHandsOff, order.number); }
  void on_objects(const model::NodeObjects& objects) override { put(Note::Kind::kObjects, objects.number); }
  void on_evictions(const model::Result<model::EvictionAnswer>&) override {}
  void on_batch(const model::BatchAllocatable&) override {}

 private:
  void put(Note::Kind kind, std::uint64_t number) {
    notes_.put({.kind = kind, .node = node_, .number = number, .for_good = false, .why = {}});
  }

  Notes& notes_;
  const std::size_t node_;
};

}  // namespace

class ReportFeed::Run {
 public:
  explicit Run(ReportFeed& feed) : feed_(feed) {}
  ~Run() {
    for (auto& node : nodes_)
      node.client.reset();
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  void all() {
    fed().acked_by_node.assign(feed_.config_.nodes, 0);
    begin();
    std::optional<Clock::time_point> deadline;
    while (fed().problem.empty()) {
      for (const Note& note : notes_.take())
        hear(note);
      send_put_off();
      if (is_through()) break;
      if (!feed_.stop_) continue;
      if (!deadline) deadline = Clock::now() + milliseconds(feed_.drain_ms_.load());
      if (open() == 0 || Clock::now() >= *deadline) break;
    }
    fed().open = open();
  }

 private:
  struct Node {
    std::unique_ptr<Ears> ears;
    std::unique_ptr<link::NodeClient> client;  // behind the ears that it speaks into
    std::optional<model::Report> open;         // made, and not acked
    std::optional<Clock::time_point> again;    // put off until then
    std::uint64_t seq = 0;
    std::uint64_t gap = 0;
    bool connected = false;
    bool in_flight = false;
    bool through = false;  // it has no more reports
  };

  Fed& fed() { return feed_.fed_; }

  void begin() {
    const auto loop = link::make_client_loop();
    const auto& config = feed_.config_;
    nodes_.resize(config.nodes);
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      const std::string name = fmt::format("{}{:05}", config.prefix, config.first + i);
      link::NodeClientConfig client;
      client.coordinators = {config.coordinator};
      client.server_name = "coordinator.tideline";
      client.tls = {.certificate = fmt::format("{}/node-{}.crt", config.certs, name),
                    .key = fmt::format("{}/node-{}.key", config.certs, name),
                    .ca = config.certs + "/ca.crt"};
      client.node = model::NodeName(name);
      client.incarnation = model::Incarnation(config.incarnation);
      client.agent_version = "feed";
      // Tests do not wait for a fleet's patience.
      client.reconnect_spread = milliseconds(200);
      client.backoff_min = milliseconds(200);
      client.backoff_max = milliseconds(1000);
      client.seed = config.incarnation + i;
      nodes_[i].ears = std::make_unique<Ears>(notes_, i);
      auto started = link::NodeClient::start(std::move(client), *nodes_[i].ears, loop);
      if (!started) {
        fed().problem = started.error().message();
        return;
      }
      nodes_[i].client = *std::move(started);
    }
  }

  void hear(const Note& note) {
    Node& node = nodes_[note.node];
    switch (note.kind) {
      case Note::Kind::kConnected:
        node.connected = true;
        node.in_flight = false;
        if (node.open && node.open->seq.value() <= note.number) return answered(note.node);
        return go_on(note.node);
      case Note::Kind::kDisconnected:
        if (node.connected) ++fed().sessions_lost;
        node.connected = false;
        node.in_flight = false;
        return;
      case Note::Kind::kAcked:
        if (node.open && node.open->seq.value() == note.number) answered(note.node);
        return;
      case Note::Kind::kRefused:
        node.in_flight = false;
        fed().last_refusal = note.why;
        if (note.for_good) {
          ++fed().refused;
          node.gap += 1 + (node.open ? node.open->gap_reports : 0);
          node.open.reset();
          return go_on(note.node);
        }
        ++fed().put_off;
        ++feed_.put_off_;
        node.again = Clock::now() + kTryAgain;
        return;
      case Note::Kind::kPolicy:
        return node.client->answer_policy(model::PolicyVersion(note.number), "");
      case Note::Kind::kHandsOff:
        return node.client->answer_hands_off(note.number, "");
      case Note::Kind::kObjects:
        return node.client->answer_objects(note.number, "a feed's pods are its own");
    }
  }

  void answered(std::size_t index) {
    Node& node = nodes_[index];
    fed().acked_by_node[index] = node.open->seq.value();
    ++fed().acked;
    ++feed_.acked_;
    node.open.reset();
    node.in_flight = false;
    go_on(index);
  }

  void go_on(std::size_t index) {
    Node& node = nodes_[index];
    if (!node.open && !node.through && !feed_.stop_) {
      node.open = feed_.next_(index);
      node.through = !node.open;
      if (node.open) {
        node.open->node = model::NodeName(fmt::format("{}{:05}", feed_.config_.prefix, feed_.config_.first + index));
        node.open->incarnation = model::Incarnation(feed_.config_.incarnation);
        node.open->seq = model::Seq(++node.seq);
        node.open->lane = model::Lane::kBackfill;
        node.open->gap_reports = std::exchange(node.gap, 0);
        ++fed().made;
      }
    }
    send(index);
  }

  void send(std::size_t index) {
    Node& node = nodes_[index];
    if (!node.open || !node.connected || node.in_flight) return;
    node.again.reset();
    const auto sent = node.client->send_report(*node.open);
    if (sent) {
      node.in_flight = true;
    } else if (sent.error().code() == model::ErrorCode::kInvalidArgument) {
      fed().problem = sent.error().message();
    }
    // Else the session just ended, and the next one sends it.
  }

  void send_put_off() {
    const auto now = Clock::now();
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (nodes_[i].again && *nodes_[i].again <= now) send(i);
    }
  }

  std::uint64_t open() const {
    return static_cast<std::uint64_t>(
        std::count_if(nodes_.begin(), nodes_.end(), [](const Node& node) { return node.open.has_value(); }));
  }
  bool is_through() const {
    return std::all_of(nodes_.begin(), nodes_.end(), [](const Node& node) { return node.through && !node.open; });
  }

  ReportFeed& feed_;
  Notes notes_;
  std::vector<Node> nodes_;
};

ReportFeed::ReportFeed(FeedConfig config, NextReport next)
    : config_(std::move(config)), next_(std::move(next)), thread_([this] { run(); }) {}

ReportFeed::~ReportFeed() {
  stop(milliseconds(0));
}

Fed ReportFeed::stop(milliseconds drain) {
  drain_ms_ = drain.count();
  stop_ = true;
  if (thread_.joinable()) thread_.join();
  return fed_;
}

void ReportFeed::run() {
  Run(*this).all();
  finished_ = true;
}

}  // namespace tideline::test
