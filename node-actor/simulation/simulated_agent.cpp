#include "node-actor/simulation/simulated_agent.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "messages/model/node_annotations.h"
#include "node-actor/simulation/kernel_text.h"

namespace tideline::simulation {
namespace {

using decide::KnobRef;
using model::Controller;
using model::Knob;
using model::KubeQos;
using model::Reason;

decide::CurrentLimit limit_of(const std::optional<model::KnobValue>& value) {
  const auto* limit = value ? std::get_if<model::Limit>(&*value) : nullptr;
  if (limit == nullptr) return decide::CurrentLimit::unknown();
  return limit->cpu ? decide::CurrentLimit::of(*limit->cpu) : decide::CurrentLimit::none();
}

bool is_release(const decide::Hold& hold) {
  return hold.what.release;
}

}  // namespace

SimulatedAgent::SimulatedAgent(SimulatedHost& host, AgentOptions options, model::WallTime wall)
    : host_(host),
      options_(std::move(options)),
      wall_(wall),
      suppress_({host.cpu(), host.cpu(), model::read_claims(options_.annotations).reservation.cpu},
                options_.pod_interval),
      evictions_([this](Reason reason, std::string subject, std::string before, std::string after) {
        note(Controller::kCpuEvict, reason, std::move(subject), std::move(before), std::move(after));
      }) {
  status_.cpu_capacity = status_.cpu_allocatable = host.cpu();
  status_.memory_capacity = status_.memory_allocatable = host.memory();
  status_.cgroup_version = "simulated v2";
  status_.kernel_release = "simulated";
  status_.boot_id = options_.boot_id;
  status_.agent_version = options_.agent_version;
  status_.zones = 1;
  status_.labels = options_.labels;
  status_.annotations = options_.annotations;
  status_.cpu = {"simulated", false, false};
  status_.knobs = SimulatedHost::knobs().knobs;
  put_all_back(Reason::kRestore);
}

void SimulatedAgent::set_pod_interval(model::Duration interval) {
  options_.pod_interval = interval;
  suppress_.set_pod_interval(interval);
}

void SimulatedAgent::set_batch_allocatable(std::optional<model::MilliCpu> cpu, model::MonoTime as_of) {
  batch_allocatable_ = cpu;
  batch_as_of_ = as_of;
}

void SimulatedAgent::set_hands_off(std::vector<decide::Hold> holds, model::WallTime wall) {
  wall_ = wall;
  drop_ended_holds();
  const bool released = std::any_of(holds_.begin(), holds_.end(), is_release);
  for (auto& event : decide::changes(holds_, holds, wall))
    note(std::move(event));
  holds_ = std::move(holds);
  if (!released && std::any_of(holds_.begin(), holds_.end(), is_release)) put_all_back(Reason::kRelease);
}

void SimulatedAgent::put_all_back(Reason reason) {
  for (const auto& restored : host_.restore()) {
    ++writes_;
    note(Controller::kGuard, reason, file_path(restored.knob), file_text(restored.knob.knob, restored.before),
         file_text(restored.knob.knob, restored.after));
  }
  suppress_.forget();
  round_state_.settled = {};
  applied_.reset();
  owned_.clear();
}

void SimulatedAgent::drop_ended_holds() {
  std::erase_if(holds_, [&](const decide::Hold& hold) {
    if (!decide::is_over(hold, host_.now())) return false;
    note(model::over(hold.what, wall_, Controller::kGuard, "expired"));
    return true;
  });
}

bool SimulatedAgent::perform(const KnobRef& knob, const model::KnobValue& value, Controller controller, Reason reason) {
  if (decide::covering(holds_, group_path(knob.group), host_.now()) != nullptr) return false;
  const auto before = host_.read(knob);
  if (!before) return false;
  if (*before == value) return true;
  if (!host_.write(knob, value)) return false;
  ++writes_;
  note(controller, reason, file_path(knob), file_text(knob.knob, *before), file_text(knob.knob, value));
  return true;
}

void SimulatedAgent::fast_round(model::WallTime wall) {
  wall_ = wall;
  drop_ended_holds();
  const auto* hold = decide::covering(holds_, kBestEffort, host_.now());
  auto decision = suppress_.round(host_.now(), host_.fast(), policy_, hold);
  suppress_features_ = std::move(decision.features);
  if (!decision.write) return;
  const KnobRef quota{model::root_of(KubeQos::kBestEffort), Knob::kCpuQuota};
  const bool limits = decision.action == decide::SuppressDecision::Action::kLimit;
  const auto original = host_.original(quota);
  const model::KnobValue value =
      limits ? model::KnobValue(model::Limit{decision.limit}) : original.value_or(model::Limit{});
  perform(quota, value, Controller::kCpuSuppress, decision.reason);
  suppress_.written(limit_of(host_.read(quota)));
}

std::vector<decide::HandsOff> SimulatedAgent::held_groups() const {
  std::vector<decide::HandsOff> found;
  for (const auto& hold : holds_) {
    const auto add = [&](const model::GroupRef& group) {
      constexpr model::MonoTime kNever{INT64_MAX};
      if (!model::covers(hold.what.group, group_path(group))) return;
      found.push_back({group, hold.until.value_or(kNever), hold.what.who, hold.what.reason});
    };
    for (const auto qos : {KubeQos::kGuaranteed, KubeQos::kBurstable, KubeQos::kBestEffort})
      add(model::root_of(qos));
    for (const auto& pod : host_.pods()) {
      add(model::group_of(pod));
      if (!pod.containers.empty()) add(model::group_of(pod, pod.containers.front()));
    }
  }
  return found;
}

model::NodeSample SimulatedAgent::pod_round(model::WallTime wall) {
  wall_ = wall;
  const auto now = host_.now();
  const auto counters = host_.slow(wall);
  auto sample = suppress_.pods_read(counters, host_.weights());
  for (const auto& victim : evictions_.step(round_state_.evict, now)) {
    evicted_.push_back(victim.uid);
    const auto lost = decide::evicted(work_, victim.uid, victim.cpu_time_used);
    if (!lost) continue;
    note(Controller::kBeWork, Reason::kBePodEvicted, model::pod_subject(victim.name_space, victim.name, victim.uid),
         "running", fmt::format("evicted, {:.1f} s of CPU are lost", std::chrono::duration<double>(*lost).count()));
  }
  const auto work = watch_work(counters);
  // Absence of a policy must not give BE back what an earlier one took.
  if (!policy_) return sample;
  const auto held = held_groups();
  const bool batch_is_fresh = now - batch_as_of_ <= options_.batch_max_age;
  const decide::CpuRoundInput input{.now = now,
                                    .node = suppress_.facts(),
                                    .pods = host_.pods(),
                                    .sample = sample,
                                    .pod_interval = options_.pod_interval,
                                    .knobs = SimulatedHost::knobs(),
                                    .topology = topology_,
                                    .cpus = cpus_,
                                    .suppress = suppress_.terms(),
                                    .be_limit = suppress_.current(),
                                    .be_cpus_current = std::nullopt,
                                    .is_v1 = false,
                                    .boot_id = options_.boot_id,
                                    .hands_off = held,
                                    .allocatable_batch_cpu = batch_is_fresh ? batch_allocatable_ : std::nullopt,
                                    .work = work,
                                    .be_whole = std::nullopt,
                                    .outside = {}};
  auto step = decide::cpu_round(std::move(round_state_), input, policy_);
  round_state_ = std::move(step.state);
  features_ = std::move(step.decision.features);
  if (applied_ != step.decision.settlement) {
    applied_ = step.decision.settlement;
    apply(*applied_);
  }
  if (const auto* hold = decide::covering(holds_, kKubepods, now)) {
    for (auto& feature : features_) {
      if (feature.state != model::FeatureState::State::kActive) continue;
      feature.state = model::FeatureState::State::kInactive;
      feature.why = decide::why(*hold);
    }
  }
  evict(step.decision.evict);
  return sample;
}

void SimulatedAgent::apply(const decide::Settlement& settlement) {
  for (const auto& settled : settlement.settled) {
    if (settled.held_back != decide::HeldBack::kNone) continue;
    const KnobRef knob{settled.group, settled.knob};
    if (host_.read(knob) == settled.value) continue;
    if (perform(knob, settled.value, settled.controller, settled.reason)) owned_[knob] = settled.controller;
  }
  std::vector<KnobRef> owned;
  for (const auto& [knob, controller] : owned_)
    owned.push_back(knob);
  for (const auto& knob : decide::unwanted(owned, settlement)) {
    const auto original = host_.original(knob);
    if (!original || perform(knob, *original, owned_.at(knob), Reason::kNoLongerWanted)) owned_.erase(knob);
  }
}

std::vector<decide::PodWork> SimulatedAgent::watch_work(const model::HostCounters& counters) {
  std::vector<decide::PodWork> work;
  std::vector<decide::BePodReading> readings;
  const auto& pods = host_.pods();
  for (std::size_t i = 0; i < pods.size(); ++i) {
    const auto& group = counters.pods[i].group;
    if (group.cpu) work.push_back({pods[i].uid, *group.cpu});
    readings.push_back({&pods[i], group.inode != 0, group.cpu});
    if (decide::is_unwatched(work_, readings.back())) decide::begin_watching(work_, readings.back(), host_.now());
  }
  // A simulated pod ends by eviction alone: there is no end to tell of.
  static_cast<void>(decide::be_work(work_, readings, evictions_.leaving(), host_.now()));
  return work;
}

void SimulatedAgent::evict(const decide::EvictDecision& decision) {
  std::vector<model::PodUid> held;
  const auto look = [&](const model::PodUid& uid) {
    const auto& pods = host_.pods();
    const auto pod = std::find_if(pods.begin(), pods.end(), [&](const auto& each) { return each.uid == uid; });
    if (pod == pods.end()) return;
    const auto group = group_path(model::group_of(*pod));
    const bool covered = std::any_of(holds_.begin(), holds_.end(), [&](const decide::Hold& hold) {
      return model::covers(hold.what.group, group) || hold.what.group.starts_with(group + "/");
    });
    if (covered) held.push_back(uid);
  };
  if (!holds_.empty()) {
    for (const auto& victim : decision.victims)
      look(victim.uid);
    for (const auto& uid : evictions_.waiting())
      look(uid);
  }
  evictions_.round(round_state_.evict, {.now = host_.now(),
                                        .decision = decision,
                                        .pods = host_.pods(),
                                        .held = held,
                                        .dry_run = policy_ && policy_->dry_run.cpu_evict});
}

model::NodeStatus SimulatedAgent::status() const {
  model::NodeStatus status = status_;
  status.protection = suppress_.protection();
  status.be_work = work_.sums;
  status.features = suppress_features_;
  status.features.insert(status.features.end(), features_.begin(), features_.end());
  if (policy_) status.policy_applied = policy_->version;
  return status;
}

void SimulatedAgent::note(model::Event event) {
  if (events_.size() < model::ReportLimits::kMaxEvents) events_.push_back(std::move(event));
}

void SimulatedAgent::note(Controller controller, Reason reason, std::string subject, std::string before,
                          std::string after) {
  note({wall_, controller, reason, std::move(subject), std::move(before), std::move(after)});
}

}  // namespace tideline::simulation
