#pragma once
// Some steps of a replay over again, tick by tick: the node's own loops at their pace (fine_node.h), beside services
// that move within the step as a demand model says (demand_noise.h). What the account offers and what batch is placed
// by it is the replay's: batch wants what its pods request for all of a step, and nobody is evicted within it.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "coordinator/planner/demand_model.h"
#include "coordinator/planner/fine_choice.h"

namespace tideline::planner {

struct FineOptions {
  DemandModel demand;
  std::uint64_t seed = 1;
  FineChoice choice;
};

/// The model, and what is varied of it in the table of sensitivity. Never another order, and the model is the first.
struct FineVariation {
  std::string_view name;
  double noise = 1;   // times sigma
  double bursts = 1;  // times as often
};
inline constexpr std::array<FineVariation, 6> kFineVariations = {
    FineVariation{"the model", 1, 1}, FineVariation{"no noise, no bursts", 0, 0}, FineVariation{"noise x 0.5", 0.5, 1},
    FineVariation{"noise x 2", 2, 1}, FineVariation{"bursts x 0.5", 1, 0.5},      FineVariation{"bursts x 2", 1, 2}};

/// Of the steps that were chosen. At risk and suppressed are as of ReplayTotals, tick by tick of 100 ms. *_core_h are
/// core-hours.
struct FineFigures {
  double host_s = 0;  // host-seconds that were looked into
  double at_risk_s = 0;
  double suppressed_s = 0;
  double used_core_h = 0;   // by services
  double batch_core_h = 0;  // that batch could work
  std::uint64_t limit_writes = 0;
  /// Stretches in which batch used more than the closed form allows at that very moment, by what is an urgent fall to
  /// the live loop at least; how long each took is the reaction.
  std::uint64_t late = 0;
  double late_s = 0;
  double reaction_p50_s = 0;
  double reaction_p99_s = 0;
  double reaction_most_s = 0;
  friend bool operator==(const FineFigures&, const FineFigures&) = default;
};

/// visit(key in files, what it is, unit, whether the closed form has it, field) for every field.
template <class Visit, class Figures>
constexpr void fine_fields(Visit&& visit, Figures& figures) {
  visit("hostS", "looked into", "host-s", true, figures.host_s);
  visit("atRiskS", "at risk", "host-s", true, figures.at_risk_s);
  visit("suppressedS", "suppressed", "host-s", true, figures.suppressed_s);
  visit("usedCoreH", "used by services", "core-h", true, figures.used_core_h);
  visit("batchCoreH", "batch work", "core-h", true, figures.batch_core_h);
  visit("limitWrites", "changes of the limit", "writes", false, figures.limit_writes);
  visit("late", "batch above what it may", "stretches", false, figures.late);
  visit("lateS", "... together", "host-s", false, figures.late_s);
  visit("reactionP50S", "reaction, p50", "s", false, figures.reaction_p50_s);
  visit("reactionP99S", "reaction, p99", "s", false, figures.reaction_p99_s);
  visit("reactionMostS", "reaction, longest", "s", false, figures.reaction_most_s);
}

/// One chosen step of a host, by the model.
struct FineStep {
  std::uint32_t host = 0;  // number in the fleet
  std::int64_t begin_s = 0;
  double closed_at_risk_s = 0;  // by the closed form
  double at_risk_s = 0;
  double suppressed_s = 0;
  std::uint64_t limit_writes = 0;
  friend bool operator==(const FineStep&, const FineStep&) = default;
};
inline constexpr std::size_t kMaxFineSteps = 20;

struct FineReport {
  DemandModel demand;
  std::uint64_t seed = 1;
  std::uint64_t host_steps = 0;
  FineFigures closed;                 // the same steps in the replay
  std::vector<FineFigures> variants;  // of kFineVariations
  std::vector<FineStep> steps;        // those longest at risk, kMaxFineSteps at most; of equals the first, by host
  friend bool operator==(const FineReport&, const FineReport&) = default;
};

}  // namespace tideline::planner
