#include "coordinator/actor/cluster_parts.h"

#include <utility>

namespace tideline::coordinator {

ClusterParts::ClusterParts(std::vector<std::string> labels, std::size_t most_groups)
    : labels_(std::move(labels)), reporter_(labels_, most_groups), values_(labels_.size()) {}

void ClusterParts::add(const model::Reclaimed& account, const fleet::FleetView& fleet, model::MonoTime now) {
  if (fleet.liveness(account.node, now) == fleet::Liveness::kGone) {
    ++gone_;
    return;
  }
  for (std::size_t i = 0; i < labels_.size(); ++i)
    values_[i] = fleet.label(account.node, labels_[i]);
  reporter_.add(account, values_);
}

model::ClusterReport ClusterParts::take() {
  auto report = reporter_.take();
  report.gone = gone_;
  return report;
}

}  // namespace tideline::coordinator
