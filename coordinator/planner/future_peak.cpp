#include "coordinator/planner/future_peak.h"

#include <algorithm>
#include <cstdint>

#include "coordinator/forecast/windows.h"

namespace tideline::planner {
namespace {

bool is_there_then(float used) {
  return used >= 0;
}

/// Of each step from first on, whether other tasks are there than at the step before it.
std::vector<std::uint8_t> membership_changes(std::span<const UsedSteps> used, std::size_t first, std::size_t last) {
  std::vector<std::uint8_t> changes(last - first, 0);
  for (const UsedSteps& task : used) {
    // One step behind the last value it is gone.
    const std::size_t end = std::min(last, task.first + task.values.size() + 1);
    for (std::size_t step = std::max(first + 1, task.first); step < end; ++step) {
      if (is_there_then(task.at(step)) != is_there_then(task.at(step - 1))) changes[step - first] = 1;
    }
  }
  return changes;
}

}  // namespace

std::vector<double> future_peaks(std::span<const UsedSteps> used, std::size_t first, std::size_t last,
                                 std::size_t horizon) {
  std::vector<double> peaks;
  if (first >= last) return peaks;
  peaks.reserve(last - first);
  const auto changes = membership_changes(used, first, last);
  std::vector<double> sums;
  forecast::WindowMax window;
  // By stretches in which the same tasks are there: their sums are those of all windows that begin in it.
  for (std::size_t begin = first; begin < last;) {
    std::size_t end = begin + 1;
    while (end < last && changes[end - first] == 0)
      ++end;
    sums.assign(end - 1 - begin + horizon, 0);
    for (const UsedSteps& task : used) {
      if (!is_there_then(task.at(begin))) continue;
      const auto after = task.values.subspan(std::min(begin + 1 - task.first, task.values.size()));
      for (std::size_t i = 0; i < std::min(after.size(), sums.size()); ++i)
        sums[i] += after[i] > 0 ? static_cast<double>(after[i]) : 0.0;
    }
    window.clear();
    for (std::size_t i = 0; i < sums.size(); ++i) {
      window.push(horizon, sums[i]);
      if (i + 1 >= horizon) peaks.push_back(window.max());
    }
    begin = end;
  }
  return peaks;
}

}  // namespace tideline::planner
