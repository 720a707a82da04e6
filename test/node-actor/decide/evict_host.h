#pragma once
// A host with batch pods that runs in virtual time, second by second, under CPU eviction.

#include <optional>
#include <string>
#include <vector>

#include "node-actor/decide/cpu_evict.h"

namespace tideline::decide::test {

using namespace std::chrono_literals;

inline model::Pod batch_pod(const std::string& uid, std::int64_t request, std::optional<int> priority = 5000) {
  model::Pod pod;
  pod.uid = model::PodUid(uid);
  pod.name_space = "batch";
  pod.name = "job-" + uid;
  pod.qos = model::QosClass::kBe;
  pod.kube_qos = model::KubeQos::kBestEffort;
  pod.priority = priority;
  pod.requests.batch_cpu = model::MilliCpu(request);
  pod.eviction.enabled = true;
  return pod;
}

inline model::Pod service_pod(const std::string& uid, std::int64_t request) {
  model::Pod pod;
  pod.uid = model::PodUid(uid);
  pod.qos = model::QosClass::kLs;
  pod.kube_qos = model::KubeQos::kBurstable;
  pod.priority = 9000;
  pod.requests.cpu = model::MilliCpu(request);
  pod.eviction.enabled = true;
  return pod;
}

/// Koordinator's worked case: BE asks for 40000 millicores, may have 10000 and uses 9500; release 10000.
struct EvictHost {
  model::MonoTime now{5'000'000'000'000};
  std::string boot_id = "boot-1";
  NodeFacts node{model::MilliCpu(64000), model::MilliCpu(62000)};
  std::optional<model::MilliCpu> allocatable_batch_cpu = model::MilliCpu(20000);
  std::vector<model::Pod> pods = {batch_pod("a", 8000), batch_pod("b", 8000), batch_pod("c", 8000),
                                  batch_pod("d", 8000), batch_pod("e", 8000), service_pod("ls", 20000)};
  std::optional<model::MilliCpu> node_cpu = model::MilliCpu(30000);
  std::optional<model::MilliCpu> be_cpu = model::MilliCpu(9500);
  std::optional<model::MilliCpu> in_be = model::MilliCpu(0);  // of it by services
  std::optional<model::MilliCpu> be_limit = model::MilliCpu(10000);
  std::vector<model::PodUse> uses = {use("a", 1000), use("b", 3000), use("c", 2000),
                                     use("d", 1500), use("e", 2000), use("ls", 18000)};
  std::vector<PodWork> work;
  std::vector<model::PodUid> held;
  std::optional<model::NodePolicy> policy = satisfaction_policy();
  EvictState state = warm();

  static model::PodUse use(const std::string& uid, std::optional<std::int64_t> cpu) {
    model::PodUse made;
    made.uid = model::PodUid(uid);
    if (cpu) made.cpu = model::MilliCpu(*cpu);
    return made;
  }
  static model::NodePolicy satisfaction_policy() {
    model::NodePolicy made;
    made.threshold.enable = true;
    made.threshold.cpu_evict_be_satisfaction_lower_percent = 30;
    made.threshold.cpu_evict_be_satisfaction_upper_percent = 50;
    return made;
  }
  static model::NodePolicy node_usage_policy(int threshold, std::optional<int> lower, int priority = 5999) {
    model::NodePolicy made;
    made.threshold.enable = true;
    made.threshold.cpu_evict_threshold_percent = threshold;
    made.threshold.cpu_evict_lower_percent = lower;
    made.threshold.evict_enabled_priority_threshold = priority;
    return made;
  }
  static model::NodePolicy allocatable_policy(int threshold, int lower, int priority = 5999) {
    model::NodePolicy made;
    made.threshold.enable = true;
    made.threshold.cpu_allocatable_evict_threshold_percent = threshold;
    made.threshold.cpu_allocatable_evict_lower_percent = lower;
    made.threshold.allocatable_evict_priority_threshold = priority;
    return made;
  }
  /// A state whose first cool-down is over.
  static EvictState warm() {
    EvictState made;
    made.quiet_until = model::MonoTime{0};
    return made;
  }

  model::Pod& pod(const std::string& uid) {
    for (auto& candidate : pods) {
      if (candidate.uid.str() == uid) return candidate;
    }
    return pods.front();
  }
  std::optional<model::MilliCpu>& cpu_of(const std::string& uid) {
    for (auto& candidate : uses) {
      if (candidate.uid.str() == uid) return candidate.cpu;
    }
    return uses.front().cpu;
  }
  model::NodeSample sample() const {
    model::NodeSample made;
    made.at = now;
    made.window = 1s;
    made.node_cpu = node_cpu;
    made.be_cpu = be_cpu;
    made.app_cpu_in_be = in_be;
    made.pods = uses;
    return made;
  }
  EvictInput input(const model::NodeSample* newest) const {
    EvictInput made;
    made.now = now;
    made.boot_id = boot_id;
    made.node = node;
    made.allocatable_batch_cpu = allocatable_batch_cpu;
    made.pods = pods;
    made.sample = newest;
    made.be_real_limit = be_limit;
    made.work = work;
    made.held = held;
    return made;
  }
  /// A round on a sample of this moment.
  EvictDecision round() {
    const auto newest = sample();
    auto step = cpu_evict(state, input(&newest), policy);
    state = std::move(step.state);
    return std::move(step.decision);
  }
  /// A second later.
  EvictDecision next(model::Duration later = 1s) {
    now = now + later;
    return round();
  }
};

inline std::vector<std::string> uids_of(const EvictDecision& decision) {
  std::vector<std::string> uids;
  for (const auto& victim : decision.victims)
    uids.push_back(victim.uid.str());
  return uids;
}

inline model::FeatureState feature_of(const EvictDecision& decision, const std::string& feature) {
  for (const auto& state : decision.features) {
    if (state.feature == feature) return state;
  }
  return {"not listed: " + feature, model::FeatureState::State::kInactive, ""};
}

}  // namespace tideline::decide::test
