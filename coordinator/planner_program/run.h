#pragma once
// A command from its begin to its exit code.

#include <atomic>
#include <string>
#include <vector>

#include "coordinator/planner_program/options.h"

namespace tideline::planner_program {

/// What the command reads. With a recording RECORDING.1, which is read with it where it is there.
std::vector<std::string> inputs_of(const Options& options);

/// What went wrong is a line on standard error. `stop` ends it at the next chance, with nothing half written.
int run(const Options& options, const std::atomic<bool>& stop);

}  // namespace tideline::planner_program
