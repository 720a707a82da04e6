#include "node-actor/decide/be_split.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include <fmt/format.h>

#include "node-actor/decide/cpu_pools.h"

namespace tideline::decide {
namespace {

using model::FeatureState;
using model::Knob;
using model::MilliCpu;
using model::Reason;

/// One that takes part. In millicores.
struct Claim {
  std::int64_t weight = 1;
  std::optional<std::int64_t> most;  // nullopt: as much as there is
};

/// Max-min fair: who asks for less than its fair part gets that, and the rest is the others'.
std::vector<std::int64_t> fill(std::int64_t whole, const std::vector<Claim>& claims) {
  std::vector<std::int64_t> given(claims.size(), 0);
  std::vector<std::size_t> open;
  std::int64_t weights = 0;
  for (std::size_t i = 0; i < claims.size(); ++i) {
    open.push_back(i);
    weights += claims[i].weight;
  }
  std::int64_t left = whole;
  for (bool found = true; found && !open.empty();) {
    const auto to_give = left;
    const auto of = weights;
    const auto is_content = [&](std::size_t i) {
      const auto& claim = claims[i];
      if (!claim.most || *claim.most > to_give * claim.weight / of) return false;
      given[i] = *claim.most;
      left -= *claim.most;
      weights -= claim.weight;
      return true;
    };
    found = std::erase_if(open, is_content) > 0;
  }
  for (const auto i : open)
    given[i] = left * claims[i].weight / weights;
  return given;
}

std::int64_t band_of(std::int64_t part) {
  return std::max(part * kPartBandPercent / 100, kLeastQuota.value());
}

class SplitRound {
 public:
  SplitRound(const BeSplitState& before, const BeSplitInput& input)
      : before_(before), input_(input), whole_(input.whole->value()) {
    // In an order of their own, so that the input's means nothing.
    for (std::size_t i = 0; i < input.pods.size(); ++i)
      order_.push_back(i);
    std::sort(order_.begin(), order_.end(),
              [&](std::size_t a, std::size_t b) { return input.pods[a].uid < input.pods[b].uid; });
  }

  BeSplitStep run() {
    find_ideals();
    limits_.resize(ideals_.size());
    for (std::size_t i = 0; i < ideals_.size(); ++i)
      limits_[i] = after_falls(i, false);
    if (allowed() + kKernelMinimum.value() > whole_) {
      for (std::size_t i = 0; i < ideals_.size(); ++i)
        limits_[i] = after_falls(i, true);
    }
    // Who waited longest comes first.
    std::stable_sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) { return since(a) < since(b); });
    for (const auto i : order_)
      rise(i);
    return hand_out();
  }

 private:
  /// What one is to ask for. `part`: that it has, nullopt: none yet.
  static std::optional<std::int64_t> demand(std::optional<MilliCpu> used, std::optional<std::int64_t> part,
                                            std::int64_t fair) {
    if (!used) return part;
    if (part && used->value() * 100 >= *part * kHungryPercent) return std::nullopt;
    return std::max({used->value() * kHeadroomPercent / 100, fair * kIdlePercent / 100, kKernelMinimum.value()});
  }

  std::optional<std::int64_t> part_of(std::size_t i) const {
    const auto found = before_.parts.find(input_.pods[i].uid);
    return found == before_.parts.end() ? std::nullopt : std::optional(found->second.limit.value());
  }

  void find_ideals() {
    const std::int64_t root_weight = std::max(input_.root_pods, 1);
    const auto weights = root_weight + static_cast<std::int64_t>(input_.pods.size());
    std::vector<Claim> claims;
    for (std::size_t i = 0; i < input_.pods.size(); ++i) {
      const auto& pod = input_.pods[i];
      Claim claim{1, demand(pod.used, part_of(i), whole_ / weights)};
      if (pod.own_limit) claim.most = std::min(claim.most.value_or(pod.own_limit->value()), pod.own_limit->value());
      claims.push_back(claim);
    }
    // What it used it used under the quota of before, too: one that just rose is not used in full yet.
    const auto root = std::min(input_.root, before_.root.value_or(input_.root));
    claims.push_back({root_weight, demand(input_.root_used, root.value(), whole_ * root_weight / weights)});
    ideals_ = fill(whole_, claims);
    ideals_.pop_back();
    for (auto& ideal : ideals_)
      ideal = std::max(ideal, kKernelMinimum.value());
  }

  std::int64_t after_falls(std::size_t i, bool every) const {
    const auto part = part_of(i);
    if (!part) return ideals_[i];
    return *part - ideals_[i] >= (every ? 1 : band_of(*part)) ? ideals_[i] : *part;
  }

  /// What the pod may use or, not being held, uses.
  std::int64_t allowance(std::size_t i, std::int64_t limit) const {
    const auto& pod = input_.pods[i];
    const auto own = pod.own_limit ? std::min(limit, pod.own_limit->value()) : limit;
    return pod.held || !pod.used ? own : std::max(own, pod.used->value());
  }
  std::int64_t allowed() const {
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < limits_.size(); ++i)
      sum += allowance(i, limits_[i]);
    return sum;
  }

  model::MonoTime since(std::size_t i) const {
    const auto found = before_.parts.find(input_.pods[i].uid);
    return found == before_.parts.end() ? input_.now : found->second.changed;
  }

  bool may_rise(std::size_t i) const {
    if (!before_.parts.contains(input_.pods[i].uid) || !input_.pods[i].used) return false;
    return input_.now - since(i) >= kPartPace && ideals_[i] - limits_[i] >= band_of(limits_[i]);
  }

  void rise(std::size_t i) {
    if (!may_rise(i)) return;
    const auto room = std::max<std::int64_t>(whole_ - input_.root.value() - allowed(), 0);
    const auto target = std::min(ideals_[i], limits_[i] + room);
    if (target - limits_[i] >= band_of(limits_[i])) limits_[i] = target;
  }

  /// What the next round may make of them, for which the root makes room now.
  std::vector<std::int64_t> next_limits() const {
    auto next = limits_;
    for (const auto i : order_) {
      if (may_rise(i)) next[i] = ideals_[i];
    }
    return next;
  }

  BeSplitStep hand_out() const {
    BeSplitStep step;
    BeSplit split;
    std::int64_t in_force = 0;
    std::int64_t outside = 0;
    const auto next = next_limits();
    for (std::size_t i = 0; i < limits_.size(); ++i) {
      const auto& pod = input_.pods[i];
      const MilliCpu limit(limits_[i]);
      split.pods.push_back({pod.uid, limit, !pod.own_limit || limit < *pod.own_limit});
      split.not_held += pod.held ? 0 : 1;
      in_force += allowance(i, limits_[i]);
      outside += allowance(i, next[i]);
      const auto known = before_.parts.find(pod.uid);
      const bool stays = known != before_.parts.end() && known->second.limit == limit;
      step.state.parts[pod.uid] = {limit, stays ? known->second.changed : input_.now};
    }
    split.in_force = MilliCpu(in_force);
    split.outside = MilliCpu(outside);
    split.root = std::max(*input_.whole - split.outside, kKernelMinimum);
    step.state.root = input_.root;
    step.split = std::move(split);
    return step;
  }

  const BeSplitState& before_;
  const BeSplitInput& input_;
  std::int64_t whole_;
  std::vector<std::size_t> order_;
  std::vector<std::int64_t> ideals_;
  std::vector<std::int64_t> limits_;
};

}  // namespace

bool is_outside_be(const model::Pod& pod) {
  return pod.qos == model::QosClass::kBe && pod.kube_qos != model::KubeQos::kBestEffort && is_live(pod);
}

BeSplitStep be_split(const BeSplitState& state, const BeSplitInput& input) {
  if (!input.whole || input.pods.empty()) return {};
  return SplitRound(state, input).run();
}

Wants outside_wants(const std::optional<BeSplit>& split, const BeSplitInput& input, const model::KnobSet& knobs,
                    bool enabled) {
  Wants wants;
  if (input.pods.empty() || !enabled) return wants;
  FeatureState feature{"cpuSuppress.outside", FeatureState::State::kActive, {}};
  const auto count = input.pods.size();
  if (!knobs.has(Knob::kCpuQuota)) {
    feature.state = FeatureState::State::kUnsupported;
    feature.why = fmt::format("BE pods outside the besteffort root: {}, not limited: {}: {}", count,
                              name_of(Knob::kCpuQuota), knobs.why_not(Knob::kCpuQuota));
  } else if (!split) {
    feature.state = FeatureState::State::kInactive;
    feature.why = fmt::format("BE pods outside the besteffort root: {}; BE has no quota", count);
  } else {
    feature.why = fmt::format("BE pods outside the besteffort root: {}, with {} of {} millicores; the root has {}",
                              count, split->outside.value(), input.whole->value(), split->root.value());
    if (split->not_held > 0) feature.why += fmt::format("; not held: {}", split->not_held);
    const auto want = [&](const model::GroupRef& group, MilliCpu limit) {
      wants.wants.push_back(
          {group, Knob::kCpuQuota, model::Limit{limit}, model::Controller::kCpuSuppress, Reason::kOutsideBe});
    };
    for (std::size_t i = 0; i < count; ++i) {
      const auto& part = split->pods[i];
      if (!part.binds) continue;
      const auto& pod = input.pods[i];
      const model::GroupRef group{model::GroupRef::Level::kPod, pod.qos, pod.uid, {}};
      want(group, part.limit);
      for (const auto& container : pod.containers) {
        if (!container.own_limit || *container.own_limit <= part.limit) continue;
        want({model::GroupRef::Level::kContainer, group.qos, group.pod, container.id}, part.limit);
      }
    }
  }
  wants.features.push_back(std::move(feature));
  return wants;
}

std::optional<MilliCpu> rebalanced_root(const RootInput& input) {
  constexpr double kRootBandPercent = 5;
  const auto at_most = std::max(input.whole - input.in_force, kKernelMinimum);
  if (at_most + kLeastQuota <= input.root) return at_most;
  const auto wanted = std::max(input.whole - input.outside, kKernelMinimum);
  if (!input.is_due || (wanted > input.root && !input.may_raise)) return std::nullopt;
  const MilliCpu change(std::abs((wanted - input.root).value()));
  return change >= std::max(input.root.percent(kRootBandPercent), kLeastQuota) ? std::optional(wanted) : std::nullopt;
}

}  // namespace tideline::decide
