#include "node-actor/simulation/kernel_text.h"

#include <algorithm>

#include <fmt/format.h>

namespace tideline::simulation {
namespace {

constexpr std::int64_t kFewestShares = 2;
constexpr std::int64_t kMostShares = 262'144;
constexpr std::int64_t kMostWeight = 10'000;
constexpr std::int64_t kPeriodUs = 100'000;

const char* root_path(model::KubeQos qos) {
  switch (qos) {
    case model::KubeQos::kGuaranteed:
      return kKubepods;
    case model::KubeQos::kBurstable:
      return kBurstable;
    case model::KubeQos::kBestEffort:
      return kBestEffort;
  }
  return kKubepods;
}

}  // namespace

std::string group_path(const model::GroupRef& group) {
  const char* root = root_path(group.qos);
  if (group.level == model::GroupRef::Level::kRoot) return root;
  if (group.level == model::GroupRef::Level::kPod) return fmt::format("{}/pod{}", root, group.pod.str());
  return fmt::format("{}/pod{}/{}", root, group.pod.str(), group.container_id);
}

std::string file_path(const decide::KnobRef& knob) {
  return fmt::format("{}/{}", group_path(knob.group), knob.knob == model::Knob::kCpuQuota ? "cpu.max" : "cpu.weight");
}

std::string file_text(model::Knob knob, const model::KnobValue& value) {
  if (const auto* limit = std::get_if<model::Limit>(&value)) {
    if (!limit->cpu) return fmt::format("max {}", kPeriodUs);
    return fmt::format("{} {}", limit->cpu->value() * kPeriodUs / 1000, kPeriodUs);
  }
  if (const auto* memory = std::get_if<model::MemoryLimit>(&value)) {
    return memory->bytes ? fmt::format("{}", memory->bytes->value()) : "max";
  }
  if (const auto* number = std::get_if<model::Number>(&value); number != nullptr && knob == model::Knob::kCpuWeight) {
    return fmt::format("{}", weight_of_shares(number->value));
  }
  return model::text_of(value);
}

std::int64_t weight_of_shares(std::int64_t shares) {
  const auto above_least = std::clamp(shares, kFewestShares, kMostShares) - kFewestShares;
  return 1 + above_least * (kMostWeight - 1) / (kMostShares - kFewestShares);
}

}  // namespace tideline::simulation
