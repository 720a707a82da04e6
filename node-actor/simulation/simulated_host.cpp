#include "node-actor/simulation/simulated_host.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "node-actor/simulation/kernel_text.h"

namespace tideline::simulation {
namespace {

using model::GroupRef;
using model::Knob;
using model::KubeQos;
using model::MilliCpu;

constexpr std::int64_t kLeastShares = 2;
constexpr std::int64_t kUsualShares = 1024;
constexpr double kPeriodNs = 1e8;
constexpr std::uint64_t kPodsInode = 9;
constexpr std::uint64_t kBestEffortInode = 10;
constexpr std::uint64_t kContainerInodes = 1'000'000'000;  // apart from those of pods

std::size_t index_of(KubeQos qos) {
  return static_cast<std::size_t>(qos);
}

double in_milli(MilliCpu cpu) {
  return static_cast<double>(cpu.value());
}

model::Duration time_of(double ns) {
  return model::Duration(std::llround(ns));
}

std::int64_t shares_of(const model::Pod& pod) {
  const auto request = pod.requests.cpu.value_or(MilliCpu(0)).value();
  return std::max(kLeastShares, request * kUsualShares / 1000);
}

/// Of memory that is all anonymous.
model::MemoryCounters memory_of(model::Bytes used, model::MonoTime now) {
  model::MemoryCounters memory;
  memory.stat_at = now;
  memory.usage = memory.anon = used;
  memory.reclaimable = model::Bytes(0);
  return memory;
}

/// Not below the besteffort root: LS, for such a host.
bool is_best_effort(const model::Pod& pod) {
  return pod.kube_qos == KubeQos::kBestEffort;
}

double weight_of(const model::Number& shares) {
  return static_cast<double>(weight_of_shares(shares.value));
}

}  // namespace

SimulatedHost::SimulatedHost(MilliCpu cpu, model::Bytes memory, model::MonoTime now)
    : cpu_(cpu), memory_(memory), now_(now) {
  for (Group& root : roots_)
    root.now.shares = root.original.shares = {kUsualShares};
  Group& best_effort = roots_[index_of(KubeQos::kBestEffort)];
  best_effort.now.shares = best_effort.original.shares = {kLeastShares};
}

void SimulatedHost::set_pods(const std::vector<model::Pod>& pods) {
  std::vector<PodState> states;
  std::int64_t ls_shares = 0;
  for (const auto& pod : pods) {
    const auto known =
        std::find_if(pods_.begin(), pods_.end(), [&](const model::Pod& other) { return other.uid == pod.uid; });
    if (known != pods_.end()) {
      states.push_back(states_[static_cast<std::size_t>(known - pods_.begin())]);
    } else {
      PodState state;
      state.inode = ++next_inode_;
      Knobs kubelets{.quota = {}, .shares = {shares_of(pod)}};
      if (!is_best_effort(pod)) kubelets.quota.cpu = pod.limits.cpu;
      state.pod = state.container = {kubelets, kubelets};
      states.push_back(state);
    }
    if (!is_best_effort(pod)) ls_shares += shares_of(pod);
  }
  Group& burstable = roots_[index_of(KubeQos::kBurstable)];
  const bool ours = burstable.now.shares != burstable.original.shares;
  burstable.original.shares = {ls_shares == 0 ? kUsualShares : ls_shares};
  if (!ours) burstable.now.shares = burstable.original.shares;
  pods_ = pods;
  states_ = std::move(states);
  demand_.pods.assign(pods_.size(), {});
}

void SimulatedHost::want(HostDemand demand) {
  demand_ = std::move(demand);
  demand_.pods.resize(pods_.size());
}

std::optional<double> SimulatedHost::cap_of(const PodState& state) {
  std::optional<double> cap;
  for (const Group* group : {&state.pod, &state.container}) {
    if (const auto& quota = group->now.quota.cpu) cap = std::min(cap.value_or(in_milli(*quota)), in_milli(*quota));
  }
  return cap;
}

void SimulatedHost::spend(bool best_effort, const std::vector<std::size_t>& pods, const std::vector<Claim>& claims,
                          double cpu_milli, model::Duration span) {
  const double ns_per_milli = static_cast<double>(span.count()) / 1000.0;
  const auto got = divide(cpu_milli, claims);
  for (std::size_t i = 0; i < pods.size(); ++i) {
    PodState& state = states_[pods[i]];
    const double own = best_effort ? 0 : got[i] * demand_.ls_own_delay;
    state.cpu += got[i] * ns_per_milli;
    state.waited += (claims[i].want - got[i] + own) * ns_per_milli;
    if (!cap_of(state)) continue;
    const double periods = static_cast<double>(span.count()) / kPeriodNs;
    state.periods += periods;
    // It would have gone on, and nobody but its quota stopped it.
    const bool throttled = demand_.pods[pods[i]].cpu_milli > claims[i].want && got[i] >= claims[i].want;
    if (throttled) state.throttled += periods;
  }
}

CpuByTier SimulatedHost::run(model::Duration span) {
  std::array<std::vector<std::size_t>, 2> pods;  // LS, BE
  std::array<std::vector<Claim>, 2> claims;
  std::array<double, 2> wanted{};
  for (std::size_t i = 0; i < pods_.size(); ++i) {
    const std::size_t tier = is_best_effort(pods_[i]) ? 1 : 0;
    const double most = cap_of(states_[i]).value_or(demand_.pods[i].cpu_milli);
    pods[tier].push_back(i);
    claims[tier].push_back({std::min(demand_.pods[i].cpu_milli, most), weight_of(states_[i].pod.now.shares)});
    wanted[tier] += claims[tier].back().want;
  }
  const Knobs& best_effort = roots_[index_of(KubeQos::kBestEffort)].now;
  if (best_effort.quota.cpu) wanted[1] = std::min(wanted[1], in_milli(*best_effort.quota.cpu));
  const std::array<Claim, 3> tiers = {Claim{wanted[0], weight_of(roots_[index_of(KubeQos::kBurstable)].now.shares)},
                                      Claim{wanted[1], weight_of(best_effort.shares)},
                                      Claim{demand_.system_milli, weight_of({kUsualShares})}};
  const auto got = divide(in_milli(cpu_), tiers);
  for (std::size_t tier = 0; tier < 2; ++tier)
    spend(tier == 1, pods[tier], claims[tier], got[tier], span);
  const double ns_per_milli = static_cast<double>(span.count()) / 1000.0;
  node_cpu_ += (got[0] + got[1] + got[2]) * ns_per_milli;
  be_cpu_ += got[1] * ns_per_milli;
  pods_cpu_ += (got[0] + got[1]) * ns_per_milli;
  const double unmet = wanted[0] + wanted[1] + demand_.system_milli - got[0] - got[1] - got[2];
  stalled_ += static_cast<double>(span.count()) * std::clamp(unmet / in_milli(cpu_), 0.0, 1.0);
  now_ = now_ + span;
  return {.ls = got[0], .be = got[1], .system = got[2]};
}

model::FastCounters SimulatedHost::fast() const {
  model::FastCounters counters;
  counters.at = now_;
  counters.node_cpu = time_of(node_cpu_);
  counters.be_cpu = time_of(be_cpu_);
  counters.be_inode = kBestEffortInode;
  counters.pods = {kPodsInode, time_of(pods_cpu_)};
  return counters;
}

model::GroupCounters SimulatedHost::counters_of(std::size_t index) const {
  const PodState& state = states_[index];
  model::GroupCounters counters;
  counters.inode = state.inode;
  counters.cpu = time_of(state.cpu);
  counters.memory = demand_.pods[index].memory;
  counters.memory_side = memory_of(demand_.pods[index].memory, now_);
  counters.run_delay = time_of(state.waited);
  if (cap_of(state)) {
    counters.nr_periods = static_cast<std::int64_t>(state.periods);
    counters.nr_throttled = static_cast<std::int64_t>(state.throttled);
  }
  return counters;
}

model::HostCounters SimulatedHost::slow(model::WallTime wall) const {
  model::HostCounters counters;
  counters.at = now_;
  counters.wall = wall;
  counters.node_cpu = time_of(node_cpu_);
  counters.best_effort.inode = kBestEffortInode;
  counters.best_effort.cpu = time_of(be_cpu_);
  counters.be_limit = roots_[index_of(KubeQos::kBestEffort)].now.quota.cpu;
  counters.be_limit_known = true;
  counters.cpu_stall = model::StallTotals{time_of(stalled_), model::kZeroDuration};
  model::Bytes ls_used;
  model::Bytes be_used;
  counters.pods.reserve(pods_.size());
  for (std::size_t i = 0; i < pods_.size(); ++i) {
    const model::Pod& pod = pods_[i];
    model::PodCounters own;
    own.uid = pod.uid;
    own.qos = pod.qos;
    own.below_besteffort = is_best_effort(pod);
    own.group = counters_of(i);
    if (!own.below_besteffort && pod.limits.cpu && !pod.containers.empty()) {
      own.containers.push_back({pod.containers.front().id, own.group});
      own.containers.back().group.inode += kContainerInodes;
    }
    (own.below_besteffort ? be_used : ls_used) += demand_.pods[i].memory;
    counters.pods.push_back(std::move(own));
  }
  counters.best_effort.memory = be_used;
  counters.best_effort.memory_side = memory_of(be_used, now_);
  counters.kubepods_memory = memory_of(ls_used + be_used, now_);
  counters.memory_total = memory_;
  counters.memory_available = std::max(memory_ - demand_.system_memory - ls_used - be_used, model::Bytes(0));
  counters.memory_host.total = counters.memory_total;
  counters.memory_host.available = counters.memory_available;
  return counters;
}

model::SiblingWeights SimulatedHost::weights() const {
  const auto of = [&](const char* path, KubeQos qos) {
    const auto shares = roots_[index_of(qos)].now.shares.value;
    return model::GroupWeight{path, "cpu.weight", weight_of_shares(shares), false, ""};
  };
  model::SiblingWeights weights;
  weights.best_effort = of(kBestEffort, KubeQos::kBestEffort);
  if (!std::all_of(pods_.begin(), pods_.end(), is_best_effort)) {
    weights.siblings.push_back(of(kBurstable, KubeQos::kBurstable));
  }
  return weights;
}

const model::KnobSet& SimulatedHost::knobs() {
  static const model::KnobSet kKnobs = [] {
    model::KnobSet set;
    set.knobs.push_back({Knob::kCpuQuota, true, "cpu.max", ""});
    set.knobs.push_back({Knob::kCpuWeight, true, "cpu.weight", ""});
    const auto lacks = [&](Knob knob, const char* file) {
      set.knobs.push_back({knob, false, file, "a simulated kernel has no such file"});
    };
    lacks(Knob::kCpuBurst, "cpu.max.burst");
    lacks(Knob::kCpuIdle, "cpu.idle");
    lacks(Knob::kBvtWarp, "");
    lacks(Knob::kCpuset, "cpuset.cpus");
    lacks(Knob::kMemoryMin, "memory.min");
    lacks(Knob::kMemoryLow, "memory.low");
    lacks(Knob::kMemoryHigh, "memory.high");
    lacks(Knob::kMemoryLimit, "memory.max");
    lacks(Knob::kSoftLimit, "");
    lacks(Knob::kOomGroup, "memory.oom.group");
    for (const auto knob : {Knob::kWmarkRatio, Knob::kWmarkScaleFactor, Knob::kWmarkMinAdj, Knob::kMemoryPriority,
                            Knob::kUsePriorityOom, Knob::kPageCacheEnable, Knob::kPageCacheSize, Knob::kPageCacheSync})
      lacks(knob, "");
    set.knobs.push_back({Knob::kCoreSched, false, "", "a simulated host has no threads"});
    return set;
  }();
  return kKnobs;
}

const SimulatedHost::Group* SimulatedHost::find(const GroupRef& group) const {
  if (group.level == GroupRef::Level::kRoot) return &roots_[index_of(group.qos)];
  for (std::size_t i = 0; i < pods_.size(); ++i) {
    if (pods_[i].uid != group.pod || pods_[i].kube_qos != group.qos) continue;
    if (group.level == GroupRef::Level::kPod) return &states_[i].pod;
    const auto& containers = pods_[i].containers;
    return !containers.empty() && containers.front().id == group.container_id ? &states_[i].container : nullptr;
  }
  return nullptr;
}

SimulatedHost::Group* SimulatedHost::find(const GroupRef& group) {
  return const_cast<Group*>(std::as_const(*this).find(group));
}

namespace {

template <class Knobs>
std::optional<model::KnobValue> value_of(const Knobs& knobs, Knob knob) {
  if (knob == Knob::kCpuQuota) return knobs.quota;
  if (knob == Knob::kCpuWeight) return knobs.shares;
  return std::nullopt;
}

}  // namespace

std::optional<model::KnobValue> SimulatedHost::read(const decide::KnobRef& knob) const {
  const Group* group = find(knob.group);
  return group == nullptr ? std::nullopt : value_of(group->now, knob.knob);
}

std::optional<model::KnobValue> SimulatedHost::original(const decide::KnobRef& knob) const {
  const Group* group = find(knob.group);
  return group == nullptr ? std::nullopt : value_of(group->original, knob.knob);
}

bool SimulatedHost::write(const decide::KnobRef& knob, const model::KnobValue& value) {
  Group* group = find(knob.group);
  if (group == nullptr) return false;
  const auto* limit = std::get_if<model::Limit>(&value);
  const auto* number = std::get_if<model::Number>(&value);
  if (knob.knob == Knob::kCpuQuota && limit != nullptr) {
    if (limit->cpu && limit->cpu->value() <= 0) return false;
    group->now.quota = *limit;
    return true;
  }
  if (knob.knob == Knob::kCpuWeight && number != nullptr && number->value >= kLeastShares) {
    group->now.shares = *number;
    return true;
  }
  return false;
}

std::vector<SimulatedHost::Restored> SimulatedHost::restore() {
  std::vector<Restored> restored;
  const auto put_back = [&](const GroupRef& ref, Group& group) {
    if (group.now.quota != group.original.quota)
      restored.push_back({{ref, Knob::kCpuQuota}, group.now.quota, group.original.quota});
    if (group.now.shares != group.original.shares)
      restored.push_back({{ref, Knob::kCpuWeight}, group.now.shares, group.original.shares});
    group.now = group.original;
  };
  for (const KubeQos qos : {KubeQos::kGuaranteed, KubeQos::kBurstable, KubeQos::kBestEffort})
    put_back(model::root_of(qos), roots_[index_of(qos)]);
  for (std::size_t i = 0; i < pods_.size(); ++i) {
    put_back(model::group_of(pods_[i]), states_[i].pod);
    if (!pods_[i].containers.empty())
      put_back(model::group_of(pods_[i], pods_[i].containers.front()), states_[i].container);
  }
  return restored;
}

}  // namespace tideline::simulation
