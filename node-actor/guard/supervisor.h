#pragma once
// The parent process: starts the worker, watches its life and its lease, and puts the host into the declared safe state
// when it is gone. Small on purpose: no threads, no actors, and nothing in it that a worker's failure can reach.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "messages/model/result.h"
#include "messages/model/units.h"
#include "node-actor/guard/restore.h"

namespace tideline::guard {

struct SupervisorConfig {
  std::string state_dir;
  std::vector<std::string> worker_argv;  // [0] is the program's path, e.g. "/proc/self/exe"
  /// Without a beat for this long the worker counts as hung. Must be > the pod loop's period and >= 200 ms.
  model::Duration lease = std::chrono::seconds(2);
  /// The first beat may take this long: a worker reads its configuration and connects first.
  model::Duration start_patience = std::chrono::seconds(10);
  /// After SIGKILL: a worker not gone by then (D state) is fenced and the safe state restored without it.
  model::Duration kill_patience = std::chrono::seconds(1);
  /// After SIGTERM, before SIGKILL.
  model::Duration stop_patience = std::chrono::seconds(10);
  /// Pause before a new worker: doubles from min to max, +-50 % jitter, and starts over once a worker lived 60 s.
  model::Duration backoff_min = std::chrono::milliseconds(200);
  model::Duration backoff_max = std::chrono::seconds(30);
  /// Exit codes of a worker that mean "starting again will not help": sysexits' EX_USAGE and EX_CONFIG. The supervisor
  /// then restores all originals and returns that code.
  std::vector<int> fatal_exit_codes = {64, 78};
  /// Whether the kernel itself keeps BE behind LS right now. Empty: never. Must not block.
  std::function<bool()> ordering_verified;
  /// Takes one finished sentence; `bad` marks what an operator should see. Empty: stderr.
  std::function<void(bool bad, const std::string& text)> log;
  std::string boot_id;                                     // empty: read from /proc
  kernel::CookieKernel* cookies = &kernel::this_kernel();  // not owned
  std::string proc = "/proc";                              // of its own pid namespace
};

/// Runs until SIGTERM or SIGINT: locks the state directory, puts right what an earlier life left behind, then keeps a
/// worker running. On a signal: SIGTERM to the worker, SIGKILL after stop_patience, all originals restored. Returns the
/// exit code, 0 if all originals are back, 1 if not (what is left stays in the journal for the next start). Errors
/// before the first worker: kInvalidArgument (lease too short, no argv), kOverloaded (another agent lives),
/// kUnavailable. Blocks SIGTERM, SIGINT and SIGCHLD in the caller and must be called while the process has one thread.
model::Result<int> run_supervisor(const SupervisorConfig& config);

/// What a supervisor hands its worker in the environment (TIDELINE_GUARD_EPOCH, TIDELINE_GUARD_PARENT).
struct WorkerTicket {
  std::uint64_t epoch = 0;
  int supervisor_pid = 0;
};
/// nullopt: this process was not started by a supervisor.
std::optional<WorkerTicket> worker_ticket();

/// Worker: asks the kernel for SIGTERM when the supervisor dies. False: it is dead already.
bool follow_supervisor(const WorkerTicket& ticket);
/// Worker, in its loop: whether the supervisor still lives. If not: restore(kSafeState) and exit.
bool supervisor_alive(const WorkerTicket& ticket);

}  // namespace tideline::guard
