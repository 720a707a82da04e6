#pragma once
// No overcommit, or as much of it for everyone.

#include <memory>

#include "coordinator/forecast/forecast.h"

namespace tideline::forecast {

/// `share` of the limits, 0 < share <= 1. Knows enough from the first step on.
std::unique_ptr<Forecaster> make_limit(double share);

}  // namespace tideline::forecast
