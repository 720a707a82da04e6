#pragma once
// One setting over a range, what it saves against what it risks, and the point to take for a stated risk.

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "coordinator/planner/replay.h"
#include "coordinator/planner/score.h"

namespace tideline::planner {

/// What is varied.
enum class SweepKnob : std::uint8_t {
  kReclaimThreshold,   // cpuReclaimThresholdPercent
  kSuppressThreshold,  // cpuSuppressThresholdPercent
  kForecast            // a list of predictors
};

struct SweepPoint {
  std::string setting;  // "cpuReclaimThresholdPercent=65", "nsigma:5"
  double savings = 0;   // replay: offered / capacity; forecasts: ForecastScore::savings
  double risk = 0;      // violations / checks
  double severity_p99 = 0;
  ReplayTotals totals;  // of replays
  bool on_frontier = false;  // no other point has more savings at no more risk
};

struct Sweep {
  std::vector<SweepPoint> points;          // in the order asked for
  std::optional<std::size_t> recommended;  // the most savings with risk <= accepted_risk; nullopt: none is that safe
  double accepted_risk = 0;
};

/// "40:90:5" -> 40, 45 ... 90; "40,65,80"; kInvalidArgument names what is wrong, and for more than 200 points.
model::Result<std::vector<double>> parse_range(std::string_view text);

model::Result<Sweep> sweep_policy(const Dataset& data, const World& world, const ReplayOptions& base, SweepKnob knob,
                                  std::span<const double> values, double accepted_risk);
model::Result<Sweep> sweep_forecasts(const Dataset& data, const World& world,
                                     std::span<const forecast::ForecastSpec> specs, const ScoreOptions& options,
                                     double accepted_risk);
/// Sets on_frontier and recommended.
void judge(Sweep& sweep);

}  // namespace tideline::planner
