#pragma once
// One host through the steps of a replay: the account, what batch is placed by it, what batch may use, how it gets on,
// and who is evicted.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "coordinator/planner/batch.h"
#include "coordinator/planner/host_input.h"
#include "coordinator/planner/run_setting.h"
#include "coordinator/planner/tally.h"
#include "coordinator/reclaim/reclaim.h"
#include "messages/model/units.h"

namespace tideline::planner {

class HostRun {
 public:
  /// `setting` must outlive it.
  HostRun(const RunSetting& setting, std::size_t host);

  // The parts of a step, in this order; steps from 0, one after another.
  /// The live account at its begin.
  void settle(std::size_t step);
  /// Pods of the options' shape, as many as the offer holds.
  void fill();
  /// One pod; the caller knows that the offer holds it.
  void place(const PlacedPod& pod);
  /// The limit, what batch uses under it, who completes, who is evicted.
  void finish();

  /// Of the offer, what no batch pod has requested yet; none of either where batch has all of one of them.
  model::MilliCpu free_cpu() const;
  model::Bytes free_memory() const;
  /// How many pods more there may be.
  std::size_t free_places() const;

  const StepOutcome& outcome() const { return outcome_; }
  /// Those of the last step that was finished.
  std::span<const PlacedPod> evicted() const { return evicted_; }
  const HostBatch& batch() const { return batch_; }
  const reclaim::NodeInput& input() const { return input_.input(); }
  const HostTally& tally() const { return tally_; }

 private:
  bool has_room() const;
  void advance();
  void evict_starved();
  /// `others`: used by services and system.
  void evict_for_memory(model::Bytes others, model::Bytes capacity);
  void judge_offer();

  const RunSetting* setting_;
  std::size_t host_;
  HostInput input_;
  HostBatch batch_;
  HostTally tally_;
  /// Of services, and of a system that is recorded, over the rest of the horizon that begins at each step.
  std::vector<double> peaks_;
  StepOutcome outcome_;
  model::MilliCpu published_cpu_;  // what nodes are told of the offer
  std::vector<PlacedPod> evicted_;
  model::MilliCpu batch_used_;  // mean over the last step
};

}  // namespace tideline::planner
