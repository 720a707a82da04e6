#pragma once
// Predictors held against each other on the same days: how often, and by how much, more was used than they said, and
// what they would have saved. Terms after "Take it to the Limit" (EuroSys '21).

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "coordinator/forecast/forecast.h"
#include "coordinator/planner/dataset.h"
#include "coordinator/planner/parallel.h"
#include "coordinator/planner/world.h"
#include "messages/model/result.h"

namespace tideline::planner {

struct ScoreOptions {
  forecast::Resource resource = forecast::Resource::kCpu;
  std::int64_t horizon_s = 86'400;  // what a prediction is of: the most that the same tasks use together in that time
  std::int64_t window_s = 86'400;
  /// Predictors learn from all days; only steps within [score_from_s, score_until_s) are scored, as far as their whole
  /// horizon lies within the data.
  std::int64_t score_from_s = std::numeric_limits<std::int64_t>::min();  // since the epoch
  std::int64_t score_until_s = std::numeric_limits<std::int64_t>::max();
  Parallel parallel;  // the answer is the same for any
  Progress progress;
};

/// Of one predictor, over all hosts and scored steps.
struct ForecastScore {
  forecast::ForecastSpec spec;
  std::uint64_t checks = 0;      // host-steps with a task
  std::uint64_t violations = 0;  // predicted < oracle, by more than one part in a million
  double severity_p50 = 0;       // of violations: (oracle - predicted) / oracle, to 0.001 %; 0 where there are none
  double severity_p99 = 0;       // each the least that so large a share of violations does not exceed
  double savings = 0;            // mean of (limits - predicted) / limits over all checks with a limit
  double violation_rate() const { return checks ? static_cast<double>(violations) / static_cast<double>(checks) : 0; }
};

/// In the order of `specs`. Of memory, a workload whose use is not known at a step is not there then. The oracle of a
/// step is the most that its tasks use together at one of the steps within the horizon after it: who has gone by then
/// uses nothing, who came since is left out. kInvalidArgument where no step has its whole horizon in the data, naming
/// the days, for a spec that parse_forecast() did not make, for data that is none, and where the world is not of this
/// data. kUnavailable: stopped by Progress.
model::Result<std::vector<ForecastScore>> score(const Dataset& data, const World& world,
                                                std::span<const forecast::ForecastSpec> specs,
                                                const ScoreOptions& options);

}  // namespace tideline::planner
