#pragma once
// The fleet view's averages, what the node's annotations take, and what is predicted, as input of the ledger.

#include <optional>

#include "coordinator/fleet/fleet_view.h"
#include "coordinator/profile/node_profile.h"
#include "coordinator/reclaim/reclaim.h"

namespace tideline::ledger {

/// usage nullopt: the node never sent a live report; the ledger then says kStale.
reclaim::NodeInput input_of(const model::NodeName& node, const std::optional<fleet::NodeUsage>& usage,
                            const model::NodePolicy& policy, const profile::Reclaimable& predicted = {});

}  // namespace tideline::ledger
