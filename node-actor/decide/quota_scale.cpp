#include "node-actor/decide/quota_scale.h"

#include <algorithm>

namespace tideline::decide {

std::string_view name_of(ScaleStep step) {
  switch (step) {
    case ScaleStep::kRemain:
      return "remain";
    case ScaleStep::kUp:
      return "up";
    case ScaleStep::kDown:
      return "down";
  }
  return "unknown";
}

ScaleStep allowed_step(PoolState pool, ScaleStep asked) {
  if (pool == PoolState::kOverload) return ScaleStep::kDown;
  if (asked == ScaleStep::kUp && pool != PoolState::kIdle) return ScaleStep::kRemain;
  return asked;
}

double scaled_milli(double quota_milli, ScaleStep step, double base_milli, double ceiling_milli) {
  const double quota = std::clamp(quota_milli, base_milli, ceiling_milli);
  switch (step) {
    case ScaleStep::kRemain:
      return quota;
    case ScaleStep::kUp:
      return std::min(quota * kScaleUp, ceiling_milli);
    case ScaleStep::kDown:
      return std::max(quota * kScaleDown, base_milli);
  }
  return quota;
}

}  // namespace tideline::decide
