#pragma once
// How many hosts can go, or must come, and how much batch fits, at a stated risk.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "coordinator/planner/dataset.h"
#include "coordinator/planner/kept.h"
#include "coordinator/planner/parallel.h"
#include "coordinator/planner/world.h"
#include "messages/model/result.h"

namespace tideline::planner {

struct CapacityOptions {
  PackOptions pack;                     // hosts: how many there are now; 0: as many as packing by requests takes
  bool recorded = false;                // the hosts there are now are the data's own, with what was on them
  double accepted_risk = 0.01;          // share of host-steps in which what is used may pass `safe_percent` of a host
  double safe_percent = 90;             // of CPU, and of memory where its use is known
  double growth_percent = 0;            // of all use and requests; the hosts there are now are those of today's
  std::size_t spare_hosts = 1;          // N+1: kept besides what is needed
  double batch_cpu_millicores = 1'000;  // of one batch pod: what does not hold a whole one is fragmentation
  double batch_memory_mib = 2'048;      // 0: takes none
  std::size_t resamples = 200;          // of days, with replacement, for the intervals; 0: none
  std::uint64_t seed = 1;               // of the resamples; packings have their own
  Parallel parallel;                    // the answer is the same for any
  Progress progress;
  Kept kept = {};  // packings that were judged
};

struct Interval {
  double low = 0;   // 5th percentile
  double mid = 0;   // of the days as they were
  double high = 0;  // 95th
};

struct Capacity {
  std::size_t hosts_now = 0;
  double risk_now = 0;  // share of host-steps on those that there are now
  /// The fewest whose risk is accepted, and the spare ones. Where none is found: those of the packing that spreads
  /// most, or all that there are, and the spare ones, and a note.
  std::size_t hosts_needed = 0;
  bool is_found = true;
  Interval hosts_to_give_back;  // hosts_now - needed, never below 0
  Interval hosts_to_add;        // needed - hosts_now, likewise
  double risk_at_needed = 0;    // share of host-steps, spare hosts not counted
  Interval batch_pods;          // that fit beside the services on hosts_now at every step but the accepted share
  double batch_pods_without_fragmentation = 0;
  std::vector<std::string> notes;
};

/// Packed by requests divided by a factor: the search goes over factors from 1 to 20, by bisection to 1 %, each packing
/// judged by what was really used. Where whole requests are too much already, it goes over factors down to 1/20, where
/// a workload that asks for more than is then filled has a host of its own, if it fits one: the most hosts that help.
/// Memory requests are divided where memory use is known, else packed whole. As recorded, packings go onto the hosts
/// that there are, the largest first, and onto more of those that are most common. The intervals are of the packings
/// that the search saw, judged again over days drawn with replacement. kInvalidArgument names what is no option, or no
/// data; also where recorded hosts are to be judged of which none tells how much CPU it has. kUnavailable: stopped by
/// Progress.
model::Result<Capacity> capacity(const Dataset& data, const CapacityOptions& options);

}  // namespace tideline::planner
