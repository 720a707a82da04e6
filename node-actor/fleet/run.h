#pragma once
// A rehearsal: simulated hosts with the real sense and decide code, in sessions of the real link, and faults on demand.

#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "messages/model/node_annotations.h"
#include "messages/model/result.h"
#include "messages/model/units.h"
#include "node-actor/fleet/fleet_link.h"
#include "node-actor/simulation/fault.h"
#include "node-actor/simulation/generated_pod.h"

namespace tideline::rehearsal {

struct RunConfig : FleetConfig {
  std::string state_dir;  // of the nodes' spools; made where it is missing
  simulation::HostShape shape;
  std::map<std::string, std::string> labels;
  model::NodeAnnotations annotations;
  model::Duration loop = std::chrono::seconds(1);  // of each agent's fast loop; pods are read each second at most
  std::vector<std::string> traces;                 // files or directories; none: all loads are drawn
  model::Duration trace_begin{0};
  std::vector<simulation::Fault> faults;
};

/// kInvalidArgument: a fault of nodes that are none of this rehearsal's.
model::Result<void> check_faults(const RunConfig& config);

/// Runs until the time is up or `stop` is true, prints a row each row_every, one for each fault that begins or ends and
/// one for the whole to stdout, and waits at its end for the answers to what is spooled. Errors: as run_bench(); those
/// of check_faults(), read_trace() and StateLock; kUnavailable: a node's spool cannot be opened.
model::Result<void> run_rehearsal(const RunConfig& config, const std::atomic<bool>& stop);

}  // namespace tideline::rehearsal
