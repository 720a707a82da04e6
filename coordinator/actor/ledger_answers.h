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

namespace tideline::coordinator {

/// The account of a known node, computed anew: what the ledger has, or will have a second from now. Of one that is only
/// remembered, what the ledger has of it: `stored` is set.
model::ExplainedAccount explain_reclaimed(const model::NodeName& node, const LedgerBook& ledger,
                                          const fleet::FleetView& fleet, const policy::Rollout& rollout,
                                          const fleet::Arrival& now);

/// All but the trend. `labels`: keys to group by.
model::ClusterReport cluster_report(const LedgerBook& ledger, const fleet::FleetView& fleet,
                                    const std::vector<std::string>& labels, const fleet::Arrival& now);

}  // namespace tideline::coordinator
