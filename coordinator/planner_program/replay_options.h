#pragma once
// The command line's policy and batch work as replays take them.

#include <string>
#include <string_view>

#include "coordinator/planner/replay.h"
#include "coordinator/planner_program/options.h"
#include "coordinator/planner_program/policy_file.h"
#include "coordinator/planner_program/session.h"

namespace tideline::planner_program {

/// Which of a replay's decisions the live code makes.
inline constexpr std::string_view kReplayLive =
    "the account of each host (coordinator/reclaim) and the limit of batch (node-actor/decide)";

planner::ReplayOptions replay_options(const Options& options, const ChosenPolicy& policy, Session& session,
                                      std::string what);

/// "batch: as much as is offered, in pods of 1 cores and 2 GiB ...".
std::string batch_fact(const Options& options);

}  // namespace tideline::planner_program
