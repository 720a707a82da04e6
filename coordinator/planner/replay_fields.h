#pragma once
// What replays count, each field said once: for files, and for tables.

#include <array>
#include <cstddef>

#include "coordinator/planner/replay.h"

namespace tideline::planner {

inline constexpr std::array<ReplayEventKind, 5> kReplayEventKinds = {
    ReplayEventKind::kDeficit, ReplayEventKind::kViolation, ReplayEventKind::kEviction, ReplayEventKind::kSuppressed,
    ReplayEventKind::kAtRisk};

/// visit(key in files, what it is, unit, field) for every field. Keys never change their meaning.
template <class Visit, class Totals>
constexpr void totals_fields(Visit&& visit, Totals& totals) {
  visit("hostSteps", "host-steps", "host-steps", totals.host_steps);
  visit("capacityCoreH", "capacity", "core-h", totals.capacity_core_h);
  visit("requestedCoreH", "requested", "core-h", totals.requested_core_h);
  visit("usedCoreH", "used", "core-h", totals.used_core_h);
  visit("offeredCoreH", "offered", "core-h", totals.offered_core_h);
  visit("offeredMemoryGibH", "offered memory", "GiB-h", totals.offered_memory_gib_h);
  visit("batchUsedCoreH", "batch used", "core-h", totals.batch_used_core_h);
  visit("batchWastedCoreH", "batch wasted", "core-h", totals.batch_wasted_core_h);
  visit("batchCompleted", "batch completed", "pods", totals.batch_completed);
  visit("evictions", "evictions", "pods", totals.evictions);
  visit("suppressedS", "suppressed", "host-s", totals.suppressed_s);
  visit("atRiskS", "at risk", "host-s", totals.at_risk_s);
  visit("deficits", "deficits", "host-steps", totals.deficits);
  visit("violationChecks", "violation checks", "host-steps", totals.violation_checks);
  visit("violations", "violations", "host-steps", totals.violations);
  visit("violationCoreH", "violated by", "core-h", totals.violation_core_h);
}

inline constexpr std::size_t kTotalsFields = [] {
  std::size_t count = 0;
  ReplayTotals totals;
  totals_fields([&count](const char*, const char*, const char*, const auto&) { ++count; }, totals);
  return count;
}();

}  // namespace tideline::planner
