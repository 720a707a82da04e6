#pragma once
// Whether what a world is made of can be one, before anything is computed of it. Errors are kInvalidArgument and name
// the value.

#include "coordinator/planner/dataset.h"
#include "coordinator/planner/replay.h"
#include "coordinator/planner/world.h"
#include "messages/model/result.h"

namespace tideline::planner {

/// A host has CPU and memory, no more than a report may hold, and what its system uses is less than that.
model::Result<void> check_shape(const HostShape& shape);

/// Steps of a second to a day, a century at most, all of it with dates; each workload's four columns have a value for
/// each step from its first on.
model::Result<void> check_data(const Dataset& data);

/// A share of checks that may be violations: 0 to 1.
model::Result<void> check_accepted_risk(double accepted_risk);

/// All that replay() goes by but the tasks.
model::Result<void> check_replay(const Dataset& data, const World& world, const ReplayOptions& options);

}  // namespace tideline::planner
