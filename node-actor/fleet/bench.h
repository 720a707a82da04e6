#pragma once
// Thousands of node sessions out of one process: generated reports over the real link, and how long acks take.

#include <atomic>

#include "messages/model/result.h"
#include "node-actor/fleet/fleet_link.h"
#include "node-actor/fleet/generated_node.h"

namespace tideline::rehearsal {

struct BenchConfig : FleetConfig {
  NodeShape shape;
  /// Nodes have the pods that the coordinator tells them of, and say nothing before they know them.
  bool pods_from_coordinator = false;
};

/// Runs until the time is up or `stop` is true, prints a row each row_every and one for the whole to stdout, and waits
/// at its end for the answers that are under way. The errors of link::load and speaks_for: certificates of these nodes
/// are not there or others'. kOverloaded: the process may not open so many files. A coordinator that is away is no
/// error: sessions are tried for ever, as nodes do.
model::Result<void> run_bench(const BenchConfig& config, const std::atomic<bool>& stop);

}  // namespace tideline::rehearsal
