#include "coordinator/fleet/node_metric.h"

#include <utility>

namespace tideline::fleet {
namespace {

bool has_ended(model::PodPhase phase) {
  return phase == model::PodPhase::kSucceeded || phase == model::PodPhase::kFailed;
}

}  // namespace

std::optional<model::NodeMetric> node_metric(const FleetView& fleet, const model::NodeName& node, const Arrival& now) {
  if (fleet.liveness(node, now.mono) != Liveness::kLive) return std::nullopt;
  const auto usage = fleet.usage(node);
  if (!usage || !usage->node_cpu || !usage->node_memory) return std::nullopt;
  model::NodeMetric metric;
  metric.node = node;
  metric.arrived = usage->arrived;
  metric.at = model::WallTime{now.wall.ms - model::to_ms(now.mono - usage->arrived)};
  metric.averaged = fleet.options().aggregate;
  metric.use = {usage->node_cpu, usage->node_memory};
  metric.system = {usage->system_cpu, usage->system_memory};
  for (const auto& view : fleet.pods(node)) {
    const model::Pod& pod = *view.summary.pod;
    if (has_ended(pod.phase) || (!view.cpu_average && !view.memory_average)) continue;
    model::PodMetric one;
    one.name_space = pod.name_space;
    one.name = pod.name;
    one.tier = model::tier_of(pod.priority, pod.qos);
    one.qos = pod.qos;
    one.use = {view.cpu_average, view.memory_average};
    metric.pods.push_back(std::move(one));
  }
  for (const auto& application : usage->applications) {
    if (!application.listed || (!application.cpu && !application.memory)) continue;
    model::ApplicationMetric one;
    one.name = application.name;
    one.tier = application.tier;
    one.qos = application.qos;
    one.use = {application.cpu, application.memory};
    metric.applications.push_back(std::move(one));
  }
  return metric;
}

}  // namespace tideline::fleet
