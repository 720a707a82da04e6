#pragma once
// A replay of some of a fleet's hosts, from which the replay of all is made: the same to the last bit, whatever the
// fleet was divided into.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/planner/batch.h"
#include "coordinator/planner/data_counts.h"
#include "coordinator/planner/dataset.h"
#include "coordinator/planner/exact_totals.h"
#include "coordinator/planner/fine_choice.h"
#include "coordinator/planner/replay.h"
#include "coordinator/planner/severity.h"
#include "coordinator/planner/world.h"
#include "messages/model/result.h"

namespace tideline::planner {

struct ReplayPart {
  std::size_t fleet_hosts = 0;
  std::size_t first_host = 0;  // number of the first of these; by_host tells how many
  std::int64_t begin_s = 0;
  std::int64_t step_s = 0;
  std::size_t steps = 0;
  std::vector<ExactTotals> days;
  std::vector<ExactPoint> course;
  std::vector<ReplayTotals> by_host;
  std::vector<std::string> host_names;  // as recorded: one a host; else none
  std::vector<ReplayEvent> events;      // by begin, host, kind; the first kMaxEvents of these hosts
  std::uint64_t events_left_out = 0;
  CompletionTimes completions;
  /// Of the stretches of violations, the most by which, as a share of the host's CPU; of a host the first kMaxEvents
  /// events.
  SparseSeverities violations;
  FullestSteps fullest;  // as many as the options asked for
  DataCounts counts;     // of what these hosts were read from; of data that all share with the first
};

/// As replay() of the same, of the world's hosts: world.first_host and on. Tasks are queued for the whole fleet, and so
/// want all of it.
model::Result<ReplayPart> replay_part(const Dataset& data, const World& world, const ReplayOptions& options);

/// `next` follows `part`. kInvalidArgument: it is of another fleet or range, or of other hosts than those that come
/// next.
model::Result<void> append(ReplayPart& part, ReplayPart next);

/// kInvalidArgument: some hosts are missing, or some have names and some have none.
model::Result<ReplayResult> result_of(ReplayPart part);

/// JSON on one line, and back: strict, numbers to the last bit. kMalformed names key and place; kOverloaded beyond
/// 256 MiB.
std::string to_json(const ReplayPart& part);
model::Result<ReplayPart> replay_part_from_json(std::string_view text);

}  // namespace tideline::planner
