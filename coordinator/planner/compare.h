#pragma once
// Results of replays side by side, and what the differences come from.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/planner/fine.h"
#include "coordinator/planner/parallel.h"
#include "coordinator/planner/replay.h"
#include "messages/model/result.h"

namespace tideline::planner {

/// A replay as it is kept in a file.
struct SavedReplay {
  std::string name;    // the file's, or what the user called it
  std::string policy;  // JSON, as it was given
  std::string data;    // what it ran on, and on which range: a line
  std::vector<std::string> notes;
  ReplayResult result;
  std::optional<FineReport> fine = {};
};

/// JSON on one line, with a version; replay_from_json() takes what to_json() gave, byte for byte the same again. Hosts
/// one by one only with `by_host`, which `planner replay --by-host` asks for; their names where they were recorded.
/// Bytes that are no UTF-8 become U+FFFD.
std::string to_json(const SavedReplay& replay, bool by_host);
/// Strict: each key is there, once, and no other; numbers are finite. Errors name key and place: kMalformed,
/// kUnsupported for a later version, kOverloaded beyond 64 MiB.
model::Result<SavedReplay> replay_from_json(std::string_view text);

struct ComparedRow {
  std::string what;            // "offered", "batch wasted" ...
  std::string unit;            // "core-h"
  std::vector<double> values;  // in the order given
};
struct ComparedEvents {
  ReplayEventKind kind{};
  std::vector<std::uint64_t> counts;  // of those in the files
  /// The first ten by begin that only some of them have: "node-0007 2013-07-03T10:00:00Z 35 min, 3.2 cores: in A, not
  /// in B", then "and 5 more". Two are the same where they overlap on one host. Only the time that all tell of counts.
  std::vector<std::string> differ;
};
struct Comparison {
  std::vector<std::string> names;
  std::vector<ComparedRow> rows;
  std::vector<ComparedEvents> events;
  std::vector<std::string> warnings;  // other data, other range, other worlds
};
/// Two at least, else kInvalidArgument. kUnavailable: stopped by Progress.
model::Result<Comparison> compare(std::span<const SavedReplay> replays, const Progress& progress = {});

}  // namespace tideline::planner
