#pragma once
// Packings of one fleet from dense to sparse, each judged by what was really used.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "coordinator/planner/capacity.h"
#include "coordinator/planner/dataset.h"
#include "coordinator/planner/day_draws.h"
#include "coordinator/planner/host_use.h"
#include "coordinator/planner/step_slice.h"
#include "coordinator/planner/world.h"
#include "messages/model/result.h"

namespace tideline::planner {

inline constexpr double kMaxOvercommit = 20;
/// Requests are divided by kMaxOvercommit ^ (rung / kPackingRungs): a rung is 1 %. As rungs are the same for any risk,
/// a higher one never ends at a lower rung. Below 0 requests count more than once.
inline constexpr int kPackingRungs = 301;
double overcommit_of(int rung);

/// A packing, and how it did.
struct JudgedPacking {
  int rung = 0;
  double overcommit = 1;     // overcommit_of(rung)
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
/// That with the most hosts; of equals the first.
const JudgedPacking& sparsest_packing(const std::vector<JudgedPacking>& packings);

/// How a packing did; asked once for each rung.
using FindPacking = std::function<model::Result<JudgedPacking>(int rung)>;

/// What a search saw, in its order: the first is that by whole requests. It ends at the last rung that is accepted
/// below one that is not.
struct SearchedPackings {
  std::vector<JudgedPacking> packings;
  int end = 0;  // that rung; -kPackingRungs - 1: none is accepted
};
/// Errors are those of `find`.
model::Result<SearchedPackings> search_packings(const FindPacking& find, double accepted_risk);
/// The rungs that a search asks for which ends there.
std::vector<int> rungs_to(int end);

/// Packs and judges, over the steps of a slice.
class PackingJudge {
 public:
  /// All must outlive it. `pack`: onto what; `data` is checked. `prefix`: of the names of packings that are kept.
  PackingJudge(const Dataset& data, const CapacityOptions& options, const PackOptions& pack, const StepDays& days,
               const SafeUse& safe, const StepSlice& slice, std::string prefix);
  /// kUnavailable: stopped by Progress, which is told that some `stages` of this are all of the work.
  model::Result<JudgedPacking> judge(int rung, double stages);

 private:
  model::Result<JudgedPacking> pack_and_judge(int rung) const;

  const Dataset& data_;
  const CapacityOptions& options_;
  const PackOptions& pack_;
  const StepDays& days_;
  const SafeUse& safe_;
  const StepSlice& slice_;
  std::string prefix_;
  std::size_t judged_ = 0;
};

}  // namespace tideline::planner
