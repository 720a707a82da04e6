#pragma once
// Rounds of the cpuset controller on synthetic hosts.

#include <algorithm>
#include <optional>
#include <vector>

#include "node-actor/decide/cpuset_control.h"
#include "test/node-actor/decide/cpu_hosts.h"
#include "test/node-actor/decide/worked_host.h"

namespace tideline::decide::test {

using model::GroupRef;
using model::Knob;
using model::QosClass;

inline model::KnobSet knobs_of(std::initializer_list<Knob> supported) {
  model::KnobSet set;
  for (const auto knob : {Knob::kCpuset, Knob::kCpuQuota}) {
    const bool has = std::find(supported.begin(), supported.end(), knob) != supported.end();
    set.knobs.push_back({knob, has, "file", has ? "" : "no such file"});
  }
  return set;
}

/// Koordinator's worked host (formula 8800 millicores), with all knobs.
inline CpusetInput worked_cpusets() {
  CpusetInput input;
  input.now = kNow;
  input.terms = decide_once(worked_host(CurrentLimit::none()), policy_of(SuppressPolicy::kCpuset)).terms;
  input.be_current = CpuSet{};
  input.knobs = knobs_of({Knob::kCpuset, Knob::kCpuQuota});
  return input;
}

inline std::optional<Want> want_for(const CpusetDecision& decision, const GroupRef& group, Knob knob = Knob::kCpuset) {
  for (const auto& want : decision.wants.wants) {
    if (want.group == group && want.knob == knob) return want;
  }
  return std::nullopt;
}

/// The set wanted for a group as text; "-" without one.
inline std::string set_for(const CpusetDecision& decision, const GroupRef& group) {
  const auto want = want_for(decision, group);
  return want ? model::text_of(want->value) : "-";
}
inline std::string set_of_container(const CpusetDecision& decision, const model::Pod& pod) {
  return set_for(decision, group_of(pod, pod.containers.at(0)));
}

inline const FeatureState* feature_of(const CpusetDecision& decision, std::string_view name) {
  for (const auto& feature : decision.wants.features) {
    if (feature.feature == name) return &feature;
  }
  return nullptr;
}

inline const GroupRef kBeRoot = model::root_of(model::KubeQos::kBestEffort);

}  // namespace tideline::decide::test
