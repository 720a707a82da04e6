#pragma once
// What a perfect predictor would have said: the oracle that others are held against.

#include <cstddef>
#include <span>
#include <vector>

namespace tideline::planner {

/// Of each step t of [first, last): the most that the tasks which are there at t use together at one of the steps t + 1
/// to t + horizon, who is not there at that one nothing. `used`: of each task of a host its use by step, below 0 where
/// it is not there; last + horizon steps at least. horizon >= 1.
///
/// Takes (steps + horizon) * tasks for as long as no task comes or goes, and horizon * tasks for each step at which one
/// does.
std::vector<double> future_peaks(std::span<const std::span<const float>> used, std::size_t first, std::size_t last,
                                 std::size_t horizon);

}  // namespace tideline::planner
