#include "node-actor/fleet/simulated_node.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace tideline::rehearsal {
namespace {

using model::Duration;
using model::MonoTime;
using model::Result;

constexpr Duration kRetryDelay = std::chrono::seconds(1);
// The ledger's word comes with the acks of reports, and is as old as the report before: a few may be lost.
constexpr Duration kBatchMaxAge = std::chrono::minutes(2);
constexpr int kBatchReports = 4;

}  // namespace

Result<std::unique_ptr<SimulatedNode>> SimulatedNode::open(NodeOptions options, simulation::Workload workload,
                                                           MonoTime now, model::WallTime wall) {
  std::unique_ptr<SimulatedNode> node(new SimulatedNode(std::move(options), std::move(workload), now));
  node->boot(now);
  if (auto started = node->start_agent(wall); !started) return started.error();
  return node;
}

std::string SimulatedNode::boot_id() const {
  return boots_ <= 1 ? options_.boot_id : fmt::format("{}-{}", options_.boot_id, boots_);
}

model::WallTime SimulatedNode::own_wall(model::WallTime wall) const {
  return {std::max<std::int64_t>(wall.ms + model::to_ms(clock_offset_), 0)};
}

void SimulatedNode::boot(MonoTime now) {
  ++boots_;
  host_.emplace(options_.shape.cpu, options_.shape.memory, now);
  host_->set_pods(workload_.pods());
  last_ = now;
}

void SimulatedNode::cut_power() {
  kill_agent();
  host_.reset();
  holds_.clear();
}

void SimulatedNode::kill_agent() {
  if (!agent_) return;
  agent_.reset();
  dropped_before_ += queue_->dropped();
  queue_->abandon();
  queue_.reset();
  writing_report_.reset();
  writing_ack_.reset();
  writing_policy_.reset();
  writing_hands_off_.reset();
  disk_free_ = {};
  window_.clear();
  sample_.reset();
  answers_.clear();
  disconnected();
}

Result<void> SimulatedNode::start_agent(model::WallTime wall) {
  auto queue =
      options_.open_reports ? options_.open_reports(boot_id()) : SpooledReports::open(options_.state_dir, boot_id());
  if (!queue) return queue.error();
  queue_ = *std::move(queue);
  const auto batch_age = std::max<Duration>(kBatchMaxAge, kBatchReports * options_.report_interval);
  simulation::AgentOptions agent{.boot_id = boot_id(),
                                 .agent_version = "tideline-fleet " TIDELINE_VERSION,
                                 .labels = options_.labels,
                                 .pod_interval = options_.pod_interval,
                                 .batch_max_age = batch_age,
                                 .annotations = options_.annotations};
  agent_ = std::make_unique<simulation::SimulatedAgent>(*host_, std::move(agent), own_wall(wall));
  agent_->set_policy(policy_);
  if (!holds_.empty()) agent_->set_hands_off(holds_, own_wall(wall));
  window_start_.reset();
  schedule_ = sense::ReportSchedule(options_.name.str(), options_.report_interval);
  next_pod_round_ = host_->now();
  writes_told_ = 0;
  return {};
}

Result<void> SimulatedNode::suffer(const simulation::Effects& effects, MonoTime now, model::WallTime wall) {
  clock_offset_ = effects.clock_offset;
  disk_delay_ = effects.disk_delay;
  if (effects.host_down) cut_power();
  if (effects.host_down || effects.agent_down) kill_agent();
  if (effects.host_down) return {};
  if (!is_on()) boot(now);
  return effects.agent_down || agent_runs() ? Result<void>() : start_agent(wall);
}

void SimulatedNode::set_pod_interval(Duration interval) {
  options_.pod_interval = interval;
  next_pod_round_ = last_;
  if (agent_) agent_->set_pod_interval(interval);
}

SimulatedNode::Progress SimulatedNode::advance(MonoTime now, model::WallTime wall) {
  Progress progress;
  const Duration span = now - std::exchange(last_, now);
  if (!host_) return progress;
  if (workload_.advance(now - begun_, wall)) host_->set_pods(workload_.pods());
  host_->want(workload_.demand());
  if (span > model::kZeroDuration) host_->run(span);
  if (!agent_) return progress;
  settle_disk(now, own_wall(wall), progress);
  run_rounds(now, own_wall(wall));
  progress.writes = agent_->writes() - std::exchange(writes_told_, agent_->writes());
  if (report_is_due(now)) {
    make_report(now, own_wall(wall));
    settle_disk(now, own_wall(wall), progress);
  }
  return progress;
}

void SimulatedNode::run_rounds(MonoTime now, model::WallTime wall) {
  agent_->fast_round(wall);
  if (now < next_pod_round_) return;
  next_pod_round_ = now + options_.pod_interval;
  auto sample = agent_->pod_round(wall);
  for (const auto& uid : agent_->take_evicted())
    workload_.evicted(uid);
  if (!window_start_) window_start_ = now;
  schedule_.start(now);
  sample_ = sample;
  window_.add(std::move(sample));
}

bool SimulatedNode::report_is_due(MonoTime now) {
  const bool due = schedule_.due(now);
  // While the disk is busy with the one before, the window grows.
  if (reports_stopped_ || window_.empty() || writing_report_) return false;
  return due || (report_now_ && connected_);
}

void SimulatedNode::make_report(MonoTime now, model::WallTime wall) {
  model::Report report;
  report.node = options_.name;
  report.mono = host_->now();
  report.wall = wall;
  report.window = now - *window_start_;
  report.status = agent_->status();
  report.samples = window_.samples();
  report.pods = window_.summaries(host_->pods());
  report.events = agent_->take_events();
  window_.clear();
  window_start_ = now;
  schedule_.made(now);
  report_now_ = false;
  writing_report_ = {std::move(report), written_at(now)};
}

MonoTime SimulatedNode::written_at(MonoTime now) {
  disk_free_ = std::max(disk_free_, now) + disk_delay_;
  return disk_free_;
}

void SimulatedNode::settle_disk(MonoTime now, model::WallTime wall, Progress& progress) {
  if (writing_ack_ && writing_ack_->done <= now) settle_ack(std::exchange(writing_ack_, std::nullopt)->what);
  if (writing_policy_ && writing_policy_->done <= now) put_in_force(std::exchange(writing_policy_, std::nullopt)->what);
  if (writing_hands_off_ && writing_hands_off_->done <= now) {
    keep_off(std::exchange(writing_hands_off_, std::nullopt)->what, wall);
  }
  if (writing_report_ && writing_report_->done <= now) keep_report(now, progress);
}

void SimulatedNode::keep_report(MonoTime now, Progress& progress) {
  const auto kept = queue_->store(writing_report_->what);
  if (kept) {
    ++progress.reports;
  } else {
    progress.lost = kept.error();
  }
  if (!kept && kept.error().code() == model::ErrorCode::kUnavailable) {
    writing_report_->done = now + kRetryDelay;
  } else {
    writing_report_.reset();
  }
}

void SimulatedNode::put_in_force(const model::NodePolicy& policy) {
  policy_ = policy;
  agent_->set_policy(policy_);
  answers_.push_back({.policy = policy.version, .hands_off = 0, .problem = {}});
}

void SimulatedNode::keep_off(Ordered ordered, model::WallTime wall) {
  holds_ = std::move(ordered.holds);
  agent_->set_hands_off(holds_, wall);
  answers_.push_back({.policy = {}, .hands_off = ordered.number, .problem = {}});
}

void SimulatedNode::settle_ack(model::Seq seq) {
  queue_->ack(seq);
  if (in_flight_ == seq) in_flight_.reset();
}

std::size_t SimulatedNode::connected(model::Seq acked_through, model::Epoch epoch) {
  connected_ = true;
  session_epoch_ = epoch;
  in_flight_.reset();
  if (writing_ack_) settle_ack(std::exchange(writing_ack_, std::nullopt)->what);
  const std::size_t before = queue_->pending();
  queue_->ack_through(acked_through);
  report_now_ = true;
  return before - queue_->pending();
}

void SimulatedNode::disconnected() {
  connected_ = false;
  in_flight_.reset();
}

std::optional<model::Report> SimulatedNode::to_send(MonoTime now) {
  if (!agent_ || !connected_ || in_flight_ || writing_ack_ || now < retry_at_) return std::nullopt;
  auto report = queue_->next(now, trouble_);
  if (report) in_flight_ = report->seq;
  return report;
}

bool SimulatedNode::acked(model::Seq seq, MonoTime now) {
  if (in_flight_ != seq) return false;
  const auto done = written_at(now);
  if (done > now) {
    writing_ack_ = {seq, done};
  } else {
    settle_ack(seq);
  }
  return true;
}

void SimulatedNode::refused(model::Seq seq, bool for_good, MonoTime now) {
  in_flight_.reset();
  if (for_good) queue_->drop(seq);
  retry_at_ = now + kRetryDelay;
}

void SimulatedNode::take_policy(const model::NodePolicy& policy, MonoTime now) {
  if (policy.epoch < seen_epoch_) {
    answers_.push_back({.policy = policy.version,
                        .hands_off = 0,
                        .problem = fmt::format("epoch {} is older than epoch {}, which this node has seen",
                                               policy.epoch.value(), seen_epoch_.value())});
    return;
  }
  seen_epoch_ = policy.epoch;
  const auto done = written_at(now);
  if (done > now) {
    writing_policy_ = {policy, done};
  } else {
    put_in_force(policy);
  }
}

void SimulatedNode::take_hands_off(const model::HandsOffOrder& order, MonoTime now, model::WallTime wall) {
  if (order.epoch < seen_epoch_) {
    answers_.push_back({.policy = {},
                        .hands_off = order.number,
                        .problem = fmt::format("epoch {} is older than epoch {}, which this node has seen",
                                               order.epoch.value(), seen_epoch_.value())});
    return;
  }
  // What is left of it counts from here, not from when it is written.
  Ordered ordered{order.number, decide::holds_of(order.entries, host_->now(), own_wall(wall))};
  const auto done = written_at(now);
  if (done > now) {
    writing_hands_off_ = Writing<Ordered>{std::move(ordered), done};
  } else {
    keep_off(std::move(ordered), own_wall(wall));
  }
}

void SimulatedNode::take_batch(const model::BatchAllocatable& allocatable, MonoTime now) {
  // An old coordinator does not know how things are.
  if (session_epoch_ < seen_epoch_) return;
  agent_->set_batch_allocatable(allocatable.cpu, now + -allocatable.age);
}

void SimulatedNode::take_verdicts(const model::EvictionAnswer& answer) {
  if (answer.epoch >= seen_epoch_) agent_->evictions_answered(answer);
}

void SimulatedNode::set_pace(Duration interval, Duration length, MonoTime now) {
  schedule_.ask(interval, length, now);
}

std::optional<model::EvictionAsk> SimulatedNode::take_ask() {
  if (!agent_) return std::nullopt;
  auto requests = agent_->take_eviction_requests();
  if (requests.empty()) return std::nullopt;
  return model::EvictionAsk{.seen = seen_epoch_, .through_api = false, .requests = std::move(requests)};
}

std::optional<model::MilliCpu> SimulatedNode::be_limit() const {
  if (!host_) return std::nullopt;
  const auto value = host_->read({model::root_of(model::KubeQos::kBestEffort), model::Knob::kCpuQuota});
  const auto* limit = value ? std::get_if<model::Limit>(&*value) : nullptr;
  return limit == nullptr ? std::nullopt : limit->cpu;
}

}  // namespace tideline::rehearsal
