#pragma once
// What one shard finds of capacity, from which the answer is made: the same to the last bit as one process'.
//
// A search asks for one packing after another, and each answer hangs on all hosts and all steps. So a shard judges over
// some of the steps (step_slice.h), and does so with the packings that a search may ask for which ends near to where
// the search over its own steps ends: those of its `margin` on both sides. All parts together then answer the search,
// and where that asks for one that some of them did not judge, it says so.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/planner/capacity.h"
#include "coordinator/planner/data_counts.h"
#include "coordinator/planner/dataset.h"
#include "coordinator/planner/host_slice.h"
#include "coordinator/planner/host_use.h"
#include "coordinator/planner/packing_search.h"
#include "messages/model/result.h"

namespace tideline::planner {

/// Rungs, of 1 % of what requests are divided by.
inline constexpr int kUsualMargin = 12;

struct CapacityPart {
  struct RoomStep {
    std::uint64_t step = 0;
    double pods = 0;  // as of BatchRoom
    double pods_without_fragmentation = 0;
  };
  // The same in all parts of one answer.
  std::uint32_t of_shards = 1;
  std::int64_t begin_s = 0;
  std::int64_t step_s = 0;
  std::uint64_t steps = 0;
  double accepted_risk = 0;
  double safe_percent = 0;
  std::uint64_t spare_hosts = 0;
  std::uint64_t resamples = 0;
  std::uint64_t seed = 0;
  std::uint64_t hosts_now = 0;
  bool judge_memory = false;
  std::vector<std::string> notes;  // that come before those of the search
  // Of these shards.
  std::uint32_t first_shard = 1;
  std::uint32_t shards = 1;
  std::vector<DayRisk> now;             // of the hosts there are now, by day
  std::vector<JudgedPacking> packings;  // by rung; without a step of its own a part has none
  std::vector<RoomStep> room;           // its steps, ascending
  DataCounts counts;                    // with the first shard
};

/// As capacity() of the same. One of one judges just the packings that the search asks for. kInvalidArgument also for a
/// margin that is not within 0 and 2 * kPackingRungs.
model::Result<CapacityPart> capacity_part(const Dataset& data, const CapacityOptions& options, const Shard& shard = {},
                                          int margin = kUsualMargin);
/// `next` is of the shards behind. kInvalidArgument: of another answer, or not of those.
model::Result<void> append(CapacityPart& part, CapacityPart next);
/// kInvalidArgument: a shard is missing, or a packing that the search asks for.
model::Result<Capacity> capacity_of(const CapacityPart& part);

/// JSON on one line, and back: strict, numbers to the last bit. kMalformed names key and place.
std::string to_json(const CapacityPart& part);
model::Result<CapacityPart> capacity_part_from_json(std::string_view text);

}  // namespace tideline::planner
