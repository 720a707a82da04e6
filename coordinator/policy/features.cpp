#include "coordinator/policy/features.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace tideline::policy {
namespace {

using model::BurstPolicy;
using model::CpuQosMechanism;
using model::CpuQosPolicy;
using model::Knob;
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

  void evict(const model::ThresholdPolicy& policy) {
    if (!policy.enable) return;
    if (!policy.cpu_allocatable_evict_threshold_percent && !policy.cpu_allocatable_evict_lower_percent) return;
    ask("cpuEvict.allocatable.mid-cpu");
    miss("no node is told what mid may have in all");
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
  constexpr std::array<std::string_view, 3> kOfPods = {"cpuset", "batchLimits", "cpuQOS.annotation"};
  return std::find(kOfPods.begin(), kOfPods.end(), feature) == kOfPods.end();
}

}  // namespace tideline::policy
