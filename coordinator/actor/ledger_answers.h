#pragma once
// Operators' questions about the ledger, answered from the live view.

#include <string>
#include <vector>

#include "coordinator/actor/ledger_book.h"
#include "coordinator/fleet/arrival.h"
#include "coordinator/fleet/fleet_view.h"
#include "coordinator/policy/rollout.h"
#include "messages/model/cluster.h"
#include "messages/model/explained.h"
#include "messages/model/result.h"

namespace tideline::coordinator {

/// The account of a known node, computed anew: what the ledger has, or will have a second from now. Of one that is only
/// remembered, what the ledger has of it: `stored` is set.
model::ExplainedAccount explain_reclaimed(const model::NodeName& node, const LedgerBook& ledger,
                                          const fleet::FleetView& fleet, const policy::Rollout& rollout,
                                          const fleet::Arrival& now);

/// kNotFound, naming the groups of its label that the report has, unless the part is among them.
model::Result<void> known_part(const model::ClusterReport& report, const model::ClusterPart& part);

}  // namespace tideline::coordinator
