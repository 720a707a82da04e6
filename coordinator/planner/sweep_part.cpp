#include "coordinator/planner/sweep_part.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "coordinator/planner/checks.h"
#include "coordinator/planner/part_hosts.h"
#include "coordinator/planner/replay_part.h"
#include "coordinator/planner/saved_exact.h"
#include "coordinator/planner/saved_fields.h"
#include "messages/model/json_text.h"

namespace tideline::planner {
namespace {

constexpr std::string_view kSweepSchema = "tideline-sweep-part";
constexpr std::string_view kPointSchema = "tideline-sweep-point";
constexpr std::size_t kMaxSweepBytes = std::size_t{256} << 20;
constexpr std::size_t kMaxPointBytes = std::size_t{8} << 20;
constexpr std::size_t kMaxSweepDepth = 8;
constexpr std::size_t kMaxSetting = 400;  // bytes

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

void put_point(const SweepPart::Point& point, SavedJson& object) {
  object["setting"] = point.setting;
  object["totals"] = exact_json(point.totals);
  object["violations"] = severities_json(point.violations);
}

void read_point_of(SavedFields& fields, SweepPart::Point& point) {
  fields("setting", point.setting);
  if (point.setting.empty() || point.setting.size() > kMaxSetting) {
    fields.fail(fmt::format("{} is none", fields.below("setting").text()));
  }
  if (const ReadJson* found = fields.find("totals")) read_exact(fields, *found, fields.below("totals"), point.totals);
  read_severities(fields, "violations", point.violations);
}

std::string point_text(const SweepPart::Point& point) {
  SavedJson root = SavedJson::object();
  root["schema"] = std::string(kPointSchema);
  root["version"] = kSavedVersion;
  put_point(point, root);
  return saved_text(root);
}

/// nullopt: it is not that point.
std::optional<SweepPart::Point> point_from(const std::string& text, const std::string& setting) {
  const auto root = model::parse_json(text, {.max_bytes = kMaxPointBytes, .max_depth = kMaxSweepDepth});
  if (!root) return std::nullopt;
  std::optional<model::Error> problem;
  SweepPart::Point point;
  const SavedPlace top{};
  SavedFields fields(*root, top, problem);
  read_schema(fields, kPointSchema);
  read_point_of(fields, point);
  fields.done();
  if (problem || point.setting != setting) return std::nullopt;
  return point;
}

model::Result<SweepPart::Point> point_of(const Dataset& data, const World& world, const ReplayOptions& options,
                                         const std::string& setting) {
  const auto part = replay_part(data, world, options);
  if (!part) return part.error().in(setting);
  SweepPart::Point point{.setting = setting, .totals = {}, .violations = part->violations};
  for (const ExactTotals& day : part->days)
    point.totals.add(day);
  return point;
}

SweepPoint judged_point(const SweepPart::Point& of) {
  SweepPoint point;
  point.setting = of.setting;
  point.totals = of.totals.value();
  const ReplayTotals& totals = point.totals;
  if (totals.capacity_core_h > 0) point.savings = totals.offered_core_h / totals.capacity_core_h;
  if (totals.violation_checks > 0) {
    point.risk = static_cast<double>(totals.violations) / static_cast<double>(totals.violation_checks);
  }
  point.severity_p99 = of.violations.quantile(0.99);
  return point;
}

}  // namespace

model::Result<SweepPart> sweep_part(const Dataset& data, const World& world, const ReplayOptions& base, SweepKnob knob,
                                    std::span<const double> values, const Kept& kept) {
  const SweepKnobSpec* spec = knob_spec_of(knob);
  if (spec == nullptr) return model::invalid("predictors are no setting of a policy: they are swept by a list of them");
  if (auto good = check_sweep_values(*spec, values); !good) return good.error();
  SweepPart sweep;
  sweep.fleet_hosts = world.hosts_of_fleet();
  sweep.first_host = world.first_host;
  sweep.hosts = world.hosts.size();
  if (world.recorded || world.first_host == 0) sweep.counts = data.counts;
  for (std::size_t i = 0; i < values.size(); ++i) {
    ReplayOptions options = base;
    const int percent = static_cast<int>(values[i]);
    spec->in(options) = percent;
    if (base.progress) {
      const auto done = static_cast<double>(i);
      const auto all = static_cast<double>(values.size());
      options.progress = [&base, done, all](double share) { return base.progress((done + share) / all); };
    }
    const std::string setting = fmt::format("{}={}", spec->name, percent);
    std::optional<SweepPart::Point> point;
    if (const auto found = find_kept(kept, setting)) point = point_from(*found, setting);
    if (!point) {
      auto computed = point_of(data, world, options, setting);
      if (!computed) return computed.error();
      point = *std::move(computed);
      if (auto done = keep_now(kept, setting, point_text(*point)); !done) return done.error();
    }
    sweep.points.push_back(*std::move(point));
  }
  return sweep;
}

model::Result<Sweep> sweep_policy(const Dataset& data, const World& world, const ReplayOptions& base, SweepKnob knob,
                                  std::span<const double> values, double accepted_risk, const Kept& kept) {
  if (auto good = check_accepted_risk(accepted_risk); !good) return good.error();
  const auto part = sweep_part(data, world, base, knob, values, kept);
  if (!part) return part.error();
  return sweep_of(*part, accepted_risk);
}

model::Result<void> append(SweepPart& part, SweepPart next) {
  const bool same = std::equal(part.points.begin(), part.points.end(), next.points.begin(), next.points.end(),
                               [](const auto& a, const auto& b) { return a.setting == b.setting; });
  if (!same || part.fleet_hosts != next.fleet_hosts) {
    return model::invalid("a part is of other settings, or of another fleet, than the one before it");
  }
  if (auto follows = check_follows(part, next); !follows) return follows;
  part.hosts += next.hosts;
  for (std::size_t i = 0; i < part.points.size(); ++i) {
    part.points[i].totals.add(next.points[i].totals);
    part.points[i].violations.add(next.points[i].violations);
  }
  part.counts.add(next.counts);
  return {};
}

model::Result<Sweep> sweep_of(const SweepPart& part, double accepted_risk) {
  if (auto good = check_accepted_risk(accepted_risk); !good) return good.error();
  if (!has_all_hosts(part)) return missing_hosts(part);
  Sweep sweep;
  sweep.accepted_risk = accepted_risk;
  std::uint64_t checks = 0;
  for (const auto& point : part.points) {
    sweep.points.push_back(judged_point(point));
    checks += sweep.points.back().totals.violation_checks;
  }
  judge(sweep);
  // No violation where nothing was checked is no reason to trust a point.
  if (checks == 0) sweep.recommended.reset();
  return sweep;
}

std::string to_json(const SweepPart& part) {
  SavedJson root = SavedJson::object();
  root["schema"] = std::string(kSweepSchema);
  root["version"] = kSavedVersion;
  put_hosts(part, root);
  SavedJson points = SavedJson::array();
  for (const auto& point : part.points)
    put_point(point, points.emplace_back(SavedJson::object()));
  root["points"] = std::move(points);
  root["counts"] = counts_json(part.counts);
  return saved_text(root);
}

model::Result<SweepPart> sweep_part_from_json(std::string_view text) {
  const auto root = model::parse_json(text, {.max_bytes = kMaxSweepBytes, .max_depth = kMaxSweepDepth});
  if (!root) return root.error();
  std::optional<model::Error> problem;
  SweepPart part;
  const SavedPlace top{};
  SavedFields fields(*root, top, problem);
  read_schema(fields, kSweepSchema);
  read_hosts(fields, part);
  fields.list("points", fields.find("points"), kMaxSweepPoints, part.points,
              [&problem](const ReadJson& json, const SavedPlace& at, SweepPart::Point& out) {
                SavedFields inner(json, at, problem);
                read_point_of(inner, out);
                inner.done();
              });
  if (const ReadJson* found = fields.find("counts")) read_counts(*found, fields.below("counts"), problem, part.counts);
  fields.done();
  if (problem) return *std::move(problem);
  return part;
}

}  // namespace tideline::planner
