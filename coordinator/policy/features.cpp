#include "coordinator/policy/features.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace tideline::policy {
namespace {

using model::BurstPolicy;
using model::CpuQosMechanism;
using model::CpuQosPolicy;
using model::Knob;
using model::MemoryQosPolicy;
using model::NodePolicy;
using model::NodeStatus;
using model::SuppressPolicy;

/// A feature that the policy asks for, with all that is missing for it.
struct Asked {
  std::string feature;
  std::vector<std::string> missing;
};

class Asking {
 public:
  explicit Asking(const NodeStatus& status) : status_(status), knobs_{status.knobs} {}

  std::vector<Asked> all(const NodePolicy& policy) {
    suppress(policy.threshold);
    burst(policy.burst.policy);
    qos("cpuQOS.lsrClass", policy.qos.cpu_policy, policy.qos.lsr, false);
    qos("cpuQOS.lsClass", policy.qos.cpu_policy, policy.qos.ls, false);
    qos("cpuQOS.beClass", policy.qos.cpu_policy, policy.qos.be, true);
    memory_qos("memoryQOS.lsrClass", policy.qos.lsr_memory, false);
    memory_qos("memoryQOS.lsClass", policy.qos.ls_memory, false);
    memory_qos("memoryQOS.beClass", policy.qos.be_memory, true);
    relief(policy.threshold, policy.relief);
    evict(policy.threshold);
    amplify(policy.scaling);
    return std::move(asked_);
  }

 private:
  void ask(std::string feature) { asked_.push_back({std::move(feature), {}}); }
  void miss(std::string what) { asked_.back().missing.push_back(std::move(what)); }
  /// Of the feature asked for last.
  void need(Knob knob, std::string_view what = "", std::string_view instead = "") {
    if (status_.knobs.empty() || knobs_.has(knob)) return;
    miss(
        fmt::format("{}{}{}: {}{}", what, what.empty() ? "" : " needs ", name_of(knob), knobs_.why_not(knob), instead));
  }

  void suppress(const model::ThresholdPolicy& policy) {
    if (!policy.enable) return;
    ask(fmt::format("cpuSuppress.{}", name_of(policy.cpu_suppress_policy)));
    if (policy.cpu_suppress_policy == SuppressPolicy::kCpuset) {
      need(Knob::kCpuset, "", "; a quota to the same target stands in");
      return;
    }
    need(Knob::kCpuQuota);
    if (policy.cpu_suppress_policy == SuppressPolicy::kWorkConserving && !status_.protection.verified) {
      miss(fmt::format("unprotected: {}; a quota to the threshold stands in", status_.protection.why));
    }
  }

  void burst(BurstPolicy policy) {
    if (policy == BurstPolicy::kCpuBurstOnly || policy == BurstPolicy::kAuto) {
      ask("cpuBurst.kernel");
      need(Knob::kCpuBurst);
    }
    if (policy == BurstPolicy::kCfsQuotaBurstOnly || policy == BurstPolicy::kAuto) {
      ask("cpuBurst.quotaScaling");
      need(Knob::kCpuQuota);
    }
  }

  void qos(const char* feature, CpuQosMechanism mechanism, const CpuQosPolicy& policy, bool is_be) {
    if (!policy.enable) return;
    ask(feature);
    if (mechanism == CpuQosMechanism::kCoreSched) {
      need(Knob::kCoreSched, "cpuPolicy coreSched");
    } else if (policy.group_identity != 0) {
      need(Knob::kBvtWarp, fmt::format("groupIdentity {}", policy.group_identity));
    }
    if (is_be) need(Knob::kCpuWeight, "the besteffort root's weight");
    if (policy.sched_idle != 1) return;
    if (is_be) {
      need(Knob::kCpuIdle, "schedIdle 1");
    } else {
      miss("schedIdle 1 is never applied to services");
    }
  }

  /// Of cgroup version 1, also simulated.
  bool is_v1() const { return status_.cgroup_version.ends_with("v1"); }

  /// What does something: a value of 0 is not written.
  void memory_qos(const char* feature, const MemoryQosPolicy& policy, bool is_be) {
    if (!policy.enable) return;
    ask(feature);
    const auto value = [this](bool does_something, Knob knob, std::string_view key) {
      if (does_something) need(knob, key);
    };
    value(policy.min_limit_percent > 0, Knob::kMemoryMin, "minLimitPercent");
    value(policy.low_limit_percent > 0, Knob::kMemoryLow, "lowLimitPercent");
    value(policy.throttling_percent > 0, Knob::kMemoryHigh, "throttlingPercent");
    value(policy.wmark_ratio > 0, Knob::kWmarkRatio, "wmarkRatio");
    value(policy.wmark_ratio > 0, Knob::kWmarkScaleFactor, "wmarkScalePermill");
    value(policy.wmark_min_adj != 0, Knob::kWmarkMinAdj, "wmarkMinAdj");
    value(policy.priority_enable || policy.priority != 0, Knob::kMemoryPriority, "priority");
    value(policy.priority_enable, Knob::kUsePriorityOom, "priorityEnable");
    value(policy.oom_kill_group, Knob::kOomGroup, "oomKillGroup");
    value(policy.page_cache_enable.has_value(), Knob::kPageCacheEnable, "pageCacheEnable");
    value(policy.page_cache_limit_percent.has_value(), Knob::kPageCacheSize, "pageCacheLimitPercent");
    value(policy.page_cache_limit_size.has_value(), Knob::kPageCacheSize, "pageCacheLimitSize");
    value(policy.page_cache_reclaim_sync.has_value(), Knob::kPageCacheSync, "pageCacheReclaimSync");
    value(is_be && is_v1(), Knob::kSoftLimit, "to be reclaimed first");
  }

  /// Whether the kernel can reclaim by itself no knob tells: the node says so of "memoryRelief.reclaim".
  void relief(const model::ThresholdPolicy& threshold, const model::MemoryReliefPolicy& policy) {
    if (!threshold.enable || threshold.memory_evict_threshold_percent == 0) return;
    if (policy.reclaim) ask("memoryRelief.reclaim");
    if (policy.tighten) {
      ask("memoryRelief.tighten");
      need(is_v1() ? Knob::kMemoryLimit : Knob::kMemoryHigh);
    }
    if (policy.emergency_kill) ask("memoryRelief.emergencyKill");
  }

  void over_commit(const char* feature, std::optional<int> threshold, std::optional<int> lower) {
    if (!threshold && !lower) return;
    ask(feature);
    miss("no node is told what mid may have in all");
  }

  void evict(const model::ThresholdPolicy& policy) {
    if (!policy.enable) return;
    over_commit("cpuEvict.allocatable.mid-cpu", policy.cpu_allocatable_evict_threshold_percent,
                policy.cpu_allocatable_evict_lower_percent);
    over_commit("memoryEvict.allocatable.mid-memory", policy.memory_allocatable_evict_threshold_percent,
                policy.memory_allocatable_evict_lower_percent);
  }

  void amplify(const model::ScalingPolicy& policy) {
    if (policy.cpu_amplification == model::Ratio() && policy.memory_amplification == model::Ratio()) return;
    ask("resourceAmplification");
    miss("no allocatable is amplified but by Koordinator's webhook, which reads the ratio on the Node");
  }

  const NodeStatus& status_;
  model::KnobSet knobs_;
  std::vector<Asked> asked_;
};

bool names(const std::vector<Lack>& list, std::string_view feature) {
  return std::any_of(list.begin(), list.end(), [&](const Lack& lack) { return lack.feature == feature; });
}

std::vector<Lack> lacks_of(const std::vector<Asked>& asked) {
  std::vector<Lack> found;
  for (const auto& [feature, missing] : asked) {
    if (!missing.empty()) found.push_back({feature, fmt::format("{}", fmt::join(missing, "; "))});
  }
  return found;
}

}  // namespace

std::vector<Lack> lacks(const NodePolicy& policy, const NodeStatus& status) {
  return lacks_of(Asking(status).all(policy));
}

std::vector<Lack> lacks_after(const NodePolicy& now, const NodePolicy& then, const NodeStatus& status) {
  const auto asked = Asking(status).all(then);
  std::vector<std::string> wanted;
  wanted.reserve(asked.size());
  for (const auto& [feature, missing] : asked)
    wanted.push_back(feature);
  auto found = lacks_of(asked);
  const auto explained = lacks(now, status);
  for (const auto& said : status.features) {
    if (said.state != model::FeatureState::State::kUnsupported) continue;
    if (std::find(wanted.begin(), wanted.end(), said.feature) == wanted.end()) continue;
    if (!names(found, said.feature) && !names(explained, said.feature)) found.push_back({said.feature, said.why});
  }
  return found;
}

bool is_of_policy(std::string_view feature) {
  constexpr std::array<std::string_view, 5> kOfPods = {"cpuset", "batchLimits", "cpuQOS.annotation", "batchMemory",
                                                       "memoryQOS.annotation"};
  return std::find(kOfPods.begin(), kOfPods.end(), feature) == kOfPods.end();
}

}  // namespace tideline::policy
