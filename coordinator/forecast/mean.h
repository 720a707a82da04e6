#pragma once
// What is used in the mean, and a margin.

#include <memory>

#include "coordinator/forecast/forecast.h"

namespace tideline::forecast {

/// Sum over tasks of the mean use in its window, times 1 + margin_percent / 100.
std::unique_ptr<Forecaster> make_mean(double margin_percent, const ForecastSetting& setting);

}  // namespace tideline::forecast
