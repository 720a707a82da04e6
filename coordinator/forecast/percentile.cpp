#include "coordinator/forecast/percentile.h"

#include "coordinator/forecast/tasks.h"
#include "coordinator/forecast/windows.h"

namespace tideline::forecast {
namespace {

class KnownRanks {
 public:
  struct Rule {
    std::size_t window = 1;
    double share = 1;
  };
  void see(const Rule& rule, const TaskUse& use) { window_.push(rule.window, ratio_of(use.used, use.limit)); }
  double most(const Rule& rule, double limit) const { return window_.at(rule.share) * limit; }

 private:
  WindowRanks window_;
};

}  // namespace

std::unique_ptr<Forecaster> make_percentile(double percentile, const ForecastSetting& setting) {
  const Steps steps = steps_of(setting);
  const KnownRanks::Rule rule{steps.window, percentile / 100};
  return std::make_unique<PerTask<KnownRanks>>(rule, steps.least_known);
}

}  // namespace tideline::forecast
