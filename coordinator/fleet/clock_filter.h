#pragma once
// How far a node's wall clock is from ours, from one-way arrivals.
//
// The transit of a report is what its monotonic distance (our arrival - its stamp) exceeds the smallest distance seen
// lately; so the report ended at our arrival time less its transit, and the offset is its wall stamp less that. Both
// sides' monotonic clocks carry the estimate: a step of either wall clock is seen at once and misplaces nothing. What
// is left is the fastest transit itself (ms) and the drift over kClockReadings reports.

#include <array>
#include <cstddef>
#include <optional>
#include <string>

#include "coordinator/fleet/arrival.h"
#include "coordinator/fleet/limits.h"
#include "messages/model/report.h"

namespace tideline::fleet {

class ClockFilter {
 public:
  /// Learns from a live report. Another boot id starts anew: monotonic clocks of two boots have nothing in common.
  void learn(const model::Report& report, const Arrival& arrival);

  /// The offset that belongs to the report (node's wall clock minus ours at its end).
  /// Of a boot not learnt: for a live report its own difference, for a backfilled one the last offset known, else 0.
  model::Duration offset(const model::Report& report, const Arrival& arrival) const;

  /// As of the newest report learnt from.
  std::optional<model::Duration> newest() const { return newest_; }

 private:
  std::optional<std::int64_t> fastest_ns() const;

  std::string boot_id_;
  std::array<std::int64_t, kClockReadings> distance_ns_{};
  std::size_t readings_ = 0;  // ever, of this boot
  std::optional<model::Duration> newest_;
};

}  // namespace tideline::fleet
