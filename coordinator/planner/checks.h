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

/// All that replay() goes by but the tasks.
model::Result<void> check_replay(const Dataset& data, const World& world, const ReplayOptions& options);

}  // namespace tideline::planner
