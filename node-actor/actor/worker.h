#pragma once
// The worker process: everything that touches the host, under a supervisor that puts it right when this process dies.

#include "node-actor/actor/node_config.h"
#include "node-actor/guard/supervisor.h"

namespace tideline::node {

/// Runs until SIGTERM, SIGINT, a lost supervisor or a lost fence; returns the exit code. Call it with SIGTERM and
/// SIGINT blocked and one thread. Errors before the first round name what is wrong.
model::Result<int> run_worker(const NodeConfig& config, const guard::WorkerTicket& ticket);

/// Whether this node has what a session needs: TLS files that are its own, or all that it takes to ask for them. Of the
/// latter only what stays wrong is an error: authorities and token may come later.
model::Result<void> check_identity(const NodeConfig& config);

/// Checks what can be checked without acting: TLS files, pods, cgroup tree. One line a finding, for `check`.
struct CheckFinding {
  bool ok = false;
  std::string what;
};
std::vector<CheckFinding> check(const NodeConfig& config);

/// Whether the kernel itself keeps BE behind LS right now; false when that cannot be told.
bool ordering_verified(const NodeConfig& config);

}  // namespace tideline::node
