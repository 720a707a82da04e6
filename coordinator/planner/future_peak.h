#pragma once
// What a perfect predictor would have said: the oracle that others are held against.

#include <cstddef>
#include <span>
#include <vector>

namespace tideline::planner {

/// Of one task its use by step, from `first` on; below 0 where it is not there, as before and behind them.
struct UsedSteps {
  std::span<const float> values;
  std::size_t first = 0;
  float at(std::size_t step) const {
    return step >= first && step - first < values.size() ? values[step - first] : -1.0F;
  }
};

/// Of each step t of [first, last): the most that the tasks which are there at t use together at one of the steps t + 1
/// to t + horizon, who is not there at that one nothing. `used`: of each task of a host; behind last + horizon steps
/// nothing is looked at. horizon >= 1.
///
/// Takes (steps + horizon) * tasks for as long as no task comes or goes, and horizon * tasks for each step at which one
/// does.
std::vector<double> future_peaks(std::span<const UsedSteps> used, std::size_t first, std::size_t last,
                                 std::size_t horizon);

}  // namespace tideline::planner
