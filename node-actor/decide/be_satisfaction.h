#pragma once
// Is BE starved of CPU? Koordinator's BECPUEvict, the judging part of it.
//
// Why a starved BE must go rather than wait, beside that its work does not get on: priority inversion. Its threads stop
// wherever they are, with the kernel's locks they hold (mmap_sem, a cgroup's, a file system's), and LS that needs one
// waits for a thread that may not run.
//
//   rate = limit / request;  starved: use >= cpuEvictBEUsageThresholdPercent of limit, and rate <= lower %
//   release = request * upper % - limit
//
// Judged on the means over cpuEvictTimeWindowSeconds and again on the newest reading; the smaller answer counts, so
// that what was over before is not acted upon. BE that does not use what it may have is not starved, however little
// that is; Koordinator leaves the use out of account for limits below 1000 millicores and so evicts BE that is idle.

#include <optional>
#include <string>

#include "messages/model/policy.h"
#include "messages/model/reason.h"
#include "messages/model/units.h"
#include "node-actor/decide/evict_window.h"

namespace tideline::decide {

/// Every number the verdict rests on, for `explain`.
struct BeSatisfactionTerms {
  model::CpuEvictPolicy limit_kind = model::CpuEvictPolicy::kRealLimit;
  std::optional<int> lower_percent;
  std::optional<int> upper_percent;
  int usage_percent = 0;
  model::Duration window{0};
  model::Duration covered{0};                     // of the window, by readings
  std::optional<BeView> mean;                     // over the window; nullopt: no reading
  std::optional<BeView> newest;                   // nullopt: the newest reading is stale or lacks something
  std::optional<model::MilliCpu> mean_release;    // nullopt: not starved
  std::optional<model::MilliCpu> newest_release;  // nullopt: not starved
};

struct BeSatisfaction {
  /// kBeStarved, kSatisfied, kNotUsing, kTooFewSamples, kStaleSample, kBadEvictPolicy or kDisabled.
  model::Reason reason = model::Reason::kNone;
  model::MilliCpu release;  // batch-cpu requests to be released; 0 unless kBeStarved
  std::string why;          // for people
  BeSatisfactionTerms terms;
};

/// `newest` nullopt: no fresh reading with BE's use and limit. `missing` then says what is not known, for people.
/// A window counts when a third of it is covered.
BeSatisfaction judge_be_satisfaction(const model::ThresholdPolicy& policy, model::Duration window, const BeMean& mean,
                                     const std::optional<BeView>& newest, const std::string& missing);

}  // namespace tideline::decide
