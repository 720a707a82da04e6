#include "coordinator/forecast/nsigma.h"

#include <algorithm>

#include "coordinator/forecast/tasks.h"
#include "coordinator/forecast/windows.h"

namespace tideline::forecast {
namespace {

struct UsedOfLimit {
  double used = 0;
  double limit = 0;
};

/// A task's window.
class TaskHistory {
 public:
  void push(std::size_t window, const TaskUse& use) {
    ++steps_;
    if (window_.size() < window) {
      window_.push_back({use.used, use.limit});
      return;
    }
    window_[next_] = {use.used, use.limit};
    if (++next_ == window) next_ = 0;
  }
  std::size_t steps() const { return steps_; }  // since it came
  std::size_t size() const { return window_.size(); }
  /// The newest has age 0. age < size().
  const UsedOfLimit& at(std::size_t age) const {
    const std::size_t place = next_ + window_.size() - 1 - age;
    return window_[place < window_.size() ? place : place - window_.size()];
  }

 private:
  std::vector<UsedOfLimit> window_;
  std::size_t next_ = 0;
  std::size_t steps_ = 0;
};

class NSigmaForecaster final : public Forecaster {
 public:
  NSigmaForecaster(double sigmas, const Steps& steps) : sigmas_(sigmas), steps_(steps) {}

  void observe(std::span<const TaskUse> tasks) override {
    begun_ = true;
    limits_ = 0;
    cold_limits_ = 0;
    UsedOfLimit warm;
    std::size_t stayed = 0;
    std::size_t joined = 0;
    tasks_.follow(tasks, [&](TaskHistory& history, const TaskUse& use) {
      history.push(steps_.window, use);
      limits_ += use.limit;
      if (history.steps() < steps_.least_known) {
        cold_limits_ += use.limit;
        return;
      }
      ++(history.steps() == steps_.least_known ? joined : stayed);
      warm.used += use.used;
      warm.limit += use.limit;
    });
    warm_limits_ = warm.limit;
    const bool same = joined == 0 && stayed == warm_tasks_;
    warm_tasks_ = stayed + joined;
    if (!same) {
      sum_up();
    } else if (warm_tasks_ > 0) {
      ratios_.push(steps_.window, ratio_of(warm.used, warm.limit));
    }
  }

  std::optional<double> predict() const override {
    if (!begun_) return std::nullopt;
    const double share = std::min(ratios_.mean() + sigmas_ * ratios_.deviation(), 1.0);
    return std::min(std::max(share, 0.0) * warm_limits_ + cold_limits_, limits_);
  }

 private:
  /// All steps of the window anew: other tasks count in them than did.
  void sum_up() {
    sums_.clear();
    for (const auto& row : tasks_.rows()) {
      if (row.state.steps() < steps_.least_known) continue;
      sums_.resize(std::max(sums_.size(), row.state.size()));
      for (std::size_t age = 0; age < row.state.size(); ++age) {
        sums_[age].used += row.state.at(age).used;
        sums_[age].limit += row.state.at(age).limit;
      }
    }
    ratios_.clear();
    for (auto sum = sums_.rbegin(); sum != sums_.rend(); ++sum)
      ratios_.push(steps_.window, ratio_of(sum->used, sum->limit));
  }

  double sigmas_;
  Steps steps_;
  TaskStates<TaskHistory> tasks_;
  std::vector<UsedOfLimit> sums_;  // by age
  WindowMoments ratios_;
  std::size_t warm_tasks_ = 0;
  double limits_ = 0;
  double warm_limits_ = 0;
  double cold_limits_ = 0;
  bool begun_ = false;
};

}  // namespace

std::unique_ptr<Forecaster> make_nsigma(double sigmas, const ForecastSetting& setting) {
  return std::make_unique<NSigmaForecaster>(sigmas, steps_of(setting));
}

}  // namespace tideline::forecast
