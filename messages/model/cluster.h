#pragma once
// The account of the whole cluster: the sum, its parts by node label, who is in deficit, and how it went.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/ids.h"
#include "messages/model/reclaimed.h"
#include "messages/model/units.h"

namespace tideline::model {

/// Keys of node labels: what the cluster is grouped by unless told otherwise, and what history has the trends by.
inline constexpr std::array<std::string_view, 2> kClusterLabels = {"topology.kubernetes.io/zone",
                                                                   "node.kubernetes.io/instance-type"};

/// The nodes with this value of a label.
struct ClusterPart {
  std::string label;
  std::string value;  // "" = nodes without it
  friend bool operator==(const ClusterPart&, const ClusterPart&) = default;
};

/// "label=value". By this name history has the part's accounts beside those of nodes, which have no '=' in theirs.
inline std::string text_of(const ClusterPart& part) {
  std::string text = part.label;
  text += '=';
  text += part.value;
  return text;
}

/// nullopt: no part's name.
inline std::optional<ClusterPart> cluster_part(std::string_view text) {
  const auto behind_label = text.find('=');
  if (behind_label == std::string_view::npos || behind_label == 0) return std::nullopt;
  return ClusterPart{std::string(text.substr(0, behind_label)), std::string(text.substr(behind_label + 1))};
}

struct ClusterGroup {
  std::string value;  // of the label; "" = nodes without it, and of the total
  std::uint32_t nodes = 0;
  Reclaimed account;  // the sum over them, as reclaim::cluster_sum
  Shortfall<MilliCpu> cpu_short;
  Shortfall<Bytes> memory_short;
  friend bool operator==(const ClusterGroup&, const ClusterGroup&) = default;
};

struct ClusterGrouping {
  std::string label;
  std::vector<ClusterGroup> groups;  // by value, at most ClusterLimits::kMaxGroups
  std::uint32_t left_out = 0;        // groups beyond them: those of the least CPU capacity
  friend bool operator==(const ClusterGrouping&, const ClusterGrouping&) = default;
};

struct NodeDeficit {
  NodeName node;
  MilliCpu cpu;
  Bytes memory;
  friend bool operator==(const NodeDeficit&, const NodeDeficit&) = default;
};

/// What nodes with accounts of zones offer batch.
template <class Unit>
struct ZoneOffer {
  Unit of_nodes{};
  Unit in_zones{};     // of it: at most as much
  Unit most_in_one{};  // in the zone that has most
  friend bool operator==(const ZoneOffer&, const ZoneOffer&) = default;
};

struct ClusterZones {
  std::uint32_t nodes = 0;
  std::uint32_t zones = 0;
  ZoneOffer<MilliCpu> cpu;
  ZoneOffer<Bytes> memory;
  friend bool operator==(const ClusterZones&, const ClusterZones&) = default;
};

struct ClusterReport {
  WallTime at;
  std::uint32_t gone = 0;  // nodes that are left out: not heard of for FleetOptions::gone_after
  ClusterGroup total;
  std::vector<ClusterGrouping> groupings;  // one for each label asked for
  std::vector<NodeDeficit> deficits;       // largest share of capacity first, at most ClusterLimits::kMaxDeficits
  std::uint32_t deficit_nodes = 0;         // nodes in deficit, also those beyond the list
  std::vector<AccountAt> trend;            // of all or a part; oldest first; each the mean of its stretch of the range
  std::optional<ClusterZones> zones;       // nullopt: no node has accounts of zones
  friend bool operator==(const ClusterReport&, const ClusterReport&) = default;
};

struct ClusterLimits {
  static constexpr std::size_t kMaxLabels = 4;
  static constexpr std::size_t kMaxLabelBytes = 317;  // of a label's key, as Kubernetes has it
  static constexpr std::size_t kMaxGroups = 100;
  static constexpr std::size_t kMaxKeptGroups = 64;  // of one of kClusterLabels, with a trend in history
  static constexpr std::size_t kMaxDeficits = 20;
  static constexpr std::size_t kMaxTrendPoints = 2'000;
};

}  // namespace tideline::model
