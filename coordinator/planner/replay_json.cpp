#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "coordinator/planner/compare.h"
#include "coordinator/planner/fine_json.h"
#include "coordinator/planner/saved_fields.h"
#include "messages/model/json_text.h"

namespace tideline::planner {
namespace {

constexpr std::string_view kSavedSchema = "tideline-replay";
constexpr std::size_t kMaxSavedBytes = std::size_t{64} << 20;
constexpr std::size_t kMaxSavedDepth = 8;
constexpr std::size_t kMaxSavedNotes = 10'000;
constexpr std::size_t kMaxSavedDays = 100'000;
constexpr std::uint64_t kMaxSavedHosts = 10'000'000;
constexpr std::int64_t kMaxSavedStep = 366LL * 86'400;

SavedJson totals_list_json(const std::vector<ReplayTotals>& list) {
  SavedJson array = SavedJson::array();
  for (const ReplayTotals& totals : list)
    array.push_back(totals_json(totals));
  return array;
}

template <class Visit, class Point>
void point_fields(Visit&& visit, Point& point) {
  visit("capacity", point.capacity);
  visit("requested", point.requested);
  visit("used", point.used);
  visit("offered", point.offered);
  visit("batchUsed", point.batch_used);
  visit("violations", point.violations);
  visit("evictions", point.evictions);
  visit("atRisk", point.at_risk);
}

SavedJson point_json(const ReplayPoint& point) {
  SavedJson object = SavedJson::object();
  object["timeS"] = point.time_s;
  point_fields([&object](const char* key, const auto& value) { object[key] = value; }, point);
  return object;
}

void read_point(const ReadJson& json, const SavedPlace& at, std::optional<model::Error>& problem, ReplayPoint& point) {
  SavedFields fields(json, at, problem);
  fields.time("timeS", point.time_s);
  point_fields(fields, point);
  fields.done();
}

void read_result(SavedFields& fields, std::optional<model::Error>& problem, ReplayResult& result) {
  const auto totals = [&problem](const ReadJson& json, const SavedPlace& at, ReplayTotals& out) {
    read_totals(json, at, problem, out);
  };
  const auto point = [&problem](const ReadJson& json, const SavedPlace& at, ReplayPoint& out) {
    read_point(json, at, problem, out);
  };
  const auto event = [&problem, &result](const ReadJson& json, const SavedPlace& at, ReplayEvent& out) {
    read_event(json, at, problem, result.hosts, out);
  };
  std::uint64_t hosts = 0;
  fields.bounded("hosts", kMaxSavedHosts, hosts);
  result.hosts = static_cast<std::size_t>(hosts);
  fields.time("beginS", result.begin_s);
  fields.time("endS", result.end_s);
  fields("stepS", result.step_s);
  if (result.end_s < result.begin_s) {
    fields.fail(fmt::format("{} is {}, before beginS, {}", fields.below("endS").text(), result.end_s, result.begin_s));
  }
  if (result.step_s < 0 || result.step_s > kMaxSavedStep) {
    fields.fail(fmt::format("{} is {}; want 0 to {}", fields.below("stepS").text(), result.step_s, kMaxSavedStep));
  }
  fields("completionP50S", result.completion_p50_s);
  fields("completionP90S", result.completion_p90_s);
  fields("completionP99S", result.completion_p99_s);
  if (const ReadJson* found = fields.find("totals")) totals(*found, fields.below("totals"), result.totals);
  fields.list("days", fields.find("days"), kMaxSavedDays, result.days, totals);
  if (const ReadJson* found = fields.find_if_there("byHost")) {
    fields.list("byHost", found, result.hosts, result.by_host, totals);
    if (result.by_host.size() != result.hosts) {
      fields.fail(fmt::format("{} has {} entries; there are {} hosts", fields.below("byHost").text(),
                              result.by_host.size(), result.hosts));
    }
  }
  if (const ReadJson* found = fields.find_if_there("hostNames")) {
    const auto name = [&fields](const ReadJson& json, const SavedPlace& at, std::string& out) {
      fields.read(json, at, out);
    };
    fields.list("hostNames", found, result.hosts, result.host_names, name);
    if (result.host_names.size() != result.hosts) {
      fields.fail(fmt::format("{} has {} entries; there are {} hosts", fields.below("hostNames").text(),
                              result.host_names.size(), result.hosts));
    }
  }
  fields.list("course", fields.find("course"), kMaxPoints, result.course, point);
  fields.list("events", fields.find("events"), kMaxEvents, result.events, event);
  fields("eventsLeftOut", result.events_left_out);
}

/// A later version has other keys: it is named before any of them is missed.
std::optional<model::Error> foreign_version(const ReadJson& root) {
  if (!root.is_object()) return std::nullopt;
  const auto schema = root.find("schema");
  const auto version = root.find("version");
  if (schema == root.end() || !schema->is_string() || version == root.end()) return std::nullopt;
  if (schema->get_ref<const std::string&>() != kSavedSchema) return std::nullopt;
  if (!version->is_number_unsigned() || version->get<std::uint64_t>() <= kSavedVersion) return std::nullopt;
  return model::Error(model::ErrorCode::kUnsupported, fmt::format("$.version is {}; this program reads up to {}",
                                                                  version->get<std::uint64_t>(), kSavedVersion));
}

}  // namespace

std::string to_json(const SavedReplay& replay, bool by_host) {
  const ReplayResult& result = replay.result;
  SavedJson root = SavedJson::object();
  root["schema"] = std::string(kSavedSchema);
  root["version"] = kSavedVersion;
  root["name"] = replay.name;
  root["policy"] = replay.policy;
  root["data"] = replay.data;
  root["notes"] = replay.notes;
  root["hosts"] = result.hosts;
  root["beginS"] = result.begin_s;
  root["endS"] = result.end_s;
  root["stepS"] = result.step_s;
  root["completionP50S"] = result.completion_p50_s;
  root["completionP90S"] = result.completion_p90_s;
  root["completionP99S"] = result.completion_p99_s;
  root["totals"] = totals_json(result.totals);
  root["days"] = totals_list_json(result.days);
  if (by_host && !result.by_host.empty()) root["byHost"] = totals_list_json(result.by_host);
  if (!result.host_names.empty()) root["hostNames"] = result.host_names;
  SavedJson course = SavedJson::array();
  for (const ReplayPoint& point : result.course)
    course.push_back(point_json(point));
  root["course"] = std::move(course);
  SavedJson events = SavedJson::array();
  for (const ReplayEvent& event : result.events)
    events.push_back(event_json(event));
  root["events"] = std::move(events);
  root["eventsLeftOut"] = result.events_left_out;
  if (replay.fine) root["fine"] = fine_json(*replay.fine);
  return saved_text(root);
}

model::Result<SavedReplay> replay_from_json(std::string_view text) {
  const auto root = model::parse_json(text, {.max_bytes = kMaxSavedBytes, .max_depth = kMaxSavedDepth});
  if (!root) return root.error();
  if (auto foreign = foreign_version(*root)) return *std::move(foreign);
  std::optional<model::Error> problem;
  SavedReplay replay;
  const SavedPlace top{};
  SavedFields fields(*root, top, problem);
  std::string schema;
  std::uint64_t version = 0;
  fields("schema", schema);
  if (!problem && schema != kSavedSchema) {
    fields.fail(fmt::format("$.schema is \"{}\"; want \"{}\"", model::printable(schema, 80), kSavedSchema));
  }
  fields("version", version);
  if (!problem && version != kSavedVersion) {
    fields.fail(fmt::format("$.version is {}; want {}", version, kSavedVersion));
  }
  fields("name", replay.name);
  fields("policy", replay.policy);
  fields("data", replay.data);
  const auto note = [&fields](const ReadJson& json, const SavedPlace& at, std::string& out) {
    fields.read(json, at, out);
  };
  fields.list("notes", fields.find("notes"), kMaxSavedNotes, replay.notes, note);
  read_result(fields, problem, replay.result);
  if (const ReadJson* found = fields.find_if_there("fine")) {
    read_fine(*found, fields.below("fine"), problem, replay.result.hosts, replay.fine.emplace());
  }
  fields.done();
  if (problem) return *std::move(problem);
  return replay;
}

}  // namespace tideline::planner
