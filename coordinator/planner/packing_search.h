#pragma once
// Packings of one fleet from dense to sparse, each judged by what was really used.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "coordinator/planner/capacity.h"
#include "coordinator/planner/dataset.h"
#include "coordinator/planner/day_draws.h"
#include "coordinator/planner/host_use.h"
#include "coordinator/planner/world.h"
#include "messages/model/result.h"

namespace tideline::planner {

inline constexpr double kMaxOvercommit = 20;

/// A packing with requests divided by `overcommit`, and how it did.
struct JudgedPacking {
  double overcommit = 1;
  std::size_t hosts = 0;     // that hold anything
  std::size_t left_out = 0;  // workloads
  std::vector<DayRisk> days;
};

/// Over days that come as often as their weights say.
DayRisk risk_of(std::span<const DayRisk> days, std::span<const std::uint32_t> day_weights);

/// Who is left out needs a host as well: a packing that leaves out fewer is better than one of fewer hosts. nullptr:
/// none is accepted.
const JudgedPacking* best_packing(const std::vector<JudgedPacking>& packings,
                                  std::span<const std::uint32_t> day_weights, double accepted_risk);

class PackingSearch {
 public:
  /// All must outlive it. `pack`: onto what; `data` is checked.
  PackingSearch(const Dataset& data, const CapacityOptions& options, const PackOptions& pack, const StepDays& days,
                const SafeUse& safe);

  /// Ends at the last rung that is accepted below one that is not.
  model::Result<void> run();

  /// The first is that by whole requests.
  const std::vector<JudgedPacking>& packings() const { return packings_; }
  /// That with the most hosts.
  const JudgedPacking& sparsest() const;

 private:
  model::Result<bool> visit(int rung);
  model::Result<JudgedPacking> judge(int rung) const;
  model::Result<void> bisect(int accepted, int refused);

  const Dataset& data_;
  const CapacityOptions& options_;
  const PackOptions& pack_;
  const StepDays& days_;
  const SafeUse& safe_;
  const std::vector<std::uint32_t> once_;
  std::vector<JudgedPacking> packings_;
};

}  // namespace tideline::planner
