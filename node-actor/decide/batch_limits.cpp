#include "node-actor/decide/batch_limits.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

namespace tideline::decide {
namespace {

using model::FeatureState;
using model::GroupRef;
using model::Knob;
using model::MilliCpu;
using model::Pod;
using model::PodPhase;
using model::Reason;
using Cap = std::optional<MilliCpu>;  // nullopt: none

/// What one group asks for. nullopt limit: none.
struct Ask {
  MilliCpu request;
  std::optional<MilliCpu> limit;
};

MilliCpu bounded(MilliCpu cpu) {
  return std::clamp(cpu, MilliCpu(0), MilliCpu(model::ReportLimits::kMaxMilliCpu));
}

Ask ask_of(const model::Resources& requests, const model::Resources& limits) {
  Ask ask{bounded(requests.batch_cpu.value_or(MilliCpu(0))), {}};
  if (limits.batch_cpu && limits.batch_cpu->value() > 0) ask.limit = bounded(*limits.batch_cpu);
  return ask;
}

bool asks(const model::Resources& requests, const model::Resources& limits) {
  return requests.batch_cpu || limits.batch_cpu;
}

bool has_batch_spec(const Pod& pod) {
  if (pod.containers.empty()) return asks(pod.requests, pod.limits);
  return std::any_of(pod.containers.begin(), pod.containers.end(),
                     [](const model::Container& container) { return asks(container.requests, container.limits); });
}

Ask ask_of(const Pod& pod) {
  if (pod.containers.empty()) return ask_of(pod.requests, pod.limits);
  Ask sum{MilliCpu(0), MilliCpu(0)};
  for (const auto& container : pod.containers) {
    const auto ask = ask_of(container.requests, container.limits);
    sum.request += ask.request;
    if (!ask.limit) sum.limit.reset();
    if (sum.limit) *sum.limit += *ask.limit;
  }
  return sum;
}

model::Number weight_of(MilliCpu request) {
  return {std::clamp(request.value() * 1024 / 1000, kLeastShares, kMostShares)};
}

/// nullopt: nothing is wanted, for the quota that the group has without us is the tighter one.
std::optional<model::Limit> quota_of(const Ask& ask, Cap cap, Cap own, model::Ratio normalization) {
  Cap asked;
  if (ask.limit) asked = std::max(normalization.into(*ask.limit), kLeastQuota);
  // It could not bind, the kernel would refuse it, and followed it would be written each time the parent's changes.
  if (asked && cap && *asked > *cap) asked.reset();
  if (own && (!asked || *own <= *asked)) return std::nullopt;
  return model::Limit{asked};
}

class LimitsRound {
 public:
  LimitsRound(const model::KnobSet& knobs, const BatchLimitsInput& input) : knobs_(knobs), input_(input) {}

  Wants run(const std::vector<Pod>& pods) {
    for (const auto& pod : pods) {
      if (pod.qos != model::QosClass::kBe) continue;
      if (pod.phase == PodPhase::kSucceeded || pod.phase == PodPhase::kFailed) continue;
      if (has_batch_spec(pod)) {
        ++limited_;
        limit(pod);
      } else {
        ++untouched_;
      }
    }
    tell();
    return std::move(wants_);
  }

 private:
  void limit(const Pod& pod) {
    const auto cap = cap_of(pod);
    want(model::group_of(pod), ask_of(pod), cap);
    for (const auto& container : pod.containers) {
      if (container.id.empty()) continue;
      want(model::group_of(pod, container), ask_of(container.requests, container.limits), cap);
    }
  }

  void want(const GroupRef& group, const Ask& ask, Cap cap) {
    const auto by = model::Controller::kBatchLimits;
    if (knobs_.has(Knob::kCpuWeight))
      wants_.wants.push_back({group, Knob::kCpuWeight, weight_of(ask.request), by, Reason::kBatchRequest});
    if (!knobs_.has(Knob::kCpuQuota)) return;
    const auto own = input_.own_limits.find(group);
    const auto quota =
        quota_of(ask, cap, own != input_.own_limits.end() ? Cap(own->second) : Cap(), input_.normalization);
    if (quota) wants_.wants.push_back({group, Knob::kCpuQuota, *quota, by, Reason::kBatchLimit});
  }

  /// The least quota that other mechanisms have on this pod or above it, where that binds its own.
  Cap cap_of(const Pod& pod) const {
    Cap cap;
    if (!input_.is_v1) return cap;
    if (pod.kube_qos == model::KubeQos::kBestEffort) cap = input_.be_root_limit;
    const auto own = input_.pod_limits.find(pod.uid);
    if (own != input_.pod_limits.end()) cap = cap ? std::min(*cap, own->second) : own->second;
    return cap;
  }

  void tell() {
    FeatureState feature{"batchLimits", FeatureState::State::kInactive, {}};
    const auto untouched =
        untouched_ == 0 ? "" : fmt::format("; BE pods left alone, {}: {}", name_of(Reason::kNoBatchSpec), untouched_);
    if (limited_ == 0) {
      feature.why = "no pod asks for batch-cpu" + untouched;
    } else {
      feature.state = FeatureState::State::kActive;
      feature.why = fmt::format("pods limited by their batch-cpu: {}{}", limited_, untouched);
      if (input_.normalization != model::Ratio()) {
        feature.why += fmt::format("; {:.2f} of batch-cpu are a CPU here", input_.normalization.value());
      }
      for (const auto knob : {Knob::kCpuQuota, Knob::kCpuWeight}) {
        if (knobs_.has(knob)) continue;
        feature.why = fmt::format("{}: {}; {}", name_of(knob), knobs_.why_not(knob), feature.why);
        feature.state = FeatureState::State::kUnsupported;
      }
    }
    wants_.features.push_back(std::move(feature));
  }

  const model::KnobSet& knobs_;
  const BatchLimitsInput& input_;
  Wants wants_;
  int limited_ = 0;
  int untouched_ = 0;
};

}  // namespace

Wants batch_limits(const std::vector<model::Pod>& pods, const model::KnobSet& knobs, const BatchLimitsInput& input) {
  return LimitsRound(knobs, input).run(pods);
}

}  // namespace tideline::decide
