#include "node-actor/fleet/run.h"

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
#include "node-actor/fleet/seats.h"
#include "node-actor/fleet/state_lock.h"
#include "node-actor/fleet/trace_files.h"
#include "node-actor/simulation/fault_schedule.h"

namespace tideline::rehearsal {
namespace {

using model::Duration;
using model::MonoTime;
using model::Result;

constexpr Duration kDrainTime = std::chrono::seconds(10);
constexpr Duration kLongestTurn = std::chrono::milliseconds(50);
constexpr std::size_t kFilesOfNode = 7;  // a socket, and its spool's head and segments

std::size_t nodes_of(const simulation::Fault& fault, const RunConfig& config) {
  return fault.first ? fault.last - *fault.first + 1 : config.nodes;
}

/// With their duplicates, as many as there may be at once.
std::size_t agents_of(const RunConfig& config) {
  std::size_t agents = config.nodes;
  for (const auto& fault : config.faults)
    agents += fault.kind == simulation::FaultKind::kDuplicate ? nodes_of(fault, config) : 0;
  return agents;
}

class Rehearsal {
 public:
  Rehearsal(const RunConfig& config, std::shared_ptr<const simulation::Trace> trace, const std::atomic<bool>& stop)
      : config_(config),
        stop_(stop),
        rows_(config.json),
        seats_(config, std::move(trace), rows_),
        random_(config.seed),
        schedule_(config.faults) {}

  Result<void> run() {
    if (auto opened = seats_.open(); !opened) return opened;
    begin_ = clock::mono_now();
    rows_.start(begin_);
    change_faults(begin_);
    MonoTime next_row = begin_ + config_.row_every;
    while (!stop_ && (config_.length == model::kZeroDuration || clock::mono_now() - begin_ < config_.length)) {
      turn();
      if (clock::mono_now() < next_row) continue;
      const auto figures = seats_.figures();
      rows_.print(clock::mono_now(), seats_.sessions(), &figures);
      next_row = next_row + config_.row_every;
    }
    // Without new reports and new faults: those that are spooled get their answer where there is a session.
    const MonoTime end = clock::mono_now();
    next_change_.reset();
    seats_.stop_reports();
    while (seats_.reports_on_their_way() && clock::mono_now() - end < kDrainTime)
      turn();
    const auto figures = seats_.figures();
    rows_.print_whole(end, seats_.sessions(), figures.spooled, &figures);
    seats_.close();
    return {};
  }

 private:
  void turn() {
    for (; scheduled_ < seats_.size(); ++scheduled_) {
      // Each host has a phase of its own.
      const auto phase = std::uniform_int_distribution<std::int64_t>(0, config_.loop.count())(random_);
      due_.push({clock::mono_now() + Duration(phase), scheduled_});
    }
    const MonoTime now = clock::mono_now();
    seats_.hear(std::clamp(due_.top().first - now, model::kZeroDuration, kLongestTurn));
    const MonoTime then = clock::mono_now();
    if (next_change_ && then - begin_ >= *next_change_) change_faults(then);
    // Those that fall due meanwhile come in the next turn, after what is heard.
    while (due_.top().first <= then) {
      const auto [at, index] = due_.top();
      due_.pop();
      if (!seats_.is_taken(index)) continue;
      const bool late = then - at >= config_.loop;
      if (late) rows_.late();
      due_.push({(late ? then : at) + config_.loop, index});
      seats_.advance(index, clock::mono_now());
    }
  }

  void change_faults(MonoTime now) {
    const Duration since = now - begin_;
    for (const auto& change : schedule_.changes(changed_through_, since)) {
      const auto& fault = schedule_.faults()[change.fault];
      const std::size_t nodes = nodes_of(fault, config_);
      if (change.begins) {
        log::warn("fault-begins", "{}: {} nodes", fault.text, nodes);
      } else {
        log::warn("fault-ends", "{}: {} nodes", fault.text, nodes);
      }
      rows_.print_fault(now, change.begins ? "fault-begins" : "fault-ends", fault.text, nodes);
      // Each by itself: one may begin and end within a turn.
      apply_faults(change.at, now);
    }
    changed_through_ = since;
    apply_faults(since, now);
    next_change_ = schedule_.next(since);
  }

  void apply_faults(Duration since, MonoTime now) {
    for (std::size_t i = 0; i < config_.nodes; ++i)
      seats_.apply(i, schedule_.effects(config_.first + i, since), now);
  }

  using Due = std::pair<MonoTime, std::size_t>;

  const RunConfig& config_;
  const std::atomic<bool>& stop_;
  FleetRows rows_;
  Seats seats_;
  std::mt19937_64 random_;
  simulation::FaultSchedule schedule_;
  MonoTime begin_;
  Duration changed_through_{-1};
  std::optional<Duration> next_change_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  std::size_t scheduled_ = 0;  // seats that are in due_, or were
};

}  // namespace

Result<void> check_faults(const RunConfig& config) {
  const std::size_t last = config.first + config.nodes - 1;
  for (const auto& fault : config.faults) {
    if (!fault.first || (*fault.first >= config.first && fault.last <= last)) continue;
    return model::invalid(
        fmt::format("fault '{}': the nodes of this rehearsal are {}-{}", fault.text, config.first, last));
  }
  return {};
}

Result<void> run_rehearsal(const RunConfig& config, const std::atomic<bool>& stop) {
  if (auto good = check_faults(config); !good) return good;
  const std::size_t files = (kFilesOfNode * agents_of(config) + config.nodes - 1) / config.nodes;
  if (auto ready = check_fleet(config, files); !ready) return ready;
  const auto lock = StateLock::take(config.state_dir);
  if (!lock) return lock.error();
  std::shared_ptr<const simulation::Trace> trace;
  if (!config.traces.empty()) {
    auto read = read_trace(config.traces, config.shape.cpu);
    if (!read) return read.error();
    trace = std::make_shared<const simulation::Trace>(*std::move(read));
  }
  return Rehearsal(config, std::move(trace), stop).run();
}

}  // namespace tideline::rehearsal
