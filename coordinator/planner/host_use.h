#pragma once
// What the workloads of a packing really used together on each host, against what is safe there.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "coordinator/planner/dataset.h"
#include "coordinator/planner/day_draws.h"
#include "coordinator/planner/parallel.h"
#include "coordinator/planner/step_slice.h"
#include "coordinator/planner/world.h"

namespace tideline::planner {

/// What hosts are held to. A workload whose memory use is not known at a step counts with its request.
struct SafeUse {
  HostShape host;           // of worlds that say no other
  double safe_share = 0.9;  // of a host's CPU and memory
  double growth = 1;        // times all use
  bool judge_memory = true;
};

/// Host-steps of a day, and those in which services and system passed what is safe. A recorded host counts where it is
/// there.
struct DayRisk {
  std::uint64_t checks = 0;
  std::uint64_t over = 0;
};
std::vector<DayRisk> risk_by_day(const Dataset& data, const StepDays& days, const World& world, const SafeUse& safe,
                                 const Parallel& parallel, const StepSlice& slice = {});

struct BatchPod {
  double cpu_millicores = 1'000;  // > 0
  double memory_mib = 2'048;      // 0: takes none
};

/// Batch pods that would have fitted beside the services, a value a step; 0 of steps outside of the slice.
struct BatchRoom {
  std::vector<double> pods;                        // whole ones on each host
  std::vector<double> pods_without_fragmentation;  // by what is free on all hosts together
};
/// Hosts beyond those of `world` are empty and like `safe.host`, up to `hosts`.
BatchRoom batch_room(const Dataset& data, const World& world, std::size_t hosts, const SafeUse& safe,
                     const BatchPod& pod, const Parallel& parallel, const StepSlice& slice = {});

}  // namespace tideline::planner
