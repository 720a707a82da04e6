#include "node-actor/decide/cpuset_control.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "node-actor/decide/cpu_pick.h"

namespace tideline::decide {
namespace {

using model::Controller;
using model::CpuSet;
using model::FeatureState;
using model::Knob;
using model::Pod;
using model::Reason;

bool is_be(const Pod& pod) {
  return pod.qos == model::QosClass::kBe;
}

/// `count` CPUs of the BE pool: lent ones and others in proportion to how many there are. Both parts only grow with the
/// count, so that no CPU is exchanged for another when it changes.
CpuSet choose_be(const model::Topology& topology, const CpuPools& pools, const CpuSet& previous, int count) {
  const CpuSet lent = pools.lent();
  const int total = pools.be.size();
  const int of_lent = total == 0 ? 0 : static_cast<int>(std::int64_t{count} * lent.size() / total);
  const CpuSet others = pick_cpus(topology, {.allowed = pools.be - lent,
                                             .previous = previous,
                                             .bound = pools.lse | pools.lsr | pools.exclusive,
                                             .beside = {},
                                             .count = count - of_lent});
  return others | pick_cpus(topology, {.allowed = lent,
                                       .previous = previous,
                                       .bound = pools.lse | pools.exclusive,
                                       .beside = others,
                                       .count = of_lent});
}

/// One round while it is decided.
struct CpusetRound {
  const model::Topology& topology;
  const std::vector<Pod>& pods;
  const CpusetInput& input;
  const std::optional<model::NodePolicy>& policy;
  CpusetState& state;
  CpusetDecision& decision;

  bool formula_rules() const {
    return policy && policy->threshold.enable &&
           policy->threshold.cpu_suppress_policy == model::SuppressPolicy::kCpuset;
  }

  bool is_there(const Pod& pod) const {
    const auto& lingering = input.lingering;
    return is_live(pod) || std::find(lingering.begin(), lingering.end(), pod.uid) != lingering.end();
  }

  /// Nobody but BE would be held to what the besteffort root is held to.
  bool root_is_be_only() const {
    return std::none_of(pods.begin(), pods.end(), [&](const Pod& pod) {
      return is_there(pod) && pod.kube_qos == model::KubeQos::kBestEffort && !is_be(pod);
    });
  }

  /// The last set, as far as it is known to be online.
  std::optional<CpusetTarget> last(const std::optional<CpuSet>& set) const {
    if (!set) return std::nullopt;
    const auto& online = decision.pools.online;
    CpuSet still = online.empty() ? *set : *set & online;
    if (still.empty()) return std::nullopt;
    return CpusetTarget{std::move(still), online.empty() ? Reason::kStaleSample : Reason::kNoCpusLeft,
                        Controller::kCpuset};
  }

  /// As many CPUs as before, and the same ones unless some of them may not be used any more.
  CpusetTarget held(const CpuSet& previous, Reason reason) const {
    const auto& pools = decision.pools;
    CpuSet cpus = pools.be.contains(previous)
                      ? previous
                      : choose_be(topology, pools, previous, std::min(previous.size(), pools.be.size()));
    return {std::move(cpus), reason, Controller::kCpuSuppress};
  }

  /// What BE may have where no formula rules.
  std::optional<CpusetTarget> be_pool() const {
    const auto& pools = decision.pools;
    if (pools.bound_pods == 0 || pools.be == pools.online) return std::nullopt;
    if (pools.be.empty()) return last(state.be);
    return CpusetTarget{pools.be, Reason::kSharePool, Controller::kCpuset};
  }

  /// What BE has, as far as it is known.
  std::optional<CpuSet> be_previous() const {
    if (state.be) return state.be;
    if (input.be_current && input.be_current->empty()) return decision.pools.online;
    return input.be_current;
  }

  std::optional<CpusetTarget> be_by_formula() {
    const auto& pools = decision.pools;
    const auto previous = be_previous();
    if (pools.be.empty()) {
      auto kept = last(previous);
      if (kept) kept->controller = Controller::kCpuSuppress;
      return kept;
    }
    auto step = be_cpu_count(state.count,
                             {.now = input.now,
                              .host_cpus = pools.online.size(),
                              .pool_cpus = pools.be.size(),
                              .current = previous ? std::optional(previous->size()) : std::nullopt},
                             input.terms);
    state.count = step.state;
    decision.count = step.decision;
    const auto& count = decision.count.count;
    if (!count) return be_pool();
    if (decision.count.rule == Reason::kStaleSample && previous) {
      // After a start, a BE that nobody confined stays so until there is a sample.
      if (!state.be && previous->contains(pools.be)) return be_pool();
      return held(*previous, Reason::kStaleSample);
    }
    return CpusetTarget{choose_be(topology, pools, previous.value_or(CpuSet{}), *count), Reason::kSuppressedCpus,
                        Controller::kCpuSuppress};
  }

  /// Another policy holds BE by a quota or by weights, and does not do so yet.
  bool waits_for_limit() const {
    if (!state.suppressed || !policy->threshold.enable || input.terms.by_weights) return false;
    const bool is_fresh = input.terms.formula && input.terms.non_be_pods_used;
    if (input.be_limit) return !is_fresh && input.be_limit->value() > std::int64_t{1000} * state.be->size();
    return !is_fresh || input.knobs.has(Knob::kCpuQuota);
  }

  std::optional<CpusetTarget> be_target() {
    if (formula_rules()) return be_by_formula();
    state.count = {};
    if (decision.pools.online.empty()) return last(state.be);
    // Neither absence of a policy nor that of data must raise what BE gets.
    const bool stays = state.be && (!policy || waits_for_limit());
    if (!stays) return be_pool();
    if (decision.pools.be.empty()) return last(state.be);
    return held(*state.be, policy ? Reason::kStaleSample : Reason::kNoPolicy);
  }

  bool is_suppressed(const CpusetTarget& be) const {
    if (be.reason == Reason::kSuppressedCpus) return true;
    if (be.reason == Reason::kSharePool) return false;
    // A last set that stays.
    return state.be ? state.suppressed : !be.cpus.contains(decision.pools.online);
  }

  std::optional<CpusetTarget> ls_target() const {
    const auto& pools = decision.pools;
    if (pools.bound_pods == 0) return std::nullopt;
    if (pools.ls.empty()) return last(state.ls);
    return CpusetTarget{pools.ls, Reason::kSharePool, Controller::kCpuset};
  }

  /// Kubelet places it.
  bool is_kubelets(const Pod& pod) const {
    return input.node.manager == KubeletCpuManager::kStatic && pod.kube_qos == model::KubeQos::kGuaranteed;
  }

  void want(const model::GroupRef& group, const CpusetTarget& target) {
    decision.wants.wants.push_back({group, Knob::kCpuset, target.cpus, target.controller, target.reason});
  }

  void want_for_containers(const Pod& pod, const CpusetTarget& target) {
    for (const auto& container : pod.containers) {
      if (!container.id.empty()) want(group_of(pod, container), target);
    }
  }

  void want_unlimited(const model::GroupRef& group) {
    decision.wants.wants.push_back({group, Knob::kCpuQuota, model::Limit{}, Controller::kCpuset, Reason::kBoundCpus});
  }

  void want_bound(const Pod& pod) {
    const auto& pools = decision.pools;
    CpuSet own = online_bound(pools, pod);
    if (bound_too_tightly(pools, pod)) {
      if (decision.ls) own = own | decision.ls->cpus;
      if (!own.empty()) want_for_containers(pod, {std::move(own), Reason::kSharePool, Controller::kCpuset});
      return;
    }
    want_for_containers(pod, {std::move(own), Reason::kBoundCpus, Controller::kCpuset});
    // Without a container to bind it would be neither bound nor limited.
    const bool is_bound = std::any_of(pod.containers.begin(), pod.containers.end(),
                                      [](const model::Container& container) { return !container.id.empty(); });
    if (!is_bound || !input.knobs.has(Knob::kCpuQuota)) return;
    want_unlimited(group_of(pod));
    for (const auto& container : pod.containers) {
      if (!container.id.empty()) want_unlimited(group_of(pod, container));
    }
  }

  void want_be(const CpusetTarget& target) {
    const bool containers_only = input.node.manager == KubeletCpuManager::kStatic;
    if (!containers_only && root_is_be_only()) want(root_of(model::KubeQos::kBestEffort), target);
    for (const auto& pod : pods) {
      if (!is_be(pod) || !is_there(pod)) continue;
      if (containers_only && is_kubelets(pod)) continue;
      if (!containers_only) want(group_of(pod), target);
      want_for_containers(pod, target);
    }
  }

  void want_all() {
    for (const auto& pod : pods) {
      if (!is_live(pod) || is_be(pod) || pod.qos == model::QosClass::kSystem) continue;
      if (binding_of(pod) != Binding::kNone) {
        want_bound(pod);
      } else if (decision.ls && !is_kubelets(pod)) {
        want_for_containers(pod, *decision.ls);
      }
    }
    if (!decision.be) return;
    want_be(*decision.be);
    const bool only_told =
        decision.be->controller == Controller::kCpuSuppress && policy && policy->dry_run.cpu_suppress;
    if (const auto base = be_pool(); only_told && base && base->controller == Controller::kCpuset) want_be(*base);
  }

  FeatureState cpuset_feature() const {
    const auto& pools = decision.pools;
    FeatureState feature{"cpuset", FeatureState::State::kInactive, "no pod is bound to CPUs"};
    if (pools.bound_pods > 0) {
      if (const auto why = input.knobs.why_not(Knob::kCpuset); !why.empty()) {
        return {"cpuset", FeatureState::State::kUnsupported, why};
      }
      feature.state = FeatureState::State::kActive;
      const auto shown = [](const CpuSet& set) { return set.empty() ? "none" : set.text(); };
      feature.why = fmt::format("{} bound pods, LSE on {}, LSR on {}; LS pool {}, BE pool {}", pools.bound_pods,
                                shown(pools.lse), shown(pools.lsr), shown(pools.ls), shown(pools.be));
      if (pools.ls.empty()) feature.why += "; no CPU left for LS: its last set stays";
      if (pools.be.empty()) feature.why += "; no CPU left for BE: its last set stays";
      if (const auto why = input.knobs.why_not(Knob::kCpuQuota); !why.empty()) {
        feature.why += "; bound pods keep their own quota: " + why;
      }
    }
    if (input.node.manager == KubeletCpuManager::kStatic) {
      feature.why += fmt::format("; kubelet's static CPU manager gave away {}",
                                 pools.exclusive.empty() ? "no CPU" : pools.exclusive.text());
    }
    if (!input.node.reserved.empty()) feature.why += "; reserved " + input.node.reserved.text();
    for (const auto& remark : pools.remarks)
      feature.why += "; " + remark;
    if (pools.more_remarks > 0) feature.why += fmt::format("; and {} more of that", pools.more_remarks);
    return feature;
  }

  FeatureState suppress_feature() const {
    FeatureState feature{"cpuSuppress.cpuset", FeatureState::State::kUnsupported, input.knobs.why_not(Knob::kCpuset)};
    if (!feature.why.empty()) {
      feature.why += "; BE is limited by cfsQuota to the same target instead";
      return feature;
    }
    const auto& be = decision.be;
    feature.state = be ? FeatureState::State::kActive : FeatureState::State::kInactive;
    if (be && !formula_rules()) {
      feature.why = fmt::format("BE stays on {} until another limit holds it", be->cpus.text());
    } else if (decision.pools.be.empty()) {
      feature.why = be ? fmt::format("no CPU is known that may be taken: BE stays on {}", be->cpus.text())
                       : "no CPU may be taken, and BE has no last set";
    } else if (!be || be->controller != Controller::kCpuSuppress) {
      feature.state = FeatureState::State::kInactive;
      feature.why = fmt::format("BE is not confined yet: {}", name_of(Reason::kStaleSample));
    } else {
      feature.why = fmt::format("BE on {} ({} CPUs of {} asked for): {}", be->cpus.text(), be->cpus.size(),
                                decision.count.asked, name_of(decision.count.rule));
    }
    if (be && input.node.manager == KubeletCpuManager::kStatic) {
      feature.why += "; containers only, kubelet's CPU manager is static";
    } else if (be && !root_is_be_only()) {
      feature.why += "; not the besteffort root, for pods that are not BE live below it";
    }
    return feature;
  }

  void decide() {
    if (input.knobs.has(Knob::kCpuset)) {
      decision.ls = ls_target();
      decision.be = be_target();
      want_all();
      state.suppressed = decision.be && is_suppressed(*decision.be);
      state.be = decision.be ? std::optional(decision.be->cpus) : std::nullopt;
      if (decision.ls) {
        state.ls = decision.ls->cpus;
      } else if (decision.pools.bound_pods == 0) {
        state.ls.reset();
      }
    } else {
      state = {};
    }
    auto& features = decision.wants.features;
    features.push_back(cpuset_feature());
    const bool stays = policy && decision.be && decision.be->controller == Controller::kCpuSuppress;
    if (formula_rules() || stays) features.push_back(suppress_feature());
    constexpr std::size_t kMostText = model::ReportLimits::kMaxTextBytes;
    for (auto& feature : features) {
      if (feature.why.size() > kMostText) feature.why.resize(kMostText);
    }
  }
};

}  // namespace

CpusetStep cpuset_control(const CpusetState& state, const model::Topology& topology, const std::vector<Pod>& pods,
                          const CpusetInput& input, const std::optional<model::NodePolicy>& policy) {
  CpusetStep step{state, {}};
  step.decision.pools = cpu_pools(topology, pods, input.node);
  CpusetRound{topology, pods, input, policy, step.state, step.decision}.decide();
  return step;
}

}  // namespace tideline::decide
