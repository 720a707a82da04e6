#pragma once
// Does what the options say.

#include "admin-client/options.h"
#include "admin-client/terminal.h"

namespace tideline::tidectl {

/// Prints answers to stdout, errors to stderr as one line that begins with "tidectl: ". Returns an ExitCode.
int run(const Options& options, const Terminal& terminal);

}  // namespace tideline::tidectl
