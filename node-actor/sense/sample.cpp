#include "node-actor/sense/sample.h"

#include <algorithm>
#include <unordered_map>

#include "node-actor/sense/growth.h"
#include "node-actor/sense/memory_signals.h"

namespace tideline::sense {

using model::Duration;
using model::MilliCpu;

namespace {

// Below this much CPU a second the quotient of waiting and use says nothing.
constexpr double kLeastLsCpuPerSecond = 0.001;

/// The window of a pair of readings; nullopt when no rate can be made of them.
std::optional<Duration> window_of(model::MonoTime before, model::MonoTime now, const SampleLimits& limits) {
  const Duration window = now - before;
  if (window <= model::kZeroDuration || window > limits.max_window) return std::nullopt;
  return window;
}

std::optional<MilliCpu> rate(const std::optional<Duration>& used, Duration window) {
  if (!used) return std::nullopt;
  return model::cpu_rate(*used, window);
}

std::optional<double> throttled_ratio(const model::GroupCounters& before, const model::GroupCounters& now) {
  if (!before.nr_periods || !now.nr_periods || !before.nr_throttled || !now.nr_throttled) return std::nullopt;
  const auto periods = *now.nr_periods - *before.nr_periods;
  const auto throttled = *now.nr_throttled - *before.nr_throttled;
  if (periods < 0 || throttled < 0) return std::nullopt;
  if (periods == 0) return 0.0;
  return std::min(1.0, static_cast<double>(throttled) / static_cast<double>(periods));
}

bool same_group(const model::GroupCounters& before, const model::GroupCounters& now) {
  return before.inode != 0 && before.inode == now.inode;
}

bool is_ls(const model::PodCounters& pod) {
  return !pod.below_besteffort &&
         (pod.qos == model::QosClass::kLse || pod.qos == model::QosClass::kLsr || pod.qos == model::QosClass::kLs);
}

/// What a pod did between two readings of the same group.
struct PodGrowth {
  std::optional<Duration> cpu;
  std::optional<Duration> waited;
};

PodGrowth growth_of(const model::GroupCounters* before, const model::GroupCounters& now) {
  PodGrowth grown;
  if (before == nullptr || !same_group(*before, now)) return grown;
  grown.cpu = growth(before->cpu, now.cpu);
  if (before->cpu_stall && now.cpu_stall) {
    grown.waited = growth(before->cpu_stall->some, now.cpu_stall->some);
  } else {
    grown.waited = growth(before->run_delay, now.run_delay);
  }
  return grown;
}

/// `uses` are in the order of `now`.
void take_containers(std::vector<model::ContainerUse>& uses, const std::vector<model::ContainerCounters>& before,
                     const std::vector<model::ContainerCounters>& now, Duration window) {
  for (std::size_t i = 0; i < now.size(); ++i) {
    const auto was = std::find_if(before.begin(), before.end(),
                                  [&](const model::ContainerCounters& other) { return other.id == now[i].id; });
    if (was == before.end() || !same_group(was->group, now[i].group)) continue;
    uses[i].cpu = rate(growth(was->group.cpu, now[i].group.cpu), window);
    uses[i].throttled_ratio = throttled_ratio(was->group, now[i].group);
  }
}

/// Finds pods of an earlier reading. Nearly always they are where they were; only otherwise an index is made.
class Earlier {
 public:
  explicit Earlier(const std::vector<model::PodCounters>& pods) : pods_(pods) {}
  /// nullptr: it was not there. `place`: of the pod in the reading after.
  const model::PodCounters* find(const model::PodUid& uid, std::size_t place) {
    if (place < pods_.size() && pods_[place].uid == uid) return &pods_[place];
    if (by_uid_.empty()) {
      for (const auto& pod : pods_)
        by_uid_.emplace(pod.uid, &pod);
    }
    const auto found = by_uid_.find(uid);
    return found == by_uid_.end() ? nullptr : found->second;
  }

 private:
  const std::vector<model::PodCounters>& pods_;
  std::unordered_map<model::PodUid, const model::PodCounters*> by_uid_;
};

model::ApplicationState state_of(const model::ApplicationCounters& application) {
  using State = model::ApplicationState;
  if (application.holds_pods) return State::kHoldsPods;
  if (application.group.inode == 0) return application.failed ? State::kUnreadable : State::kNotFound;
  return application.group.cpu ? State::kMeasured : State::kUnreadable;
}

void take_application_levels(model::NodeSample& sample, const std::vector<model::ApplicationCounters>& applications) {
  for (const auto& application : applications) {
    const auto state = state_of(application);
    sample.applications.push_back({.name = application.name,
                                   .tier = application.tier,
                                   .qos = application.qos,
                                   .group = application.where,
                                   .state = state,
                                   .cpu = {},
                                   .memory = application.group.memory});
    const bool runs = state == model::ApplicationState::kMeasured || state == model::ApplicationState::kUnreadable;
    if (!runs || (application.below_besteffort && application.qos == model::QosClass::kBe)) continue;
    sample.app_cpu.reset();
    if (application.below_besteffort) sample.app_cpu_in_be.reset();
  }
}

void take_levels(model::NodeSample& sample, const model::HostCounters& now) {
  sample.at = now.at;
  sample.wall = now.wall;
  if (now.memory_total && now.memory_available && *now.memory_available <= *now.memory_total) {
    sample.node_memory = *now.memory_total - *now.memory_available;
  }
  sample.be_memory = now.best_effort.memory;
  sample.be_limit = now.be_limit;
  sample.be_cpus = now.be_cpus;
  sample.memory_side.be_usage = now.best_effort.memory_side.usage;
  sample.memory_side.be_reclaimable = now.best_effort.memory_side.reclaimable;
  std::optional<model::Bytes> ls_memory = model::Bytes(0);
  sample.pods.reserve(now.pods.size());
  for (const auto& pod : now.pods) {
    if (is_ls(pod) && pod.group.inode != 0) add(ls_memory, pod.group.memory);
    model::PodUse use;
    use.uid = pod.uid;
    use.memory = pod.group.memory;
    use.memory_usage = pod.group.memory_side.usage;
    use.containers.reserve(pod.containers.size());
    for (const auto& container : pod.containers)
      use.containers.push_back({.id = container.id, .cpu = {}, .throttled_ratio = {}});
    sample.pods.push_back(std::move(use));
  }
  sample.ls_memory = ls_memory;
  take_application_levels(sample, now.applications);
}

/// What applications used between two readings. Those that are not there use nothing; one that is there and cannot be
/// read makes the first two unknown, and stays in the system's use where that has it.
struct ApplicationGrowth {
  std::optional<Duration> services = model::kZeroDuration;        // see NodeSample::app_cpu
  std::optional<Duration> services_in_be = model::kZeroDuration;  // see NodeSample::app_cpu_in_be
  Duration outside_be = model::kZeroDuration;                     // as far as known
  bool hidden = false;  // use of prod or mid may be in the besteffort root's, and is not told apart from it
};

bool is_hidden(const model::ApplicationCounters& application, const std::optional<Duration>& grown) {
  const bool is_charged = application.tier == model::Tier::kProd || application.tier == model::Tier::kMid;
  return is_charged && application.below_besteffort && !grown;
}

/// Fills in the uses, which are in the order of `now`.
ApplicationGrowth take_applications(std::vector<model::ApplicationUse>& uses,
                                    const std::vector<model::ApplicationCounters>& before,
                                    const std::vector<model::ApplicationCounters>& now, Duration window) {
  ApplicationGrowth all;
  for (std::size_t i = 0; i < now.size(); ++i) {
    const auto state = uses[i].state;
    if (state == model::ApplicationState::kHoldsPods && is_hidden(now[i], std::nullopt)) all.hidden = true;
    if (state != model::ApplicationState::kMeasured && state != model::ApplicationState::kUnreadable) continue;
    const auto was = std::find_if(before.begin(), before.end(), [&](const model::ApplicationCounters& other) {
      return other.where == now[i].where && same_group(other.group, now[i].group);
    });
    const auto grown = was == before.end() ? std::nullopt : growth(was->group.cpu, now[i].group.cpu);
    uses[i].cpu = rate(grown, window);
    if (is_hidden(now[i], grown)) all.hidden = true;
    if (!now[i].below_besteffort) all.outside_be += grown.value_or(model::kZeroDuration);
    if (now[i].below_besteffort && now[i].qos == model::QosClass::kBe) continue;
    add(all.services, grown);
    if (now[i].below_besteffort) add(all.services_in_be, grown);
  }
  return all;
}

/// nullopt: not the same groups as before, or one cannot be read.
std::optional<MilliCpu> rate_of_all(const std::vector<model::GroupCpu>& before, const std::vector<model::GroupCpu>& now,
                                    Duration window) {
  if (before.size() != now.size()) return std::nullopt;
  Duration sum{0};
  for (std::size_t i = 0; i < now.size(); ++i) {
    if (before[i].inode != now[i].inode) return std::nullopt;
    if (now[i].inode == 0) continue;
    const auto grown = growth(before[i].cpu, now[i].cpu);
    if (!grown) return std::nullopt;
    sum += *grown;
  }
  return rate(sum, window);
}

}  // namespace

model::FastSample fast_sample(const model::FastCounters& before, const model::FastCounters& now,
                              const SampleLimits& limits) {
  model::FastSample sample;
  sample.at = now.at;
  const auto window = window_of(before.at, now.at, limits);
  if (!window) return sample;
  sample.window = *window;
  sample.node_cpu = rate(growth(before.node_cpu, now.node_cpu), *window);
  if (before.be_inode != 0 && before.be_inode == now.be_inode) {
    sample.be_cpu = rate(growth(before.be_cpu, now.be_cpu), *window);
    if (before.be_periods && now.be_periods && *now.be_periods >= *before.be_periods) {
      sample.be_periods = *now.be_periods - *before.be_periods;
    }
  }
  if (before.pods.inode != 0 && before.pods.inode == now.pods.inode) {
    sample.pods_cpu = rate(growth(before.pods.cpu, now.pods.cpu), *window);
  }
  sample.be_outside_cpu = rate_of_all(before.be_outside, now.be_outside, *window);
  return sample;
}

model::NodeSample first_sample(const model::HostCounters& now) {
  model::NodeSample sample;
  take_levels(sample, now);
  return sample;
}

model::NodeSample node_sample(const model::HostCounters& before, const model::HostCounters& now,
                              const SampleLimits& limits) {
  model::NodeSample sample = first_sample(now);
  const auto window = window_of(before.at, now.at, limits);
  if (!window) return sample;
  sample.window = *window;

  const auto node = growth(before.node_cpu, now.node_cpu);
  std::optional<Duration> best_effort;
  if (same_group(before.best_effort, now.best_effort))
    best_effort = growth(before.best_effort.cpu, now.best_effort.cpu);
  sample.node_cpu = rate(node, *window);
  sample.be_cpu = rate(best_effort, *window);
  sample.cpu_pressure = pressure(before.cpu_stall, now.cpu_stall, *window);
  sample.memory_pressure = pressure(before.memory_stall, now.memory_stall, *window);
  sample.io_pressure = pressure(before.io_stall, now.io_stall, *window);
  sample.memory_side.host = host_signals(before, now, *window);
  sample.memory_side.be = group_signals(before.best_effort, now.best_effort, *window, limits.max_stat_window);

  Earlier earlier(before.pods);

  std::optional<Duration> ls = model::kZeroDuration;
  std::optional<Duration> ls_waited = model::kZeroDuration;
  std::optional<Duration> in_pods = best_effort;
  auto ls_signals = no_signals();
  for (std::size_t i = 0; i < now.pods.size(); ++i) {
    const auto& pod = now.pods[i];
    if (pod.group.inode == 0) continue;  // no group: it runs nothing now
    const auto* found = earlier.find(pod.uid, i);
    const auto* was = found == nullptr ? nullptr : &found->group;
    const auto grown = growth_of(was, pod.group);
    auto& use = sample.pods[i];
    use.cpu = rate(grown.cpu, *window);
    if (was != nullptr && same_group(*was, pod.group)) {
      use.throttled_ratio = throttled_ratio(*was, pod.group);
      const auto delayed = growth(was->run_delay, pod.group.run_delay);
      if (delayed) use.run_delay = in_seconds(*delayed) / in_seconds(*window);
      use.memory_signals = group_signals(*was, pod.group, *window, limits.max_stat_window);
      take_containers(use.containers, found->containers, pod.containers, *window);
    }
    if (!pod.below_besteffort) {
      add(in_pods, grown.cpu);
    } else if (pod.qos != model::QosClass::kBe && !grown.cpu) {
      in_pods.reset();  // it may be charged as prod: neither batch's nor the system's
    }
    if (!is_ls(pod)) continue;
    add(ls, grown.cpu);
    add(ls_waited, grown.waited);
    add_signals(ls_signals, use.memory_signals);
  }
  sample.memory_side.ls = ls_signals;
  const auto applications = take_applications(sample.applications, before.applications, now.applications, *window);
  sample.app_cpu = rate(applications.services, *window);
  sample.app_cpu_in_be = rate(applications.services_in_be, *window);
  sample.ls_cpu = rate(ls, *window);
  if (node && in_pods && !applications.hidden) {
    const auto system = *node - *in_pods - applications.outside_be;
    sample.system_cpu = rate(std::max(model::kZeroDuration, system), *window);
  }
  if (ls && ls_waited && in_seconds(*ls) >= kLeastLsCpuPerSecond * in_seconds(*window)) {
    sample.ls_delay_per_cpu = in_seconds(*ls_waited) / in_seconds(*ls);
  }
  return sample;
}

}  // namespace tideline::sense
