#include "coordinator/planner/score_part.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "coordinator/planner/part_hosts.h"
#include "coordinator/planner/saved_fields.h"
#include "messages/model/json_text.h"

namespace tideline::planner {
namespace {

constexpr std::string_view kScoreSchema = "tideline-score-part";
constexpr std::size_t kMaxScoreBytes = std::size_t{256} << 20;
constexpr std::size_t kMaxScoreDepth = 8;
constexpr std::size_t kMaxForecasts = 200;
constexpr std::size_t kMaxForecastText = 4'096;

SavedJson forecast_json(const ScorePart::Forecast& forecast) {
  SavedJson object = SavedJson::object();
  object["predictor"] = forecast.text;
  object["saved"] = sum_json(forecast.saved);
  SavedJson severities = SavedJson::array();
  const auto& counts = forecast.severities.counts();
  for (std::size_t degree = 0; degree < counts.size(); ++degree) {
    if (counts[degree] > 0) severities.push_back(SavedJson::array({degree, counts[degree]}));
  }
  object["severities"] = std::move(severities);
  return object;
}

struct SavedSeverity {
  std::uint32_t degree = 0;
  std::uint64_t times = 0;
};

void read_forecast(const ReadJson& json, const SavedPlace& at, std::optional<model::Error>& problem,
                   ScorePart::Forecast& forecast) {
  SavedFields fields(json, at, problem);
  fields("predictor", forecast.text);
  if (forecast.text.empty() || forecast.text.size() > kMaxForecastText) {
    fields.fail(fmt::format("{} is none", fields.below("predictor").text()));
  }
  fields("saved", forecast.saved);
  std::vector<SavedSeverity> severities;
  fields.list("severities", fields.find("severities"), SeverityCounts::kDegrees + 1, severities,
              [&fields](const ReadJson& row, const SavedPlace& place, SavedSeverity& out) {
                if (!row.is_array() || row.size() != 2) return fields.wrong(place, row, "a list of 2");
                fields.read(row[0], place, out.degree);
                if (fields.good()) fields.read(row[1], place, out.times);
                if (out.degree > SeverityCounts::kDegrees) fields.wrong(place, row[0], "a degree");
              });
  fields.done();
  if (!fields.good()) return;
  for (const SavedSeverity& each : severities)
    forecast.severities.add(each.degree, each.times);
}

}  // namespace

model::Result<void> append(ScorePart& part, ScorePart next) {
  const bool same = std::equal(part.forecasts.begin(), part.forecasts.end(), next.forecasts.begin(),
                               next.forecasts.end(), [](const auto& a, const auto& b) { return a.text == b.text; });
  if (!same || part.fleet_hosts != next.fleet_hosts) {
    return model::invalid("a part is of other predictors, or of another fleet, than the one before it");
  }
  if (auto follows = check_follows(part, next); !follows) return follows;
  part.hosts += next.hosts;
  part.checks += next.checks;
  part.with_limit += next.with_limit;
  for (std::size_t i = 0; i < part.forecasts.size(); ++i) {
    part.forecasts[i].severities.add(next.forecasts[i].severities);
    part.forecasts[i].saved.add(next.forecasts[i].saved);
  }
  part.counts.add(next.counts);
  return {};
}

model::Result<std::vector<ForecastScore>> scores_of(const ScorePart& part) {
  if (!has_all_hosts(part)) return missing_hosts(part);
  std::vector<ForecastScore> scores;
  for (const auto& forecast : part.forecasts) {
    const auto limits = static_cast<double>(part.with_limit);
    scores.push_back({.spec = {forecast.text},
                      .checks = part.checks,
                      .violations = forecast.severities.total(),
                      .severity_p50 = forecast.severities.quantile(0.5),
                      .severity_p99 = forecast.severities.quantile(0.99),
                      .savings = part.with_limit > 0 ? forecast.saved.value() / limits : 0});
  }
  return scores;
}

std::string to_json(const ScorePart& part) {
  SavedJson root = SavedJson::object();
  root["schema"] = std::string(kScoreSchema);
  root["version"] = kSavedVersion;
  put_hosts(part, root);
  root["checks"] = part.checks;
  root["withLimit"] = part.with_limit;
  SavedJson forecasts = SavedJson::array();
  for (const auto& forecast : part.forecasts)
    forecasts.push_back(forecast_json(forecast));
  root["predictors"] = std::move(forecasts);
  root["counts"] = counts_json(part.counts);
  return saved_text(root);
}

model::Result<ScorePart> score_part_from_json(std::string_view text) {
  const auto root = model::parse_json(text, {.max_bytes = kMaxScoreBytes, .max_depth = kMaxScoreDepth});
  if (!root) return root.error();
  std::optional<model::Error> problem;
  ScorePart part;
  const SavedPlace top{};
  SavedFields fields(*root, top, problem);
  read_schema(fields, kScoreSchema);
  read_hosts(fields, part);
  fields("checks", part.checks);
  fields("withLimit", part.with_limit);
  fields.list("predictors", fields.find("predictors"), kMaxForecasts, part.forecasts,
              [&problem](const ReadJson& json, const SavedPlace& at, ScorePart::Forecast& out) {
                read_forecast(json, at, problem, out);
              });
  if (const ReadJson* found = fields.find("counts")) read_counts(*found, fields.below("counts"), problem, part.counts);
  fields.done();
  if (part.with_limit > part.checks) {
    fields.fail(fmt::format("$.withLimit is {}, more than the checks, {}", part.with_limit, part.checks));
  }
  for (const auto& forecast : part.forecasts) {
    if (forecast.severities.total() <= part.checks) continue;
    fields.fail(fmt::format("$.predictors have {} violations in {} checks", forecast.severities.total(), part.checks));
  }
  if (problem) return *std::move(problem);
  return part;
}

}  // namespace tideline::planner
