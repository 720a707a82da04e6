#include "coordinator/planner_program/commands.h"
#include "coordinator/planner_program/found.h"

namespace tideline::planner_program {

model::Result<void> run_predictors(const Options& options, Session& session) {
  auto found = find_scores(options, "Predictors", session);
  if (!found) return found.error();
  if (options.part_file.empty()) return deliver_scores(options.output, found->about, found->part);
  found->about.body = planner::to_json(found->part);
  return write_part(options.part_file, found->about);
}

}  // namespace tideline::planner_program
