#include "coordinator/planner/fine_json.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "coordinator/planner/demand_model_fields.h"
#include "coordinator/planner/fine_part.h"
#include "coordinator/planner/part_hosts.h"
#include "messages/model/json_text.h"

namespace tideline::planner {
namespace {

constexpr std::string_view kFineSchema = "tideline-fine-part";
constexpr std::size_t kMaxFineBytes = std::size_t{64} << 20;
constexpr std::size_t kMaxFineDepth = 8;
constexpr std::size_t kMaxLengths = 1'000'000;

SavedJson demand_object(const DemandModel& demand) {
  SavedJson object = SavedJson::object();
  put_demand_model(demand, object);
  return object;
}

SavedJson figures_json(const FineFigures& figures) {
  SavedJson object = SavedJson::object();
  fine_fields([&object](const char* key, const char* /*what*/, const char* /*unit*/, bool /*closed*/,
                        const auto& value) { object[key] = value; },
              figures);
  return object;
}

SavedJson fine_step_json(const FineStep& step) {
  SavedJson object = SavedJson::object();
  object["host"] = step.host;
  object["beginS"] = step.begin_s;
  object["closedAtRiskS"] = step.closed_at_risk_s;
  object["atRiskS"] = step.at_risk_s;
  object["suppressedS"] = step.suppressed_s;
  object["limitWrites"] = step.limit_writes;
  return object;
}

template <class Each, class JsonOf>
SavedJson list_json(const std::vector<Each>& list, const JsonOf& json_of) {
  SavedJson array = SavedJson::array();
  for (const auto& each : list)
    array.push_back(json_of(each));
  return array;
}

SavedJson sums_json(const FineSums& sums) {
  SavedJson object = SavedJson::object();
  object["ticks"] = sums.ticks;
  object["atRisk"] = sums.at_risk;
  object["suppressed"] = sums.suppressed;
  object["writes"] = sums.writes;
  object["used"] = sum_json(sums.used);
  object["batch"] = sum_json(sums.batch);
  SavedJson late = SavedJson::array();
  for (const auto& [ticks, times] : sums.late.counts())
    late.push_back(SavedJson::array({ticks, times}));
  object["late"] = std::move(late);
  return object;
}

void read_demand(SavedFields& above, std::optional<model::Error>& problem, DemandModel& demand) {
  const ReadJson* found = above.find("demand");
  if (found == nullptr) return;
  const SavedPlace at = above.below("demand");
  SavedFields fields(*found, at, problem);
  read_demand_model(fields, demand);
  fields.done();
}

void read_figures(const ReadJson& json, const SavedPlace& at, std::optional<model::Error>& problem,
                  FineFigures& figures) {
  SavedFields fields(json, at, problem);
  fine_fields([&fields](const char* key, const char* /*what*/, const char* /*unit*/, bool /*closed*/,
                        auto& value) { fields(key, value); },
              figures);
  fields.done();
}

void read_fine_step(const ReadJson& json, const SavedPlace& at, std::optional<model::Error>& problem, std::size_t hosts,
                    FineStep& step) {
  SavedFields fields(json, at, problem);
  fields("host", step.host);
  fields.time("beginS", step.begin_s);
  fields("closedAtRiskS", step.closed_at_risk_s);
  fields("atRiskS", step.at_risk_s);
  fields("suppressedS", step.suppressed_s);
  fields("limitWrites", step.limit_writes);
  fields.done();
  if (step.host >= hosts) {
    fields.fail(fmt::format("{} is {}; there are {} hosts", fields.below("host").text(), step.host, hosts));
  }
}

void read_fine_steps(SavedFields& fields, std::optional<model::Error>& problem, std::size_t hosts,
                     std::vector<FineStep>& steps) {
  fields.list("steps", fields.find("steps"), kMaxFineSteps, steps,
              [&](const ReadJson& json, const SavedPlace& at, FineStep& out) {
                read_fine_step(json, at, problem, hosts, out);
              });
}

struct SavedLength {
  std::uint64_t ticks = 0;
  std::uint64_t times = 0;
};

void read_sums(const ReadJson& json, const SavedPlace& at, std::optional<model::Error>& problem, FineSums& sums) {
  SavedFields fields(json, at, problem);
  fields("ticks", sums.ticks);
  fields("atRisk", sums.at_risk);
  fields("suppressed", sums.suppressed);
  fields("writes", sums.writes);
  fields("used", sums.used);
  fields("batch", sums.batch);
  std::vector<SavedLength> late;
  fields.list("late", fields.find("late"), kMaxLengths, late,
              [&fields](const ReadJson& row, const SavedPlace& place, SavedLength& out) {
                if (!row.is_array() || row.size() != 2) return fields.wrong(place, row, "a list of 2");
                fields.read(row[0], place, out.ticks);
                if (fields.good()) fields.read(row[1], place, out.times);
              });
  fields.done();
  if (!fields.good()) return;
  for (const SavedLength& each : late)
    sums.late.add(each.ticks, each.times);
}

void check_variants(SavedFields& fields, std::size_t variants) {
  if (variants == kFineVariations.size()) return;
  fields.fail(fmt::format("{} has {} entries; there are {} variations", fields.below("variants").text(), variants,
                          kFineVariations.size()));
}

}  // namespace

SavedJson fine_json(const FineReport& report) {
  SavedJson object = SavedJson::object();
  object["demand"] = demand_object(report.demand);
  object["seed"] = report.seed;
  object["hostSteps"] = report.host_steps;
  object["closed"] = figures_json(report.closed);
  object["variants"] = list_json(report.variants, figures_json);
  object["steps"] = list_json(report.steps, fine_step_json);
  return object;
}

void read_fine(const ReadJson& json, const SavedPlace& at, std::optional<model::Error>& problem, std::size_t hosts,
               FineReport& report) {
  SavedFields fields(json, at, problem);
  read_demand(fields, problem, report.demand);
  fields("seed", report.seed);
  fields("hostSteps", report.host_steps);
  if (const ReadJson* found = fields.find("closed")) {
    read_figures(*found, fields.below("closed"), problem, report.closed);
  }
  fields.list("variants", fields.find("variants"), kFineVariations.size(), report.variants,
              [&problem](const ReadJson& each, const SavedPlace& place, FineFigures& out) {
                read_figures(each, place, problem, out);
              });
  check_variants(fields, report.variants.size());
  read_fine_steps(fields, problem, hosts, report.steps);
  fields.done();
}

std::string to_json(const FinePart& part) {
  SavedJson root = SavedJson::object();
  root["schema"] = std::string(kFineSchema);
  root["version"] = kSavedVersion;
  put_hosts(part, root);
  root["demand"] = demand_object(part.demand);
  root["seed"] = part.seed;
  root["hostSteps"] = part.host_steps;
  root["closed"] = sums_json(part.closed);
  root["variants"] = list_json(part.variants, sums_json);
  root["steps"] = list_json(part.steps, fine_step_json);
  return saved_text(root);
}

model::Result<FinePart> fine_part_from_json(std::string_view text) {
  const auto root = model::parse_json(text, {.max_bytes = kMaxFineBytes, .max_depth = kMaxFineDepth});
  if (!root) return root.error();
  std::optional<model::Error> problem;
  FinePart part;
  const SavedPlace top{};
  SavedFields fields(*root, top, problem);
  read_schema(fields, kFineSchema);
  read_hosts(fields, part);
  read_demand(fields, problem, part.demand);
  fields("seed", part.seed);
  fields("hostSteps", part.host_steps);
  if (const ReadJson* found = fields.find("closed")) read_sums(*found, fields.below("closed"), problem, part.closed);
  fields.list(
      "variants", fields.find("variants"), kFineVariations.size(), part.variants,
      [&problem](const ReadJson& each, const SavedPlace& at, FineSums& out) { read_sums(each, at, problem, out); });
  check_variants(fields, part.variants.size());
  read_fine_steps(fields, problem, part.fleet_hosts, part.steps);
  fields.done();
  if (problem) return *std::move(problem);
  return part;
}

}  // namespace tideline::planner
