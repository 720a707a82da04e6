#pragma once
// What was put back while no worker lived to tell of it goes into the audit ring, for the next worker to tell.

#include <string>

#include "messages/model/reason.h"
#include "node-actor/guard/audit_ring.h"
#include "node-actor/guard/restore.h"

namespace tideline::guard {

/// Adds each file that was really written, by its whole path. `reason`: kSafeState, kRestore or kRelease.
void log_restores(AuditRing& audit, const RestoreReport& report, model::Reason reason);

/// The same for whoever has not opened the ring. Trouble is not reported: the restore itself is what counts, and it is
/// in the log.
void log_restores(const std::string& state_dir, const RestoreReport& report, model::Reason reason);

}  // namespace tideline::guard
