#include "node-actor/decide/victims.h"

#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

#include "messages/model/report.h"

namespace tideline::decide {
namespace {

using model::Bytes;
using model::MilliCpu;
using model::Pod;
using model::QosClass;
using model::Tier;

bool contains(const std::vector<model::PodUid>& uids, const model::PodUid& uid) {
  return std::find(uids.begin(), uids.end(), uid) != uids.end();
}

EvictAmount bounded_amount(const std::optional<MilliCpu>& cpu) {
  return std::clamp(cpu.value_or(MilliCpu(0)), MilliCpu(0), MilliCpu(model::ReportLimits::kMaxMilliCpu));
}

EvictAmount bounded_amount(const std::optional<Bytes>& memory) {
  return std::clamp(memory.value_or(Bytes(0)), Bytes(0), Bytes(model::ReportLimits::kMaxMemoryBytes));
}

bool within_priority(const std::optional<int>& threshold, const Pod& pod) {
  return threshold && eviction_priority_value(pod) <= *threshold;
}

/// Of use by the whole node.
bool is_of_node(EvictTask task) {
  return task == EvictTask::kNodeUsage || task == EvictTask::kNodeMemory;
}

/// Of BE as a whole: no label is needed.
bool is_of_be(EvictTask task) {
  return task == EvictTask::kBeSatisfaction || task == EvictTask::kBeMemory;
}

std::optional<int> priority_threshold(EvictTask task, const model::ThresholdPolicy& policy) {
  return is_of_node(task) ? policy.evict_enabled_priority_threshold : policy.allocatable_evict_priority_threshold;
}

bool has_reading(EvictTask task, const RunningPod& pod) {
  return is_of_memory(task) ? pod.memory.has_value() : pod.used.has_value();
}

double use_per_request(const RunningPod& pod, EvictAmount request) {
  if (request <= EvictAmount()) return 0;
  return static_cast<double>(pod.used.value_or(MilliCpu(0)).value()) / static_cast<double>(request.value());
}

/// Batch pods ask in the one, pods that are neither batch nor mid in the other.
template <class Unit>
EvictAmount requested_of(const Pod& pod, const std::optional<Unit>& of_batch, const std::optional<Unit>& native,
                         bool batch, const model::ThresholdPolicy& policy) {
  if (!within_priority(policy.allocatable_evict_priority_threshold, pod)) return {};
  const Tier tier = model::tier_of(pod.priority, pod.qos);
  if (batch) return tier == Tier::kBatch ? bounded_amount(of_batch) : EvictAmount();
  return tier == Tier::kBatch || tier == Tier::kMid ? EvictAmount() : bounded_amount(native);
}

}  // namespace

model::Controller controller_of(EvictTask task) {
  return is_of_memory(task) ? model::Controller::kMemoryEvict : model::Controller::kCpuEvict;
}

std::string_view feature_of(EvictTask task) {
  switch (task) {
    case EvictTask::kBeSatisfaction:
      return "cpuEvict.beSatisfaction";
    case EvictTask::kBatchAllocatable:
    case EvictTask::kCpuAllocatable:
      return "cpuEvict.allocatable";
    case EvictTask::kNodeUsage:
      return "cpuEvict.nodeUsage";
    case EvictTask::kBeMemory:
      return "memoryEvict.beUsage";
    case EvictTask::kBatchMemoryAllocatable:
    case EvictTask::kMemoryAllocatable:
      return "memoryEvict.allocatable";
    case EvictTask::kNodeMemory:
      return "memoryEvict.nodeUsage";
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
    case EvictTask::kBeMemory:
      return "BEMemoryEvict";
    case EvictTask::kBatchMemoryAllocatable:
    case EvictTask::kMemoryAllocatable:
      return "MemoryAllocatableEvict";
    case EvictTask::kNodeMemory:
      return "MemoryEvict";
  }
  return "unknown";
}

std::string text_of(EvictTask task, EvictAmount amount) {
  return fmt::format("{} {}", amount.value(), is_of_memory(task) ? "bytes" : "millicores");
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
  std::unordered_map<std::string_view, const model::PodUse*> uses;
  if (sample != nullptr) {
    uses.reserve(sample->pods.size());
    for (const auto& use : sample->pods)
      uses.try_emplace(use.uid.str(), &use);
  }
  std::vector<RunningPod> running;
  running.reserve(pods.size());
  for (const auto& pod : pods) {
    if (pod.phase != model::PodPhase::kRunning) continue;
    const auto use = uses.find(pod.uid.str());
    if (use == uses.end()) {
      running.push_back({.pod = &pod, .used = std::nullopt});
    } else {
      running.push_back({.pod = &pod, .used = use->second->cpu, .memory = use->second->memory});
    }
  }
  return running;
}

EvictAmount released_by(EvictTask task, const RunningPod& running, const model::ThresholdPolicy& policy) {
  const Pod& pod = *running.pod;
  const auto& requests = pod.requests;
  switch (task) {
    case EvictTask::kBeSatisfaction:
      // A BE pod elsewhere in the tree neither uses nor is held by the besteffort root's limit.
      if (pod.qos != QosClass::kBe || pod.kube_qos != model::KubeQos::kBestEffort) return {};
      return bounded_amount(requests.batch_cpu);
    case EvictTask::kBatchAllocatable:
    case EvictTask::kCpuAllocatable:
      return requested_of(pod, requests.batch_cpu, requests.cpu, task == EvictTask::kBatchAllocatable, policy);
    case EvictTask::kBatchMemoryAllocatable:
    case EvictTask::kMemoryAllocatable:
      return requested_of(pod, requests.batch_memory, requests.memory, task == EvictTask::kBatchMemoryAllocatable,
                          policy);
    case EvictTask::kNodeUsage:
      return bounded_amount(running.used);
    case EvictTask::kBeMemory:
    case EvictTask::kNodeMemory:
      return bounded_amount(running.memory);
  }
  return {};
}

bool allows(const Pod& pod, EvictTask task) {
  const auto& allowed = pod.eviction.allowed_by;
  return !allowed || std::find(allowed->begin(), allowed->end(), gate_of(task)) != allowed->end();
}

bool may_evict(EvictTask task, const RunningPod& running, const model::ThresholdPolicy& policy) {
  const Pod& pod = *running.pod;
  if (pod.qos != QosClass::kBe || pod.phase != model::PodPhase::kRunning || pod.eviction.terminating) return false;
  if (!allows(pod, task)) return false;
  if (released_by(task, running, policy) <= EvictAmount()) return false;
  if (is_of_be(task)) return true;
  return pod.eviction.enabled && has_reading(task, running) && within_priority(priority_threshold(task, policy), pod);
}

bool goes_before(EvictTask task, const RunningPod& a, const RunningPod& b, const model::ThresholdPolicy& policy) {
  const int priority_a = eviction_priority_value(*a.pod);
  const int priority_b = eviction_priority_value(*b.pod);
  const EvictAmount released_a = released_by(task, a, policy);
  const EvictAmount released_b = released_by(task, b, policy);
  if (is_of_be(task)) {
    if (priority_a != priority_b) return priority_a < priority_b;
    if (task == EvictTask::kBeSatisfaction) {
      const double greed_a = use_per_request(a, released_a);
      const double greed_b = use_per_request(b, released_b);
      if (greed_a != greed_b) return greed_a > greed_b;
    } else if (released_a != released_b) {
      return released_a > released_b;
    }
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

Picked pick_victims(EvictTask task, EvictAmount target, std::span<const RunningPod> pods, const Leaving& leaving,
                    const model::ThresholdPolicy& policy) {
  Picked picked;
  std::vector<RunningPod> candidates;
  for (const auto& pod : pods) {
    if (pod.pod->eviction.terminating || contains(leaving.credited, pod.pod->uid)) {
      const auto amount = released_by(task, pod, policy);
      if (amount <= EvictAmount()) continue;
      picked.credited += amount;
      picked.credits.push_back({pod.pod->uid, amount});
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
