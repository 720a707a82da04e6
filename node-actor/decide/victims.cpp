#include "node-actor/decide/victims.h"

#include <algorithm>
#include <unordered_map>

#include "messages/model/report.h"

namespace tideline::decide {
namespace {

using model::MilliCpu;
using model::Pod;
using model::QosClass;
using model::Tier;

bool contains(const std::vector<model::PodUid>& uids, const model::PodUid& uid) {
  return std::find(uids.begin(), uids.end(), uid) != uids.end();
}

MilliCpu bounded(const std::optional<MilliCpu>& request) {
  return std::clamp(request.value_or(MilliCpu(0)), MilliCpu(0), MilliCpu(model::ReportLimits::kMaxMilliCpu));
}

bool within_priority(const std::optional<int>& threshold, const Pod& pod) {
  return threshold && eviction_priority_value(pod) <= *threshold;
}

std::optional<int> priority_threshold(EvictTask task, const model::ThresholdPolicy& policy) {
  return task == EvictTask::kNodeUsage ? policy.evict_enabled_priority_threshold
                                       : policy.allocatable_evict_priority_threshold;
}

double use_per_request(const RunningPod& pod, MilliCpu request) {
  if (request <= MilliCpu(0)) return 0;
  return static_cast<double>(pod.used.value_or(MilliCpu(0)).value()) / static_cast<double>(request.value());
}

}  // namespace

std::string_view feature_of(EvictTask task) {
  switch (task) {
    case EvictTask::kBeSatisfaction:
      return "cpuEvict.beSatisfaction";
    case EvictTask::kBatchAllocatable:
    case EvictTask::kCpuAllocatable:
      return "cpuEvict.allocatable";
    case EvictTask::kNodeUsage:
      return "cpuEvict.nodeUsage";
  }
  return "unknown";
}

std::string_view gate_of(EvictTask task) {
  switch (task) {
    case EvictTask::kBeSatisfaction:
      return "BECPUEvict";
    case EvictTask::kBatchAllocatable:
    case EvictTask::kCpuAllocatable:
      return "CPUAllocatableEvict";
    case EvictTask::kNodeUsage:
      return "CPUEvict";
  }
  return "unknown";
}

int eviction_priority_value(const Pod& pod) {
  if (pod.priority.value_or(0) != 0) return *pod.priority;
  switch (model::tier_of(pod.priority, pod.qos)) {
    case Tier::kProd:
      return 9500;
    case Tier::kMid:
      return 7500;
    case Tier::kBatch:
      return 5500;
    case Tier::kFree:
      return 3500;
  }
  return 9500;
}

std::vector<RunningPod> running_pods(std::span<const Pod> pods, const model::NodeSample* sample) {
  std::unordered_map<model::PodUid, MilliCpu> uses;
  if (sample != nullptr) {
    for (const auto& use : sample->pods) {
      if (use.cpu) uses.emplace(use.uid, *use.cpu);
    }
  }
  std::vector<RunningPod> running;
  running.reserve(pods.size());
  for (const auto& pod : pods) {
    if (pod.phase != model::PodPhase::kRunning) continue;
    const auto use = uses.find(pod.uid);
    running.push_back({&pod, use == uses.end() ? std::nullopt : std::optional(use->second)});
  }
  return running;
}

MilliCpu released_by(EvictTask task, const RunningPod& running, const model::ThresholdPolicy& policy) {
  const Pod& pod = *running.pod;
  switch (task) {
    case EvictTask::kBeSatisfaction:
      // A BE pod elsewhere in the tree neither uses nor is held by the besteffort root's limit.
      if (pod.qos != QosClass::kBe || pod.kube_qos != model::KubeQos::kBestEffort) return MilliCpu(0);
      return bounded(pod.requests.batch_cpu);
    case EvictTask::kBatchAllocatable:
    case EvictTask::kCpuAllocatable: {
      if (!within_priority(policy.allocatable_evict_priority_threshold, pod)) return MilliCpu(0);
      const Tier tier = model::tier_of(pod.priority, pod.qos);
      if (task == EvictTask::kBatchAllocatable) {
        return tier == Tier::kBatch ? bounded(pod.requests.batch_cpu) : MilliCpu(0);
      }
      return tier == Tier::kBatch || tier == Tier::kMid ? MilliCpu(0) : bounded(pod.requests.cpu);
    }
    case EvictTask::kNodeUsage:
      return bounded(running.used);
  }
  return MilliCpu(0);
}

bool may_evict(EvictTask task, const RunningPod& running, const model::ThresholdPolicy& policy) {
  const Pod& pod = *running.pod;
  if (pod.qos != QosClass::kBe || pod.phase != model::PodPhase::kRunning || pod.eviction.terminating) return false;
  if (const auto& allowed = pod.eviction.allowed_by;
      allowed && std::find(allowed->begin(), allowed->end(), gate_of(task)) == allowed->end()) {
    return false;
  }
  if (released_by(task, running, policy) <= MilliCpu(0)) return false;
  if (task == EvictTask::kBeSatisfaction) return true;
  return pod.eviction.enabled && running.used && within_priority(priority_threshold(task, policy), pod);
}

bool goes_before(EvictTask task, const RunningPod& a, const RunningPod& b, const model::ThresholdPolicy& policy) {
  const int priority_a = eviction_priority_value(*a.pod);
  const int priority_b = eviction_priority_value(*b.pod);
  const MilliCpu released_a = released_by(task, a, policy);
  const MilliCpu released_b = released_by(task, b, policy);
  if (task == EvictTask::kBeSatisfaction) {
    if (priority_a != priority_b) return priority_a < priority_b;
    const double greed_a = use_per_request(a, released_a);
    const double greed_b = use_per_request(b, released_b);
    if (greed_a != greed_b) return greed_a > greed_b;
    return a.pod->uid < b.pod->uid;
  }
  const auto& first = a.pod->eviction;
  const auto& second = b.pod->eviction;
  if (first.priority != second.priority) return first.priority < second.priority;
  if (priority_a != priority_b) return priority_a < priority_b;
  const int sub_a = first.sub_priority.value_or(priority_a);
  const int sub_b = second.sub_priority.value_or(priority_b);
  if (sub_a != sub_b) return sub_a < sub_b;
  if (released_a != released_b) return released_a > released_b;
  return a.pod->uid < b.pod->uid;
}

Picked pick_victims(EvictTask task, MilliCpu target, std::span<const RunningPod> pods, const Leaving& leaving,
                    const model::ThresholdPolicy& policy) {
  Picked picked;
  std::vector<RunningPod> candidates;
  for (const auto& pod : pods) {
    if (pod.pod->eviction.terminating || contains(leaving.credited, pod.pod->uid)) {
      picked.credited += released_by(task, pod, policy);
    } else if (may_evict(task, pod, policy) && !contains(leaving.barred, pod.pod->uid)) {
      candidates.push_back(pod);
    }
  }
  picked.candidates = candidates.size();
  std::sort(candidates.begin(), candidates.end(),
            [&](const RunningPod& a, const RunningPod& b) { return goes_before(task, a, b, policy); });
  for (const auto& candidate : candidates) {
    if (picked.credited + picked.released >= target) break;
    picked.released += released_by(task, candidate, policy);
    picked.victims.push_back(candidate);
  }
  return picked;
}

}  // namespace tideline::decide
