#pragma once
// What a command has of the process that it runs in.

#include <atomic>
#include <string>
#include <utility>

#include "coordinator/planner/parallel.h"
#include "coordinator/planner_program/meter.h"
#include "messages/model/result.h"

namespace tideline::planner_program {

/// What was gone through tick by tick, and what that took: for who asks how fast it was.
struct Simulated {
  double host_s = 0;
  double cpu_s = 0;
};

struct Session {
  const std::atomic<bool>& stop;  // set by a signal
  Meter& meter;
  planner::Parallel parallel;
  Simulated simulated = {};

  planner::Progress progress(std::string what) {
    return [this, shown = std::move(what)](double share) {
      meter.show(shown, share);
      return stop.load();
    };
  }
  model::Result<void> go_on() const {
    if (!stop.load()) return {};
    return model::Error(model::ErrorCode::kUnavailable, "stopped by a signal");
  }
};

}  // namespace tideline::planner_program
