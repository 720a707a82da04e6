#pragma once
// The account of the whole cluster: the sum, its parts by node label, who is in deficit, and how it went.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "messages/model/ids.h"
#include "messages/model/reclaimed.h"
#include "messages/model/units.h"

namespace tideline::model {

/// What pods of a tier requested beyond what their tier has in whole (mid, offered): a sum over nodes, as what one node
/// has left is of no use on another.
template <class Unit>
struct Shortfall {
  Unit mid{};
  Unit batch{};
  friend bool operator==(const Shortfall&, const Shortfall&) = default;
};

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
  std::vector<AccountAt> trend;            // oldest first; each the mean of its stretch of the range
  std::optional<ClusterZones> zones;       // nullopt: no node has accounts of zones
  friend bool operator==(const ClusterReport&, const ClusterReport&) = default;
};

struct ClusterLimits {
  static constexpr std::size_t kMaxLabels = 4;
  static constexpr std::size_t kMaxLabelBytes = 317;  // of a label's key, as Kubernetes has it
  static constexpr std::size_t kMaxGroups = 100;
  static constexpr std::size_t kMaxDeficits = 20;
  static constexpr std::size_t kMaxTrendPoints = 2'000;
};

}  // namespace tideline::model
