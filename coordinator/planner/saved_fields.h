#pragma once
// Files of the planner's own, as JSON: each key is there, once, and no other; numbers come back to the last bit. For
// the sources of this room and of its program.

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

#include "coordinator/planner/data_counts.h"
#include "coordinator/planner/exact_sum.h"
#include "coordinator/planner/replay_fields.h"
#include "coordinator/planner/utc_text.h"
#include "messages/model/json_text.h"

namespace tideline::planner {

using SavedJson = nlohmann::ordered_json;
using ReadJson = nlohmann::json;

/// Of all of them.
inline constexpr std::uint64_t kSavedVersion = 1;

/// Numbers that are not finite have no spelling in JSON: they become null, which reading refuses.
inline SavedJson totals_json(const ReplayTotals& totals) {
  SavedJson object = SavedJson::object();
  const auto put = [&object](const char* key, const char* /*what*/, const char* /*unit*/, const auto& value) {
    object[key] = value;
  };
  totals_fields(put, totals);
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
  /// Within 0 and `most`.
  void bounded(const char* key, std::uint64_t most, std::uint64_t& value) {
    (*this)(key, value);
    if (value > most) fail(fmt::format("{} is {}; at most {}", below(key).text(), value, most));
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
  /// [whole, fraction]
  void read(const ReadJson& json, const SavedPlace& at, ExactSum& value) {
    const bool pair = json.is_array() && json.size() == 2;
    if (!pair || !json[0].is_number_unsigned() || !json[1].is_number_unsigned()) {
      return wrong(at, json, "a list of two whole numbers >= 0");
    }
    value = ExactSum(json[0].get<std::uint64_t>(), json[1].get<std::uint64_t>());
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

  bool good() const { return !problem_; }
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

inline void read_totals(const ReadJson& json, const SavedPlace& at, std::optional<model::Error>& problem,
                        ReplayTotals& totals) {
  SavedFields fields(json, at, problem);
  totals_fields(fields, totals);
  fields.done();
}

inline SavedJson event_json(const ReplayEvent& event) {
  SavedJson object = SavedJson::object();
  object["kind"] = std::string(name_of(event.kind));
  object["host"] = event.host;
  object["beginS"] = event.begin_s;
  object["endS"] = event.end_s;
  object["cores"] = event.cores;
  return object;
}

/// Of `hosts` hosts.
inline void read_event(const ReadJson& json, const SavedPlace& at, std::optional<model::Error>& problem,
                       std::size_t hosts, ReplayEvent& event) {
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

inline std::string saved_text(const SavedJson& root) {
  return root.dump(-1, ' ', false, SavedJson::error_handler_t::replace) + "\n";
}

inline SavedJson sum_json(const ExactSum& sum) {
  return SavedJson::array({sum.whole(), sum.fraction()});
}

inline SavedJson counts_json(const DataCounts& counts) {
  SavedJson object = SavedJson::object();
  counts_fields(
      [&object](const char* key, const char* /*text*/, std::uint64_t count) {
        if (count > 0) object[key] = count;
      },
      counts);
  return object;
}

/// What is not there is 0.
inline void read_counts(const ReadJson& json, const SavedPlace& at, std::optional<model::Error>& problem,
                        DataCounts& counts) {
  SavedFields fields(json, at, problem);
  counts_fields(
      [&fields](const char* key, const char* /*text*/, std::uint64_t& count) {
        if (const ReadJson* found = fields.find_if_there(key)) fields.read(*found, fields.below(key), count);
      },
      counts);
  fields.done();
}

/// "schema" and "version". A later version has other keys: it is named before any of them is missed.
inline void read_schema(SavedFields& fields, std::string_view wanted) {
  std::string schema;
  std::uint64_t version = 0;
  fields("schema", schema);
  fields("version", version);
  if (!fields.good()) return;
  if (schema != wanted) {
    return fields.fail(fmt::format("$.schema is \"{}\"; want \"{}\"", model::printable(schema, 80), wanted));
  }
  if (version != kSavedVersion) {
    fields.fail(fmt::format("$.version is {}; this program reads {}", version, kSavedVersion));
  }
}

}  // namespace tideline::planner
