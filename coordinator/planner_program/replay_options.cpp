#include "coordinator/planner_program/replay_options.h"

#include <utility>

#include <fmt/format.h>

#include "coordinator/planner_program/scene.h"
#include "coordinator/planner_view/figures.h"

namespace tideline::planner_program {

planner::ReplayOptions replay_options(const Options& options, const ChosenPolicy& policy, Session& session,
                                      std::string what) {
  const BatchOptions& batch = options.batch;
  return {.colocation = policy.colocation,
          .threshold = policy.threshold,
          .demand = batch.tasks.empty() && !batch.recorded ? planner::BatchDemand::kFill : planner::BatchDemand::kTasks,
          .pod_cpu_millicores = batch.cpu_millicores,
          .pod_memory_mib = batch.memory_mib,
          .pod_runtime_s = batch.runtime_s,
          .repeat_tasks = batch.repeat,
          .horizon_s = options.horizon_s,
          .parallel = session.parallel,
          .progress = session.progress(std::move(what))};
}

std::string batch_fact(const Options& options) {
  const BatchOptions& batch = options.batch;
  if (batch.recorded) return "batch: the tasks that the data has, when they were";
  if (!batch.tasks.empty()) {
    return fmt::format("batch: the tasks of {}{}", name_of(batch.tasks), batch.repeat ? ", again and again" : "");
  }
  return fmt::format("batch: as much as is offered, in pods of {} cores and {} MiB with {} of CPU time at full speed",
                     planner_view::amount(batch.cpu_millicores / 1'000), planner_view::amount(batch.memory_mib),
                     planner_view::length_text(batch.runtime_s));
}

}  // namespace tideline::planner_program
