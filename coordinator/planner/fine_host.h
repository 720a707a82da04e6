#pragma once
// One host through its chosen steps, under one variation of the demand model.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "coordinator/planner/demand_noise.h"
#include "coordinator/planner/fine.h"
#include "coordinator/planner/fine_node.h"
#include "coordinator/planner/fine_sums.h"
#include "coordinator/planner/run_setting.h"
#include "coordinator/planner/tally.h"

namespace tideline::planner {

class FineHost {
 public:
  /// `host`: by its number in the world. All must outlive it.
  FineHost(const RunSetting& setting, const FineOptions& options, std::size_t host, const FineVariation& variation);

  bool is_chosen(std::size_t step) const;
  /// A step of HostRun that has just been finished, in their order; those that are not chosen may be left out. Chosen
  /// ones that follow one another are one run of the loops, in which nothing is forgotten; before the first of them the
  /// loops have had half a minute of the step's means.
  void run(const StepOutcome& outcome);

  /// Whatever stands when it is asked for ends there.
  const FineSums& sums();
  const FineSums& closed() const { return closed_; }  // the same steps in the closed form
  std::uint64_t step_count() const { return step_count_; }
  /// Of them those longest at risk, at least.
  const std::vector<FineStep>& steps() const { return steps_; }

 private:
  void begin(const StepOutcome& outcome);
  void end_late();
  /// One second, with the same demand throughout.
  void second(const StepOutcome& outcome, double services);
  void draw(std::size_t step);
  void add_closed(const StepOutcome& outcome);

  const RunSetting* setting_;
  const FineOptions* options_;
  std::size_t host_;
  std::uint64_t seed_;  // the host's own
  DemandNoise noise_;
  std::optional<FineNode> node_;
  std::size_t next_ = 0;      // step that goes on from the last one
  model::MilliCpu capacity_;  // that the node was begun with
  std::uint64_t late_ = 0;    // ticks of the stretch that stands
  double used_ = 0;           // millicore-ticks of the step
  double batch_ = 0;
  FineSums sums_;
  FineSums closed_;
  std::uint64_t step_count_ = 0;
  std::vector<FineStep> steps_;
  std::vector<double> means_;     // of services, in the step
  std::vector<double> services_;  // together, in each second of it
};

/// Those longest at risk first; the others are left out.
void keep_longest_at_risk(std::vector<FineStep>& steps);

}  // namespace tideline::planner
