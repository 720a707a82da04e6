#pragma once
// By decaying histograms: how Koordinator and Kubernetes' vertical pod autoscaler tell what a pod needs. Re-made after
// their formulas, over coordinator/profile's histogram.

#include <memory>

#include "coordinator/forecast/forecast.h"

namespace tideline::forecast {

/// Sum over tasks of min(limit, 1.1 * percentile), as the live coordinator predicts it (profile::kUseRules): of CPU the
/// 95th with a half-life of 12 h, of memory the 98th with one of 24 h; of a task in its first 24 h, its limit.
std::unique_ptr<Forecaster> make_koordinator(const ForecastSetting& setting);

/// Sum over tasks of max(least, 1.15 * percentile): the 90th with a half-life of 24 h. Of CPU each step counts by the
/// limit it had, 0.1 core at least; least 25 m. Of memory the largest use of each 24 h since the task came, as of their
/// end; least 250 MiB. Buckets begin with 10 m and 10 MB, and grow by 5 %.
///
/// The autoscaler's buckets reach from 0 to 1000 cores or 1 TB; the histogram here has the 64 (kMaxBuckets) up to the
/// largest value, and the lowest of them is for all that is less. So of a task that ever used more than 4.3 cores or
/// 4.3 GB no percentile is less than up to 4.9 % of the most it used; it is never less than the autoscaler's.
std::unique_ptr<Forecaster> make_vpa(const ForecastSetting& setting);

}  // namespace tideline::forecast
