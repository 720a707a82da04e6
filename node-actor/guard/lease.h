#pragma once
// One page of memory that supervisor and worker share: who may write kernel files (epoch), and that he is alive (beat).
// It is the file `lease` in the state directory, mapped by both; it survives either of them. Where the disk refuses
// that, it is in memory, and lives as long as one of them.

#include <cstdint>
#include <string>

#include "messages/model/result.h"
#include "messages/model/units.h"
#include "node-actor/guard/mapped_file.h"
#include "node-actor/kernel/fd.h"

namespace tideline::guard {

class Lease {
 public:
  /// Supervisor, or a program without one: maps the page, making it if need be, and takes the next epoch, which fences
  /// whoever held it. Errors: kUnavailable with the path.
  static model::Result<Lease> take(const std::string& state_dir);
  /// Supervisor whose disk refuses the file: a page in memory that processes which it starts from now on join by the
  /// environment (TIDELINE_GUARD_LEASE), whatever their state directory. For a process of one thread.
  static model::Result<Lease> take_in_memory();
  /// Worker: maps the page under the epoch its supervisor gave it. kFenced if it is no longer that.
  static model::Result<Lease> join(const std::string& state_dir, std::uint64_t epoch);

  /// "I am alive and have just done a round" at kernel::monotonic_now(). To be called from the loop whose hanging must
  /// be noticed, at least four times per lease.
  void beat(model::MonoTime now);
  /// ns 0: none since the epoch was taken.
  model::MonoTime last_beat() const;
  /// The epoch this Lease speaks for, and whether it still is the page's: false means another took over. Lock-free.
  std::uint64_t epoch() const { return epoch_; }
  bool still_mine() const;
  /// Takes the next epoch for itself: every other holder is fenced from the next write on. Forgets the beat.
  void advance();

 private:
  struct Page;
  explicit Lease(MappedFile file) : file_(std::move(file)) {}
  Page& page() const;
  MappedFile file_;
  kernel::Fd memory_;  // of take_in_memory()
  std::uint64_t epoch_ = 0;
};

}  // namespace tideline::guard
