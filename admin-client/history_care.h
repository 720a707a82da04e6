#pragma once
// "tidectl history state", "verify" and "backup". Each returns an ExitCode.

#include "admin-client/connection.h"
#include "admin-client/options.h"
#include "admin-client/terminal.h"

namespace tideline::tidectl {

int run_history_state(const Options& options, Connection& connection);
/// Findings are printed as they come; kRefused where there is one.
int run_history_verify(const Options& options, const Terminal& terminal, Connection& connection);
int run_history_backup(const Options& options, const Terminal& terminal, Connection& connection);

}  // namespace tideline::tidectl
