#include "coordinator/planner/dataset_grid.h"

#include <algorithm>

#include <fmt/format.h>

#include "coordinator/planner/utc_text.h"

namespace tideline::planner {
namespace {

constexpr std::size_t kMaxSteps = std::size_t{1} << 24;

std::int64_t floor_to_step(std::int64_t time, std::int64_t step_s) {
  const std::int64_t rest = time % step_s;
  return time - (rest < 0 ? rest + step_s : rest);
}

}  // namespace

model::Result<DatasetSpan> span_of(const DatasetRange& range) {
  if (range.step_s < 0 || range.step_s > kLongestStep) {
    return model::invalid(fmt::format("a step of {} s is not within 1 s and a day", range.step_s));
  }
  // What has a date is far from where arithmetic ends, too.
  const DatasetSpan span{std::max(range.from_s, kFirstUtcTime), std::min(range.until_s, kLastUtcTime)};
  if (span.from < span.until) return span;
  return model::invalid(fmt::format("the range from {} until {} s since the epoch is empty", span.from, span.until));
}

model::Result<DatasetGrid> grid_over(std::int64_t first, std::int64_t last, std::int64_t step_s, std::size_t series) {
  DatasetGrid grid{floor_to_step(first, step_s), step_s, 0};
  grid.steps = static_cast<std::size_t>((last - grid.begin_s) / step_s) + 1;
  const std::size_t most = std::min(kMaxSteps, kMaxCells / std::max<std::size_t>(series, 1));
  if (grid.steps > most) {
    return model::Error(model::ErrorCode::kOverloaded,
                        fmt::format("{} steps of {} s of {} series: {} is the most, take a shorter range or a longer "
                                    "step",
                                    grid.steps, step_s, series, most));
  }
  return grid;
}

}  // namespace tideline::planner
