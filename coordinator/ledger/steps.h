#pragma once
// What a session and a report change for the ledger: the live coordinator and a replay take the same steps.

#include <string>
#include <vector>

#include "coordinator/fleet/fleet_view.h"
#include "coordinator/policy/rollout.h"
#include "messages/model/report.h"

namespace tideline::ledger {

/// The node's session opened, as the fleet view knows already: labels and annotations of another host are not this
/// one's.
inline void session_opened(const fleet::FleetView& fleet, policy::Rollout& rollout, const model::NodeName& node) {
  if (!fleet.knows_host(node)) rollout.forget(node);
  rollout.opened(node);
}

/// A report that the fleet view took as the newest of its node; what Rollout::told() says of it.
inline std::vector<std::string> report_taken(policy::Rollout& rollout, const model::Report& report) {
  return rollout.told(report.node, policy::facts_of(report.status));
}

}  // namespace tideline::ledger
