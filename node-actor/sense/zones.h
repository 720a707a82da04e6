#pragma once

#include <vector>

#include "messages/model/cpu_set.h"
#include "messages/model/units.h"
#include "messages/model/zone.h"

namespace tideline::sense {

/// What each zone of `now` used between two readings; nothing is known of CPU where they are not of the same zones and
/// CPUs, a counter fell, or they are not apart or further than `max_window`. Levels are from `now` alone. `exclusive`:
/// CPUs bound to LSE pods.
std::vector<model::ZoneUse> zone_uses(const model::ZoneReading& before, const model::ZoneReading& now,
                                      const model::CpuSet& exclusive, model::Duration max_window);

}  // namespace tideline::sense
