#pragma once
// This process's clocks. Edges, actors and programs stamp with these; pure rooms get the stamps as values.

#include "messages/model/units.h"

namespace tideline::clock {

/// CLOCK_MONOTONIC.
model::MonoTime mono_now();
/// CLOCK_BOOTTIME.
model::BootTime boot_now();
/// CLOCK_REALTIME.
model::WallTime wall_now();

}  // namespace tideline::clock
