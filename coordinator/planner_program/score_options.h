#pragma once
// The command line's predictions as scoring takes them.

#include <string>
#include <string_view>
#include <vector>

#include "coordinator/planner/dataset.h"
#include "coordinator/planner/score.h"
#include "coordinator/planner_program/options.h"
#include "coordinator/planner_program/session.h"

namespace tideline::planner_program {

inline constexpr std::string_view kPredictorsLive = "the predictors (coordinator/forecast)";

/// Scored is what the command line says, else the second half of the data, in whole days where there are two.
planner::ScoreOptions score_options(const Options& options, const planner::Dataset& data, Session& session,
                                    std::string what);

/// What is predicted, learnt from and scored: lines for a preface.
std::vector<std::string> score_facts(const planner::ScoreOptions& options, const planner::Dataset& data);

}  // namespace tideline::planner_program
