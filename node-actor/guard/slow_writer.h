#pragma once
// Writes that may block in reclaim, made by a process of their own that can be killed: memory.reclaim, memory.high and
// limits that fall, and on cgroup v1 the two writes that stand in for memory.reclaim (a limit below the use, and back).
// A worker that made them itself could miss its lease, and would sit in the kernel until the reclaim is over.
//
// One request at a time. The process checks the lease's epoch before each write, so that a fenced worker's helper
// writes nothing more, and dies with its parent (PR_SET_PDEATHSIG). At its deadline it is killed, which ends a reclaim
// (the kernel looks for fatal signals between pages), and the next request starts another. What it leaves in a file is
// in the journal before: the worker's gate passes such a write first, with what it returns to.
//
// One that does not end on SIGKILL is stuck in the kernel: it is given up and reaped later, and another takes its
// place. It holds the state directory's lock until it is gone, as a stuck worker does: neither a release nor another
// agent begins before.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "messages/model/result.h"
#include "messages/model/units.h"
#include "node-actor/kernel/writer.h"

namespace tideline::guard {

struct SlowRequest {
  enum class Kind : std::uint8_t {
    kWrite = 0,    // `value` into `file`
    kReclaim = 1,  // v2: `bytes` into memory.reclaim beside `file`; v1: `file` is memory.limit_in_bytes, see reclaim_v1
    kLower = 2,    // v1: likewise, see lower_v1
  } kind = Kind::kWrite;
  kernel::FileIdentity file;
  std::string value;       // kWrite; kReclaim on v1, kLower: the limit that it goes down to, as the gate was told
  std::int64_t bytes = 0;  // kReclaim
  friend bool operator==(const SlowRequest&, const SlowRequest&) = default;
};

struct SlowDone {
  SlowRequest request;
  /// kUnavailable: it was ended at its deadline, or the process died. kFenced. Else the kernel's answer; reclaim that
  /// freed less than was asked for (EAGAIN, v1 EBUSY) is kOverloaded.
  model::Result<void> result;
  model::Duration took{0};
  std::int64_t freed_bytes = 0;  // but kWrite: by which the group's usage fell meanwhile; others may allocate, so >= 0
};

struct SlowWriterConfig {
  /// Of the helper: [0] is the program's path. It is given state_dir and epoch as two arguments more, and its socket as
  /// file descriptor kSlowWriterSocket; of others it has those that are not close-on-exec.
  std::vector<std::string> argv;
  std::string state_dir;    // whose lease it watches
  std::uint64_t epoch = 0;  // of this worker
  model::Duration deadline = std::chrono::seconds(2);
};

/// Where the helper finds its socket.
constexpr int kSlowWriterSocket = 3;

/// Of one thread: the helper ends with the thread that began its first request.
class SlowWriter {
 public:
  /// A helper without a request for this long is ended.
  static constexpr model::Duration kIdle = std::chrono::seconds(60);
  /// One that was killed counts as stuck after this long.
  static constexpr model::Duration kEndPatience = std::chrono::seconds(1);
  static constexpr std::size_t kMostStuck = 4;

  /// Starts nothing before the first request.
  explicit SlowWriter(SlowWriterConfig config);
  ~SlowWriter();  // stops
  SlowWriter(const SlowWriter&) = delete;
  SlowWriter& operator=(const SlowWriter&) = delete;

  bool busy() const;
  /// kOverloaded while busy; kUnavailable where no process can be started, or kMostStuck are stuck; kInvalidArgument
  /// for what does not fit a message. Never blocks but for the start of a program.
  model::Result<void> begin(const SlowRequest& request, model::MonoTime now);
  /// What is through since the last call; kills at the deadline. Never blocks.
  std::optional<SlowDone> poll(model::MonoTime now);
  /// Ends the helper with whatever it does, of which poll() tells nothing then, and waits for its end, a fifth of a
  /// second at most. False: it, or one before it, is stuck. The next request starts another.
  bool stop();
  /// -1: none runs.
  int pid() const;
  /// Helpers that were killed and are not gone yet.
  std::size_t stuck() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The helper's main: serves the socket until it is closed. Exit code: 0, kSlowWriterUsage where it is no socket of a
/// parent that lives, 1 where the socket fails.
int run_slow_writer(int socket, const std::string& state_dir, std::uint64_t epoch);
constexpr int kSlowWriterUsage = 2;

}  // namespace tideline::guard
