#pragma once
// How far a replay's limit on batch is from the one that a node had.

#include <string>

#include "coordinator/planner/replay.h"
#include "coordinator/planner_program/host_scenes.h"
#include "coordinator/planner_program/options.h"
#include "messages/model/result.h"

namespace tideline::planner_program {

/// A line for a report: the mean and the worst difference by step, between the limit that batch has in the replay of
/// the one host and the mean of those that were in force in its recording. No limit counts as the host's capacity.
model::Result<std::string> difference_from_recording(const std::string& recording, HostScenes& scenes,
                                                     const planner::ReplayOptions& options);

}  // namespace tideline::planner_program
