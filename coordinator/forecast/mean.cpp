#include "coordinator/forecast/mean.h"

#include "coordinator/forecast/tasks.h"
#include "coordinator/forecast/windows.h"

namespace tideline::forecast {
namespace {

class KnownMean {
 public:
  struct Rule {
    std::size_t window = 1;
    double factor = 1;
  };
  void see(const Rule& rule, const TaskUse& use) { window_.push(rule.window, use.used); }
  double most(const Rule& rule, double /*limit*/) const { return rule.factor * window_.mean(); }

 private:
  WindowMoments window_;
};

}  // namespace

std::unique_ptr<Forecaster> make_mean(double margin_percent, const ForecastSetting& setting) {
  const Steps steps = steps_of(setting);
  const KnownMean::Rule rule{steps.window, 1 + margin_percent / 100};
  return std::make_unique<PerTask<KnownMean>>(rule, steps.least_known);
}

}  // namespace tideline::forecast
