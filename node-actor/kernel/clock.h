#pragma once

#include "messages/model/units.h"

namespace tideline::kernel {

model::MonoTime monotonic_now();  // CLOCK_MONOTONIC
model::WallTime wall_now();

}  // namespace tideline::kernel
