#pragma once
// One agent per state directory.

#include <string>

#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::guard {

class StateLock {
 public:
  /// Makes `state_dir` (0750) if need be and locks it. The lock is shared with every child that inherits fd(): it ends
  /// with the last of them. kOverloaded with the holder's pids if it is taken. A worker left behind by a dead
  /// supervisor (same boot, pid and start time as recorded) is fenced, gets `patience` to restore and leave, then
  /// SIGKILL.
  static model::Result<StateLock> take(const std::string& state_dir, model::Duration patience = model::kZeroDuration);

  StateLock(StateLock&& other) noexcept;
  StateLock& operator=(StateLock&& other) noexcept;
  ~StateLock();

  /// Close-on-exec, except in a worker: the supervisor lets its child keep it.
  int fd() const { return fd_; }
  /// Records who holds it, for the next one's message and for finding an orphaned worker. 0 = no worker.
  void note_holder(int supervisor_pid, int worker_pid) const;

 private:
  explicit StateLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace tideline::guard
