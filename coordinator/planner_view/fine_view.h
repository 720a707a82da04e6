#pragma once
// What a fine run found, beside the replay that it looked into.

#include <vector>

#include "coordinator/planner/fine.h"
#include "coordinator/planner/replay.h"
#include "coordinator/planner_view/report.h"

namespace tideline::planner_view {

/// `result`: for the names of hosts, and how long a step is.
std::vector<Section> fine_sections(const planner::FineReport& report, const planner::ReplayResult& result, Form form);

/// A model's numbers and what it comes from, for people.
Table demand_table(const planner::DemandModel& demand);

}  // namespace tideline::planner_view
