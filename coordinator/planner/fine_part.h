#pragma once
// Chosen steps of some of a fleet's hosts, from which those of all are made: the same to the last bit, whatever the
// fleet was divided into.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/planner/dataset.h"
#include "coordinator/planner/fine.h"
#include "coordinator/planner/fine_sums.h"
#include "coordinator/planner/replay.h"
#include "coordinator/planner/world.h"
#include "messages/model/result.h"

namespace tideline::planner {

struct FinePart {
  std::size_t fleet_hosts = 0;
  std::size_t first_host = 0;  // number of the first of these
  std::size_t hosts = 0;
  DemandModel demand;
  std::uint64_t seed = 1;
  std::uint64_t host_steps = 0;
  FineSums closed;
  std::vector<FineSums> variants;  // of kFineVariations
  std::vector<FineStep> steps;     // those longest at risk
};

/// Goes through replay_part() of the same once more, and looks into the chosen steps of the world's hosts. Batch tasks
/// are queued for the whole fleet, and so want all of it. kInvalidArgument also for a demand model out of its bounds.
/// kUnavailable: stopped by Progress, which is asked at each chosen step.
model::Result<FinePart> fine_part(const Dataset& data, const World& world, const ReplayOptions& options,
                                  const FineOptions& fine);

/// `next` follows `part`. kInvalidArgument: of another fleet or model, or of other hosts than those that come next.
model::Result<void> append(FinePart& part, FinePart next);

/// kInvalidArgument: some hosts are missing, or no step was chosen.
model::Result<FineReport> report_of(const FinePart& part);

/// JSON on one line, and back: strict, numbers to the last bit. kMalformed names key and place.
std::string to_json(const FinePart& part);
model::Result<FinePart> fine_part_from_json(std::string_view text);

}  // namespace tideline::planner
