#pragma once
// What an operator wants of it all: which series, and which labels of nodes on them.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/result.h"

namespace tideline::prometheus {

/// `*` stands for any characters, also none, `?` for one.
bool matches(std::string_view glob, std::string_view name);

class SeriesChoice {
 public:
  /// None.
  SeriesChoice() = default;
  /// Names and globs, commas between: "tideline_node_*,tideline_pod_cpu_used_cores". kInvalidArgument, with the one
  /// that is meant, where one fits no series.
  static model::Result<SeriesChoice> from(std::string_view text);

  bool has(std::size_t place) const { return ((chosen_ >> place) & 1) != 0; }
  bool has_pods() const;

 private:
  std::uint64_t chosen_ = 0;  // a bit for each of all_series()
};

/// A label of nodes that becomes one of their series.
struct NodeLabel {
  std::string key;   // of the node: "topology.kubernetes.io/zone"
  std::string name;  // of the series
  friend bool operator==(const NodeLabel&, const NodeLabel&) = default;
};
inline constexpr std::size_t kMaxNodeLabels = 16;

/// KEY or KEY=NAME, commas between; "" = none. Without a NAME it is label_ and the key, with _ for what no name may
/// have, as kube-state-metrics makes it: label_topology_kubernetes_io_zone. kInvalidArgument where a name is none, is
/// there twice, or is one that series have anyway.
model::Result<std::vector<NodeLabel>> node_labels_from(std::string_view text);

}  // namespace tideline::prometheus
