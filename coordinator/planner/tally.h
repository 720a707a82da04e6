#pragma once
// The sums of a replay: of one host while its steps go by, and of all hosts, one after another in their order, so that
// the answer is the same on any number of threads.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "coordinator/planner/batch.h"
#include "coordinator/planner/batch_limit.h"
#include "coordinator/planner/event_log.h"
#include "coordinator/planner/fine_choice.h"
#include "coordinator/planner/replay.h"
#include "coordinator/planner/replay_part.h"
#include "coordinator/planner/run_setting.h"

namespace tideline::planner {

/// Of a host's CPU: where it counts as full.
inline constexpr double kBrimPercent = 99;

/// What happened on a host in a step.
struct StepOutcome {
  std::size_t step = 0;
  bool there = true;  // false: the host is not, and nothing below is set
  // The account, before batch pods are placed by it.
  model::MilliCpu offered;
  model::Bytes offered_memory;
  model::MilliCpu deficit;
  bool has_deficit = false;   // of CPU or memory
  model::MilliCpu committed;  // requested by the batch pods that are there already
  // The step itself.
  std::size_t batch_pods = 0;
  model::MilliCpu requested;  // by services
  HostDemand demand;
  BatchLimit limit;
  model::MilliCpu may_use;  // by batch: the least of what it wants, its limit, and what is left
  double batch_used = 0;    // CPU time, core-s
  double wasted = 0;        // CPU time of those that were evicted, core-s
  std::uint64_t completed = 0;
  std::uint64_t evictions = 0;
  model::MilliCpu evicted;  // requested by them
  /// How far the same services come to need more than the offer had left them within the horizon, >= 0, millicores;
  /// nullopt: nothing was offered, or the horizon ends beyond the data.
  std::optional<double> violated_by;

  /// What services could get of the host.
  model::MilliCpu services_used() const;
  /// By how much batch could have used more than its limit; 0: it could not.
  model::MilliCpu suppressed_by() const;
  /// Services, system and batch together beyond 99 % of the host; below 0: they left more.
  model::MilliCpu above_brim() const;
};

class HostTally {
 public:
  HostTally(const RunSetting& setting, std::size_t host);
  void add(const StepOutcome& outcome);
  CompletionTimes& completions() { return completions_; }
  const CompletionTimes& completions() const { return completions_; }
  const std::vector<ReplayTotals>& days() const { return days_; }
  const std::vector<ReplayPoint>& course() const { return course_; }
  const EventLog& events() const { return events_; }
  const FullestSteps& fullest() const { return fullest_; }
  /// The most that the host had.
  model::MilliCpu capacity() const { return capacity_; }

 private:
  void add_full(const StepOutcome& outcome);
  void add_events(const StepOutcome& outcome);

  const RunSetting* setting_;
  std::vector<ReplayTotals> days_;
  std::vector<ReplayPoint> course_;  // sums over steps, in millicores; at_risk 0 or 1
  EventLog events_;
  CompletionTimes completions_;
  std::uint32_t number_;  // of the host in the fleet
  model::MilliCpu capacity_;
  FullestSteps fullest_;
};

class FleetTally {
 public:
  explicit FleetTally(const RunSetting& setting);
  /// Hosts in their order, each once.
  void add(const HostTally& host);
  ReplayPart take();

 private:
  const RunSetting& setting_;
  ReplayPart part_;
};

/// Sorted; the others are left out, and counted.
void keep_first_events(ReplayPart& part);

}  // namespace tideline::planner
