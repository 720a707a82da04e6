#include "coordinator/forecast/histogram.h"

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "coordinator/forecast/tasks.h"
#include "coordinator/profile/histogram.h"
#include "coordinator/profile/use_record.h"
#include "messages/model/units.h"

namespace tideline::forecast {
namespace {

using model::MonoTime;

constexpr std::int64_t kDaySeconds = 86'400;
constexpr model::Duration kPeakInterval = std::chrono::hours(24);
constexpr double kKoordinatorMargin = 1.1;
constexpr double kVpaMargin = 1.15;
constexpr double kVpaShare = 0.9;
constexpr profile::HistogramScale kVpaCpuScale{10, std::chrono::hours(24)};
constexpr profile::HistogramScale kVpaMemoryScale{1e7, std::chrono::hours(24)};
constexpr double kVpaLeastCpu = 25;
constexpr double kVpaLeastMemory = 250.0 * (1 << 20);
constexpr double kVpaLeastWeight = 0.1;  // cores

/// Time that is counted in steps. Of steps longer than a day the one before counts nothing either way, and their sum
/// stays a time.
model::Duration step_time(const ForecastSetting& setting) {
  return std::chrono::seconds(std::clamp<std::int64_t>(setting.step_s, 1, kDaySeconds));
}

class KnownToKoordinator {
 public:
  struct Rule {
    profile::UseRule use;
    model::Duration step{1};
  };
  void see(const Rule& rule, const TaskUse& use) {
    histogram_.add(rule.use.scale, use.used, 1, now_);
    now_ = now_ + rule.step;
  }
  double most(const Rule& rule, double limit) const {
    const auto percentile = histogram_.percentile(rule.use.scale, rule.use.quantile);
    return percentile ? std::min(kKoordinatorMargin * *percentile, limit) : limit;
  }

 private:
  profile::DecayingHistogram histogram_;
  MonoTime now_;
};

struct VpaRule {
  model::Duration step{1};
};

class VpaCpu {
 public:
  using Rule = VpaRule;
  void see(const Rule& rule, const TaskUse& use) {
    histogram_.add(kVpaCpuScale, use.used, std::max(use.limit / 1'000, kVpaLeastWeight), now_);
    now_ = now_ + rule.step;
  }
  double most(const Rule& /*rule*/, double limit) const {
    const auto percentile = histogram_.percentile(kVpaCpuScale, kVpaShare);
    return percentile ? std::max(kVpaMargin * *percentile, kVpaLeastCpu) : limit;
  }

 private:
  profile::DecayingHistogram histogram_;
  MonoTime now_;
};

class VpaMemory {
 public:
  using Rule = VpaRule;
  void see(const Rule& rule, const TaskUse& use) {
    if (now_ >= interval_end_) {
      before_ = with_peak_;
      interval_end_ = interval_end_ + kPeakInterval;
      peak_ = kNoPeak;
    }
    if (use.used > peak_) {
      peak_ = use.used;
      with_peak_ = before_;
      with_peak_.add(kVpaMemoryScale, peak_, 1, interval_end_);
    }
    now_ = now_ + rule.step;
  }
  double most(const Rule& /*rule*/, double limit) const {
    const auto percentile = with_peak_.percentile(kVpaMemoryScale, kVpaShare);
    return percentile ? std::max(kVpaMargin * *percentile, kVpaLeastMemory) : limit;
  }

 private:
  static constexpr double kNoPeak = -1;

  profile::DecayingHistogram before_;     // of the intervals that are over
  profile::DecayingHistogram with_peak_;  // and of this one so far
  double peak_ = kNoPeak;
  MonoTime now_;
  MonoTime interval_end_;
};

}  // namespace

std::unique_ptr<Forecaster> make_koordinator(const ForecastSetting& setting) {
  const auto resource = setting.resource == Resource::kCpu ? profile::Resource::kCpu : profile::Resource::kMemory;
  const KnownToKoordinator::Rule rule{profile::kUseRules.at(resource), step_time(setting)};
  const std::size_t least_known = std::max(steps_of(setting).least_known, steps_to_last(kDaySeconds, setting));
  return std::make_unique<PerTask<KnownToKoordinator>>(rule, least_known);
}

std::unique_ptr<Forecaster> make_vpa(const ForecastSetting& setting) {
  const VpaRule rule{step_time(setting)};
  const std::size_t least_known = steps_of(setting).least_known;
  if (setting.resource == Resource::kCpu) return std::make_unique<PerTask<VpaCpu>>(rule, least_known);
  return std::make_unique<PerTask<VpaMemory>>(rule, least_known);
}

}  // namespace tideline::forecast
