#pragma once
// A node's metric out of the fleet view.

#include <optional>

#include "coordinator/fleet/arrival.h"
#include "coordinator/fleet/fleet_view.h"
#include "messages/model/ids.h"
#include "messages/model/node_metric.h"

namespace tideline::fleet {

/// As of the node's newest live report: all of it but the spreads and what is predicted. nullopt: the node is not live,
/// its host is another one, or its CPU or memory is not known; who reads a part for the whole takes it for idle.
std::optional<model::NodeMetric> node_metric(const FleetView& fleet, const model::NodeName& node, const Arrival& now);

}  // namespace tideline::fleet
