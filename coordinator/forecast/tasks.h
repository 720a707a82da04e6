#pragma once
// What is kept of each task of a host, from one step to the next.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "coordinator/forecast/forecast.h"

namespace tideline::forecast {

/// Durations as steps, one at least.
struct Steps {
  std::size_t window = 1;       // whole ones that lie in it
  std::size_t least_known = 1;  // that are needed for it
};
/// As many as it takes to last so long.
inline std::size_t steps_to_last(std::int64_t duration_s, const ForecastSetting& setting) {
  const std::int64_t step_s = std::max<std::int64_t>(setting.step_s, 1);
  return static_cast<std::size_t>((std::max<std::int64_t>(duration_s, 1) - 1) / step_s + 1);
}
inline Steps steps_of(const ForecastSetting& setting) {
  const std::int64_t step_s = std::max<std::int64_t>(setting.step_s, 1);
  return {static_cast<std::size_t>(std::max<std::int64_t>(setting.window_s / step_s, 1)),
          steps_to_last(setting.least_known_s, setting)};
}

/// A State of each task that is there, by number.
template <class State>
class TaskStates {
 public:
  struct Row {
    std::uint32_t task = 0;
    State state;
  };

  /// Calls see(state, use) for each of the tasks, of one that is new with a fresh State. Who is missing is forgotten.
  template <class See>
  void follow(std::span<const TaskUse> tasks, const See& see) {
    const bool same = std::equal(rows_.begin(), rows_.end(), tasks.begin(), tasks.end(),
                                 [](const Row& row, const TaskUse& use) { return row.task == use.task; });
    if (!same) match(tasks);
    for (std::size_t i = 0; i < tasks.size(); ++i)
      see(rows_[i].state, tasks[i]);
  }

  const std::vector<Row>& rows() const { return rows_; }

 private:
  void match(std::span<const TaskUse> tasks) {
    matched_.clear();
    matched_.reserve(tasks.size());
    auto known = rows_.begin();
    for (const TaskUse& use : tasks) {
      while (known != rows_.end() && known->task < use.task)
        ++known;
      if (known != rows_.end() && known->task == use.task) {
        matched_.push_back(std::move(*known));
        ++known;
      } else {
        matched_.push_back(Row{use.task, State{}});
      }
    }
    rows_.swap(matched_);
    matched_.clear();
  }

  std::vector<Row> rows_;
  std::vector<Row> matched_;
};

/// Each task by itself: what Known says of it, or its limit while it is known for too short a time; all together cut to
/// their limits. A Known has a Rule, see(rule, use), once a step, and most(rule, limit): what it will use at most.
template <class Known>
class PerTask final : public Forecaster {
 public:
  using Rule = typename Known::Rule;
  PerTask(const Rule& rule, std::size_t least_known) : rule_(rule), least_known_(least_known) {}

  void observe(std::span<const TaskUse> tasks) override {
    begun_ = true;
    states_.follow(tasks, [this](State& state, const TaskUse& use) {
      state.known.see(rule_, use);
      state.limit = use.limit;
      ++state.steps;
    });
  }

  std::optional<double> predict() const override {
    if (!begun_) return std::nullopt;
    double limits = 0;
    double most = 0;
    for (const auto& row : states_.rows()) {
      const State& state = row.state;
      limits += state.limit;
      most += state.steps < least_known_ ? state.limit : state.known.most(rule_, state.limit);
    }
    return std::clamp(most, 0.0, limits);
  }

 private:
  struct State {
    Known known;
    double limit = 0;
    std::size_t steps = 0;
  };

  Rule rule_;
  std::size_t least_known_;
  TaskStates<State> states_;
  bool begun_ = false;
};

}  // namespace tideline::forecast
