#pragma once
// A host whose tasks come, use more and less than they may, and go.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <vector>

#include "coordinator/forecast/forecast.h"

namespace tideline::forecast {

class RandomNumbers {
 public:
  explicit RandomNumbers(std::uint64_t seed) : engine_(seed) {}
  /// The same on every library, which the standard distributions do not promise.
  double between(double low, double high) {
    return low + (high - low) * static_cast<double>(engine_() >> 11) / 9007199254740992.0;
  }
  bool one_in(double times) { return between(0, times) < 1; }

 private:
  std::mt19937_64 engine_;
};

struct RandomHostRule {
  std::uint32_t tasks = 8;
  double most = 4'000;    // of a use
  double change_in = 60;  // steps in which a task comes or goes, in the mean
};

class RandomHost {
 public:
  RandomHost(std::uint64_t seed, const RandomHostRule& rule) : numbers_(seed), rule_(rule), tasks_(rule.tasks) {
    for (Task& task : tasks_) {
      task.there = numbers_.one_in(2);
      set_limit(task);
    }
  }

  std::vector<TaskUse> step() {
    std::vector<TaskUse> uses;
    for (std::uint32_t i = 0; i < tasks_.size(); ++i) {
      Task& task = tasks_[i];
      if (numbers_.one_in(rule_.change_in)) task.there = !task.there;
      if (numbers_.one_in(50)) task.level = numbers_.between(0, 1);
      if (numbers_.one_in(200)) set_limit(task);
      if (!task.there) continue;
      double used = rule_.most * task.level * numbers_.between(0.3, 1);
      if (numbers_.one_in(30)) used = 0;
      uses.push_back({i * 3 + 1, used, task.limit});
    }
    return uses;
  }

 private:
  struct Task {
    bool there = false;
    double level = 0.2;  // of the rule's most
    double limit = 0;
  };
  void set_limit(Task& task) { task.limit = numbers_.one_in(20) ? 0 : rule_.most * numbers_.between(0.1, 1.2); }

  RandomNumbers numbers_;
  RandomHostRule rule_;
  std::vector<Task> tasks_;
};

/// All that was told of the tasks that are there, since they came.
class Told {
 public:
  using Uses = std::vector<TaskUse>;  // oldest first

  void observe(const std::vector<TaskUse>& tasks) {
    std::map<std::uint32_t, Uses> now;
    for (const TaskUse& use : tasks) {
      const auto known = tasks_.find(use.task);
      now[use.task] = known == tasks_.end() ? Uses{} : known->second;
      now[use.task].push_back(use);
    }
    tasks_.swap(now);
  }
  const std::map<std::uint32_t, Uses>& tasks() const { return tasks_; }

  double limits() const {
    double sum = 0;
    for (const auto& [task, uses] : tasks_)
      sum += uses.back().limit;
    return sum;
  }

  /// most(uses) of each that is known for long enough, and the limits of the others; cut to all limits.
  template <class Most>
  double sum(std::size_t least_known, const Most& most) const {
    double sum = 0;
    for (const auto& [task, uses] : tasks_)
      sum += uses.size() < least_known ? uses.back().limit : most(uses);
    return std::min(sum, limits());
  }

 private:
  std::map<std::uint32_t, Uses> tasks_;
};

/// The last `window` of them, oldest first.
inline Told::Uses last_of(const Told::Uses& uses, std::size_t window) {
  return {uses.end() - static_cast<std::ptrdiff_t>(std::min(window, uses.size())), uses.end()};
}

}  // namespace tideline::forecast
