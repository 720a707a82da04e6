#pragma once
// The most careful of several.

#include <memory>
#include <vector>

#include "coordinator/forecast/forecast.h"

namespace tideline::forecast {

/// The largest of what any of them says. None is nullptr.
std::unique_ptr<Forecaster> make_max(std::vector<std::unique_ptr<Forecaster>> parts);

}  // namespace tideline::forecast
