#include "node-actor/decide/pressure.h"

#include <algorithm>

namespace tideline::decide {
namespace {

using Kind = PressureVerdict::Kind;

/// Whether the LS delay of this second is LS's own.
bool teaches(const model::NodeSample& sample, model::MilliCpu capacity) {
  return sample.be_cpu && *sample.be_cpu <= capacity.percent(kBeIdlePercent) && sample.node_cpu &&
         *sample.node_cpu < capacity.percent(kCrowdedPercent) && *sample.ls_cpu >= kLsIdle && sample.ls_delay_per_cpu;
}

}  // namespace

std::string_view name_of(PressureVerdict::Kind kind) {
  switch (kind) {
    case Kind::kUnknown:
      return "unknown";
    case Kind::kNotPressed:
      return "not-pressed";
    case Kind::kPressed:
      return "pressed";
    case Kind::kHold:
      return "hold";
  }
  return "unknown";
}

PressureStep judge_pressure(const PressureState& state, const std::optional<model::NodeSample>& sample,
                            model::MilliCpu capacity) {
  PressureStep step{state, {}};
  auto& next = step.state;
  auto& verdict = step.verdict;

  if (next.taught >= kBaselineLeast) verdict.baseline = next.baseline;
  const double alone = verdict.baseline.value_or(0);
  verdict.bound = std::max(kDelayFloor, std::min(kDelayFactor * alone, alone + kDelayMargin));
  if (!sample || !sample->ls_cpu) return step;

  const bool ls_idle = *sample->ls_cpu < kLsIdle;
  if (!sample->ls_delay_per_cpu && !ls_idle) return step;
  const double delay = sample->ls_delay_per_cpu.value_or(0);
  const double waited = delay * static_cast<double>(sample->ls_cpu->value()) / 1000.0;
  verdict.delay = sample->ls_delay_per_cpu;

  if (next.last_sample != sample->at) {
    next.last_sample = sample->at;
    if (teaches(*sample, capacity)) {
      next.taught = std::min(next.taught + 1, kBaselineReadings);
      next.baseline += (delay - next.baseline) / next.taught;
    }
    const bool over = delay > verdict.bound && waited > kWaitFloor;
    next.over = over ? std::min(next.over + 1, kPressedSamples) : 0;
    next.quiet = over ? 0 : std::min(next.quiet + 1, kQuietSamples);
    if (next.over >= kPressedSamples) next.pressed = true;
    if (next.quiet >= kQuietSamples) next.pressed = false;
  }
  verdict.kind = !next.pressed ? Kind::kNotPressed : next.quiet > 0 ? Kind::kHold : Kind::kPressed;
  return step;
}

}  // namespace tideline::decide
