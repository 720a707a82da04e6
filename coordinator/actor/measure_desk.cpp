#include "coordinator/actor/measure_desk.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "coordinator/fleet/node_metric.h"

namespace tideline::coordinator {
namespace {

/// Koordinator's default for metricAggregatePolicy.durations.
constexpr std::array kSpreadMinutes{5, 10, 30};

}  // namespace

void MeasureDesk::reported(const model::Report& report) {
  if (wanted_) windows_[report.node].take(report);
}

NodesMeasured MeasureDesk::measured(const MeasureNodes& ask, const Sources& sources, const fleet::Arrival& now) {
  wanted_ = true;
  auto nodes = std::make_shared<std::vector<MeasuredNode>>();
  const std::size_t count = std::min(ask.nodes.size(), kMostAtOnce);
  nodes->reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto& name = ask.nodes[i];
    MeasuredNode& node = nodes->emplace_back();
    node.node = name;
    const auto policy = sources.rollout.wanted(name).value_or(model::NodePolicy{});
    node.interval = std::chrono::seconds(policy.colocation.metric_report_interval_seconds);
    auto metric = fleet::node_metric(sources.fleet, name, now);
    if (!metric) continue;
    if (const auto window = windows_.find(name); window != windows_.end()) {
      for (const int minutes : kSpreadMinutes) {
        if (auto spread = window->second.over(std::chrono::minutes(minutes))) metric->spreads.push_back(*spread);
      }
    }
    const auto predicted = sources.profiles.reclaimable(name);
    metric->prod_reclaimable = {predicted.cpu, predicted.memory};
    node.metric = std::make_shared<const model::NodeMetric>(*std::move(metric));
  }
  return {std::move(nodes)};
}

}  // namespace tideline::coordinator
