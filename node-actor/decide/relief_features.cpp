#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "node-actor/decide/memory_relief.h"

namespace tideline::decide {
namespace {

using model::FeatureState;
using model::ReliefRung;

}  // namespace

std::string_view relief_off_because(const std::optional<model::NodePolicy>& policy) {
  if (!policy) return "no policy was ever received";
  if (!policy->threshold.enable) return "resource-threshold-config enable is false";
  if (policy->threshold.memory_evict_threshold_percent <= 0) return "memoryEvictThresholdPercent is 0";
  return {};
}

std::vector<FeatureState> relief_features(const ReliefDecision& decision, const ReliefInput& input,
                                          const std::optional<model::NodePolicy>& policy) {
  std::vector<FeatureState> features;
  features.reserve(3);
  const auto off = relief_off_because(policy);
  const auto add = [&](std::string_view name, std::string_view key, bool wanted, std::string_view unsupported,
                       std::string_view does) {
    FeatureState feature{fmt::format("memoryRelief.{}", name), FeatureState::State::kInactive, std::string(off)};
    if (!off.empty()) {
      // As it is.
    } else if (!wanted) {
      feature.why = fmt::format("memoryRelief {} is false", key);
    } else if (!unsupported.empty()) {
      feature.state = FeatureState::State::kUnsupported;
      feature.why = unsupported;
    } else {
      if (decision.reason != model::Reason::kStaleSample) feature.state = FeatureState::State::kActive;
      feature.why = fmt::format("{}: {}", does, decision.why);
    }
    features.push_back(std::move(feature));
  };
  const auto relief = policy ? policy->relief : model::MemoryReliefPolicy{};
  add("reclaim", "reclaim", relief.reclaim,
      input.can_reclaim ? "" : "nothing here makes the besteffort root give memory back",
      decision.reclaim                        ? "reclaims"
      : decision.rung >= ReliefRung::kReclaim ? "holds"
                                              : "waits");
  add("tighten", "tighten", relief.tighten, input.can_tighten ? "" : "nothing here limits the besteffort root's memory",
      decision.tighten ? "limits BE" : "waits");
  add("emergencyKill", "emergencyKill", relief.emergency_kill, "",
      decision.rung == ReliefRung::kEmergency ? "kills" : "waits");
  return features;
}

}  // namespace tideline::decide
