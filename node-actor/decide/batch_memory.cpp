#include "node-actor/decide/batch_memory.h"

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "node-actor/decide/cpu_pools.h"

namespace tideline::decide {
namespace {

using model::Bytes;
using model::FeatureState;
using model::GroupRef;
using model::Knob;
using model::Pod;
using model::Reason;
using GroupBytes = std::map<GroupRef, Bytes>;

/// Of the pods that wait above their limit so many are named.
constexpr std::size_t kMostNamed = 2;

Bytes batch_bytes(Bytes bytes) {
  return std::clamp(bytes, Bytes(0), Bytes(model::ReportLimits::kMaxMemoryBytes));
}

/// nullopt: no limit, which a limit of nothing is, too.
std::optional<Bytes> batch_memory_limit(const model::Resources& limits) {
  if (!limits.batch_memory || *limits.batch_memory <= Bytes(0)) return std::nullopt;
  return batch_bytes(*limits.batch_memory);
}

std::optional<Bytes> batch_memory_limit(const Pod& pod) {
  if (pod.containers.empty()) return batch_memory_limit(pod.limits);
  Bytes sum;
  for (const auto& container : pod.containers) {
    const auto limit = batch_memory_limit(container.limits);
    if (!limit) return std::nullopt;
    sum = batch_bytes(sum + *limit);
  }
  return sum;
}

bool asks_batch_memory(const model::Resources& requests, const model::Resources& limits) {
  return requests.batch_memory || limits.batch_memory;
}

bool asks_batch_memory(const Pod& pod) {
  if (pod.containers.empty()) return asks_batch_memory(pod.requests, pod.limits);
  return std::any_of(pod.containers.begin(), pod.containers.end(), [](const model::Container& container) {
    return asks_batch_memory(container.requests, container.limits);
  });
}

Bytes slack_of(Bytes bytes) {
  return bytes.percent(kSlackPercent);
}

Bytes stepped_up(Bytes bytes) {
  const auto step = kStep.value();
  return Bytes((bytes.value() + step - 1) / step * step);
}

std::optional<Bytes> bytes_of_group(const GroupBytes& known, const GroupRef& group) {
  const auto found = known.find(group);
  if (found == known.end()) return std::nullopt;
  return batch_bytes(found->second);
}

/// `before`: the limit that was wanted last. nullopt: none can be set yet.
std::optional<Bytes> limit_for_now(Bytes target, std::optional<Bytes> used, std::optional<Bytes> before) {
  if (!used) return before;
  if (*used <= target - slack_of(target)) return target;
  if (before && *used > *before + slack_of(*before)) before.reset();
  if (before && *before <= target) return target;
  const auto held = std::max(target, stepped_up(*used + slack_of(*used)));
  return std::min(held, before.value_or(held));
}

class BatchMemoryRound {
 public:
  BatchMemoryRound(BatchMemoryState before, const model::KnobSet& knobs, const BatchMemoryInput& input)
      : before_(std::move(before)), knobs_(knobs), input_(input), has_knob_(knobs.has(Knob::kMemoryLimit)) {}

  BatchMemoryStep run(const std::vector<Pod>& pods) {
    for (const auto& pod : pods) {
      if (pod.qos != model::QosClass::kBe || !is_live(pod)) continue;
      if (asks_batch_memory(pod)) {
        ++limited_;
        limit(pod);
      } else {
        ++untouched_;
      }
    }
    tell();
    return std::move(step_);
  }

 private:
  void limit(const Pod& pod) {
    if (!has_knob_) return;
    bool waits = want(model::group_of(pod), batch_memory_limit(pod));
    for (const auto& container : pod.containers) {
      if (container.id.empty()) continue;
      const bool its_waits = want(model::group_of(pod, container), batch_memory_limit(container.limits));
      waits = waits || its_waits;
    }
    if (!waits) return;
    ++waiting_;
    if (named_.size() >= kMostNamed) return;
    named_.push_back(pod.name.empty() ? pod.uid.str() : fmt::format("{}/{}", pod.name_space, pod.name));
  }

  std::optional<Bytes> wanted_before(const GroupRef& group) const {
    const auto stepping = bytes_of_group(before_.stepping, group);
    if (stepping || input_.in_force == nullptr) return stepping;
    return bytes_of_group(*input_.in_force, group);
  }

  /// Whether the group has to wait for its limit.
  bool want(const GroupRef& group, std::optional<Bytes> asked) {
    if (!asked) return false;
    const auto target = std::max(*asked, kLeastBatchMemory);
    const auto own = bytes_of_group(input_.own_limits, group);
    if (own && *own <= target) return false;
    const auto now = limit_for_now(target, bytes_of_group(input_.used, group), wanted_before(group));
    if (!now) return true;
    // Held above what it has without us it is not held at all.
    if (own && *own <= *now) return true;
    step_.state.stepping.emplace(group, *now);
    const bool waits = *now > target;
    step_.wants.wants.push_back({group, Knob::kMemoryLimit, model::MemoryLimit{*now}, model::Controller::kBatchLimits,
                                 waits ? Reason::kAboveLimit : Reason::kBatchMemoryLimit});
    return waits;
  }

  void tell() {
    FeatureState feature{"batchMemory", FeatureState::State::kInactive, {}};
    const auto untouched =
        untouched_ == 0 ? "" : fmt::format("; BE pods left alone, {}: {}", name_of(Reason::kNoBatchSpec), untouched_);
    if (limited_ == 0) {
      feature.why = "no pod asks for batch-memory" + untouched;
    } else if (!has_knob_) {
      feature.state = FeatureState::State::kUnsupported;
      feature.why = fmt::format("{}: {}; pods that ask for batch-memory: {}{}", name_of(Knob::kMemoryLimit),
                                knobs_.why_not(Knob::kMemoryLimit), limited_, untouched);
    } else {
      feature.state = FeatureState::State::kActive;
      feature.why = fmt::format("pods limited by their batch-memory: {}{}", limited_ - waiting_, untouched);
      if (waiting_ > 0) {
        feature.why += fmt::format("; held where they are, {}: {} ({}{})", name_of(Reason::kAboveLimit), waiting_,
                                   fmt::join(named_, ", "), waiting_ > std::ssize(named_) ? ", ..." : "");
      }
    }
    step_.wants.features.push_back(std::move(feature));
  }

  BatchMemoryState before_;
  const model::KnobSet& knobs_;
  const BatchMemoryInput& input_;
  bool has_knob_;
  BatchMemoryStep step_;
  int limited_ = 0;
  int untouched_ = 0;
  int waiting_ = 0;
  std::vector<std::string> named_;
};

}  // namespace

BatchMemoryStep batch_memory(BatchMemoryState state, const std::vector<Pod>& pods, const model::KnobSet& knobs,
                             const BatchMemoryInput& input) {
  return BatchMemoryRound(std::move(state), knobs, input).run(pods);
}

}  // namespace tideline::decide
