#include "coordinator/planner/checks.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <fmt/format.h>

#include "coordinator/planner/utc_text.h"
#include "coordinator/planner/whole_units.h"
#include "messages/model/report.h"

namespace tideline::planner {
namespace {

constexpr std::int64_t kMaxStepS = 86'400;
constexpr std::int64_t kMaxRangeDays = 36'525;  // a century
constexpr std::int64_t kMaxHorizonS = kMaxRangeDays * 86'400;
constexpr std::int64_t kMaxRuntimeS = 1'000'000'000;

bool is_within(double value, double low, double high) {
  return std::isfinite(value) && value >= low && value <= high;
}

model::Result<void> check_world(const Dataset& data, const World& world) {
  if (world.hosts.empty()) return model::invalid("the world has no host");
  std::vector<bool> placed(data.workloads.size(), false);
  for (std::size_t host = 0; host < world.hosts.size(); ++host) {
    const auto& workloads = world.hosts[host];
    if (workloads.size() > model::ReportLimits::kMaxPods) {
      return model::invalid(fmt::format("{} has {} workloads: {} is the most that a report holds", host_name(host),
                                        workloads.size(), model::ReportLimits::kMaxPods));
    }
    for (const auto number : workloads) {
      if (number >= placed.size()) {
        return model::invalid(fmt::format("{} has workload {} of {}: the world is of other data", host_name(host),
                                          number, placed.size()));
      }
      if (placed[number]) {
        return model::invalid(
            fmt::format("{} has workload {}, which is placed already", host_name(host), data.workloads[number].name));
      }
      placed[number] = true;
    }
  }
  return check_shape(world.shape);
}

}  // namespace

model::Result<void> check_data(const Dataset& data) {
  if (data.steps == 0) return model::invalid("the data has no step");
  if (data.step_s < 1 || data.step_s > kMaxStepS) {
    return model::invalid(fmt::format("the data's step of {} s is not within 1 s and a day", data.step_s));
  }
  if (data.begin_s < kFirstUtcTime || data.begin_s > kLastUtcTime) {
    return model::invalid(fmt::format("the data's begin of {} s since the epoch has no date", data.begin_s));
  }
  const auto most = static_cast<std::size_t>(kMaxRangeDays * 86'400 / data.step_s);
  if (data.steps > most) {
    return model::invalid(fmt::format("{} steps of {} s are more than a century", data.steps, data.step_s));
  }
  if (data.time_of(data.steps) > kLastUtcTime) {
    return model::invalid(fmt::format("the data's end of {} s since the epoch has no date", data.time_of(data.steps)));
  }
  for (const auto& workload : data.workloads) {
    for (const auto* column :
         {&workload.cpu_used, &workload.cpu_request, &workload.memory_used_mib, &workload.memory_request_mib}) {
      if (column->size() == data.steps) continue;
      return model::invalid(
          fmt::format("workload {} has {} values for {} steps", workload.name, column->size(), data.steps));
    }
  }
  return {};
}

model::Result<void> check_shape(const HostShape& shape) {
  constexpr auto kMostCpu = static_cast<double>(model::ReportLimits::kMaxMilliCpu);
  constexpr auto kMostMib = static_cast<double>(model::ReportLimits::kMaxMemoryBytes) / kBytesOfMib;
  if (!is_within(shape.cpu_millicores, 1, kMostCpu)) {
    return model::invalid(
        fmt::format("a host of {} millicores is not within 1 and {:.0f}", shape.cpu_millicores, kMostCpu));
  }
  if (!is_within(shape.memory_mib, 1, kMostMib)) {
    return model::invalid(fmt::format("a host of {} MiB is not within 1 and {:.0f}", shape.memory_mib, kMostMib));
  }
  if (!is_within(shape.system_cpu_millicores, 0, shape.cpu_millicores)) {
    return model::invalid(fmt::format("a system that uses {} of a host's {} millicores", shape.system_cpu_millicores,
                                      shape.cpu_millicores));
  }
  if (!is_within(shape.system_memory_mib, 0, shape.memory_mib)) {
    return model::invalid(
        fmt::format("a system that uses {} of a host's {} MiB", shape.system_memory_mib, shape.memory_mib));
  }
  return {};
}

model::Result<void> check_replay(const Dataset& data, const World& world, const ReplayOptions& options) {
  if (auto good = check_data(data); !good) return good;
  if (auto good = check_world(data, world); !good) return good;
  if (options.horizon_s < 1 || options.horizon_s > kMaxHorizonS) {
    return model::invalid(fmt::format("a horizon of {} s", options.horizon_s));
  }
  if (options.colocation.metric_aggregate_duration_seconds < 1) {
    return model::invalid(fmt::format("metricAggregateDurationSeconds {} is less than 1",
                                      options.colocation.metric_aggregate_duration_seconds));
  }
  if (options.demand == BatchDemand::kTasks) return {};
  if (!is_within(options.pod_cpu_millicores, 1, world.shape.cpu_millicores)) {
    return model::invalid(fmt::format("a batch pod of {} millicores is not within 1 and a host's {}",
                                      options.pod_cpu_millicores, world.shape.cpu_millicores));
  }
  if (!is_within(options.pod_memory_mib, 0, world.shape.memory_mib)) {
    return model::invalid(fmt::format("a batch pod of {} MiB is not within 0 and a host's {}", options.pod_memory_mib,
                                      world.shape.memory_mib));
  }
  if (options.pod_runtime_s < 1 || options.pod_runtime_s > kMaxRuntimeS) {
    return model::invalid(fmt::format("a batch pod that runs for {} s", options.pod_runtime_s));
  }
  return {};
}

}  // namespace tideline::planner
