#pragma once
// N-sigma: a host's tasks are many enough for their sum to be nearly normal.

#include <memory>

#include "coordinator/forecast/forecast.h"

namespace tideline::forecast {

/// min(1, mean + sigmas * deviation) of r, times the limits now. r: of a step of the window, what tasks used together
/// over what their limits were together. Of the tasks that are there now and known for long enough: what those who are
/// gone used counts no longer in any step, and who is new adds its limit. deviation: of a sample, by n - 1.
std::unique_ptr<Forecaster> make_nsigma(double sigmas, const ForecastSetting& setting);

}  // namespace tideline::forecast
