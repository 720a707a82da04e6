#pragma once

#include <vector>

#include "messages/model/counters.h"
#include "messages/model/cpu_set.h"
#include "messages/model/units.h"
#include "messages/model/zone.h"

namespace tideline::sense {

/// What each zone of `now` used between two readings; nothing is known of CPU where they are not of the same zones and
/// CPUs, a counter fell, or they are not apart or further than `max_window`. The besteffort root uses
/// no more CPU of a zone than all do. Levels are from `now` alone. `exclusive`: CPUs bound to LSE pods.
std::vector<model::ZoneUse> zone_uses(const model::ZoneReading& before, const model::ZoneReading& now,
                                      const model::CpuSet& exclusive, model::Duration max_window);

/// Whether a host application that is no batch runs below the besteffort root, whose use is then not all batch's.
bool has_services_below_besteffort(const std::vector<model::ApplicationCounters>& applications);

/// Takes away what the zones tell of the besteffort root, which is not known by application: all of a zone's use is
/// charged then.
void forget_best_effort(std::vector<model::ZoneUse>& zones);

}  // namespace tideline::sense
