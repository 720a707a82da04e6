#pragma once
// How far a long command is, on one line of stderr.

#include <chrono>
#include <string>

namespace tideline::tidectl {

class Progress {
 public:
  explicit Progress(bool shown) : shown_(shown) {}
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Some ten times a second at most. `text` is ours, or harmless.
  void show(const std::string& text);
  /// So that what comes next has the line for itself.
  void clear();

 private:
  bool shown_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point next_{};
};

}  // namespace tideline::tidectl
