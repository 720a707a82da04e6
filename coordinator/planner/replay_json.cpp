#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "coordinator/planner/compare.h"
#include "coordinator/planner/replay_fields.h"
#include "coordinator/planner/utc_text.h"
#include "messages/model/json_text.h"

namespace tideline::planner {
namespace {

using SavedJson = nlohmann::ordered_json;
using ReadJson = nlohmann::json;

constexpr std::string_view kSavedSchema = "tideline-replay";
constexpr std::uint64_t kSavedVersion = 1;
constexpr std::size_t kMaxSavedBytes = std::size_t{64} << 20;
constexpr std::size_t kMaxSavedDepth = 8;
constexpr std::size_t kMaxSavedNotes = 10'000;
constexpr std::size_t kMaxSavedDays = 100'000;
constexpr std::uint64_t kMaxSavedHosts = 10'000'000;
constexpr std::int64_t kMaxSavedStep = 366LL * 86'400;

/// Numbers that are not finite have no spelling in JSON: they become null, which reading refuses.
SavedJson totals_json(const ReplayTotals& totals) {
  SavedJson object = SavedJson::object();
  const auto put = [&object](const char* key, const char* /*what*/, const char* /*unit*/, const auto& value) {
    object[key] = value;
  };
  totals_fields(put, totals);
  return object;
}

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

SavedJson event_json(const ReplayEvent& event) {
  SavedJson object = SavedJson::object();
  object["kind"] = std::string(name_of(event.kind));
  object["host"] = event.host;
  object["beginS"] = event.begin_s;
  object["endS"] = event.end_s;
  object["cores"] = event.cores;
  return object;
}

/// Where in the document something stands: its text is made only for an error.
struct SavedPlace {
  const SavedPlace* above = nullptr;
  std::string_view key;  // empty: the index
  std::size_t index = 0;
  std::string text() const {
    if (above == nullptr) return "$";
    return key.empty() ? fmt::format("{}[{}]", above->text(), index) : fmt::format("{}.{}", above->text(), key);
  }
};

/// Reads the fields of an object. The first thing that is wrong stays in `problem`, after which nothing is read.
class SavedFields {
 public:
  /// All must outlive it.
  SavedFields(const ReadJson& object, const SavedPlace& place, std::optional<model::Error>& problem)
      : object_(object), place_(place), problem_(problem) {
    if (!object_.is_object()) wrong(place_, object_, "an object");
  }

  template <class T>
  void operator()(const char* key, T& value) {
    if (const ReadJson* found = find(key)) read(*found, below(key), value);
  }
  template <class T>
  void operator()(const char* key, const char* /*what*/, const char* /*unit*/, T& value) {
    (*this)(key, value);
  }
  void time(const char* key, std::int64_t& value) {
    const ReadJson* found = find(key);
    if (found == nullptr) return;
    read(*found, below(key), value);
    if (value < kFirstUtcTime || value > kLastUtcTime) wrong(below(key), *found, "s since the epoch that have a date");
  }

  /// nullptr, and a problem if there was none: it is not there.
  const ReadJson* find(const char* key) {
    const ReadJson* found = find_if_there(key);
    if (found == nullptr) fail(fmt::format("{} is missing", below(key).text()));
    return found;
  }
  const ReadJson* find_if_there(const char* key) {
    if (problem_) return nullptr;
    const auto found = object_.find(key);
    if (found == object_.end()) return nullptr;
    seen_.emplace_back(key);
    return &*found;
  }

  /// read_one(json, place, element) for each of the list, up to the first that is wrong.
  template <class T, class ReadOne>
  void list(const char* key, const ReadJson* found, std::size_t most, std::vector<T>& out, ReadOne&& read_one) {
    if (found == nullptr || problem_) return;
    const SavedPlace at = below(key);
    if (!found->is_array()) return wrong(at, *found, "a list");
    if (found->size() > most) {
      return fail(fmt::format("{} has {} entries; at most {}", at.text(), found->size(), most));
    }
    for (std::size_t i = 0; i < found->size() && !problem_; ++i)
      read_one((*found)[i], SavedPlace{&at, {}, i}, out.emplace_back());
  }

  void read(const ReadJson& json, const SavedPlace& at, double& value) {
    if (!json.is_number() || !std::isfinite(json.get<double>())) return wrong(at, json, "a number");
    value = json.get<double>();
  }
  void read(const ReadJson& json, const SavedPlace& at, std::uint64_t& value) {
    if (!json.is_number_unsigned()) return wrong(at, json, "a whole number >= 0");
    value = json.get<std::uint64_t>();
  }
  void read(const ReadJson& json, const SavedPlace& at, std::uint32_t& value) {
    constexpr std::uint32_t kMost = std::numeric_limits<std::uint32_t>::max();
    if (!json.is_number_unsigned() || json.get<std::uint64_t>() > kMost) {
      return wrong(at, json, fmt::format("a whole number from 0 to {}", kMost));
    }
    value = json.get<std::uint32_t>();
  }
  void read(const ReadJson& json, const SavedPlace& at, std::int64_t& value) {
    constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
    if (!json.is_number_integer() ||
        (json.is_number_unsigned() && json.get<std::uint64_t>() > static_cast<std::uint64_t>(kMost))) {
      return wrong(at, json, "a whole number");
    }
    value = json.get<std::int64_t>();
  }
  void read(const ReadJson& json, const SavedPlace& at, std::string& value) {
    if (!json.is_string()) return wrong(at, json, "text");
    value = json.get<std::string>();
  }
  void read(const ReadJson& json, const SavedPlace& at, ReplayEventKind& value) {
    std::string text;
    read(json, at, text);
    if (problem_) return;
    const auto kind = std::find_if(kReplayEventKinds.begin(), kReplayEventKinds.end(),
                                   [&text](ReplayEventKind each) { return name_of(each) == text; });
    if (kind == kReplayEventKinds.end()) return wrong(at, json, "the name of an event");
    value = *kind;
  }

  /// Every key was asked for.
  void done() {
    if (problem_ || object_.size() == seen_.size()) return;
    for (auto item = object_.begin(); item != object_.end(); ++item) {
      if (std::find(seen_.begin(), seen_.end(), item.key()) != seen_.end()) continue;
      const std::string key = model::printable(item.key(), 80);
      return fail(fmt::format("{}.{} is not a key of version {}", place_.text(), key, kSavedVersion));
    }
  }

  SavedPlace below(const char* key) const { return {&place_, key, 0}; }
  void wrong(const SavedPlace& at, const ReadJson& found, std::string_view wanted) {
    // What is large is not spelled out to show its beginning.
    const std::string shown = found.is_structured() ? found.is_object() ? "an object" : "a list" : model::shown(found);
    fail(fmt::format("{} is {}; want {}", at.text(), shown, wanted));
  }
  void fail(std::string message) {
    if (!problem_) problem_ = model::Error(model::ErrorCode::kMalformed, std::move(message));
  }

 private:
  const ReadJson& object_;
  const SavedPlace& place_;
  std::optional<model::Error>& problem_;
  std::vector<std::string_view> seen_;
};

void read_totals(const ReadJson& json, const SavedPlace& at, std::optional<model::Error>& problem,
                 ReplayTotals& totals) {
  SavedFields fields(json, at, problem);
  totals_fields(fields, totals);
  fields.done();
}

void read_point(const ReadJson& json, const SavedPlace& at, std::optional<model::Error>& problem, ReplayPoint& point) {
  SavedFields fields(json, at, problem);
  fields.time("timeS", point.time_s);
  point_fields(fields, point);
  fields.done();
}

void read_event(const ReadJson& json, const SavedPlace& at, std::optional<model::Error>& problem, std::size_t hosts,
                ReplayEvent& event) {
  SavedFields fields(json, at, problem);
  fields("kind", event.kind);
  fields("host", event.host);
  fields.time("beginS", event.begin_s);
  fields.time("endS", event.end_s);
  fields("cores", event.cores);
  fields.done();
  if (problem) return;
  if (event.host >= hosts) {
    return fields.fail(fmt::format("{} is {}; there are {} hosts", fields.below("host").text(), event.host, hosts));
  }
  if (event.end_s < event.begin_s) {
    fields.fail(fmt::format("{} is {}, before beginS, {}", fields.below("endS").text(), event.end_s, event.begin_s));
  }
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
  fields("hosts", hosts);
  if (hosts > kMaxSavedHosts) {
    fields.fail(fmt::format("{} is {}; at most {}", fields.below("hosts").text(), hosts, kMaxSavedHosts));
  }
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
  SavedJson course = SavedJson::array();
  for (const ReplayPoint& point : result.course)
    course.push_back(point_json(point));
  root["course"] = std::move(course);
  SavedJson events = SavedJson::array();
  for (const ReplayEvent& event : result.events)
    events.push_back(event_json(event));
  root["events"] = std::move(events);
  root["eventsLeftOut"] = result.events_left_out;
  return root.dump(-1, ' ', false, SavedJson::error_handler_t::replace) + "\n";
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
  fields.done();
  if (problem) return *std::move(problem);
  return replay;
}

}  // namespace tideline::planner
