#pragma once
// The grid of time that a dataset lies on, and its bounds.

#include <cstddef>
#include <cstdint>

#include "coordinator/planner/dataset.h"
#include "messages/model/result.h"

namespace tideline::planner {

/// Half open, s since the epoch, within the years 1 to 9999.
struct DatasetSpan {
  std::int64_t from = 0;
  std::int64_t until = 0;
  bool has(std::int64_t time) const { return time >= from && time < until; }
};

struct DatasetGrid {
  std::int64_t begin_s = 0;
  std::int64_t step_s = 300;
  std::size_t steps = 0;
};

inline constexpr std::int64_t kLongestStep = 86'400;
/// Series times steps: 4 GiB of floats.
inline constexpr std::size_t kMaxCells = std::size_t{1} << 28;
inline constexpr std::size_t kMaxTasks = std::size_t{1} << 26;

/// kInvalidArgument for a range that is empty, or whose step is none.
model::Result<DatasetSpan> span_of(const DatasetRange& range);

/// Of all times from `first` to `last`, aligned, for `series` of them. kOverloaded beyond kMaxCells.
model::Result<DatasetGrid> grid_over(std::int64_t first, std::int64_t last, std::int64_t step_s, std::size_t series);

}  // namespace tideline::planner
