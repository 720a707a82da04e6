#include "node-actor/decide/core_sched.h"

#include <fmt/format.h>

#include "node-actor/decide/cpu_qos.h"

namespace tideline::decide {
namespace {

using model::CoreSchedPolicy;
using model::Pod;

std::optional<CookieGroup> group_of(const Pod& pod, const model::QosPolicy& qos) {
  const auto* policy = cpu_qos_class_of(pod, qos);
  if (policy == nullptr || !policy->enable) return std::nullopt;
  CookieGroup group{.id = {}, .exclusive = {}, .expeller = policy->core_expeller};
  switch (pod.core_sched.policy) {
    case CoreSchedPolicy::kNone:
      return std::nullopt;
    case CoreSchedPolicy::kExclusive:
      group.exclusive = pod.uid;
      break;
    case CoreSchedPolicy::kGroup:
      group.id = pod.core_sched.group_id;
      break;
  }
  return group;
}

}  // namespace

std::string text_of(const CookieGroup& group) {
  const auto whom = group.exclusive.empty() ? fmt::format("group '{}'", group.id)
                                            : fmt::format("pod {} alone", group.exclusive.str());
  return whom + (group.expeller ? ", expeller" : "");
}

std::vector<CookieWant> core_sched(const std::vector<Pod>& pods, const model::KnobSet& knobs,
                                   const std::optional<model::NodePolicy>& policy) {
  std::vector<CookieWant> wants;
  const bool asked = policy && policy->qos.cpu_policy == model::CpuQosMechanism::kCoreSched && !policy->dry_run.cpu_qos;
  if (!asked || !knobs.has(model::Knob::kCoreSched)) return wants;
  for (const auto& pod : pods) {
    if (pod.phase == model::PodPhase::kSucceeded || pod.phase == model::PodPhase::kFailed) continue;
    wants.push_back({model::group_of(pod), group_of(pod, policy->qos)});
  }
  return wants;
}

}  // namespace tideline::decide
