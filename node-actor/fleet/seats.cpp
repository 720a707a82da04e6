#include "node-actor/fleet/seats.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "messages/clock/clock.h"
#include "node-actor/fleet/node_names.h"

namespace tideline::rehearsal {
namespace {

using model::Duration;
using model::MonoTime;
using model::Result;
using simulation::Effects;

constexpr std::int64_t kTellEveryNs = 1'000'000'000;

}  // namespace

Seats::Seats(const RunConfig& config, std::shared_ptr<const simulation::Trace> trace, FleetRows& rows)
    : config_(config),
      trace_(std::move(trace)),
      rows_(rows),
      random_(config.seed),
      noise_(kTellEveryNs),
      loop_(link::make_client_loop()) {
  // The hosts of a run are gone with its process: none of them boots twice under one id.
  std::random_device entropy;
  run_id_ = std::uint64_t{entropy()} << 32 | entropy();
}

Result<void> Seats::open() {
  for (std::size_t i = 0; i < config_.nodes; ++i) {
    auto opened = open_node(config_.first + i, "");
    if (!opened) return opened.error();
    open_link(add(config_.first + i, *std::move(opened)), Arrival::kSpread);
  }
  return {};
}

void Seats::close() {
  for (Seat& seat : seats_)
    close_link(seat);
}

Result<std::unique_ptr<SimulatedNode>> Seats::open_node(std::size_t number, const std::string& mark) const {
  const std::string name = node_name(config_.prefix, number);
  const model::NodeName node(name);
  NodeOptions options;
  options.name = node;
  options.state_dir = fmt::format("{}/{}{}", config_.state_dir, name, mark);
  options.boot_id = fmt::format("simulated-{:016x}-{}{}", run_id_, name, mark);
  options.shape = config_.shape;
  options.labels = config_.labels;
  options.labels.emplace("tideline.io/simulated", "host");
  options.annotations = config_.annotations;
  options.pod_interval = std::max<Duration>(config_.loop, std::chrono::seconds(1));
  options.report_interval = config_.interval;
  simulation::TraceShare share;
  if (trace_) share = {trace_, trace_->host_of(node, number), config_.trace_begin};
  return SimulatedNode::open(std::move(options),
                             simulation::Workload(node, config_.seed, config_.shape, std::move(share)),
                             clock::mono_now(), clock::wall_now());
}

std::size_t Seats::add(std::size_t number, std::unique_ptr<SimulatedNode> node) {
  tell_spool(*node);
  seats_.emplace_back();
  seats_.back().number = number;
  seats_.back().node = std::move(node);
  return seats_.size() - 1;
}

void Seats::advance(std::size_t index, MonoTime now) {
  // What could not be started is tried again: files and certificates may be there by now.
  if (seats_[index].unsettled) apply(index, Effects(seats_[index].effects), now);
  Seat& seat = seats_[index];
  const auto progress = seat.node->advance(now, clock::wall_now());
  if (!seat.is_duplicate) {
    for (std::size_t i = 0; i < progress.reports; ++i)
      rows_.made();
    rows_.writes(progress.writes);
  }
  if (progress.lost) tell("report not kept", progress.lost->message());
  exchange(seat, now);
}

void Seats::open_link(std::size_t index, Arrival arrival) {
  Seat& seat = seats_[index];
  auto ear = Ear::start(config_, node_name(config_.prefix, seat.number), seat.node->incarnation(), arrival, random_(),
                        loop_, inbox_, {.node = index, .life = ++seat.life}, Ear::Hears::kAll);
  if (!ear) return tell("no session", ear.error().message());
  seat.ear = *std::move(ear);
}

void Seats::close_link(Seat& seat) {
  if (!seat.ear) return;
  seat.ear.reset();
  if (std::exchange(seat.connected, false)) {
    --connected_;
    rows_.disconnected(true);
  }
  if (seat.node->agent_runs()) seat.node->disconnected();
}

void Seats::exchange(Seat& seat, MonoTime now) {
  if (!seat.node || !seat.ear) return;
  for (const auto& answer : seat.node->take_answers()) {
    if (answer.policy) {
      seat.ear->client().answer_policy(*answer.policy, answer.problem);
    } else {
      seat.ear->client().answer_hands_off(answer.hands_off, answer.problem);
    }
  }
  if (!seat.connected) return;
  if (const auto ask = seat.node->take_ask()) {
    // The node asks again, and in the end goes on alone.
    if (auto asked = seat.ear->client().ask_evictions(*ask); !asked) tell("not asked", asked.error().message());
  }
  const auto report = seat.node->to_send(now);
  if (const auto trouble = seat.node->take_trouble()) tell("spool", trouble->message());
  if (!report) return;
  seat.sent = clock::mono_now();
  const auto sent = seat.ear->client().send_report(*report);
  if (sent) return;
  const bool for_good = sent.error().code() == model::ErrorCode::kInvalidArgument;
  if (for_good) rows_.refused();
  tell("not sent", sent.error().message());
  seat.node->refused(report->seq, for_good, now);
}

void Seats::hear(Duration longest) {
  for (const LinkNote& note : inbox_.take(longest))
    hear(note);
}

void Seats::hear(const LinkNote& note) {
  Seat& seat = seats_[note.of.node];
  if (!seat.ear || note.of.life != seat.life) return;
  SimulatedNode& node = *seat.node;
  const MonoTime now = clock::mono_now();
  switch (note.kind) {
    case LinkNote::Kind::kConnected:
      ++connected_;
      seat.connected = true;
      rows_.connected(note.at);
      // Stored before the session of before ended, and not answered any more.
      for (std::size_t acked = node.connected(note.seq, note.epoch); acked > 0 && !seat.is_duplicate; --acked)
        rows_.acked();
      break;
    case LinkNote::Kind::kDisconnected:
      if (seat.connected) --connected_;
      rows_.disconnected(seat.connected);
      seat.connected = false;
      node.disconnected();
      return tell("no session", note.why);
    case LinkNote::Kind::kAcked:
      if (!node.acked(note.seq, now)) return;
      if (!seat.is_duplicate) {
        rows_.latency(note.at - seat.sent);
        rows_.acked();
      }
      break;
    case LinkNote::Kind::kRefused:
      rows_.refused();
      node.refused(note.seq, note.for_good, now);
      tell("refused", note.why);
      break;
    case LinkNote::Kind::kPolicy:
      node.take_policy(*note.policy, now);
      if (!seat.is_duplicate) rows_.policy(note.policy->version, note.at);
      break;
    case LinkNote::Kind::kHandsOff:
      node.take_hands_off(*note.hands_off, now, clock::wall_now());
      break;
    case LinkNote::Kind::kObjects:
      return seat.ear->refuse_objects(note.number);
    case LinkNote::Kind::kPace:
      node.set_pace(note.interval, note.length, now);
      break;
    case LinkNote::Kind::kEvictions:
      node.take_verdicts(*note.evictions);
      break;
    case LinkNote::Kind::kBatch:
      node.take_batch(note.batch, now);
      break;
  }
  exchange(seat, now);
}

void Seats::apply(std::size_t index, const Effects& wanted, MonoTime now) {
  if (wanted == seats_[index].effects && !seats_[index].unsettled) return;
  const Effects before = std::exchange(seats_[index].effects, wanted);
  set_agent(seats_[index], wanted, now);
  if (seats_[index].node->agent_runs() && !wanted.link_down && !seats_[index].ear) {
    // Who merely lost the link comes back as the others do; an agent that starts, and a link that flaps, at once.
    const bool waited = before.link_down && !before.flaps;
    open_link(index, waited ? Arrival::kSpread : Arrival::kAtOnce);
  }
  set_duplicates(index, wanted.duplicates);
  Seat& seat = seats_[index];
  const bool runs = !wanted.agent_down && !wanted.host_down;
  seat.unsettled = runs && (!seat.node->agent_runs() || (!wanted.link_down && !seat.ear));
}

void Seats::set_agent(Seat& seat, const Effects& wanted, MonoTime now) {
  SimulatedNode& node = *seat.node;
  const bool runs = !wanted.agent_down && !wanted.host_down;
  // Before the agent ends: its client has nobody to speak for then.
  if (!runs || wanted.link_down) close_link(seat);
  const bool ran = node.agent_runs();
  if (auto set = node.suffer(wanted, now, clock::wall_now()); !set) {
    return tell("agent not started", set.error().message());
  }
  if (!ran && node.agent_runs()) tell_spool(node);
}

void Seats::set_duplicates(std::size_t index, std::size_t wanted) {
  while (seats_[index].duplicates.size() > wanted)
    end_duplicate(seats_[index]);
  bool begun = true;
  while (begun && seats_[index].duplicates.size() < wanted)
    begun = begin_duplicate(index);
}

bool Seats::begin_duplicate(std::size_t of) {
  const std::size_t number = seats_[of].number;
  auto opened = open_node(number, fmt::format(".duplicate-{}", seats_[of].duplicates.size() + 1));
  if (!opened) {
    tell("duplicate not started", opened.error().message());
    return false;
  }
  const std::size_t index = add(number, *std::move(opened));
  seats_[index].is_duplicate = true;
  seats_[of].duplicates.push_back(index);
  open_link(index, Arrival::kAtOnce);
  return true;
}

void Seats::end_duplicate(Seat& of) {
  Seat& seat = seats_[of.duplicates.back()];
  of.duplicates.pop_back();
  close_link(seat);
  seat.node.reset();
}

void Seats::stop_reports() {
  for (Seat& seat : seats_) {
    if (seat.node) seat.node->stop_reports();
  }
}

bool Seats::reports_on_their_way() const {
  return std::any_of(seats_.begin(), seats_.end(), [](const Seat& seat) {
    return seat.node && !seat.is_duplicate && seat.connected && seat.node->spooled() != 0;
  });
}

HostFigures Seats::figures() const {
  HostFigures figures;
  for (const Seat& seat : seats_) {
    if (!seat.node) continue;
    if (seat.is_duplicate) {
      ++figures.duplicates;
      continue;
    }
    const SimulatedNode& node = *seat.node;
    if (!node.agent_runs()) ++figures.down;
    figures.spooled += node.spooled();
    figures.gaps += static_cast<std::size_t>(node.dropped());
    if (const auto limit = node.be_limit()) {
      ++figures.limited;
      figures.be_limit += *limit;
    }
    if (const auto& sample = node.sample()) {
      figures.be_used += sample->be_cpu.value_or(model::MilliCpu(0));
      figures.ls_used += sample->ls_cpu.value_or(model::MilliCpu(0));
    }
  }
  return figures;
}

void Seats::tell_spool(const SimulatedNode& node) {
  for (const auto& note : node.spool_notes())
    tell("spool", note);
}

void Seats::tell(const char* what, const std::string& why) {
  if (const auto held = noise_.admit(clock::mono_now().ns)) {
    log::warn("fleet-link", "{}: {}{}", what, why, *held == 0 ? "" : fmt::format(" ({} more held back)", *held));
  }
}

}  // namespace tideline::rehearsal
