#pragma once
// One step of a container's quota between its limit and the burst ceiling: what is asked for, and what the share pool
// leaves of it (Koordinator, koordlet cpuburst).
//
//   share pool        asked: up   remain   down
//   idle                     up   remain   down
//   cooling, unknown     remain   remain   down
//   overload               down     down   down

#include <string_view>

#include "node-actor/decide/share_pool.h"

namespace tideline::decide {

constexpr double kScaleUp = 1.2;
constexpr double kScaleDown = 0.8;

enum class ScaleStep { kRemain, kUp, kDown };
std::string_view name_of(ScaleStep step);  // "remain", "up", "down"

ScaleStep allowed_step(PoolState pool, ScaleStep asked);
/// Millicores, within [base, ceiling] whatever `quota_milli` is. base <= ceiling.
double scaled_milli(double quota_milli, ScaleStep step, double base_milli, double ceiling_milli);

}  // namespace tideline::decide
