#pragma once
// Writes that may block in reclaim, made by a process of their own that can be killed: memory.reclaim, memory.high and
// limits that fall, and on cgroup v1 the two writes that stand in for memory.reclaim (a limit below the use, and back).
// A worker that made them itself could miss its lease, and would sit in the kernel until the reclaim is over.
//
// One request at a time. The process checks the lease's epoch before each write, so that a fenced worker's helper
// writes nothing more, and dies with its parent (PR_SET_PDEATHSIG). At its deadline it is killed, which ends a reclaim
// (the kernel looks for fatal signals between pages), and the next request starts another. What it leaves in a file is
// in the journal before: the worker's gate passes such a write first, with what it returns to.

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
    kReclaim = 1,  // v2: `bytes` into memory.reclaim beside `file`; v1: `file` is memory.limit_in_bytes, see reclaim_v1()
  } kind = Kind::kWrite;
  kernel::FileIdentity file;
  std::string value;       // kWrite
  std::int64_t bytes = 0;  // kReclaim
  friend bool operator==(const SlowRequest&, const SlowRequest&) = default;
};

struct SlowDone {
  SlowRequest request;
  /// kUnavailable: it was ended at its deadline, or the process died. kFenced. Else the kernel's answer; reclaim that
  /// freed less than was asked for (EAGAIN, v1 EBUSY) is kOverloaded.
  model::Result<void> result;
  model::Duration took{0};
  std::int64_t freed_bytes = 0;  // kReclaim: by which the group's usage fell meanwhile; others may allocate, so >= 0
};

struct SlowWriterConfig {
  std::vector<std::string> argv;  // of the helper: [0] is the program's path; its socket is file descriptor 3
  std::string state_dir;          // whose lease it watches
  std::uint64_t epoch = 0;        // of this worker
  model::Duration deadline = std::chrono::seconds(2);
};

class SlowWriter {
 public:
  /// Starts nothing before the first request.
  explicit SlowWriter(SlowWriterConfig config);
  ~SlowWriter();  // kills
  SlowWriter(const SlowWriter&) = delete;
  SlowWriter& operator=(const SlowWriter&) = delete;

  bool busy() const;
  /// kOverloaded while busy, kUnavailable where no process can be started. Never blocks.
  model::Result<void> begin(const SlowRequest& request, model::MonoTime now);
  /// What is through since the last call; kills at the deadline. Never blocks.
  std::optional<SlowDone> poll(model::MonoTime now);
  /// -1: none runs.
  int pid() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The helper's main: serves the socket until it is closed. Exit code.
int run_slow_writer(int socket, const std::string& state_dir, std::uint64_t epoch);

/// cgroup v1 has no memory.reclaim: the group's limit goes to its usage less `bytes`, which makes the kernel reclaim, and
/// back to what it was. Only while the group can give that much page cache and as much again: a group at its limit that
/// cannot reclaim has its OOM killer run. kOverloaded: it could not give so much, the limit is as before.
model::Result<std::int64_t> reclaim_v1(const kernel::FileIdentity& limit_file, std::int64_t bytes);
/// memory.reclaim of the group of `beside`. The bytes its usage fell by.
model::Result<std::int64_t> reclaim_v2(const kernel::FileIdentity& beside, std::int64_t bytes);

}  // namespace tideline::guard
