#pragma once
// What was put back while no worker lived to tell of it: written by whoever restored, told by the next worker.
// The file `restores` in the state directory: one JSON line each, not synced, bounded.

#include <string>
#include <vector>

#include "messages/model/action.h"
#include "messages/model/reason.h"
#include "node-actor/guard/restore.h"

namespace tideline::guard {

/// More than this many bytes are not kept: a host on which restoring goes on and on is told of once.
constexpr std::size_t kMaxRestoreLogBytes = 64 * 1024;

/// Adds each file that was really written. `reason`: kSafeState, kRestore or kRelease. Trouble is not reported: the
/// restore itself is what counts, and it is in the log.
void log_restores(const std::string& state_dir, const RestoreReport& report, model::Reason reason);

/// What was logged since the last call, oldest first, and forgets it. Lines that do not parse are passed over.
std::vector<model::Event> take_restores(const std::string& state_dir);

}  // namespace tideline::guard
