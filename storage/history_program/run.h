#pragma once
// A command from its begin to its exit code.

#include <atomic>

#include "storage/history_program/options.h"

namespace tideline::history_program {

/// Errors are a line on stderr that begins with "tideline-history: ". `stop` ends it at the next chance: what it was
/// about to make is not there then.
int run(const Options& options, const std::atomic<bool>& stop);

}  // namespace tideline::history_program
