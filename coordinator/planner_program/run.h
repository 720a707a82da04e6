#pragma once
// A command from its begin to its exit code.

#include <atomic>

#include "coordinator/planner_program/options.h"

namespace tideline::planner_program {

/// What went wrong is a line on standard error. `stop` ends it at the next chance, with nothing half written.
int run(const Options& options, const std::atomic<bool>& stop);

}  // namespace tideline::planner_program
