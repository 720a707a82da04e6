#pragma once
// How many hosts can go, or how much batch fits, at a stated risk.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "coordinator/planner/dataset.h"
#include "coordinator/planner/parallel.h"
#include "coordinator/planner/world.h"
#include "messages/model/result.h"

namespace tideline::planner {

struct CapacityOptions {
  PackOptions pack;            // hosts: how many there are now; 0: as many as packing by requests takes
  double accepted_risk = 0.01; // share of host-steps in which what is used may pass `safe_percent` of a host
  double safe_percent = 90;
  double growth_percent = 0;   // of all use and requests, before all else
  std::size_t spare_hosts = 1; // N+1: kept besides what is needed
  double batch_cpu_millicores = 1'000;  // of one batch pod: what does not hold a whole one is fragmentation
  double batch_memory_mib = 2'048;
  std::size_t resamples = 200; // of days, with replacement, for the interval
  std::uint64_t seed = 1;
  Parallel parallel;  // the answer is the same for any
  Progress progress;
};

struct Interval {
  double low = 0;   // 5th percentile
  double mid = 0;   // of the days as they were
  double high = 0;  // 95th
};

struct Capacity {
  std::size_t hosts_now = 0;
  std::size_t hosts_needed = 0;  // the fewest whose risk is accepted, and the spare ones
  Interval hosts_to_give_back;   // hosts_now - needed, never below 0
  double risk_at_needed = 0;
  Interval batch_pods;           // that fit beside the services on hosts_now at every step but the accepted share
  double batch_pods_without_fragmentation = 0;
  std::vector<std::string> notes;
};

/// Packed by requests times a factor: the search goes over how far requests may be overcommitted, by bisection, each
/// packing judged by what was really used.
model::Result<Capacity> capacity(const Dataset& data, const CapacityOptions& options);

}  // namespace tideline::planner
