#pragma once
// --fine: chosen steps of a replay, tick by tick.

#include <string>
#include <string_view>
#include <vector>

#include "coordinator/planner/dataset.h"
#include "coordinator/planner/demand_model.h"
#include "coordinator/planner/fine_part.h"
#include "coordinator/planner/kept.h"
#include "coordinator/planner/replay_part.h"
#include "coordinator/planner_program/host_scenes.h"
#include "coordinator/planner_program/options.h"
#include "coordinator/planner_program/session.h"
#include "messages/model/result.h"

namespace tideline::planner_program {

/// Besides kReplayLive.
inline constexpr std::string_view kFineLive =
    "; tick by tick the fast loop and the pod loop of the node (node-actor/sense, node-actor/decide)";
inline constexpr std::string_view kFineNotModelled =
    "Not modelled tick by tick: what is shorter than a second, for which demand holds; evictions, memory, CPU bursts, "
    "threads and their wake-ups. Kernel ordering counts as verified, a limit holds from the moment that it is written, "
    "and its writing hands nothing out.";

/// The file's, or the usual one.
model::Result<planner::DemandModel> choose_demand(const Options& options);

/// `frame`: the grid. kInvalidArgument names a window that no step of it begins in.
model::Result<void> check_windows(const FineCommand& fine, const planner::Dataset& frame);

/// Lines for a preface: what is looked into, and by which model.
std::vector<std::string> fine_facts(const Options& options, const planner::DemandModel& demand);

/// Of the hosts that `replayed` is of. What it took is told to the session.
model::Result<planner::FinePart> find_fine(const Options& options, const planner::DemandModel& demand,
                                           HostScenes& scenes, Session& session, const planner::Kept& kept,
                                           const planner::ReplayOptions& replaying,
                                           const planner::ReplayPart& replayed);

}  // namespace tideline::planner_program
