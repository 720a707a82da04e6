#pragma once
// "tidectl query": asks, puts together, prints.

#include "admin-client/connection.h"
#include "admin-client/options.h"
#include "admin-client/terminal.h"

namespace tideline::tidectl {

/// Returns an ExitCode. CSV goes out page by page, all else when the answer is whole.
int run_query(const Options& options, const Terminal& terminal, model::WallTime now, Connection& connection);

}  // namespace tideline::tidectl
