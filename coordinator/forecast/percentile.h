#pragma once
// RC-like: a percentile of what each task used of its limit.

#include <memory>

#include "coordinator/forecast/forecast.h"

namespace tideline::forecast {

/// Sum over tasks of the percentile of used / limit in its window, times its limit now. Percentiles are exact, and lie
/// between two values in proportion: with n of them in order, in place percentile / 100 * (n - 1) from 0.
std::unique_ptr<Forecaster> make_percentile(double percentile, const ForecastSetting& setting);

}  // namespace tideline::forecast
