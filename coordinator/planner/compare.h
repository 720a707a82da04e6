#pragma once
// Results of replays side by side, and what the differences come from.

#include <span>
#include <string>
#include <vector>

#include "coordinator/planner/replay.h"

namespace tideline::planner {

/// A replay as it is kept in a file.
struct SavedReplay {
  std::string name;    // the file's, or what the user called it
  std::string policy;  // JSON, as it was given
  std::string data;    // what it ran on, and on which range: a line
  std::vector<std::string> notes;
  ReplayResult result;
};

/// JSON with a version; from_json() takes what to_json() gave, byte for byte the same again. Without `by_host`, which is
/// asked for by `planner replay --by-host`. kMalformed or kUnsupported names key and place.
std::string to_json(const SavedReplay& replay, bool by_host);
model::Result<SavedReplay> replay_from_json(std::string_view text);

struct ComparedRow {
  std::string what;            // "offered", "batch wasted" ...
  std::string unit;            // "core-h"
  std::vector<double> values;  // in the order given
};
struct ComparedEvents {
  ReplayEventKind kind{};
  std::vector<std::uint64_t> counts;
  /// The first few that only some of them have: "node-0007 2013-07-03T10:00:00Z 35 min, 3.2 cores: in A, not in B".
  std::vector<std::string> differ;
};
struct Comparison {
  std::vector<std::string> names;
  std::vector<ComparedRow> rows;
  std::vector<ComparedEvents> events;
  std::vector<std::string> warnings;  // other data, other range, other worlds
};
/// Two at least.
model::Result<Comparison> compare(std::span<const SavedReplay> replays);

}  // namespace tideline::planner
