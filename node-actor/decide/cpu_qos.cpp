#include "node-actor/decide/cpu_qos.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace tideline::decide {
namespace {

using model::CpuQosMechanism;
using model::CpuQosPolicy;
using model::FeatureState;
using model::GroupRef;
using model::Knob;
using model::KubeQos;
using model::Number;
using model::Pod;
using model::PodPhase;
using model::QosClass;
using model::Reason;
using State = FeatureState::State;

/// bvt-warp is written as Koordinator does; no kernel that has it was at hand.
constexpr const char* kUnverified = "its effect is not verified";

bool has_ended(const Pod& pod) {
  return pod.phase == PodPhase::kSucceeded || pod.phase == PodPhase::kFailed;
}

bool is_below_besteffort(const Pod& pod) {
  return pod.kube_qos == KubeQos::kBestEffort;
}

bool has_own_identity(const Pod& pod) {
  return pod.qos == QosClass::kLs && pod.cpu_qos.has_value() && !has_ended(pod);
}

int own_identity(const Pod& pod, const CpuQosPolicy& ls) {
  if (!pod.cpu_qos->enable) return 0;
  return pod.cpu_qos->group_identity.value_or(ls.enable ? ls.group_identity : 0);
}

class QosRound {
 public:
  QosRound(const std::vector<Pod>& pods, const model::KnobSet& knobs, const model::QosPolicy& qos)
      : pods_(pods), knobs_(knobs), qos_(qos) {}

  Wants run() {
    if (qos_.be.enable) yield_to_ls();
    if (qos_.cpu_policy == CpuQosMechanism::kGroupIdentity && knobs_.has(Knob::kBvtWarp)) identify();
    tell("cpuQOS.lsrClass", qos_.lsr, false);
    tell("cpuQOS.lsClass", qos_.ls, false);
    tell("cpuQOS.beClass", qos_.be, true);
    tell_annotations();
    return std::move(wants_);
  }

 private:
  void want(const GroupRef& group, Knob knob, Number value, Reason reason = Reason::kQosClass) {
    wants_.wants.push_back({group, knob, value, model::Controller::kCpuQos, reason});
  }

  void yield_to_ls() {
    const bool has_weight = knobs_.has(Knob::kCpuWeight);
    const bool idle = qos_.be.sched_idle == 1 && knobs_.has(Knob::kCpuIdle);
    if (has_weight) want(model::root_of(KubeQos::kBestEffort), Knob::kCpuWeight, kLeastWeight);
    for (const auto& pod : pods_) {
      if (pod.qos != QosClass::kBe || has_ended(pod)) continue;
      if (idle) {
        want(model::group_of(pod), Knob::kCpuIdle, Number{1});
      } else if (has_weight && !is_below_besteffort(pod)) {
        want(model::group_of(pod), Knob::kCpuWeight, kLeastWeight);
      }
      if (!idle || !is_below_besteffort(pod)) continue;
      for (const auto& container : pod.containers) {
        if (!container.id.empty()) want(model::group_of(pod, container), Knob::kCpuIdle, Number{1});
      }
    }
  }

  void identify() {
    const bool any = qos_.lsr.enable || qos_.ls.enable || qos_.be.enable;
    if (any) want(model::root_of(KubeQos::kGuaranteed), Knob::kBvtWarp, Number{0});
    if (qos_.ls.enable) want(model::root_of(KubeQos::kBurstable), Knob::kBvtWarp, Number{qos_.ls.group_identity});
    if (qos_.be.enable) want(model::root_of(KubeQos::kBestEffort), Knob::kBvtWarp, Number{qos_.be.group_identity});
    for (const auto& pod : pods_) {
      if (has_ended(pod)) continue;
      const auto* policy = cpu_qos_class_of(pod, qos_);
      if (has_own_identity(pod)) {
        want(model::group_of(pod), Knob::kBvtWarp, Number{own_identity(pod, qos_.ls)}, Reason::kPodOverride);
      } else if (policy != nullptr && policy->enable) {
        want(model::group_of(pod), Knob::kBvtWarp, Number{policy->group_identity});
      }
    }
  }

  std::string lack_of(Knob knob) const { return fmt::format("{}: {}", name_of(knob), knobs_.why_not(knob)); }

  void tell(const char* name, const CpuQosPolicy& policy, bool is_be) {
    if (!policy.enable) {
      wants_.features.push_back({name, State::kInactive, std::string(name_of(Reason::kDisabled))});
      return;
    }
    std::vector<std::string> have;
    std::vector<std::string> lack;
    if (qos_.cpu_policy == CpuQosMechanism::kCoreSched) {
      const auto what = fmt::format("coreSched{}", policy.core_expeller ? " with coreExpeller" : "");
      if (knobs_.has(Knob::kCoreSched)) {
        have.push_back(what + ": cookies");
      } else {
        lack.push_back(fmt::format("cpuPolicy {} needs {}", what, lack_of(Knob::kCoreSched)));
      }
    } else if (knobs_.has(Knob::kBvtWarp)) {
      have.push_back(fmt::format("groupIdentity {} ({})", policy.group_identity, kUnverified));
    } else if (policy.group_identity != 0) {
      lack.push_back(fmt::format("groupIdentity {} needs {}", policy.group_identity, lack_of(Knob::kBvtWarp)));
    }
    if (is_be) {
      if (knobs_.has(Knob::kCpuWeight)) {
        have.push_back(fmt::format("besteffort root at weight {}", kLeastWeight.value));
      } else {
        lack.push_back("the besteffort root's weight needs " + lack_of(Knob::kCpuWeight));
      }
      if (policy.sched_idle == 1 && knobs_.has(Knob::kCpuIdle)) have.push_back("schedIdle 1 on pods and containers");
      if (policy.sched_idle == 1 && !knobs_.has(Knob::kCpuIdle))
        lack.push_back("schedIdle 1 needs " + lack_of(Knob::kCpuIdle));
    } else if (policy.sched_idle == 1) {
      lack.push_back("schedIdle 1 would make latency-sensitive pods wait for all others and is not applied");
    }
    const auto applied = have.empty() ? "nothing to apply" : fmt::format("{}", fmt::join(have, ", "));
    if (lack.empty()) {
      wants_.features.push_back({name, State::kActive, applied});
    } else {
      wants_.features.push_back(
          {name, State::kUnsupported,
           fmt::format("{}; applied: {}", fmt::join(lack, "; "), have.empty() ? "nothing" : applied)});
    }
  }

  void tell_annotations() {
    const auto count = std::count_if(pods_.begin(), pods_.end(), has_own_identity);
    if (count == 0) return;
    FeatureState feature{"cpuQOS.annotation", State::kActive,
                         fmt::format("pods with their own groupIdentity: {}", count)};
    const bool asks = std::any_of(pods_.begin(), pods_.end(), [this](const Pod& pod) {
      return has_own_identity(pod) && own_identity(pod, qos_.ls) != 0;
    });
    if (qos_.cpu_policy == CpuQosMechanism::kCoreSched) {
      feature = {feature.feature, State::kInactive, "groupIdentity means nothing under cpuPolicy coreSched"};
    } else if (asks && !knobs_.has(Knob::kBvtWarp)) {
      feature.state = State::kUnsupported;
      feature.why += "; it needs " + lack_of(Knob::kBvtWarp);
    } else if (asks) {
      feature.why += fmt::format(" ({})", kUnverified);
    }
    wants_.features.push_back(std::move(feature));
  }

  const std::vector<Pod>& pods_;
  const model::KnobSet& knobs_;
  const model::QosPolicy& qos_;
  Wants wants_;
};

}  // namespace

const CpuQosPolicy* cpu_qos_class_of(const Pod& pod, const model::QosPolicy& qos) {
  switch (pod.qos) {
    case QosClass::kLse:
    case QosClass::kLsr:
      return pod.kube_qos == KubeQos::kGuaranteed && !qos.lsr.enable ? &qos.ls : &qos.lsr;
    case QosClass::kLs:
      return &qos.ls;
    case QosClass::kBe:
      return &qos.be;
    case QosClass::kSystem:
      return nullptr;
  }
  return nullptr;
}

Wants cpu_qos(const std::vector<model::Pod>& pods, const model::KnobSet& knobs,
              const std::optional<model::NodePolicy>& policy) {
  if (policy) return QosRound(pods, knobs, policy->qos).run();
  Wants none;
  for (const auto* name : {"cpuQOS.lsrClass", "cpuQOS.lsClass", "cpuQOS.beClass"})
    none.features.push_back({name, State::kInactive, std::string(name_of(Reason::kNoPolicy))});
  return none;
}

}  // namespace tideline::decide
