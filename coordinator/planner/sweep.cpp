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

#include "coordinator/planner/saved_fields.h"
#include "messages/model/json_text.h"

namespace tideline::planner {
namespace {

constexpr std::size_t kMaxSweepPoints = 200;
constexpr double kMaxSweepValue = 1e6;
constexpr std::size_t kMaxShownRange = 80;
constexpr std::string_view kPointSchema = "tideline-sweep-point";

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

struct SweepKnobSpec {
  const char* name = "";
  int most = 0;
  int& (*in)(ReplayOptions& options) = nullptr;
};

constexpr SweepKnobSpec kReclaimKnob = {"cpuReclaimThresholdPercent", 1'000'000, [](ReplayOptions& options) -> int& {
                                          return options.colocation.cpu_reclaim_threshold_percent;
                                        }};
constexpr SweepKnobSpec kSuppressKnob = {"cpuSuppressThresholdPercent", 100, [](ReplayOptions& options) -> int& {
                                           return options.threshold.cpu_suppress_threshold_percent;
                                         }};

/// nullptr: it is none of a policy.
const SweepKnobSpec* knob_spec_of(SweepKnob knob) {
  switch (knob) {
    case SweepKnob::kReclaimThreshold:
      return &kReclaimKnob;
    case SweepKnob::kSuppressThreshold:
      return &kSuppressKnob;
    case SweepKnob::kForecast:
      break;
  }
  return nullptr;
}

model::Result<void> check_sweep_risk(double accepted_risk) {
  if (accepted_risk >= 0 && accepted_risk <= 1) return {};
  return model::invalid(fmt::format("an accepted risk of {}; want 0 to 1", accepted_risk));
}

model::Result<void> check_sweep_values(const SweepKnobSpec& spec, std::span<const double> values) {
  if (values.empty()) return model::invalid(fmt::format("no value of {} to try", spec.name));
  if (values.size() > kMaxSweepPoints) {
    return model::invalid(fmt::format("{} values of {}; at most {}", values.size(), spec.name, kMaxSweepPoints));
  }
  for (const double value : values) {
    if (value >= 0 && value <= spec.most && value == std::floor(value)) continue;
    return model::invalid(fmt::format("{}={}; want whole percents from 0 to {}", spec.name, value, spec.most));
  }
  return {};
}

/// The 99th percentile of violations' stretches: by how much at most, of a host's CPU.
double violation_p99(const ReplayResult& result, const Dataset& data, const World& world) {
  const std::vector<HostShape> recorded = world.recorded ? recorded_shapes(data) : std::vector<HostShape>();
  std::vector<double> shares;
  for (const ReplayEvent& event : result.events) {
    if (event.kind != ReplayEventKind::kViolation) continue;
    const HostShape& shape = event.host < recorded.size() ? recorded[event.host] : world.shape;
    shares.push_back(event.cores * 1'000 / shape.cpu_millicores);
  }
  if (shares.empty()) return 0;
  std::sort(shares.begin(), shares.end());
  return shares[(shares.size() * 99 + 99) / 100 - 1];
}

SweepPoint sweep_point_of(std::string setting, const ReplayResult& result, const Dataset& data, const World& world) {
  const ReplayTotals& totals = result.totals;
  SweepPoint point;
  point.setting = std::move(setting);
  if (totals.capacity_core_h > 0) point.savings = totals.offered_core_h / totals.capacity_core_h;
  if (totals.violation_checks > 0) {
    point.risk = static_cast<double>(totals.violations) / static_cast<double>(totals.violation_checks);
  }
  point.severity_p99 = violation_p99(result, data, world);
  point.totals = totals;
  return point;
}

std::string point_text(const SweepPoint& point) {
  SavedJson root = SavedJson::object();
  root["schema"] = std::string(kPointSchema);
  root["version"] = kSavedVersion;
  root["savings"] = point.savings;
  root["risk"] = point.risk;
  root["severityP99"] = point.severity_p99;
  root["totals"] = totals_json(point.totals);
  return saved_text(root);
}

/// nullopt: it is none.
std::optional<SweepPoint> point_from(const std::string& text) {
  const auto root = model::parse_json(text, {.max_bytes = std::size_t{1} << 20, .max_depth = 4});
  if (!root) return std::nullopt;
  std::optional<model::Error> problem;
  SweepPoint point;
  const SavedPlace top{};
  SavedFields fields(*root, top, problem);
  read_schema(fields, kPointSchema);
  fields("savings", point.savings);
  fields("risk", point.risk);
  fields("severityP99", point.severity_p99);
  if (const ReadJson* found = fields.find("totals")) {
    read_totals(*found, fields.below("totals"), problem, point.totals);
  }
  fields.done();
  if (problem) return std::nullopt;
  return point;
}

/// What knows the future shows how far there is to go, and cannot be taken.
bool can_be_taken(const SweepPoint& point) {
  return !forecast::ForecastSpec{point.setting}.is_oracle();
}

bool saves_more_safely(const SweepPoint& other, const SweepPoint& point) {
  return can_be_taken(other) && other.savings >= point.savings && other.risk <= point.risk &&
         (other.savings > point.savings || other.risk < point.risk);
}

}  // namespace

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

model::Result<Sweep> sweep_policy(const Dataset& data, const World& world, const ReplayOptions& base, SweepKnob knob,
                                  std::span<const double> values, double accepted_risk, const Kept& kept) {
  const SweepKnobSpec* spec = knob_spec_of(knob);
  if (spec == nullptr) return model::invalid("predictors are no setting of a policy: they are swept by a list of them");
  if (auto good = check_sweep_risk(accepted_risk); !good) return good.error();
  if (auto good = check_sweep_values(*spec, values); !good) return good.error();
  Sweep sweep;
  sweep.accepted_risk = accepted_risk;
  std::uint64_t checks = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    ReplayOptions options = base;
    const int percent = static_cast<int>(values[i]);
    spec->in(options) = percent;
    if (base.progress) {
      const auto done = static_cast<double>(i);
      const auto all = static_cast<double>(values.size());
      options.progress = [&base, done, all](double share) { return base.progress((done + share) / all); };
    }
    std::string setting = fmt::format("{}={}", spec->name, percent);
    std::optional<SweepPoint> point;
    if (const auto found = find_kept(kept, setting)) point = point_from(*found);
    if (!point) {
      const auto result = replay(data, world, options);
      if (!result) return result.error().in(setting);
      point = sweep_point_of(setting, *result, data, world);
      if (auto done = keep_now(kept, setting, point_text(*point)); !done) return done.error();
    }
    point->setting = std::move(setting);
    checks += point->totals.violation_checks;
    sweep.points.push_back(*std::move(point));
  }
  judge(sweep);
  // No violation where nothing was checked is no reason to trust a point.
  if (checks == 0) sweep.recommended.reset();
  return sweep;
}

model::Result<Sweep> sweep_of(std::span<const ForecastScore> scores, double accepted_risk) {
  if (auto good = check_sweep_risk(accepted_risk); !good) return good.error();
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
  if (auto good = check_sweep_risk(accepted_risk); !good) return good.error();
  if (specs.empty()) return model::invalid("no predictor to try");
  if (specs.size() > kMaxSweepPoints) {
    return model::invalid(fmt::format("{} predictors; at most {}", specs.size(), kMaxSweepPoints));
  }
  const auto scores = score(data, world, specs, options);
  if (!scores) return scores.error();
  return sweep_of(*scores, accepted_risk);
}

}  // namespace tideline::planner
