#include "coordinator/prometheus/series.h"

#include <array>

#include "messages/model/metric.h"
#include "messages/model/qos.h"

namespace tideline::prometheus {
namespace {

using model::Metric;
using model::PodSummary;
using model::Report;

template <Metric metric, int per_unit>
std::optional<double> mean(const Report& report) {
  double sum = 0;
  std::size_t known = 0;
  for (const auto& sample : report.samples) {
    const auto value = model::value_of(metric, sample);
    if (!value) continue;
    sum += *value;
    ++known;
  }
  if (known == 0) return std::nullopt;
  return sum / static_cast<double>(known) / per_unit;
}

/// Of the last sample alone: a quota that is gone by then is none.
template <Metric metric, int per_unit>
std::optional<double> newest(const Report& report) {
  if (report.samples.empty()) return std::nullopt;
  const auto value = model::value_of(metric, report.samples.back());
  if (!value) return std::nullopt;
  return *value / per_unit;
}

/// What a node does not know of itself it tells as 0.
template <class Unit>
std::optional<double> told(Unit value, double per_unit) {
  if (value.value() == 0) return std::nullopt;
  return static_cast<double>(value.value()) / per_unit;
}

std::optional<double> cpu_capacity(const Report& report) {
  return told(report.status.cpu_capacity, 1000);
}
std::optional<double> memory_capacity(const Report& report) {
  return told(report.status.memory_capacity, 1);
}
std::optional<double> cpu_allocatable(const Report& report) {
  return told(report.status.cpu_allocatable, 1000);
}
std::optional<double> memory_allocatable(const Report& report) {
  return told(report.status.memory_allocatable, 1);
}
std::optional<double> is_protected(const Report& report) {
  return report.status.protection.verified ? 1 : 0;
}
std::optional<double> pod_count(const Report& report) {
  return static_cast<double>(report.pods.size());
}

std::optional<double> mean_of(const std::optional<model::Spread>& spread, double per_unit) {
  if (!spread) return std::nullopt;
  return static_cast<double>(spread->mean) / per_unit;
}

template <class Unit>
std::optional<double> asked(const std::optional<Unit>& request, double per_unit) {
  if (!request) return std::nullopt;
  return static_cast<double>(request->value()) / per_unit;
}

std::optional<double> pod_cpu(const PodSummary& pod) {
  return mean_of(pod.cpu_milli, 1000);
}
std::optional<double> pod_memory(const PodSummary& pod) {
  return mean_of(pod.memory_bytes, 1);
}
std::optional<double> pod_throttled(const PodSummary& pod) {
  return pod.throttled_ratio;
}
std::optional<double> pod_delay(const PodSummary& pod) {
  return pod.run_delay;
}
std::optional<double> pod_memory_pressure(const PodSummary& pod) {
  const auto& pressure = pod.memory_signals.memory;
  if (!pressure) return std::nullopt;
  return pressure->some;
}

/// In the resource that its tier is scheduled by.
std::optional<double> pod_cpu_request(const PodSummary& summary) {
  const auto& pod = *summary.pod;
  const auto tier = model::tier_of(pod.priority, pod.qos);
  if (tier == model::Tier::kBatch) return asked(pod.requests.batch_cpu, 1000);
  if (tier == model::Tier::kMid) return asked(pod.mid_requests.cpu, 1000);
  return asked(pod.requests.cpu, 1000);
}
std::optional<double> pod_memory_request(const PodSummary& summary) {
  const auto& pod = *summary.pod;
  const auto tier = model::tier_of(pod.priority, pod.qos);
  if (tier == model::Tier::kBatch) return asked(pod.requests.batch_memory, 1);
  if (tier == model::Tier::kMid) return asked(pod.mid_requests.memory, 1);
  return asked(pod.requests.memory, 1);
}

struct NodeSeries {
  std::string_view name;
  std::optional<double> (*value)(const Report&);
};

constexpr std::array kNodeSeries{
    NodeSeries{"tideline_node_cpu_used_cores", mean<Metric::kNodeCpu, 1000>},
    NodeSeries{"tideline_node_ls_cpu_used_cores", mean<Metric::kLsCpu, 1000>},
    NodeSeries{"tideline_node_be_cpu_used_cores", mean<Metric::kBeCpu, 1000>},
    NodeSeries{"tideline_node_system_cpu_used_cores", mean<Metric::kSystemCpu, 1000>},
    NodeSeries{"tideline_node_be_cpu_limit_cores", newest<Metric::kBeLimit, 1000>},
    NodeSeries{"tideline_node_memory_used_bytes", mean<Metric::kNodeMemory, 1>},
    NodeSeries{"tideline_node_ls_memory_used_bytes", mean<Metric::kLsMemory, 1>},
    NodeSeries{"tideline_node_be_memory_used_bytes", mean<Metric::kBeMemory, 1>},
    NodeSeries{"tideline_node_be_memory_with_cache_bytes", mean<Metric::kBeMemoryUsage, 1>},
    NodeSeries{"tideline_node_be_memory_limit_bytes", newest<Metric::kBeMemoryLimit, 1>},
    NodeSeries{"tideline_node_memory_available_bytes", mean<Metric::kMemoryAvailable, 1>},
    NodeSeries{"tideline_node_ls_cpu_delay_ratio", mean<Metric::kLsDelay, 1000>},
    NodeSeries{"tideline_node_cpu_pressure_ratio", mean<Metric::kCpuPressure, 1000>},
    NodeSeries{"tideline_node_memory_pressure_ratio", mean<Metric::kMemoryPressure, 1000>},
    NodeSeries{"tideline_node_io_pressure_ratio", mean<Metric::kIoPressure, 1000>},
    NodeSeries{"tideline_node_ls_memory_pressure_ratio", mean<Metric::kLsMemoryPressure, 1000>},
    NodeSeries{"tideline_node_memory_alloc_stalls_per_second", mean<Metric::kAllocStalls, 1000>},
    NodeSeries{"tideline_node_ls_refaults_per_second", mean<Metric::kLsRefaults, 1>},
    NodeSeries{"tideline_node_memory_relief_rung", newest<Metric::kReliefRung, 1>},
    NodeSeries{"tideline_node_cpu_capacity_cores", cpu_capacity},
    NodeSeries{"tideline_node_memory_capacity_bytes", memory_capacity},
    NodeSeries{"tideline_node_cpu_allocatable_cores", cpu_allocatable},
    NodeSeries{"tideline_node_memory_allocatable_bytes", memory_allocatable},
    NodeSeries{"tideline_node_protected", is_protected},
    NodeSeries{"tideline_node_pods", pod_count},
};

struct PodSeries {
  std::string_view name;
  std::optional<double> (*value)(const PodSummary&);
};

constexpr std::array kPodSeries{
    PodSeries{"tideline_pod_cpu_used_cores", pod_cpu},
    PodSeries{"tideline_pod_memory_used_bytes", pod_memory},
    PodSeries{"tideline_pod_cpu_throttled_ratio", pod_throttled},
    PodSeries{"tideline_pod_cpu_delay_ratio", pod_delay},
    PodSeries{"tideline_pod_memory_pressure_ratio", pod_memory_pressure},
    PodSeries{"tideline_pod_cpu_request_cores", pod_cpu_request},
    PodSeries{"tideline_pod_memory_request_bytes", pod_memory_request},
};

constexpr std::size_t kSeries = kNodeSeries.size() + kPodSeries.size();
static_assert(kSeries <= kMaxSeries);

constexpr std::array<SeriesInfo, kSeries> infos() {
  std::array<SeriesInfo, kSeries> all{};
  for (std::size_t i = 0; i < kNodeSeries.size(); ++i)
    all[i] = {kNodeSeries[i].name, SeriesOf::kNode};
  for (std::size_t i = 0; i < kPodSeries.size(); ++i)
    all[kNodeSeries.size() + i] = {kPodSeries[i].name, SeriesOf::kPod};
  return all;
}

constexpr auto kInfos = infos();

}  // namespace

std::span<const SeriesInfo> all_series() {
  return kInfos;
}

std::optional<double> node_value(std::size_t place, const Report& report) {
  return kNodeSeries.at(place).value(report);
}

std::optional<double> pod_value(std::size_t place, const PodSummary& pod) {
  return kPodSeries.at(place - kNodeSeries.size()).value(pod);
}

}  // namespace tideline::prometheus
