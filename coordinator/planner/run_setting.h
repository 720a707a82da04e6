#pragma once
// What all hosts of a replay have in common, in the units of the live code.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "coordinator/planner/dataset.h"
#include "coordinator/planner/day_draws.h"
#include "coordinator/planner/replay.h"
#include "coordinator/planner/whole_units.h"
#include "coordinator/planner/world.h"
#include "messages/model/units.h"

namespace tideline::planner {

/// A host at a step.
struct HostNow {
  bool there = true;  // false: nothing is known of it, and of its capacity 0
  model::MilliCpu capacity{};
  model::MilliCpu system{};  // used by it
  model::Bytes memory_capacity{};
  model::Bytes system_memory{};  // 0 also where it is not known
};

/// data, world and options have been checked (checks.h), and must outlive it.
struct RunSetting {
  RunSetting(const Dataset& of_data, const World& of_world, const ReplayOptions& by_options)
      : data(of_data),
        world(of_world),
        options(by_options),
        capacity(whole_millicores(of_world.shape.cpu_millicores)),
        system(whole_millicores(of_world.shape.system_cpu_millicores)),
        memory_capacity(whole_bytes(of_world.shape.memory_mib)),
        system_memory(whole_bytes(of_world.shape.system_memory_mib)),
        pod_cpu(whole_millicores(by_options.pod_cpu_millicores)),
        pod_memory(whole_bytes(by_options.pod_memory_mib)),
        days(days_of_steps(of_data)),
        steps_a_point(course_stride(of_data.steps)),
        window(steps_in(by_options.colocation.metric_aggregate_duration_seconds, of_data.step_s / 2)),
        horizon(steps_in(by_options.horizon_s, of_data.step_s - 1)) {}

  std::size_t points() const { return (data.steps + steps_a_point - 1) / steps_a_point; }
  double step_h() const { return static_cast<double>(data.step_s) / 3'600; }
  std::int64_t end_s() const { return data.time_of(data.steps); }
  HostNow host_at(std::size_t host, std::size_t step) const {
    if (!world.recorded) return {true, capacity, system, memory_capacity, system_memory};
    const RecordedHost& recorded = data.hosts[host];
    // What is absent is below 0, and so none.
    return {recorded.is_there(step), whole_millicores(static_cast<double>(recorded.cpu_capacity[step])),
            whole_millicores(static_cast<double>(recorded.cpu_system[step])),
            whole_bytes(static_cast<double>(recorded.memory_capacity_mib[step])),
            whole_bytes(static_cast<double>(recorded.memory_system_mib[step]))};
  }

  const Dataset& data;
  const World& world;
  const ReplayOptions& options;
  // By the world's shape; as recorded hosts have their own.
  model::MilliCpu capacity;
  model::MilliCpu system;
  model::Bytes memory_capacity;
  model::Bytes system_memory;
  model::MilliCpu pod_cpu;
  model::Bytes pod_memory;
  StepDays days;
  std::size_t steps_a_point;
  std::size_t window;   // steps that an average is of: the nearest number, at least 1
  std::size_t horizon;  // steps, a begun one whole

 private:
  std::size_t steps_in(std::int64_t seconds, std::int64_t rounding) const {
    return static_cast<std::size_t>(std::max<std::int64_t>((seconds + rounding) / data.step_s, 1));
  }
};

}  // namespace tideline::planner
