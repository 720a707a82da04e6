#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

namespace tideline::test {

/// A group tree of its own on the real kernel: in the v1 hierarchies cpu, cpuacct, cpuset and memory, or in v2 where
/// that has the cpu controller. Named uniquely; the destructor kills the processes it was given to own, waits for them
/// and removes every group it made. Never touches a group it did not make.
class ScratchCgroup {
 public:
  /// Throws std::runtime_error when missing() is not empty.
  ScratchCgroup();
  ~ScratchCgroup();
  ScratchCgroup(const ScratchCgroup&) = delete;
  ScratchCgroup& operator=(const ScratchCgroup&) = delete;

  /// What this machine lacks for it, e.g. "root", "writable cgroup hierarchies"; empty = nothing.
  static std::string missing();

  /// The group's name relative to the hierarchies.
  const std::string& group() const { return group_; }
  bool v1() const { return v1_; }
  /// Makes group()/relative with all groups above it, and returns its name relative to the hierarchies. On v1 the new
  /// cpusets take their parent's CPUs and memory nodes.
  std::string make(const std::string& relative);
  /// Removes group()/relative, which must be empty.
  void remove(const std::string& relative);

  /// Absolute path of a file of group()/relative ("" = the group itself), in the hierarchy that the file's name says.
  std::string path(const std::string& relative, const std::string& file) const;
  /// The files into which a process writes 0 to enter group()/relative: one of each hierarchy.
  std::vector<std::string> process_files(const std::string& relative) const;
  std::string read(const std::string& relative, const std::string& file) const;
  /// Throws std::runtime_error with path and value when the kernel refuses.
  void write(const std::string& relative, const std::string& file, const std::string& value) const;

  /// Moves a process into group()/relative, in all hierarchies.
  void attach(pid_t pid, const std::string& relative) const;
  /// The same, and the process, a child of ours, is killed at the end.
  void own(pid_t pid, const std::string& relative);
  /// Starts a child that touches 8 MiB and then spins in group()/relative, owned.
  pid_t spin(const std::string& relative, int threads = 1);
  /// Kills and waits for an owned process now.
  void kill(pid_t pid);

 private:
  std::vector<std::string> hierarchies_;  // mount points
  bool v1_ = true;
  std::string group_;
  std::vector<std::string> made_;  // relative, in order
  std::vector<pid_t> owned_;
};

/// First line of a test that needs real cgroups.
#define TIDELINE_NEED_CGROUPS()                                                                 \
  if (const std::string lacking = ::tideline::test::ScratchCgroup::missing(); !lacking.empty()) \
  GTEST_SKIP() << "needs " << lacking

}  // namespace tideline::test
