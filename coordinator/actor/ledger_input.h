#pragma once
// The fleet view's averages as input of the ledger.

#include "coordinator/fleet/fleet_view.h"
#include "coordinator/reclaim/reclaim.h"

namespace tideline::coordinator {

/// usage nullopt: the node never sent a live report; the ledger then says kStale.
reclaim::NodeInput ledger_input(const model::NodeName& node, const std::optional<fleet::NodeUsage>& usage,
                                model::PolicyVersion policy);

}  // namespace tideline::coordinator
