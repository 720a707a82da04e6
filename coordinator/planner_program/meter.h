#pragma once
// How far a long command is, on one line of a terminal.

#include <chrono>
#include <mutex>
#include <string>
#include <string_view>

namespace tideline::planner_program {

/// Shows nothing where standard error is no terminal. Any thread may call it.
class Meter {
 public:
  Meter();
  ~Meter() { clear(); }
  Meter(const Meter&) = delete;
  Meter& operator=(const Meter&) = delete;

  /// "replay: 42 %"; some ten times a second at most.
  void show(std::string_view what, double share);
  /// So that what is printed next has the line for itself.
  void clear();

 private:
  const bool shown_;
  std::mutex mutex_;
  std::chrono::steady_clock::time_point next_{};
  bool drawn_ = false;
};

}  // namespace tideline::planner_program
