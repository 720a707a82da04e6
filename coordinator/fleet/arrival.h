#pragma once

#include "messages/model/units.h"

namespace tideline::fleet {

/// When something arrived, on the receiver's clocks.
struct Arrival {
  model::MonoTime mono;
  model::WallTime wall;
};

}  // namespace tideline::fleet
