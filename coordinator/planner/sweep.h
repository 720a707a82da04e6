#pragma once
// One setting over a range, what it saves against what it risks, and the point to take for a stated risk.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/planner/kept.h"
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
  /// Forecasts: ForecastScore::severity_p99. Replays: of the stretches of violations (ReplayPart::violations).
  double severity_p99 = 0;
  ReplayTotals totals;       // of replays
  bool on_frontier = false;  // no other point saves more at no more risk, or as much at less
};

struct Sweep {
  std::vector<SweepPoint> points;  // in the order asked for
  /// The most savings with risk <= accepted_risk; of equal ones the least risk, then the first. nullopt: none is that
  /// safe, or nothing was checked.
  std::optional<std::size_t> recommended;
  double accepted_risk = 0;
};

inline constexpr std::size_t kMaxSweepPoints = 200;

/// "40:90:5" -> 40, 45 ... 90; "40,65,80"; kInvalidArgument names what is wrong, and for more than kMaxSweepPoints or
/// beyond a million.
model::Result<std::vector<double>> parse_range(std::string_view text);

/// Replays `base` with each value in place of its own, which must be whole percents; points are kept. kInvalidArgument
/// for kForecast.
model::Result<Sweep> sweep_policy(const Dataset& data, const World& world, const ReplayOptions& base, SweepKnob knob,
                                  std::span<const double> values, double accepted_risk, const Kept& kept = {});
/// Of predictors that were scored. kInvalidArgument for a risk that is none.
model::Result<Sweep> sweep_of(std::span<const ForecastScore> scores, double accepted_risk);
model::Result<Sweep> sweep_forecasts(const Dataset& data, const World& world,
                                     std::span<const forecast::ForecastSpec> specs, const ScoreOptions& options,
                                     double accepted_risk);
/// "oracle" cannot: what knows the future shows how far there is to go.
bool can_be_taken(const SweepPoint& point);
/// Sets on_frontier and recommended. "oracle" is neither, and is in no other's way: it is a bound, and no choice.
void judge(Sweep& sweep);

}  // namespace tideline::planner
