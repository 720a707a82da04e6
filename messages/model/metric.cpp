#include "messages/model/metric.h"

#include <array>

namespace tideline::model {
namespace {

struct Row {
  Metric metric;
  std::string_view name;
  std::string_view unit;
};

constexpr std::array kRows{
    Row{Metric::kNodeCpu, "node.cpu", "millicores"},
    Row{Metric::kLsCpu, "ls.cpu", "millicores"},
    Row{Metric::kBeCpu, "be.cpu", "millicores"},
    Row{Metric::kSystemCpu, "system.cpu", "millicores"},
    Row{Metric::kBeLimit, "be.limit", "millicores"},
    Row{Metric::kNodeMemory, "node.memory", "bytes"},
    Row{Metric::kLsMemory, "ls.memory", "bytes"},
    Row{Metric::kBeMemory, "be.memory", "bytes"},
    Row{Metric::kLsDelay, "ls.delay", "ms/cpu-s"},
    Row{Metric::kCpuPressure, "pressure.cpu", "permille"},
    Row{Metric::kMemoryPressure, "pressure.memory", "permille"},
    Row{Metric::kIoPressure, "pressure.io", "permille"},
    Row{Metric::kMemoryAvailable, "memory.available", "bytes"},
    Row{Metric::kBeMemoryUsage, "be.memory.usage", "bytes"},
    Row{Metric::kBeMemoryLimit, "be.memory.limit", "bytes"},
    Row{Metric::kLsMemoryPressure, "ls.pressure.memory", "permille"},
    Row{Metric::kAllocStalls, "memory.alloc_stalls", "per-1000s"},
    Row{Metric::kLsRefaults, "ls.refaults", "pages/s"},
    Row{Metric::kReliefRung, "memory.relief", "rung"},
};

template <class Q>
std::optional<double> number(const std::optional<Q>& quantity) {
  if (!quantity) return std::nullopt;
  return static_cast<double>(quantity->value());
}

std::optional<double> permille(const std::optional<Pressure>& pressure) {
  if (!pressure) return std::nullopt;
  return pressure->some * 1000.0;
}

/// Whoever does not know how much memory there is does not know of relief either, as a node of before it.
std::optional<double> rung(const MemorySample& memory) {
  if (!memory.available && memory.rung == ReliefRung::kNone) return std::nullopt;
  return static_cast<double>(memory.rung);
}

}  // namespace

std::string_view name_of(Metric metric) {
  for (const auto& row : kRows) {
    if (row.metric == metric) return row.name;
  }
  return "unknown";
}

std::string_view unit_of(Metric metric) {
  for (const auto& row : kRows) {
    if (row.metric == metric) return row.unit;
  }
  return "unknown";
}

std::optional<Metric> metric_from(std::string_view name) {
  for (const auto& row : kRows) {
    if (row.name == name) return row.metric;
  }
  return std::nullopt;
}

const std::vector<Metric>& all_metrics() {
  static const std::vector<Metric> metrics = [] {
    std::vector<Metric> result;
    result.reserve(kRows.size());
    for (const auto& row : kRows)
      result.push_back(row.metric);
    return result;
  }();
  return metrics;
}

std::optional<double> value_of(Metric metric, const NodeSample& sample) {
  switch (metric) {
    case Metric::kNodeCpu:
      return number(sample.node_cpu);
    case Metric::kLsCpu:
      return number(sample.ls_cpu);
    case Metric::kBeCpu:
      return number(sample.be_cpu);
    case Metric::kSystemCpu:
      return number(sample.system_cpu);
    case Metric::kBeLimit:
      return number(sample.be_limit);
    case Metric::kNodeMemory:
      return number(sample.node_memory);
    case Metric::kLsMemory:
      return number(sample.ls_memory);
    case Metric::kBeMemory:
      return number(sample.be_memory);
    case Metric::kLsDelay:
      if (!sample.ls_delay_per_cpu) return std::nullopt;
      return *sample.ls_delay_per_cpu * 1000.0;
    case Metric::kCpuPressure:
      return permille(sample.cpu_pressure);
    case Metric::kMemoryPressure:
      return permille(sample.memory_pressure);
    case Metric::kIoPressure:
      return permille(sample.io_pressure);
    case Metric::kMemoryAvailable:
      return number(sample.memory_side.available);
    case Metric::kBeMemoryUsage:
      return number(sample.memory_side.be_usage);
    case Metric::kBeMemoryLimit:
      return number(sample.memory_side.be_tightened);
    case Metric::kLsMemoryPressure:
      return permille(sample.memory_side.ls.memory);
    case Metric::kAllocStalls:
      if (!sample.memory_side.host.alloc_stalls) return std::nullopt;
      return *sample.memory_side.host.alloc_stalls * 1000.0;
    case Metric::kLsRefaults:
      return sample.memory_side.ls.refaults;
    case Metric::kReliefRung:
      return rung(sample.memory_side);
  }
  return std::nullopt;
}

}  // namespace tideline::model
