#pragma once
// Days drawn with replacement: what an answer would have been, had some days come more often and others not at all.

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "coordinator/planner/dataset.h"

namespace tideline::planner {

/// Which UTC day each step lies in: 0 is the first that has one.
struct StepDays {
  std::vector<std::uint32_t> of_step;
  std::size_t count = 0;
};
StepDays days_of_steps(std::int64_t begin_s, std::int64_t step_s, std::size_t steps);
StepDays days_of_steps(const Dataset& data);
/// StepDays::count of the same, of steps no longer than a day.
std::size_t count_days(std::int64_t begin_s, std::int64_t step_s, std::size_t steps);

/// Of `count` days as many, with replacement. The same by the seed on every library.
class DayDraws {
 public:
  DayDraws(std::size_t count, std::uint64_t seed) : weights_(count), random_(seed) {}
  /// How often each came. Valid until the next.
  std::span<const std::uint32_t> next();

 private:
  std::vector<std::uint32_t> weights_;
  std::mt19937_64 random_;
};

/// The number of `total` things that a share allows, with a whole one never lost to rounding.
double allowed_of(double share, double total);

/// Values of steps, for the lowest that stands when a share of the steps may fall below it.
class RankedSteps {
 public:
  RankedSteps(const std::vector<double>& values, const StepDays& days);
  /// Each step counts as often as its day's weight. 0 without a step.
  double lowest_but(double share, std::span<const std::uint32_t> day_weights) const;

 private:
  std::vector<std::pair<double, std::uint32_t>> by_value_;  // with its day
};

}  // namespace tideline::planner
