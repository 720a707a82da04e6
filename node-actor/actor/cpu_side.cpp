#include "node-actor/actor/cpu_side.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

#include "messages/log/log.h"
#include "messages/model/json_text.h"
#include "node-actor/actor/eviction_file.h"
#include "node-actor/actor/held_pods.h"
#include "node-actor/kernel/capabilities.h"
#include "node-actor/kernel/group_age.h"
#include "node-actor/kernel/knob.h"
#include "node-actor/kernel/topology.h"

namespace tideline::node {
namespace {

void lack(model::KnobSet& knobs, model::Knob knob, const std::string& why) {
  for (auto& support : knobs.knobs) {
    if (support.knob != knob) continue;
    support.supported = false;
    support.why = why;
  }
}

/// The text with what is to be said at its end in any case, within what a report takes.
void end_with(std::string& text, const std::string& last) {
  constexpr std::size_t kMost = model::ReportLimits::kMaxTextBytes;
  static_assert(KubeletCpuFile::kMaxTextBytes < kMost / 2);
  const auto room = kMost - std::min(last.size(), kMost);
  text.resize(model::beginning(text, room).size());
  text += last;
}

}  // namespace

CpuSide::CpuSide(const kernel::CgroupTree& tree, guard::Journal& journal, Host host, Cookies cookies,
                 Actuator::Perform perform, Tell tell)
    : tree_(tree),
      journal_(journal),
      boot_id_(std::move(host.boot_id)),
      state_dir_(std::move(host.state_dir)),
      tell_(tell),
      probed_(kernel::probe_knobs(tree)),
      cpus_{.reserved = std::move(host.reserved), .manager = decide::KubeletCpuManager::kNone, .kubelet_exclusive = {}},
      kubelet_(std::move(host.kubelet)),
      perform_(std::move(perform)),
      newborns_(tree, journal),
      actuator_(tree, journal, [this](const model::KernelWrite& each) { return write(each); }),
      evictions_(tree, state_dir_, boot_id_, host.evictions_by, std::move(tell)),
      cookies_(std::move(cookies)),
      unwritten_(tree, tell_),
      batch_memory_(tree, [this](const model::GroupRef& group) { return actuator_.memory_limits(group); }) {
  if (const auto kept = load_be_work(state_dir_)) {
    work_.sums = work_kept_ = *kept;
  } else {
    log::warn("be-work", "{}; the sums begin anew", kept.error().message());
  }
  probed_.knobs.push_back(std::move(host.core_sched));
  kernel::tell(kernel::kernel_order(tree, host.kernel_release), probed_);
  read_topology();
  look_at_kubelet();
}

void CpuSide::read_topology() {
  auto topology = kernel::load_topology(tree_.root());
  no_topology_ = topology ? std::string() : topology.error().message();
  if (!topology) log::warn("topology", "{}", no_topology_);
  topology_ = topology ? *std::move(topology) : model::Topology{};
}

void CpuSide::cpus_changed() {
  read_topology();
  settle_knobs();
}

model::Result<kernel::WriteOutcome> CpuSide::write(const model::KernelWrite& write) {
  if (write.file != NewbornCpusets::kFile) return perform_(write);
  if (const auto ready = newborns_.before_write(write.group, write.value); !ready) return ready.error();
  auto outcome = perform_(write);
  if (outcome) actuator_.inherit(newborns_.after_write(write.group, write.value));
  return outcome;
}

void CpuSide::look_at_kubelet() {
  if (!kubelet_.look()) return;
  const auto& problem = kubelet_.problem();
  if (!problem.empty()) log::warn("kubelet-cpus", "{}", problem);
  if (const auto& kubelet = kubelet_.cpus()) {
    cpus_.manager = kubelet->manager;
    cpus_.kubelet_exclusive = kubelet->exclusive;
  }
  settle_knobs();
}

void CpuSide::settle_knobs() {
  knobs_ = probed_;
  if (!knobs_.has(model::Knob::kCpuset)) return;
  if (!no_topology_.empty()) {
    lack(knobs_, model::Knob::kCpuset, no_topology_);
  } else if (!kubelet_.cpus()) {
    lack(knobs_, model::Knob::kCpuset, kubelet_.text());
  }
}

model::Result<void> CpuSide::round(const Round& round) {
  // Pods come and go, and each leaves records behind.
  if (round.now - pruned_ >= kPrune) {
    pruned_ = round.now;
    if (auto pruned = journal_.forget_gone(); !pruned) log::warn("journal", "{}", pruned.error().message());
    newborns_.forget_gone();
  }
  const auto work = watch_work(round);
  // Absence of a policy must not give BE back what an earlier one took.
  if (!round.policy) return {};
  look_at_kubelet();
  newborns_.look(round.now);
  std::optional<model::CpuSet> be_current;
  if (std::exchange(first_round_, false)) {
    const auto reading = kernel::read_knob(tree_, tree_.best_effort(), model::Knob::kCpuset);
    if (reading) be_current = std::get<model::CpuSet>(reading->value);
  }
  const auto held = hands_off(round);
  const auto ended = lingering(round);
  const auto& memory = memory_round(round, work);
  const decide::CpuRoundInput input{.now = round.now,
                                    .node = round.node,
                                    .pods = round.pods,
                                    .sample = round.sample,
                                    .pod_interval = round.pod_interval,
                                    .knobs = knobs_,
                                    .topology = topology_,
                                    .cpus = cpus_,
                                    .suppress = round.suppress,
                                    .be_limit = round.be_limit,
                                    .be_cpus_current = std::move(be_current),
                                    .is_v1 = tree_.version() == kernel::CgroupVersion::kV1,
                                    .boot_id = boot_id_,
                                    .hands_off = held,
                                    .allocatable_batch_cpu = round.allocatable_batch_cpu,
                                    .work = work,
                                    .be_whole = round.be_whole,
                                    .outside = outside_pods(round),
                                    .lingering = ended,
                                    .others = &memory.wants};
  round.recorder.cpu_round_begins(state_, input, round.policy);
  auto step = decide::cpu_round(std::move(state_), input, round.policy);
  round.recorder.cpu_round_ends(step.decision);
  state_ = std::move(step.state);
  split_ = std::move(step.decision.split);
  features_ = std::move(step.decision.features);
  const bool unchanged = step.decision.settlement == std::exchange(applied_, step.decision.settlement);
  auto done = actuator_.apply(*step.decision.settlement, round.now, unchanged, [&](const std::string& group) {
    return decide::covering(round.holds, group, round.now) != nullptr;
  });
  if (done) {
    done = cookies_.round({.wants = step.decision.cookies,
                           .pods = round.pods,
                           .held = [&](const model::PodUid& uid) { return is_held(round, uid); },
                           .now = round.now});
  }
  if (done) {
    done = round.memory.act(
        round.pods, [&](const model::PodUid& uid) { return is_held(round, uid); }, round.now);
  }
  if (done) unwritten_.round(*step.decision.settlement, round.dry_suppress, round.now, unchanged);
  if (const auto* hold = decide::covering(round.holds, tree_.kubepods(), round.now)) {
    for (auto& feature : features_) {
      if (feature.state != model::FeatureState::State::kActive) continue;
      feature.state = model::FeatureState::State::kInactive;
      feature.why = decide::why(*hold);
    }
  }
  evict(round, step.decision.evict, memory.evict);
  const bool by_cpuset = round.policy && round.policy->threshold.cpu_suppress_policy == model::SuppressPolicy::kCpuset;
  if (!by_cpuset || !knobs_.has(model::Knob::kCpuset)) {
    cpuset_side_ = decide::CpusetSide::kAbsent;
  } else {
    look_at_be_cpus(step.decision.suppressed_cpus);
  }
  return done;
}

void CpuSide::step_evictions(model::MonoTime now, const std::vector<model::Pod>* pods) {
  for (const auto& gone : evictions_.step(state_.evict, now, pods)) {
    const auto lost = decide::evicted(work_, gone.uid, gone.cpu_time);
    if (!lost) continue;
    tell_(model::Controller::kBeWork, model::Reason::kBePodEvicted,
          model::pod_subject(gone.name_space, gone.name, gone.uid), "running",
          fmt::format("evicted, {:.1f} s of CPU are lost", std::chrono::duration<double>(*lost).count()));
  }
  keep_work(now);
}

void CpuSide::evict(const Round& round, const decide::EvictDecision& decision,
                    const decide::MemoryEvictDecision& memory) {
  const bool busy = !decision.victims.empty() || !memory.victims.empty() || !evictions_.waiting().empty() ||
                    evictions_.under_way() > 0;
  std::vector<model::PodUid> held;
  if (!round.holds.empty()) {
    const auto look = [&](const model::PodUid& uid) {
      if (is_held(round, uid)) held.push_back(uid);
    };
    for (const auto& victim : decision.victims)
      look(victim.uid);
    for (const auto& victim : memory.victims)
      look(victim.uid);
    for (const auto& uid : evictions_.waiting())
      look(uid);
  }
  evictions_.round(state_.evict, {.now = round.now,
                                  .decision = decision,
                                  .pods = round.pods,
                                  .held = held,
                                  .dry_run = round.policy && round.policy->dry_run.cpu_evict,
                                  .memory = &memory,
                                  .memory_dry_run = round.policy && round.policy->dry_run.memory_evict});
  // Evictions change what the next round remembers, as no replay of the rounds alone could tell.
  if (busy || !evictions_.waiting().empty() || evictions_.under_way() > 0) round.recorder.cpu_state_changed();
}

std::vector<decide::PodWork> CpuSide::watch_work(const Round& round) {
  std::vector<decide::PodWork> work;
  std::vector<decide::BePodReading> readings;
  readings.reserve(round.counters.pods.size());
  const auto& counters = round.counters.pods;
  for (std::size_t i = 0; i < std::min(counters.size(), round.pods.size()); ++i) {
    const auto& group = counters[i].group;
    if (group.cpu) work.push_back({counters[i].uid, *group.cpu});
    readings.push_back({&round.pods[i], group.inode != 0, group.cpu});
    if (!decide::is_unwatched(work_, readings.back())) continue;
    const auto age = kernel::group_age(tree_, round.pods[i], round.sample.wall).value_or(model::kZeroDuration);
    decide::begin_watching(work_, readings.back(), round.now + -age);
  }
  for (const auto& end : decide::be_work(work_, readings, evictions_.maybe_leaving(), round.now)) {
    const auto cpu = end.cpu_time ? fmt::format("{:.1f} s of CPU", std::chrono::duration<double>(*end.cpu_time).count())
                                  : std::string("an unknown time of CPU");
    tell_(model::Controller::kBeWork, end.failed ? model::Reason::kBePodFailed : model::Reason::kBePodCompleted,
          model::pod_subject(end.name_space, end.name, end.uid), "running",
          fmt::format("{}: {:.1f} s from start to end, {}", end.how, std::chrono::duration<double>(end.ran).count(),
                      cpu));
  }
  return work;
}

void CpuSide::keep_work(model::MonoTime now) {
  if (work_.sums == work_kept_ || now - work_kept_at_ < kKeepWork) return;
  work_kept_at_ = now;
  work_kept_ = work_.sums;
  if (const auto kept = keep_be_work(state_dir_, work_.sums); !kept) log::warn("be-work", "{}", kept.error().message());
}

std::vector<decide::HandsOff> CpuSide::hands_off(const Round& round) const {
  std::vector<decide::HandsOff> found;
  for (const auto& hold : round.holds) {
    const auto add = [&](const model::GroupRef& group) {
      constexpr model::MonoTime kNever{INT64_MAX};
      found.push_back({group, hold.until.value_or(kNever), hold.what.who, hold.what.reason});
    };
    const auto covers = [&](const std::string& group) { return decide::covering({hold}, group, round.now) != nullptr; };
    for (const auto qos : {model::KubeQos::kGuaranteed, model::KubeQos::kBurstable, model::KubeQos::kBestEffort}) {
      if (covers(tree_.qos_group(qos))) add(model::root_of(qos));
    }
    for (const auto& pod : round.pods) {
      if (covers(tree_.pod_group(pod))) {
        add(model::group_of(pod));
        continue;
      }
      const auto above = tree_.pod_group(pod) + "/";
      if (!hold.what.group.starts_with(above) || decide::is_over(hold, round.now)) continue;
      const auto before = found.size();
      for (const auto& container : pod.containers) {
        const auto group = tree_.container_group(pod, container);
        if (group && covers(*group)) add(model::group_of(pod, container));
      }
      // Of no listed container: nothing is written there, and the pod is not evicted either.
      if (found.size() == before) {
        add({model::GroupRef::Level::kContainer, pod.kube_qos, pod.uid, hold.what.group.substr(above.size())});
      }
    }
  }
  return found;
}

bool CpuSide::is_held(const Round& round, const model::PodUid& uid) const {
  const auto pod =
      std::find_if(round.pods.begin(), round.pods.end(), [&](const auto& each) { return each.uid == uid; });
  return pod != round.pods.end() && node::is_held(tree_, round.holds, *pod, round.now);
}

const decide::MemoryRoundDecision& CpuSide::memory_round(const Round& round, std::span<const decide::PodWork> work) {
  batch_memory_.look(round.pods, round.counters, round.now);
  const auto held = held_be_pods(tree_, round.holds, round.pods, round.now);
  auto& asked = state_.evict.asked;
  const auto before = asked.size();
  const auto& decision = round.memory.round(asked, {.now = round.now,
                                                    .pods = round.pods,
                                                    .sample = round.sample,
                                                    .knobs = knobs_,
                                                    .policy = round.policy,
                                                    .memory_allocatable = round.memory_allocatable,
                                                    .allocatable_batch_memory = round.allocatable_batch_memory,
                                                    .own_limits = batch_memory_.own_limits(),
                                                    .used = batch_memory_.used(),
                                                    .in_force = batch_memory_.in_force(),
                                                    .work = work,
                                                    .held = held,
                                                    .recorder = round.recorder});
  if (asked.size() != before || !decision.evict.victims.empty()) round.recorder.cpu_state_changed();
  return decision;
}

std::vector<model::PodUid> CpuSide::lingering(const Round& round) {
  std::vector<model::PodUid> found;
  const auto& counters = round.counters.pods;
  for (std::size_t i = 0; i < std::min(counters.size(), round.pods.size()); ++i) {
    if (!decide::is_live(round.pods[i]) && counters[i].group.inode != 0) found.push_back(round.pods[i].uid);
  }
  return found;
}

std::vector<decide::OutsidePod> CpuSide::outside_pods(const Round& round) const {
  std::vector<decide::OutsidePod> found;
  for (const auto& pod : round.pods) {
    if (!decide::is_outside_be(pod)) continue;
    const auto group = model::group_of(pod);
    const auto own = actuator_.quota_without_us(group);
    if (!own && own.error().code() == model::ErrorCode::kNotFound) continue;
    decide::OutsidePod outside{.uid = pod.uid,
                               .qos = pod.kube_qos,
                               .used = {},
                               .own_limit = own ? own->cpu : std::nullopt,
                               .containers = {},
                               .held = own && !actuator_.failed({group, model::Knob::kCpuQuota})};
    for (const auto& container : pod.containers) {
      if (container.id.empty()) continue;
      const auto limit = actuator_.quota_without_us(model::group_of(pod, container));
      if (limit) outside.containers.push_back({container.id, limit->cpu});
    }
    found.push_back(std::move(outside));
  }
  return found;
}

void CpuSide::forget() {
  actuator_.forget();
  newborns_.forget();
  batch_memory_.forget();
  split_.reset();
}

void CpuSide::look_at_be_cpus(const std::optional<model::CpuSet>& wanted) {
  cpuset_side_ = decide::CpusetSide::kNotInPlace;
  if (!wanted) return;
  const auto reading = kernel::read_knob(tree_, tree_.best_effort(), model::Knob::kCpuset);
  if (!reading) return;
  const auto& held = reading->effective ? *reading->effective : std::get<model::CpuSet>(reading->value);
  if (wanted->contains(held) && !held.empty()) cpuset_side_ = decide::CpusetSide::kInPlace;
}

std::vector<model::FeatureState> CpuSide::features() const {
  auto features = features_;
  for (auto& feature : features) {
    const bool told = feature.state == model::FeatureState::State::kUnsupported && !kubelet_.cpus();
    if (feature.feature == "cpuset" && !told) end_with(feature.why, "; " + kubelet_.text());
    if (!decide::is_feature_of(feature.feature, model::Controller::kCpuQos)) continue;
    if (feature.state != model::FeatureState::State::kActive) continue;
    if (const auto count = cookies_.foreign(); count > 0) {
      feature.why += fmt::format("; {} threads keep a core-sched cookie that is not this agent's", count);
    }
    if (const auto& problem = cookies_.problem()) {
      feature.state = model::FeatureState::State::kUnsupported;
      feature.why = "not all threads have their core-sched cookie: " + problem->message();
    }
  }
  for (const auto& [controller, problem] : actuator_.problems()) {
    for (auto& feature : features) {
      if (!decide::is_feature_of(feature.feature, controller)) continue;
      if (feature.state != model::FeatureState::State::kActive) continue;
      feature.state = model::FeatureState::State::kUnsupported;
      feature.why = "not all could be written: " + problem.message();
    }
  }
  return features;
}

}  // namespace tideline::node
