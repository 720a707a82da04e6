#pragma once
// What a question found, and its answer: by one process, or merged from parts.

#include <optional>
#include <string_view>

#include "coordinator/planner/capacity_part.h"
#include "coordinator/planner/data_counts.h"
#include "coordinator/planner/fine_part.h"
#include "coordinator/planner/replay_part.h"
#include "coordinator/planner/score_part.h"
#include "coordinator/planner/sweep_part.h"
#include "coordinator/planner_program/options.h"
#include "coordinator/planner_program/output.h"
#include "coordinator/planner_program/part_file.h"
#include "coordinator/planner_program/session.h"
#include "messages/model/result.h"

namespace tideline::planner_program {

/// `about`: as its part is written; its body is not looked at.
model::Result<void> deliver_replay(const OutputOptions& output, const PartFile& about, planner::ReplayPart found,
                                   const std::optional<planner::FinePart>& fine = std::nullopt);
model::Result<void> deliver_scores(const OutputOptions& output, const PartFile& about, const planner::ScorePart& found);
model::Result<void> deliver_sweep(const OutputOptions& output, const PartFile& about, const planner::SweepPart& found);
model::Result<void> deliver_sweep(const OutputOptions& output, const PartFile& about, const planner::ScorePart& found);
model::Result<void> deliver_capacity(const OutputOptions& output, const PartFile& about,
                                     const planner::CapacityPart& found);

/// By all predictors of the command line, over the hosts of its shard. `what`: of the heading.
struct FoundScores {
  PartFile about;
  planner::ScorePart part;
};
model::Result<FoundScores> find_scores(const Options& options, std::string_view what, Session& session);

}  // namespace tideline::planner_program
