#pragma once
// The one place that changes kernel files. Every write passes a gate first, which is where the guard records originals
// and where a fenced worker is stopped.

#include <cstddef>
#include <cstdint>
#include <string>

#include "messages/model/action.h"
#include "messages/model/result.h"

namespace tideline::kernel {

class CgroupTree;

/// A kernel file and the very cgroup it belongs to: a group that was removed and made again has another inode.
struct FileIdentity {
  std::string path;          // absolute, below the KernelRoot
  std::uint64_t device = 0;  // st_dev of the cgroup's directory
  std::uint64_t inode = 0;   // st_ino of the cgroup's directory
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

class WriteGate {
 public:
  virtual ~WriteGate() = default;
  /// Called before each write with what the file holds now. An error means: do not write.
  virtual model::Result<void> before_write(const FileIdentity& file, const std::string& current,
                                           const model::KernelWrite& write) = 0;
};

struct WriteOutcome {
  std::string old_value;
  bool changed = false;  // false: the file held the value already and was not written
};

/// A write that has passed the gate and is still to be made.
struct PreparedWrite {
  FileIdentity file;
  std::string old_value;
  std::string value;     // writable_value()
  bool changes = false;  // false: the file holds the value already, and the gate was not asked
};

class Writer {
 public:
  Writer(const CgroupTree& tree, WriteGate& gate);
  /// Reads the file, asks the gate, writes writable_value(), in one write(2). Errors name path and value: kNotFound
  /// when the cgroup is gone (normal), kPermissionDenied, kUnsupported (no such knob), kInvalidArgument (the kernel
  /// refused the value), kUnavailable (not now: v1 cpusets still in use below), and whatever the gate answered.
  model::Result<WriteOutcome> perform(const model::KernelWrite& write);
  /// perform() without the write itself, for whoever has another process make it (guard/slow_writer.h). The gate counts
  /// it as made. Errors as perform()'s.
  model::Result<PreparedWrite> prepare(const model::KernelWrite& write);

 private:
  struct Passed;
  /// What perform() does before the write; the group stays open.
  model::Result<Passed> pass(const model::KernelWrite& write);

  const CgroupTree& tree_;
  WriteGate& gate_;
};

/// What to write instead of `value`, which is nearly always `value`. cgroup v2 takes the empty set of cpuset.cpus,
/// which is what a group starts with, from a group without processes only (ENOSPC; kernel/cgroup/cpuset.c,
/// validate_change). Another one gets all CPUs that its parent has now, which come to the same: parents first, then.
std::string writable_value(const std::string& path, const std::string& value);

constexpr std::size_t kMostFileBytes = 64 * 1024;
/// Reads a whole small kernel file, without its trailing newline. kMalformed: it is longer than `most_bytes`.
model::Result<std::string> read_file(const std::string& path, std::size_t most_bytes = kMostFileBytes);
/// The same of a file that the kernel hands out in one piece (seq_file's single_open and kernfs' seq_show), as it does
/// a knob's: what does not fill the buffer is all of it, and need not be asked for the end.
model::Result<std::string> read_value(const std::string& path);
/// Writes `value` to `path` if `path`'s directory still is the cgroup of `file`; kNotFound otherwise.
/// For putting originals back: passes no gate. An empty `value` is the empty set of a cpuset.
model::Result<void> write_identified(const FileIdentity& file, const std::string& value);

}  // namespace tideline::kernel
