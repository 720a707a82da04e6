#pragma once
// A setting of a policy over a range, on some of a fleet's hosts, from which the sweep over all is made: the same to
// the last bit, whatever the fleet was divided into.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/planner/data_counts.h"
#include "coordinator/planner/exact_totals.h"
#include "coordinator/planner/kept.h"
#include "coordinator/planner/replay.h"
#include "coordinator/planner/severity.h"
#include "coordinator/planner/sweep.h"
#include "messages/model/result.h"

namespace tideline::planner {

struct SweepPart {
  struct Point {
    std::string setting;
    ExactTotals totals;
    SparseSeverities violations;  // as of ReplayPart
  };
  std::size_t fleet_hosts = 0;
  std::size_t first_host = 0;  // number of the first of these
  std::size_t hosts = 0;
  std::vector<Point> points;  // in the order asked for
  DataCounts counts;          // of what these hosts were read from; of data that all share with the first
};

/// As sweep_policy() of the same, of the world's hosts; points are kept. Batch tasks are queued for the whole fleet,
/// and so want all of it.
model::Result<SweepPart> sweep_part(const Dataset& data, const World& world, const ReplayOptions& base, SweepKnob knob,
                                    std::span<const double> values, const Kept& kept = {});
/// `next` follows `part`. kInvalidArgument: other settings, another fleet, or other hosts than those that come next.
model::Result<void> append(SweepPart& part, SweepPart next);
/// kInvalidArgument: some hosts are missing, or the risk is none.
model::Result<Sweep> sweep_of(const SweepPart& part, double accepted_risk);

/// JSON on one line, and back: strict, numbers to the last bit. kMalformed names key and place.
std::string to_json(const SweepPart& part);
model::Result<SweepPart> sweep_part_from_json(std::string_view text);

}  // namespace tideline::planner
