#include "coordinator/planner_view/axis.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "coordinator/planner/utc_text.h"
#include "coordinator/planner_view/figures.h"

namespace tideline::planner_view {
namespace {

/// Beyond it a step would be less than a double can tell apart, or its sums not finite.
constexpr double kLargest = 1e15;
constexpr std::int64_t kAxisDay = 86'400;
constexpr std::int64_t kAxisYear = 365 * kAxisDay;
constexpr std::array<std::int64_t, 11> kClockSteps = {60,    120,   300,    600,    900,   1'800,
                                                      3'600, 7'200, 10'800, 21'600, 43'200};
constexpr std::array<std::int64_t, 8> kDaySteps = {1, 2, 7, 14, 28, 56, 91, 182};

double readable_step(double span, std::size_t about) {
  const double raw = span / static_cast<double>(std::max<std::size_t>(about, 1));
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  const double part = raw / power;
  return (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10) * power;
}

struct Unit {
  double size;
  std::string_view sign;
};

Unit unit_for(double largest, double step) {
  for (const Unit unit : {Unit{1e9, "G"}, Unit{1e6, "M"}, Unit{1e3, "k"}}) {
    if (largest >= 10 * unit.size && step >= unit.size / 1000) return unit;
  }
  return {1, ""};
}

/// The smallest of which fewer than `most` fit in, and one more tick than that.
std::int64_t time_step(std::int64_t span, std::int64_t most) {
  for (const std::int64_t step : kClockSteps) {
    if (span / step < most) return step;
  }
  for (const std::int64_t days : kDaySteps) {
    if (span / (days * kAxisDay) < most) return days * kAxisDay;
  }
  return kAxisYear * (span / most / kAxisYear + 1);
}

std::string time_label(std::int64_t time_s, std::int64_t step) {
  if (step >= 28 * kAxisDay) return utc_day(time_s);
  if (time_s % kAxisDay == 0) return utc_day(time_s).substr(5);
  return utc_text(time_s).substr(11, 5);
}

}  // namespace

double Axis::share(double value) const {
  if (!std::isfinite(value)) return 0;
  return std::clamp((value - low) / (high - low), 0.0, 1.0);
}

Axis number_axis(double low, double high, std::size_t about) {
  low = std::isfinite(low) ? std::clamp(low, -kLargest, kLargest) : 0;
  high = std::isfinite(high) ? std::clamp(high, -kLargest, kLargest) : low;
  const double least = std::max(1e-12, std::abs(low) * 1e-6);
  if (high - low < least) high = low + std::max(1.0, least);
  const double step = readable_step(high - low, about);
  const double first = std::floor(low / step + 1e-9);
  const double last = std::ceil(high / step - 1e-9);
  Axis axis;
  axis.low = first * step;
  axis.high = last * step;
  const Unit unit = unit_for(std::max(std::abs(axis.low), std::abs(axis.high)), step);
  const int decimals = std::max(0, static_cast<int>(std::ceil(-std::log10(step / unit.size) - 1e-9)));
  const int intervals = static_cast<int>(last - first);
  for (int i = 0; i <= intervals; ++i) {
    const double at = (first + i) * step;
    const bool plain = at == 0 && !unit.sign.empty();
    axis.ticks.push_back({at, plain ? "0" : fixed(at / unit.size, decimals) + std::string(unit.sign)});
  }
  return axis;
}

Axis time_axis(std::int64_t begin_s, std::int64_t end_s, std::size_t about) {
  begin_s = std::clamp(begin_s, planner::kFirstUtcTime, planner::kLastUtcTime - 1);
  end_s = std::clamp(end_s, begin_s + 1, planner::kLastUtcTime);
  const std::int64_t step = time_step(end_s - begin_s, static_cast<std::int64_t>(std::max<std::size_t>(about, 1)));
  Axis axis;
  axis.low = static_cast<double>(begin_s);
  axis.high = static_cast<double>(end_s);
  const std::int64_t into = (begin_s % step + step) % step;  // since the multiple before
  for (std::int64_t at = begin_s + (into == 0 ? 0 : step - into); at <= end_s; at += step)
    axis.ticks.push_back({static_cast<double>(at), time_label(at, step)});
  return axis;
}

}  // namespace tideline::planner_view
