#pragma once
// What a node offers batch, split over its NUMA zones by what was measured in each. Koordinator splits by number of
// zones, and keeps what a zone was given when the node's offer is withdrawn; here a zone's offer is the node's or less,
// in each step.

#include <string>
#include <vector>

#include "coordinator/reclaim/reclaim.h"
#include "messages/model/reclaimed.h"
#include "messages/model/zone.h"

namespace tideline::reclaim {

/// room_i    = max(0, capacity_i - margin_i - charged_i), 0 where what is charged is not known
/// offered_i = room_i * min(1, offered / sum of rooms)
/// The margin is a zone's share of the node's, by reclaimThresholdPercent. Together the zones are offered at most what
/// the node is, each at most its room. By zone id, as in the input; empty for fewer than two.
std::vector<model::ZoneAccount> split(const model::Reclaimed& account, const std::vector<ZoneInput>& zones,
                                      const model::ColocationPolicy& policy);

/// Why there is no account of zones, where there should be one; "" = there is, or the node has but one.
std::string zones_problem(const NodeInput& input);

}  // namespace tideline::reclaim
