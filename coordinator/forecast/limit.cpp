#include "coordinator/forecast/limit.h"

namespace tideline::forecast {
namespace {

class LimitForecaster final : public Forecaster {
 public:
  explicit LimitForecaster(double share) : share_(share) {}

  void observe(std::span<const TaskUse> tasks) override {
    double limits = 0;
    for (const TaskUse& use : tasks)
      limits += use.limit;
    limits_ = limits;
  }
  std::optional<double> predict() const override {
    if (!limits_) return std::nullopt;
    return share_ * *limits_;
  }

 private:
  double share_;
  std::optional<double> limits_;
};

}  // namespace

std::unique_ptr<Forecaster> make_limit(double share) {
  return std::make_unique<LimitForecaster>(share);
}

}  // namespace tideline::forecast
