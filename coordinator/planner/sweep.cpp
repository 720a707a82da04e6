#include "coordinator/planner/sweep.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "coordinator/planner/checks.h"
#include "messages/model/json_text.h"

namespace tideline::planner {
namespace {

constexpr double kMaxSweepValue = 1e6;
constexpr std::size_t kMaxShownRange = 80;

std::string quoted_range(std::string_view text) {
  return fmt::format("\"{}\"", model::printable(text, kMaxShownRange));
}

std::string_view trimmed_part(std::string_view text) {
  while (!text.empty() && text.front() == ' ')
    text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ')
    text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> range_parts(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto end = text.find(separator);
    parts.push_back(trimmed_part(text.substr(0, end)));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

/// `whole`: what it is a part of.
model::Result<double> range_number(std::string_view part, std::string_view whole) {
  double value = 0;
  const auto [end, problem] = std::from_chars(part.data(), part.data() + part.size(), value);
  if (part.empty() || problem != std::errc() || end != part.data() + part.size() || !std::isfinite(value)) {
    return model::invalid(fmt::format("{}: {} is no number", quoted_range(whole), quoted_range(part)));
  }
  if (std::abs(value) > kMaxSweepValue) {
    return model::invalid(fmt::format("{}: {} is beyond {}", quoted_range(whole), quoted_range(part), kMaxSweepValue));
  }
  return value;
}

model::Error too_many_points(std::string_view text, double points) {
  return model::invalid(fmt::format("{} is {} points; at most {}", quoted_range(text), points, kMaxSweepPoints));
}

/// 0.1 + 0.2 is to be 0.3 where people read it.
double rounded_value(double value) {
  return std::round(value * 1e9) / 1e9;
}

bool saves_more_safely(const SweepPoint& other, const SweepPoint& point) {
  return can_be_taken(other) && other.savings >= point.savings && other.risk <= point.risk &&
         (other.savings > point.savings || other.risk < point.risk);
}

}  // namespace

bool can_be_taken(const SweepPoint& point) {
  return !forecast::ForecastSpec{point.setting}.is_oracle();
}

model::Result<std::vector<double>> parse_range(std::string_view text) {
  std::vector<double> values;
  if (text.find(':') == std::string_view::npos) {
    const auto points = static_cast<std::size_t>(std::count(text.begin(), text.end(), ',')) + 1;
    if (points > kMaxSweepPoints) return too_many_points(text, static_cast<double>(points));
    for (const std::string_view part : range_parts(text, ',')) {
      const auto value = range_number(part, text);
      if (!value) return value.error();
      values.push_back(*value);
    }
    return values;
  }
  if (std::count(text.begin(), text.end(), ':') != 2) {
    return model::invalid(fmt::format("{} is no range; want begin:end:step, as in 40:90:5", quoted_range(text)));
  }
  for (const std::string_view part : range_parts(text, ':')) {
    const auto value = range_number(part, text);
    if (!value) return value.error();
    values.push_back(*value);
  }
  const double begin = values[0];
  const double end = values[1];
  const double step = values[2];
  if (!(step > 0)) return model::invalid(fmt::format("{}: a step of {}; want more than 0", quoted_range(text), step));
  if (end < begin) return model::invalid(fmt::format("{} ends at {}, before {}", quoted_range(text), end, begin));
  // The last point counts although it may have been missed by rounding.
  const double points = std::floor((end - begin) / step + 1e-9) + 1;
  if (points > static_cast<double>(kMaxSweepPoints)) return too_many_points(text, points);
  values.clear();
  for (std::size_t i = 0; i < static_cast<std::size_t>(points); ++i)
    values.push_back(rounded_value(begin + static_cast<double>(i) * step));
  return values;
}

void judge(Sweep& sweep) {
  sweep.recommended.reset();
  for (std::size_t i = 0; i < sweep.points.size(); ++i) {
    SweepPoint& point = sweep.points[i];
    point.on_frontier = false;
    if (!can_be_taken(point)) continue;
    point.on_frontier = std::none_of(sweep.points.begin(), sweep.points.end(),
                                     [&point](const SweepPoint& other) { return saves_more_safely(other, point); });
    if (!(point.risk <= sweep.accepted_risk)) continue;
    // Of those that save as much the one with the least risk, and of those the first.
    if (sweep.recommended) {
      const SweepPoint& best = sweep.points[*sweep.recommended];
      if (point.savings < best.savings || (point.savings == best.savings && point.risk >= best.risk)) continue;
    }
    sweep.recommended = i;
  }
}

model::Result<Sweep> sweep_of(std::span<const ForecastScore> scores, double accepted_risk) {
  if (auto good = check_accepted_risk(accepted_risk); !good) return good.error();
  Sweep sweep;
  sweep.accepted_risk = accepted_risk;
  std::uint64_t checks = 0;
  for (const ForecastScore& one : scores) {
    checks += one.checks;
    SweepPoint point;
    point.setting = one.spec.text;
    point.savings = one.savings;
    point.risk = one.violation_rate();
    point.severity_p99 = one.severity_p99;
    sweep.points.push_back(std::move(point));
  }
  judge(sweep);
  if (checks == 0) sweep.recommended.reset();
  return sweep;
}

model::Result<Sweep> sweep_forecasts(const Dataset& data, const World& world,
                                     std::span<const forecast::ForecastSpec> specs, const ScoreOptions& options,
                                     double accepted_risk) {
  if (auto good = check_accepted_risk(accepted_risk); !good) return good.error();
  if (specs.empty()) return model::invalid("no predictor to try");
  if (specs.size() > kMaxSweepPoints) {
    return model::invalid(fmt::format("{} predictors; at most {}", specs.size(), kMaxSweepPoints));
  }
  const auto scores = score(data, world, specs, options);
  if (!scores) return scores.error();
  return sweep_of(*scores, accepted_risk);
}

}  // namespace tideline::planner
