#pragma once
// A fleet's accounts added up node by node, all of them and by labels. A plain value.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "coordinator/fleet/fleet_view.h"
#include "coordinator/reclaim/cluster.h"
#include "messages/model/cluster.h"
#include "messages/model/reclaimed.h"
#include "messages/model/units.h"

namespace tideline::coordinator {

class ClusterParts {
 public:
  /// `labels`: keys to group by, a few; of each at most `most_groups` groups.
  ClusterParts(std::vector<std::string> labels, std::size_t most_groups);
  /// A node's account as of `now`. What a machine that is gone once offered is not the cluster's any more: it is
  /// counted.
  void add(const model::Reclaimed& account, const fleet::FleetView& fleet, model::MonoTime now);
  /// All but the time and the trend.
  model::ClusterReport take();

 private:
  std::vector<std::string> labels_;
  reclaim::ClusterReporter reporter_;
  std::uint32_t gone_ = 0;
  std::vector<std::string> values_;  // of one node's labels
};

}  // namespace tideline::coordinator
