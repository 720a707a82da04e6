#include "node-actor/actor/link_actor.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "messages/clock/clock.h"
#include "messages/codec/report_bytes.h"
#include "messages/log/log.h"
#include "node-actor/actor/hands_off_file.h"
#include "node-actor/actor/objects_file.h"
#include "node-actor/actor/pods_room.h"
#include "node-actor/actor/policy_file.h"

namespace tideline::node {
namespace {

/// A report not sent within this many of its own windows (and kLiveFloor) is history, not news.
constexpr int kLiveWindows = 2;
constexpr auto kLiveFloor = std::chrono::seconds(5);
constexpr auto kRetryDelay = std::chrono::seconds(1);
/// Reports that are made before they are due, because something is new, are so far apart. A little below the second
/// that pod rounds take, which come early or late by some ms.
constexpr auto kReportNowEvery = std::chrono::milliseconds(900);
/// So many are told before the window ends: at most one report a sample.
constexpr std::size_t kManyEvents = model::ReportLimits::kMaxEvents / 4 * 3;

model::Lane lane_of(const model::Report& report, const std::string& boot_id, model::MonoTime now) {
  if (report.status.boot_id != boot_id) return model::Lane::kBackfill;
  const auto age = now - report.mono;
  const auto limit = std::max<model::Duration>(report.window * kLiveWindows, kLiveFloor);
  return age <= limit ? model::Lane::kLive : model::Lane::kBackfill;
}

}  // namespace

LinkActor::LinkActor(caf::actor_config& config, LinkOptions options, std::shared_ptr<spool::Spool> spool,
                     std::shared_ptr<ClientPort> port)
    : caf::event_based_actor(config),
      options_(std::move(options)),
      spool_(std::move(spool)),
      port_(std::move(port)),
      pods_(std::make_shared<const std::vector<model::Pod>>()),
      schedule_(options_.name.str(), options_.report_interval),
      disk_refuses_(spool_->refusal().has_value()) {}

caf::behavior LinkActor::make_behavior() {
  return {
      [this](const caf::actor& tick) { tick_ = tick; },
      [this](SampleReady& ready) { take_sample(std::move(ready)); },
      [this](EventsLeft& left) { take_events(std::move(left.events)); },
      [this](const LinkUp& up) {
        log::info("coordinator-connected", "{} epoch {}", up.welcome.address, up.welcome.epoch.value());
        if (up.welcome.epoch < options_.seen_epoch) {
          log::warn("coordinator-old", "{} is of epoch {}, epoch {} was seen: its policies are refused",
                    up.welcome.address, up.welcome.epoch.value(), options_.seen_epoch.value());
        }
        connected_ = true;
        session_epoch_ = up.welcome.epoch;
        in_flight_.reset();
        spool_->ack_through(up.welcome.acked_through);
        report_now_ = true;
        if (awaits_pods_) await_pods();
        send_next();
      },
      [this](const LinkDown& down) {
        // Each failed attempt of a long outage says the same.
        if (connected_ || down.attempt <= 1) log::warn("coordinator-lost", "{}", down.why);
        connected_ = false;
        in_flight_.reset();
      },
      [this](const ReportAcked& acked) { answer(acked); },
      [this](const ReportRefused& refused) { answer(refused); },
      [this](const SendAgain&) { send_next(); },
      [this](const PolicyArrived& arrived) { take_policy(arrived.policy); },
      [this](const PolicyInForce& in_force) {
        if (auto* client = port_->client.load()) client->answer_policy(in_force.version, "");
      },
      [this](const EvictionsWanted& wanted) { ask_evictions(wanted); },
      [this](const EvictionsAnswered& answered) { take_verdicts(answered); },
      [this](const BatchArrived& arrived) {
        // An old coordinator does not know how things are.
        if (session_epoch_ < options_.seen_epoch) return;
        send(tick_, BatchKnown{arrived.allocatable.cpu, arrived.allocatable.memory,
                               clock::mono_now() + -arrived.allocatable.age});
      },
      [this](const HandsOffArrived& arrived) { take_hands_off(arrived.order); },
      [this](const HandsOffInForce& in_force) {
        if (auto* client = port_->client.load()) client->answer_hands_off(in_force.number, in_force.problem);
      },
      [this](const ObjectsArrived& arrived) { take_objects(arrived); },
      [this](const ObjectsInForce& in_force) {
        if (auto* client = port_->client.load()) client->answer_objects(in_force.number, "");
        // The ledger, and what selects a policy, know of pods, labels and annotations by reports alone.
        if (in_force.changed) report_now_ = true;
      },
      [this](const ReportPace& pace) { schedule_.ask(pace.interval, pace.duration, clock::mono_now()); },
  };
}

void LinkActor::on_exit() {
  // Before the first sample there is no report to tell them: the audit ring has them for the next worker.
  if (window_start_ && !events_.empty()) store_report();
  tick_ = nullptr;
  if (const auto kept = spool_->try_disk(); !kept && spool_->in_memory() > 0) {
    log::error("report-lost", "{} reports were in memory alone: {}", spool_->in_memory(), kept.error().message());
  }
  spool_.reset();
}

void LinkActor::tell_of_disk() {
  const auto& refusal = spool_->refusal();
  if (std::exchange(disk_refuses_, refusal.has_value()) == refusal.has_value()) return;
  if (refusal) {
    log::error("spool-in-memory", "{}; reports are held in memory, and those that wait are lost with this worker",
               refusal->message());
  } else {
    log::info("spool-on-disk", "the disk takes reports again");
  }
}

void LinkActor::take_sample(SampleReady ready) {
  const auto now = ready.sample.at;
  if (!ready.pods) {
    // A report names all pods of its node: of one that named none, batch would be offered what its services hold.
    if (!std::exchange(awaits_pods_, true)) await_pods();
    return take_events(std::move(ready.events));
  }
  awaits_pods_ = false;
  if (!window_start_) window_start_ = now;
  schedule_.start(now);
  window_.add(std::move(ready.sample));
  pods_ = std::move(ready.pods);
  status_ = std::move(ready.status);
  take_events(std::move(ready.events));
  const bool is_early = must_report_now(now);
  if (is_early || schedule_.due(now) || events_.size() >= kManyEvents) {
    if (is_early) reported_now_ = now;
    report_now_ = false;
    store_report();
    schedule_.made(now);
    send_next();
  }
}

bool LinkActor::must_report_now(model::MonoTime now) const {
  return report_now_ && connected_ && (!reported_now_ || now - *reported_now_ >= kReportNowEvery);
}

void LinkActor::await_pods() {
  log::warn("pods-awaited",
            "the coordinator has not told this node's pods yet, and none are kept; no report is made until it has");
}

void LinkActor::take_events(std::vector<NotedEvent> events) {
  std::size_t dropped = 0;
  for (auto& event : events)
    dropped += events_.add(std::move(event)) ? 0 : 1;
  if (dropped > 0) log::warn("events-dropped", "{} events wait for no report any more", dropped);
}

void LinkActor::store_report() {
  auto events = events_.front();
  const auto told = events.events.size();
  model::Report report;
  report.node = options_.name;
  report.incarnation = spool_->incarnation();
  report.seq = spool_->next_seq();
  report.gap_reports = spool_->pending_gap();
  report.mono = clock::mono_now();
  report.wall = clock::wall_now();
  report.window = report.mono - *window_start_;
  report.status = status_;
  report.samples = window_.samples();
  report.pods = window_.summaries(*pods_);
  report.events = std::move(events.events);
  report.applications = window_.applications();
  report.zones = window_.zones();

  const auto bytes = codec::to_bytes(report);
  if (!bytes) {
    log::error("report-lost", "seq {}: {}", report.seq.value(), bytes.error().message());
    spool_->count_lost();
    events_.lose(told);
  } else {
    if (options_.audit && events.through > 0) {
      options_.audit->telling(report.incarnation, report.seq, events.through);
    }
    const std::string text(reinterpret_cast<const char*>(bytes->data()), bytes->size());
    const auto kept = spool_->append(report.seq, report.gap_reports, text);
    tell_of_disk();
    if (!kept && kept.error().code() == model::ErrorCode::kUnavailable) {
      // Nothing was counted, so nothing may be forgotten: the next report covers this window too.
      log::error("report-waits", "seq {}: {}", report.seq.value(), kept.error().message());
      return;
    }
    if (!kept) {
      log::error("report-lost", "seq {}: {}", report.seq.value(), kept.error().message());
      spool_->count_lost();
      events_.lose(told);
    } else {
      events_.pop(told);
    }
  }
  window_.clear();
  window_start_ = report.mono;
}

model::Result<model::Report> LinkActor::stored(model::Seq seq) const {
  const auto found = spool_->peek(seq, 1);
  if (!found) return found.error();
  if (found->empty()) return model::Error(model::ErrorCode::kNotFound, "nothing to send");
  const auto& bytes = found->front().bytes;
  auto report = codec::report_from_bytes(std::as_bytes(std::span(bytes)));
  if (!report) {
    log::error("report-lost", "seq {} in the spool: {}", found->front().seq.value(), report.error().message());
    spool_->drop(found->front().seq);
  }
  return report;
}

void LinkActor::send_next() {
  auto* client = port_->client.load();
  if (client == nullptr || !connected_ || in_flight_ || spool_->pending() == 0) return;
  // The newest first while it is news, then the backlog from its old end.
  auto report = stored(model::Seq(spool_->next_seq().value() - 1));
  const auto now = clock::mono_now();
  if (!report || lane_of(*report, options_.boot_id, now) != model::Lane::kLive) {
    report = stored(model::Seq(1));
    if (!report) {
      // One that cannot be read is let go, and must not hold up those behind it until the next window ends.
      if (report.error().code() != model::ErrorCode::kUnavailable && spool_->pending() > 0) {
        delayed_send(this, kRetryDelay, SendAgain{});
      }
      return;
    }
  }
  report->lane = lane_of(*report, options_.boot_id, now);
  const auto sent = client->send_report(*report);
  if (sent) {
    in_flight_ = report->seq;
  } else if (sent.error().code() == model::ErrorCode::kInvalidArgument) {
    log::error("report-lost", "seq {}: {}", report->seq.value(), sent.error().message());
    spool_->drop(report->seq);
    delayed_send(this, kRetryDelay, SendAgain{});
  }
}

void LinkActor::answer(const ReportAcked& acked) {
  spool_->ack(acked.seq);
  in_flight_.reset();
  send_next();
}

void LinkActor::answer(const ReportRefused& refused) {
  in_flight_.reset();
  const auto code = refused.why.code();
  if (code == model::ErrorCode::kInvalidArgument || code == model::ErrorCode::kMalformed) {
    log::error("report-refused", "seq {} is dropped: {}", refused.seq.value(), refused.why.message());
    spool_->drop(refused.seq);
  } else {
    log::warn("report-refused", "seq {} is kept: {}", refused.seq.value(), refused.why.message());
  }
  delayed_send(this, kRetryDelay, SendAgain{});
}

void LinkActor::take_policy(const model::NodePolicy& policy) {
  auto* client = port_->client.load();
  if (policy.epoch < options_.seen_epoch) {
    log::warn("policy-refused", "version {} of epoch {}: epoch {} was seen", policy.version.value(),
              policy.epoch.value(), options_.seen_epoch.value());
    if (client != nullptr) {
      client->answer_policy(policy.version, fmt::format("epoch {} is older than epoch {}, which this node has seen",
                                                        policy.epoch.value(), options_.seen_epoch.value()));
    }
    return;
  }
  options_.seen_epoch = policy.epoch;
  if (const auto kept = keep_policy(options_.state_dir, policy); !kept) {
    // In force all the same: a node that cannot write its disk must still obey.
    log::error("policy-not-kept", "{}", kept.error().message());
  }
  log::info("policy-taken", "version {} epoch {}", policy.version.value(), policy.epoch.value());
  send(tick_, PolicyWanted{policy});
}

void LinkActor::ask_evictions(const EvictionsWanted& wanted) {
  auto* client = port_->client.load();
  const auto asked =
      client != nullptr
          ? client->ask_evictions(
                {.seen = options_.seen_epoch, .through_api = wanted.through_api, .requests = wanted.requests})
          : model::Result<void>(model::Error(model::ErrorCode::kUnavailable, "there is no link"));
  // The node asks again. Without Kubernetes it goes on alone in the end.
  if (!asked) say_unasked(asked.error());
}

void LinkActor::say_unasked(const model::Error& why) {
  // Through the API it may be so for as long as the coordinator is away.
  if (std::exchange(unasked_, why.message()) != why.message()) log::warn("eviction-ask", "{}", why.message());
}

void LinkActor::take_verdicts(const EvictionsAnswered& answered) {
  if (!answered.answer) {
    say_unasked(answered.answer.error());
    return;
  }
  unasked_.clear();
  const auto& answer = *answered.answer;
  if (answer.epoch < options_.seen_epoch) {
    log::warn("eviction-answer-refused", "it is of epoch {}, epoch {} was seen", answer.epoch.value(),
              options_.seen_epoch.value());
    return;
  }
  for (const auto& verdict : answer.verdicts) {
    // Said each second; what is new of it the tick actor's side tells.
    if (verdict.answer == model::EvictionVerdict::Answer::kUnderWay) continue;
    log::info("eviction-verdict", "{}: {}, {}", verdict.id, model::name_of(verdict.answer), verdict.why);
  }
  send(tick_, EvictionVerdicts{answer});
}

void LinkActor::take_hands_off(const model::HandsOffOrder& order) {
  if (order.epoch < options_.seen_epoch) {
    const auto problem = fmt::format("epoch {} is older than epoch {}, which this node has seen", order.epoch.value(),
                                     options_.seen_epoch.value());
    log::warn("hands-off-refused", "order {}: {}", order.number, problem);
    if (auto* client = port_->client.load()) client->answer_hands_off(order.number, problem);
    return;
  }
  auto holds = decide::holds_of(order.entries, clock::mono_now(), clock::wall_now());
  if (const auto kept = keep_hands_off(options_.state_dir, options_.boot_id, holds); !kept) {
    // In force all the same, as long as this worker lives.
    log::error("hands-off-not-kept", "{}", kept.error().message());
  }
  for (const auto& hold : holds)
    log::info("hands-off", "{}: {}", hold.what.release ? "the whole tree" : hold.what.group, decide::why(hold));
  send(tick_, HandsOffWanted{order.number, std::move(holds)});
}

std::string LinkActor::refusal_of(const model::NodeObjects& objects) const {
  if (options_.pods_from != PodsFrom::kCoordinator) return "this node's pods are those of a file (--pods-from file)";
  if (objects.epoch < options_.seen_epoch) {
    return fmt::format("epoch {} is older than epoch {}, which this node has seen", objects.epoch.value(),
                       options_.seen_epoch.value());
  }
  const auto& seen = options_.seen_objects;
  if (SeenObjects{objects.epoch, objects.number} < seen) {
    return fmt::format("set {} is older than set {}, which this node has", objects.number, seen.number);
  }
  const auto room = check_pods_room(objects.pods);
  return room ? std::string() : room.error().message();
}

void LinkActor::take_objects(const ObjectsArrived& arrived) {
  const auto& objects = *arrived.objects;
  if (const auto problem = refusal_of(objects); !problem.empty()) {
    // A coordinator may send each change to a node that takes none.
    if (problem != objects_refused_) log::warn("objects-refused", "set {}: {}", objects.number, problem);
    objects_refused_ = problem;
    if (auto* client = port_->client.load()) client->answer_objects(objects.number, problem);
    return;
  }
  objects_refused_.clear();
  options_.seen_epoch = objects.epoch;
  const SeenObjects set{objects.epoch, objects.number};
  const bool is_new = set != std::exchange(options_.seen_objects, set);
  if (is_new || !objects_kept_) {
    const auto kept = keep_objects(options_.state_dir, objects);
    objects_kept_ = kept.ok();
    if (!kept) {
      // In force all the same, as long as this worker lives.
      log::error("objects-not-kept", "{}", kept.error().message());
    }
    log::info("objects-taken", "set {} epoch {}: {} pods", set.number, set.epoch.value(), objects.pods.size());
  }
  send(tick_, ObjectsWanted{arrived.objects});
}

}  // namespace tideline::node
