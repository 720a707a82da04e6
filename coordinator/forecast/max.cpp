#include "coordinator/forecast/max.h"

#include <algorithm>
#include <utility>

namespace tideline::forecast {
namespace {

class MaxForecaster final : public Forecaster {
 public:
  explicit MaxForecaster(std::vector<std::unique_ptr<Forecaster>> parts) : parts_(std::move(parts)) {}

  void observe(std::span<const TaskUse> tasks) override {
    for (const auto& part : parts_)
      part->observe(tasks);
  }
  std::optional<double> predict() const override {
    std::optional<double> most;
    for (const auto& part : parts_)
      most = std::max(most, part->predict());  // nullopt is less than any
    return most;
  }

 private:
  std::vector<std::unique_ptr<Forecaster>> parts_;
};

}  // namespace

std::unique_ptr<Forecaster> make_max(std::vector<std::unique_ptr<Forecaster>> parts) {
  return std::make_unique<MaxForecaster>(std::move(parts));
}

}  // namespace tideline::forecast
