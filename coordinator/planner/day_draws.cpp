#include "coordinator/planner/day_draws.h"

#include <algorithm>
#include <numeric>

namespace tideline::planner {
namespace {

constexpr std::int64_t kDayS = 86'400;

std::int64_t utc_day_of(std::int64_t time_s) {
  return time_s / kDayS - (time_s % kDayS < 0 ? 1 : 0);
}

}  // namespace

StepDays days_of_steps(const Dataset& data) {
  return days_of_steps(data.begin_s, data.step_s, data.steps);
}

std::size_t count_days(std::int64_t begin_s, std::int64_t step_s, std::size_t steps) {
  if (steps == 0) return 0;
  const std::int64_t last_s = begin_s + static_cast<std::int64_t>(steps - 1) * step_s;
  return static_cast<std::size_t>(utc_day_of(last_s) - utc_day_of(begin_s) + 1);
}

StepDays days_of_steps(std::int64_t begin_s, std::int64_t step_s, std::size_t steps) {
  StepDays days;
  days.of_step.reserve(steps);
  std::int64_t last = 0;
  for (std::size_t step = 0; step < steps; ++step) {
    const std::int64_t day = utc_day_of(begin_s + static_cast<std::int64_t>(step) * step_s);
    if (days.count == 0 || day != last) ++days.count;
    last = day;
    days.of_step.push_back(static_cast<std::uint32_t>(days.count - 1));
  }
  return days;
}

std::span<const std::uint32_t> DayDraws::next() {
  std::fill(weights_.begin(), weights_.end(), 0U);
  for (std::size_t i = 0; i < weights_.size(); ++i)
    ++weights_[random_() % weights_.size()];
  return weights_;
}

double allowed_of(double share, double total) {
  return share * total * (1 + 1e-12);
}

RankedSteps::RankedSteps(const std::vector<double>& values, const StepDays& days) {
  by_value_.reserve(values.size());
  for (std::size_t step = 0; step < values.size(); ++step)
    by_value_.emplace_back(values[step], days.of_step[step]);
  std::sort(by_value_.begin(), by_value_.end());
}

double RankedSteps::lowest_but(double share, std::span<const std::uint32_t> day_weights) const {
  const std::uint64_t total =
      std::accumulate(by_value_.begin(), by_value_.end(), std::uint64_t{0},
                      [day_weights](std::uint64_t sum, const auto& each) { return sum + day_weights[each.second]; });
  const double allowed = allowed_of(share, static_cast<double>(total));
  std::uint64_t seen = 0;
  double value = 0;
  for (const auto& [each, day] : by_value_) {
    if (day_weights[day] == 0) continue;
    value = each;
    seen += day_weights[day];
    if (static_cast<double>(seen) > allowed) break;
  }
  return value;
}

}  // namespace tideline::planner
