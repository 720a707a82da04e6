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
constexpr auto kMostHostCpu = static_cast<double>(model::ReportLimits::kMaxMilliCpu);
constexpr auto kMostHostMib = static_cast<double>(model::ReportLimits::kMaxMemoryBytes) / kBytesOfMib;

bool is_within(double value, double low, double high) {
  return std::isfinite(value) && value >= low && value <= high;
}

model::Result<void> check_recorded(const Dataset& data, const World& world) {
  if (world.hosts.size() != data.hosts.size()) {
    return model::invalid(fmt::format("{} hosts are recorded, and {} in the world: it is of other data",
                                      data.hosts.size(), world.hosts.size()));
  }
  for (const auto& host : data.hosts) {
    for (const auto* column :
         {&host.cpu_capacity, &host.memory_capacity_mib, &host.cpu_system, &host.memory_system_mib}) {
      if (column->size() == data.steps) continue;
      return model::invalid(fmt::format("host {} has {} values for {} steps", host.name, column->size(), data.steps));
    }
  }
  return {};
}

model::Result<void> check_world(const Dataset& data, const World& world) {
  // Some of a fleet may be none of it.
  if (world.hosts_of_fleet() == 0) return model::invalid("the world has no host");
  if (world.first_host > world.hosts_of_fleet() || world.hosts.size() > world.hosts_of_fleet() - world.first_host) {
    return model::invalid(fmt::format("hosts {} to {} are not among {}", world.first_host,
                                      world.first_host + world.hosts.size(), world.hosts_of_fleet()));
  }
  std::vector<bool> placed(data.workloads.size(), false);
  for (std::size_t host = 0; host < world.hosts.size(); ++host) {
    const auto& workloads = world.hosts[host];
    const auto name = [&world, host] { return host_name(world.first_host + host); };
    // Pods of history follow one another: a report never held all of them.
    if (data.all_hosts == 0 && workloads.size() > model::ReportLimits::kMaxPods) {
      return model::invalid(fmt::format("{} has {} workloads: {} is the most that a report holds", name(),
                                        workloads.size(), model::ReportLimits::kMaxPods));
    }
    for (const auto number : workloads) {
      if (number >= placed.size()) {
        return model::invalid(
            fmt::format("{} has workload {} of {}: the world is of other data", name(), number, placed.size()));
      }
      if (placed[number]) {
        return model::invalid(
            fmt::format("{} has workload {}, which is placed already", name(), data.workloads[number].name));
      }
      placed[number] = true;
    }
  }
  return world.recorded ? check_recorded(data, world) : check_shape(world.shape);
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
    const std::size_t steps = workload.cpu_used.size();
    if (workload.first > data.steps || steps > data.steps - workload.first) {
      return model::invalid(fmt::format("workload {} has {} values from step {} on, of {} steps", workload.name, steps,
                                        workload.first, data.steps));
    }
    for (const auto* column : {&workload.cpu_request, &workload.memory_used_mib, &workload.memory_request_mib}) {
      if (column->size() == steps) continue;
      return model::invalid(
          fmt::format("workload {} has {} values for {} steps", workload.name, column->size(), steps));
    }
  }
  return {};
}

model::Result<void> check_shape(const HostShape& shape) {
  if (!is_within(shape.cpu_millicores, 1, kMostHostCpu)) {
    return model::invalid(
        fmt::format("a host of {} millicores is not within 1 and {:.0f}", shape.cpu_millicores, kMostHostCpu));
  }
  if (!is_within(shape.memory_mib, 1, kMostHostMib)) {
    return model::invalid(fmt::format("a host of {} MiB is not within 1 and {:.0f}", shape.memory_mib, kMostHostMib));
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

model::Result<void> check_accepted_risk(double accepted_risk) {
  if (accepted_risk >= 0 && accepted_risk <= 1) return {};
  return model::invalid(fmt::format("an accepted risk of {}; want 0 to 1", accepted_risk));
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
  // As recorded there are hosts of all sizes, of which some are looked at: no more than any host has.
  const HostShape most = world.recorded ? HostShape{kMostHostCpu, kMostHostMib, 0, 0} : world.shape;
  if (!is_within(options.pod_cpu_millicores, 1, most.cpu_millicores)) {
    return model::invalid(fmt::format("a batch pod of {} millicores is not within 1 and a host's {}",
                                      options.pod_cpu_millicores, most.cpu_millicores));
  }
  if (!is_within(options.pod_memory_mib, 0, most.memory_mib)) {
    return model::invalid(
        fmt::format("a batch pod of {} MiB is not within 0 and a host's {}", options.pod_memory_mib, most.memory_mib));
  }
  if (options.pod_runtime_s < 1 || options.pod_runtime_s > kMaxRuntimeS) {
    return model::invalid(fmt::format("a batch pod that runs for {} s", options.pod_runtime_s));
  }
  return {};
}

}  // namespace tideline::planner
