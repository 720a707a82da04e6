#pragma once
// Whom the kernel's last resort picks: /proc/<pid>/oom_score_adj (proc(5)). It belongs to a process, and a new one
// begins with that of its parent.

#include <cstdint>
#include <string>
#include <vector>

#include "messages/model/result.h"
#include "node-actor/kernel/cgroup_tree.h"
#include "node-actor/kernel/fd.h"

namespace tideline::kernel {

/// The score of one process, which is held so that a later one of its pid is never mistaken for it: every call but
/// open() is kNotFound once it is gone.
class OomScore {
 public:
  /// `proc` must show this process' own pid namespace. kNotFound: there is no such process.
  static model::Result<OomScore> open(const std::string& proc, int pid);
  int pid() const { return pid_; }
  int parent() const { return parent_; }
  std::uint64_t start() const { return start_; }  // field 22 of /proc/<pid>/stat: ticks since boot
  model::Result<int> read() const;
  model::Result<void> write(int score) const;

 private:
  std::string path_;
  Fd directory_;
  int pid_ = 0;
  int parent_ = 0;
  std::uint64_t start_ = 0;
};

/// Where scores are written, of the host's `proc`: a container has that read-only, as its sysctls are the host's, and
/// its own /proc shows the same processes in the host's pid namespace. What is no procfs (a tree of files) stays.
std::string proc_of_scores(const std::string& proc);

/// The processes of a group and all groups below it, ascending, as this process' pid namespace numbers them. kNotFound:
/// it is gone. kOverloaded beyond kMostScored. A group below it that vanishes meanwhile has none; what cannot be read
/// is an error.
model::Result<std::vector<int>> processes_below(const CgroupTree& tree, const std::string& group);
inline constexpr std::size_t kMostScored = 32'768;

}  // namespace tideline::kernel
