#include "coordinator/planner_program/against.h"

#include <cmath>

#include <fmt/format.h>

#include "coordinator/planner_program/recorded_run.h"
#include "coordinator/planner_view/figures.h"

namespace tideline::planner_program {

model::Result<std::string> difference_from_recording(const std::string& recording, HostScenes& scenes,
                                                     const planner::ReplayOptions& options) {
  if (scenes.hosts() != 1) {
    return model::invalid(
        fmt::format("--against {}: a recording is of one host, and there are {}", recording, scenes.hosts()));
  }
  RecordedRun run;
  if (auto read = read_recording(recording, run); !read) return read.error();
  const auto view = scenes.view_of(0);
  if (!view) return view.error();
  const auto& data = *view->data;
  const auto limits = planner::limits_by_step(data, *view->world, options, 0);
  if (!limits) return limits.error();
  double sum = 0;
  double worst = 0;
  std::int64_t worst_s = 0;
  std::size_t steps = 0;
  for (std::size_t step = 0; step < data.steps; ++step) {
    const auto recorded = run.limit_millicores(data.time_of(step), data.time_of(step + 1));
    if (!recorded || !(*limits)[step]) continue;
    const double apart = std::abs(static_cast<double>((*limits)[step]->value()) - *recorded) / 1'000;
    sum += apart;
    ++steps;
    if (apart <= worst) continue;
    worst = apart;
    worst_s = data.time_of(step);
  }
  if (steps == 0) {
    return model::invalid(
        fmt::format("--against {}: none of its {} rounds lies within the data", recording, run.rounds()));
  }
  return fmt::format(
      "Against the recording {}: in {} steps of {} the limit of batch is {} cores from the one that was in force in "
      "the mean, and {} at most{}; no limit counts as the whole host.",
      name_of(recording), steps, planner_view::length_text(data.step_s),
      planner_view::amount(sum / static_cast<double>(steps)), planner_view::amount(worst),
      worst > 0 ? " at " + planner_view::utc_text(worst_s) : "");
}

}  // namespace tideline::planner_program
