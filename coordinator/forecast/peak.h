#pragma once
// What each task used at most.

#include <memory>

#include "coordinator/forecast/forecast.h"

namespace tideline::forecast {

/// Sum over tasks of the largest use in its window: they peaked at different times, and may all peak at once.
std::unique_ptr<Forecaster> make_peak(const ForecastSetting& setting);

}  // namespace tideline::forecast
