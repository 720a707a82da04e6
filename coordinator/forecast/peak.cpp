#include "coordinator/forecast/peak.h"

#include "coordinator/forecast/tasks.h"
#include "coordinator/forecast/windows.h"

namespace tideline::forecast {
namespace {

class KnownPeak {
 public:
  struct Rule {
    std::size_t window = 1;
  };
  void see(const Rule& rule, const TaskUse& use) { window_.push(rule.window, use.used); }
  double most(const Rule& /*rule*/, double /*limit*/) const { return window_.max(); }

 private:
  WindowMax window_;
};

}  // namespace

std::unique_ptr<Forecaster> make_peak(const ForecastSetting& setting) {
  const Steps steps = steps_of(setting);
  return std::make_unique<PerTask<KnownPeak>>(KnownPeak::Rule{steps.window}, steps.least_known);
}

}  // namespace tideline::forecast
