#include "coordinator/policy/cross_check.h"

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include <fmt/format.h>

namespace tideline::policy {
namespace {

using model::Error;
using model::ErrorCode;
using model::Result;
using model::ThresholdPolicy;

/// nullopt: unset.
struct Named {
  std::string_view key;
  std::optional<int> (*of)(const ThresholdPolicy&);
};
template <auto Part>
constexpr Named field_named(std::string_view key) {
  return {key, [](const ThresholdPolicy& policy) -> std::optional<int> { return policy.*Part; }};
}

constexpr Named kSatisfactionLower =
    field_named<&ThresholdPolicy::cpu_evict_be_satisfaction_lower_percent>("cpuEvictBESatisfactionLowerPercent");
constexpr Named kSatisfactionUpper =
    field_named<&ThresholdPolicy::cpu_evict_be_satisfaction_upper_percent>("cpuEvictBESatisfactionUpperPercent");
constexpr Named kEvictThreshold =
    field_named<&ThresholdPolicy::cpu_evict_threshold_percent>("cpuEvictThresholdPercent");
constexpr Named kEvictLower = field_named<&ThresholdPolicy::cpu_evict_lower_percent>("cpuEvictLowerPercent");
constexpr Named kAllocatableThreshold =
    field_named<&ThresholdPolicy::cpu_allocatable_evict_threshold_percent>("cpuAllocatableEvictThresholdPercent");
constexpr Named kAllocatableLower =
    field_named<&ThresholdPolicy::cpu_allocatable_evict_lower_percent>("cpuAllocatableEvictLowerPercent");
constexpr Named kPriority =
    field_named<&ThresholdPolicy::evict_enabled_priority_threshold>("evictEnabledPriorityThreshold");
constexpr Named kAllocatablePriority =
    field_named<&ThresholdPolicy::allocatable_evict_priority_threshold>("allocatableEvictPriorityThreshold");
constexpr Named kMemoryLower = field_named<&ThresholdPolicy::memory_evict_lower_percent>("memoryEvictLowerPercent");
constexpr Named kMemoryAllocatableThreshold =
    field_named<&ThresholdPolicy::memory_allocatable_evict_threshold_percent>("memoryAllocatableEvictThresholdPercent");
constexpr Named kMemoryAllocatableLower =
    field_named<&ThresholdPolicy::memory_allocatable_evict_lower_percent>("memoryAllocatableEvictLowerPercent");
/// Off, nothing starts at it.
constexpr Named kMemoryThreshold{"memoryEvictThresholdPercent",
                                 [](const ThresholdPolicy& policy) -> std::optional<int> {
                                   if (policy.memory_evict_threshold_percent == 0) return std::nullopt;
                                   return policy.memory_evict_threshold_percent;
                                 }};

struct Order {
  Named low;
  Named high;
  bool may_be_equal;
};
constexpr std::array<Order, 5> kOrders = {{{kSatisfactionLower, kSatisfactionUpper, true},
                                           {kEvictLower, kEvictThreshold, false},
                                           {kAllocatableLower, kAllocatableThreshold, false},
                                           {kMemoryLower, kMemoryThreshold, false},
                                           {kMemoryAllocatableLower, kMemoryAllocatableThreshold, false}}};

struct Need {
  Named asked;
  Named what;
};
constexpr std::array<Need, 10> kNeeds = {{{kSatisfactionLower, kSatisfactionUpper},
                                          {kSatisfactionUpper, kSatisfactionLower},
                                          {kEvictThreshold, kPriority},
                                          {kEvictLower, kEvictThreshold},
                                          {kAllocatableThreshold, kAllocatableLower},
                                          {kAllocatableLower, kAllocatableThreshold},
                                          {kAllocatableThreshold, kAllocatablePriority},
                                          {kMemoryAllocatableThreshold, kMemoryAllocatableLower},
                                          {kMemoryAllocatableLower, kMemoryAllocatableThreshold},
                                          {kMemoryAllocatableThreshold, kAllocatablePriority}}};

Result<void> check_orders(const ThresholdPolicy& policy, const std::string& place) {
  for (const Order& order : kOrders) {
    const auto low = order.low.of(policy);
    const auto high = order.high.of(policy);
    if (!low || !high || *low < *high || (order.may_be_equal && *low == *high)) continue;
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{}: {} is {} and {} is {}; want the first {} the second", place, order.low.key, *low,
                             order.high.key, *high, order.may_be_equal ? "at most" : "below"));
  }
  return {};
}

/// Where each need is not met: the first place, and how many.
struct Unmet {
  std::string first_place;
  std::size_t count = 0;
};
using AllUnmet = std::array<Unmet, kNeeds.size()>;

/// Of what `above` lacks already, nothing is said again.
void find_unmet(const ThresholdPolicy& policy, const std::string& place, const AllUnmet& above, AllUnmet& unmet) {
  for (std::size_t i = 0; i < kNeeds.size(); ++i) {
    if (above[i].count > 0) continue;
    if (!kNeeds[i].asked.of(policy) || kNeeds[i].what.of(policy)) continue;
    if (unmet[i].count++ == 0) unmet[i].first_place = place;
  }
}

}  // namespace

Result<void> check_threshold(const Section& section, const std::string& origin, std::vector<Notice>& notices) {
  model::NodePolicy cluster;
  overlay(cluster, section.cluster);
  AllUnmet unmet;
  if (auto ok = check_orders(cluster.threshold, "$.clusterStrategy"); !ok) return ok;
  find_unmet(cluster.threshold, "$.clusterStrategy", {}, unmet);
  const AllUnmet in_cluster = unmet;
  for (std::size_t i = 0; i < section.nodes.size(); ++i) {
    model::NodePolicy node = cluster;
    overlay(node, section.nodes[i].settings);
    const std::string place = fmt::format("$.nodeStrategies[{}]", i);
    if (auto ok = check_orders(node.threshold, place + " over $.clusterStrategy"); !ok) return ok;
    find_unmet(node.threshold, place, in_cluster, unmet);
  }
  for (std::size_t i = 0; i < kNeeds.size(); ++i) {
    if (unmet[i].count == 0) continue;
    const std::string more = unmet[i].count > 1 ? fmt::format(" (in {} places)", unmet[i].count) : "";
    notices.push_back({origin, fmt::format("{}.{}", unmet[i].first_place, kNeeds[i].asked.key),
                       fmt::format("acts only together with {}, which is unset{}", kNeeds[i].what.key, more)});
  }
  return {};
}

Result<void> check_fleet_keys(const Section& section) {
  for (std::size_t i = 0; i < section.nodes.size(); ++i) {
    for (const Setting& setting : section.nodes[i].settings) {
      if (!setting.key->apply_fleet) continue;
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("$.nodeStrategies[{}].{} is of the whole fleet; want it in $.clusterStrategy", i,
                               setting.key->path));
    }
  }
  return {};
}

}  // namespace tideline::policy
