#pragma once
// What one shard found, in a file, with all that the answer says besides: so that merging needs the files alone.

#include <cstdint>
#include <string>
#include <string_view>

#include "coordinator/planner/host_slice.h"
#include "coordinator/planner_program/scene.h"
#include "messages/model/result.h"

namespace tideline::planner_program {

enum class PartKind : std::uint8_t { kReplay, kPredictors, kPolicySweep, kForecastSweep, kCapacity };
std::string_view name_of(PartKind kind);  // "replay", "predictors", "sweep", "sweep-of-predictors", "capacity"

struct PartFile {
  PartKind kind = PartKind::kReplay;
  std::string key;  // the same for all parts of one answer
  planner::Shard shard;
  Heading heading;
  // Of a replay: SavedReplay's, and whether hosts come one by one in JSON.
  std::string name;
  std::string policy;
  std::string data;
  bool by_host = false;
  double accepted_risk = 0;  // of a sweep
  std::string body;          // planner::to_json() of the part; behind it that of its fine part, where there is one
};

std::string part_text(const PartFile& part);
/// kMalformed names key and place.
model::Result<PartFile> part_from(std::string_view text);

model::Result<void> write_part(const std::string& path, const PartFile& part);

}  // namespace tideline::planner_program
