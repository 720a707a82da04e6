#pragma once
// Hosts, and which workload is on which of them: by a seeded packer, as no public trace says it.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "coordinator/planner/dataset.h"
#include "messages/model/result.h"

namespace tideline::planner {

struct HostShape {
  double cpu_millicores = 64'000;
  double memory_mib = 256 * 1024.0;
  double system_cpu_millicores = 1'000;  // used by what is no workload, all the time
  double system_memory_mib = 4 * 1024.0;
};

/// How workloads are placed: whole requests at their largest, in an order drawn from the seed among those of like size,
/// onto the first host that has room (first fit, decreasing). They stay where they are.
struct PackOptions {
  HostShape host;
  std::size_t hosts = 0;          // 0: as many as it takes
  double cpu_fill_percent = 100;  // of a host's CPU that requests may take; more than 100 overcommits
  double memory_fill_percent = 100;
  std::uint64_t seed = 1;
};

struct World {
  HostShape shape;
  std::vector<std::vector<std::uint32_t>> hosts;  // numbers of workloads, ascending
  std::vector<std::uint32_t> not_placed;          // larger than a host, or no room on `hosts`
  friend bool operator==(const World&, const World&) = delete;
};

/// A host takes at most as many workloads as a report of the live system holds pods (ReportLimits::kMaxPods).
/// kInvalidArgument where nothing could be placed, and for a host that is none.
model::Result<World> pack(const Dataset& data, const PackOptions& options);

/// "node-0007"
std::string host_name(std::size_t host);

}  // namespace tideline::planner
