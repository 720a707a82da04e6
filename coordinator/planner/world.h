#pragma once
// Hosts, and which workload is on which of them: as history recorded it, or by a seeded packer, as no public trace says
// it.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "coordinator/planner/dataset.h"
#include "coordinator/planner/host_slice.h"
#include "messages/model/result.h"

namespace tideline::planner {

struct HostShape {
  double cpu_millicores = 64'000;
  double memory_mib = 256 * 1024.0;
  double system_cpu_millicores = 1'000;  // used by what is no workload, all the time
  double system_memory_mib = 4 * 1024.0;
};

/// How workloads are placed: whole requests at their largest, in an order drawn from the seed among those of like size,
/// onto the first host that has room (first fit, decreasing). They stay where they are. Of history, pods that ask for
/// the same and follow one another share a place.
struct PackOptions {
  HostShape host;
  std::vector<HostShape> shapes = {};  // of the first hosts, where they differ; those behind them are like `host`
  std::size_t hosts = 0;               // 0: as many as it takes
  double cpu_fill_percent = 100;       // of a host's CPU that requests may take; more than 100 overcommits
  double memory_fill_percent = 100;
  /// Where less than a host is filled: up to so many percent of a host a request that is larger than that still takes
  /// one, with little beside it. 0: it does not.
  double alone_cpu_percent = 0;
  double alone_memory_percent = 0;
  std::uint64_t seed = 1;
};

struct World {
  HostShape shape;                                // of every host; as recorded: the most that any has
  std::vector<std::vector<std::uint32_t>> hosts;  // numbers of workloads, ascending
  std::vector<std::uint32_t> not_placed;          // larger than a host, or no room on `hosts`
  bool recorded = false;  // each is that of Dataset::hosts: its name, its capacity and its system at each step
  std::vector<HostShape> shapes = {};  // of each, where they differ and are not recorded
  /// Where these are some of a fleet's: the number of the first, and how many there are in all; 0: these.
  std::size_t first_host = 0;
  std::size_t fleet_hosts = 0;
  std::size_t hosts_of_fleet() const { return fleet_hosts > 0 ? fleet_hosts : hosts.size(); }
  friend bool operator==(const World&, const World&) = delete;
};

/// A host takes at most as many workloads as a report of the live system holds pods (ReportLimits::kMaxPods), at a
/// time. kInvalidArgument where nothing could be placed, and for a host that is none.
model::Result<World> pack(const Dataset& data, const PackOptions& options);

/// Each workload on the host that it was on. kInvalidArgument where the data has no hosts.
model::Result<World> recorded_world(const Dataset& data);
/// Of each of Dataset::hosts the most that it had in the range, and the mean of what its system used.
std::vector<HostShape> recorded_shapes(const Dataset& data);

/// Some hosts of a world that has them all.
World slice_of(const World& world, const HostSlice& slice);

/// "node-0007"
std::string host_name(std::size_t host);
/// As recorded, where it was.
std::string host_name(const Dataset& data, const World& world, std::size_t host);

}  // namespace tideline::planner
