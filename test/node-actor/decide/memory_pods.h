#pragma once
// Pods that ask for memory, kernels that have this or that of it, and what is wanted of them.

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "node-actor/decide/want.h"
#include "test/node-actor/decide/pods.h"

namespace tideline::decide::test {

inline constexpr std::int64_t kMi = 1LL << 20;
inline constexpr std::int64_t kGi = 1LL << 30;

/// What each container asks for; nullopt: nothing.
struct MemorySpec {
  std::optional<std::int64_t> request;
  std::optional<std::int64_t> limit;
};

/// Of BE pods in batch-memory. The pod asks for its containers' together, and has a limit if they all have one.
inline model::Pod with_memory(model::Pod pod, const std::vector<MemorySpec>& specs) {
  const bool is_batch = pod.qos == model::QosClass::kBe;
  const auto field = [&](model::Resources& resources) -> std::optional<model::Bytes>& {
    return is_batch ? resources.batch_memory : resources.memory;
  };
  std::int64_t requests = 0;
  std::int64_t limits = 0;
  bool is_limited = true;
  for (std::size_t i = 0; i < specs.size() && i < pod.containers.size(); ++i) {
    auto& container = pod.containers[i];
    if (specs[i].request) field(container.requests) = model::Bytes(*specs[i].request);
    if (specs[i].limit) field(container.limits) = model::Bytes(*specs[i].limit);
    requests += specs[i].request.value_or(0);
    limits += specs[i].limit.value_or(0);
    is_limited = is_limited && specs[i].limit.has_value();
  }
  if (requests > 0) field(pod.requests) = model::Bytes(requests);
  if (is_limited && limits > 0) field(pod.limits) = model::Bytes(limits);
  return pod;
}

/// A kernel that has these knobs of memory, and none of the others.
inline model::KnobSet memory_knobs(std::initializer_list<model::Knob> present) {
  model::KnobSet set;
  for (int i = static_cast<int>(model::Knob::kMemoryMin); i <= static_cast<int>(model::Knob::kPageCacheSync); ++i) {
    const auto knob = static_cast<model::Knob>(i);
    const bool has = std::find(present.begin(), present.end(), knob) != present.end();
    set.knobs.push_back({knob, has, "file", has ? "" : "no such file"});
  }
  return set;
}
inline model::KnobSet stock_v2() {
  return memory_knobs({model::Knob::kMemoryMin, model::Knob::kMemoryLow, model::Knob::kMemoryHigh,
                       model::Knob::kMemoryLimit, model::Knob::kOomGroup});
}
inline model::KnobSet stock_v1() {
  return memory_knobs({model::Knob::kMemoryLimit, model::Knob::kSoftLimit});
}
/// Alibaba Cloud Linux has all of it, on cgroup v1 too.
inline model::KnobSet alinux() {
  using model::Knob;
  return memory_knobs({Knob::kMemoryMin, Knob::kMemoryLow, Knob::kMemoryHigh, Knob::kMemoryLimit, Knob::kSoftLimit,
                       Knob::kOomGroup, Knob::kWmarkRatio, Knob::kWmarkScaleFactor, Knob::kWmarkMinAdj,
                       Knob::kMemoryPriority, Knob::kUsePriorityOom, Knob::kPageCacheEnable, Knob::kPageCacheSize,
                       Knob::kPageCacheSync});
}

/// nullptr: nobody wants it.
inline const Want* find_want(const Wants& wants, const model::GroupRef& group, model::Knob knob) {
  const auto found = std::find_if(wants.wants.begin(), wants.wants.end(),
                                  [&](const Want& want) { return want.group == group && want.knob == knob; });
  return found == wants.wants.end() ? nullptr : &*found;
}
/// Of a MemoryLimit; nullopt: nobody wants it, or none.
inline std::optional<std::int64_t> wanted_bytes(const Wants& wants, const model::GroupRef& group, model::Knob knob) {
  const auto* want = find_want(wants, group, knob);
  const auto* limit = want != nullptr ? std::get_if<model::MemoryLimit>(&want->value) : nullptr;
  if (limit == nullptr || !limit->bytes) return std::nullopt;
  return limit->bytes->value();
}
inline std::optional<std::int64_t> wanted_number(const Wants& wants, const model::GroupRef& group, model::Knob knob) {
  const auto* want = find_want(wants, group, knob);
  const auto* value = want != nullptr ? std::get_if<model::Number>(&want->value) : nullptr;
  if (value == nullptr) return std::nullopt;
  return value->value;
}

/// Not listed: "".
inline model::FeatureState told_of(const Wants& wants, const std::string& name) {
  for (const auto& feature : wants.features) {
    if (feature.feature == name) return feature;
  }
  return {};
}

}  // namespace tideline::decide::test
