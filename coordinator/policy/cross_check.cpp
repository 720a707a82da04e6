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

using ThresholdField = std::optional<int> ThresholdPolicy::*;

struct Named {
  std::string_view key;
  ThresholdField field;
};

constexpr Named kSatisfactionLower{"cpuEvictBESatisfactionLowerPercent",
                                   &ThresholdPolicy::cpu_evict_be_satisfaction_lower_percent};
constexpr Named kSatisfactionUpper{"cpuEvictBESatisfactionUpperPercent",
                                   &ThresholdPolicy::cpu_evict_be_satisfaction_upper_percent};
constexpr Named kEvictThreshold{"cpuEvictThresholdPercent", &ThresholdPolicy::cpu_evict_threshold_percent};
constexpr Named kEvictLower{"cpuEvictLowerPercent", &ThresholdPolicy::cpu_evict_lower_percent};
constexpr Named kAllocatableThreshold{"cpuAllocatableEvictThresholdPercent",
                                      &ThresholdPolicy::cpu_allocatable_evict_threshold_percent};
constexpr Named kAllocatableLower{"cpuAllocatableEvictLowerPercent",
                                  &ThresholdPolicy::cpu_allocatable_evict_lower_percent};
constexpr Named kPriority{"evictEnabledPriorityThreshold", &ThresholdPolicy::evict_enabled_priority_threshold};
constexpr Named kAllocatablePriority{"allocatableEvictPriorityThreshold",
                                     &ThresholdPolicy::allocatable_evict_priority_threshold};

struct Order {
  Named low;
  Named high;
  bool may_be_equal;
};
constexpr std::array<Order, 3> kOrders = {{{kSatisfactionLower, kSatisfactionUpper, true},
                                           {kEvictLower, kEvictThreshold, false},
                                           {kAllocatableLower, kAllocatableThreshold, false}}};

struct Need {
  Named of;
  Named what;
};
constexpr std::array<Need, 7> kNeeds = {{{kSatisfactionLower, kSatisfactionUpper},
                                         {kSatisfactionUpper, kSatisfactionLower},
                                         {kEvictThreshold, kPriority},
                                         {kEvictLower, kEvictThreshold},
                                         {kAllocatableThreshold, kAllocatableLower},
                                         {kAllocatableLower, kAllocatableThreshold},
                                         {kAllocatableThreshold, kAllocatablePriority}}};

Result<void> check_orders(const ThresholdPolicy& policy, const std::string& place) {
  for (const Order& order : kOrders) {
    const auto low = policy.*order.low.field;
    const auto high = policy.*order.high.field;
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
    if (!(policy.*kNeeds[i].of.field) || policy.*kNeeds[i].what.field) continue;
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
    notices.push_back({origin, fmt::format("{}.{}", unmet[i].first_place, kNeeds[i].of.key),
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
