#pragma once
// A host of 32 cores with one LS container of 2 cores, and rounds of a second on it.

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "node-actor/decide/cpu_burst.h"

namespace tideline::decide::test {

using namespace std::chrono_literals;
using model::BurstPolicy;
using model::FeatureState;
using model::Knob;
using model::MilliCpu;
using model::MonoTime;
using model::Pod;
using model::PodUid;
using model::Reason;

inline model::NodePolicy burst_policy(BurstPolicy policy, int quota_percent = 300, int period_seconds = -1) {
  model::NodePolicy node;
  node.burst.policy = policy;
  node.burst.cfs_quota_burst_percent = quota_percent;
  node.burst.cfs_quota_burst_period_seconds = period_seconds;
  return node;
}

inline model::Container container_of(std::string id, std::optional<std::int64_t> limit_milli) {
  model::Container container;
  container.name = "name-" + id;
  container.id = std::move(id);
  if (limit_milli) container.limits.cpu = MilliCpu(*limit_milli);
  return container;
}

inline Pod pod_of(std::string uid, std::vector<model::Container> containers,
                  model::QosClass qos = model::QosClass::kLs) {
  Pod pod;
  pod.uid = PodUid(std::move(uid));
  pod.qos = qos;
  pod.containers = std::move(containers);
  return pod;
}

inline model::KnobSet all_knobs() {
  return {{{Knob::kCpuQuota, true, "cpu.max", ""}, {Knob::kCpuBurst, true, "cpu.max.burst", ""}}};
}

/// What was wanted, by group and knob, in millicores.
using WantedMilli = std::map<std::pair<std::string, Knob>, std::int64_t>;

struct BurstHost {
  std::vector<Pod> pods{pod_of("web", {container_of("c", 2000)})};
  model::KnobSet knobs = all_knobs();
  MilliCpu capacity{32000};
  model::Duration interval = 1s;
  BurstState state;
  MonoTime now{1'000'000'000'000};
  std::optional<model::NodeSample> sample;

  /// A fresh sample in which every container of every pod was read.
  model::NodeSample quiet(std::int64_t node_milli = 3000) const {
    model::NodeSample fresh;
    fresh.at = now;
    fresh.window = interval;
    fresh.node_cpu = MilliCpu(node_milli);
    for (const auto& pod : pods) {
      model::PodUse use;
      use.uid = pod.uid;
      use.cpu = MilliCpu(1000);
      for (const auto& container : pod.containers) {
        if (container.limits.cpu) use.containers.push_back({container.id, MilliCpu(1000), 0.0});
      }
      fresh.pods.push_back(std::move(use));
    }
    return fresh;
  }
  model::NodeSample throttled(std::int64_t node_milli = 3000) const {
    auto fresh = quiet(node_milli);
    for (auto& pod : fresh.pods) {
      for (auto& container : pod.containers)
        container.throttled_ratio = 0.4;
    }
    return fresh;
  }

  BurstDecision round(const std::optional<model::NodePolicy>& policy) {
    BurstInput input;
    input.now = now;
    input.capacity = capacity;
    input.pods = pods;
    input.sample = sample ? &*sample : nullptr;
    input.pod_interval = interval;
    input.knobs = knobs;
    auto step = cpu_burst(std::move(state), input, policy);
    state = std::move(step.state);
    return std::move(step.decision);
  }
  /// One interval later, with that sample.
  BurstDecision next(const std::optional<model::NodePolicy>& policy, model::NodeSample fresh) {
    now = now + interval;
    fresh.at = now;
    sample = std::move(fresh);
    return round(policy);
  }
  /// One interval later, without a new sample.
  BurstDecision silence(const std::optional<model::NodePolicy>& policy, model::Duration time = 1s) {
    now = now + time;
    return round(policy);
  }
};

inline WantedMilli wanted(const BurstDecision& decision) {
  WantedMilli all;
  for (const auto& want : decision.wants.wants) {
    const auto name = want.group.level == model::GroupRef::Level::kPod ? want.group.pod.str() : want.group.container_id;
    all[{name, want.knob}] = std::get<model::Limit>(want.value).cpu.value().value();
  }
  return all;
}

inline std::optional<std::int64_t> quota_of(const BurstDecision& decision, const std::string& group) {
  const auto all = wanted(decision);
  const auto found = all.find({group, Knob::kCpuQuota});
  return found == all.end() ? std::nullopt : std::optional(found->second);
}

inline std::optional<std::int64_t> burst_of(const BurstDecision& decision, const std::string& group) {
  const auto all = wanted(decision);
  const auto found = all.find({group, Knob::kCpuBurst});
  return found == all.end() ? std::nullopt : std::optional(found->second);
}

inline FeatureState feature_of(const BurstDecision& decision, const std::string& name) {
  for (const auto& feature : decision.wants.features) {
    if (feature.feature == name) return feature;
  }
  return {"not listed", FeatureState::State::kInactive, ""};
}

}  // namespace tideline::decide::test
