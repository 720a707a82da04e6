#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "test/support/process.h"
#include "test/support/scratch_cgroup.h"
#include "test/support/snapshot.h"

namespace tideline::test {

/// A pod tree in which every mechanism of CPU and memory has something to do: a throttled LS pod that bursts, an LSR
/// pod with a CPU of its own, a BE pod with batch limits, one with a quota of somebody else's, one that may be evicted,
/// and one that lies outside the besteffort root. The memory of all is bounded, and batch wants more of it. Needs two
/// CPUs.
class StormTree {
 public:
  enum class Mode { kQuota, kCpuset };  // cfsQuota with idle BE pods; cpuset with weighted ones

  StormTree();
  std::string kubepods() const { return cgroup_.group() + "/kubepods"; }
  /// `outside`: with the BE pod outside the besteffort root, whose being there is enough for a host to be unprotected.
  std::string pods_json(bool outside) const;
  static std::string threshold_config(Mode mode);
  static std::string qos_config(Mode mode);
  static std::string burst_config();
  static std::string relief_config();

  /// The CPU and memory files of all groups.
  Snapshot read() const;
  bool v1() const { return cgroup_.v1(); }
  static constexpr const char* kBeRoot = "kubepods/besteffort";
  static constexpr const char* kLs = "kubepods/burstable/podls-uid/web";
  /// The file in which relief limits batch, which it may change at any time; "group/file" of it.
  std::string relief_file() const { return kBeRoot + std::string(v1() ? "/memory.limit_in_bytes" : "/memory.high"); }
  /// Name of a group's quota file; "group/file" of it.
  std::string quota_of(const std::string& group) const { return group + (v1() ? "/cpu.cfs_quota_us" : "/cpu.max"); }

  /// A file of one mechanism that must differ from its original while the mode is in force.
  struct Mark {
    std::string mechanism;
    std::string file;
  };
  std::vector<Mark> marks(Mode mode, bool outside) const;

  /// With false a sibling of the besteffort root gets the least weight, so that the kernel's order does not protect.
  /// The file that says so, and what it holds now.
  Snapshot protect(bool wanted);
  /// Loads: all pods but the last two spin. The processes of the LS and the LSR pod, to be paused and woken.
  std::vector<pid_t> load();
  /// Batch that uses memory by waves, and streams files below this directory where that is on a disk. Those that are
  /// gone are started again.
  void want_memory(const std::string& directory, bool is_on_disk);
  /// That of the BE pod outside the besteffort root.
  void run_outside(bool wanted);
  /// One in the BE pod that may be evicted, which does not heed SIGTERM, and its end.
  void spin_prey();
  void end_prey();
  static constexpr const char* kPreyUid = "prey-uid";

 private:
  ScratchCgroup cgroup_;
  std::vector<std::string> groups_;
  pid_t outside_ = 0;
  pid_t prey_ = 0;
  std::unique_ptr<Process> wave_;
  std::unique_ptr<Process> stream_;
};

/// CPUs that a quota allows in this snapshot, in millicores; -1: no limit.
long quota_milli(const Snapshot& files, const std::string& group);

/// How `now` breaks the declared safe state (docs/concepts.md) after `before`, when the worker died; empty: it holds.
/// Weights, idle and floors that `before` does not have may be anything. `safe_milli`: the besteffort root's limit
/// where the host is not protected; nullopt: it is protected.
std::string against_safe_state(const Snapshot& originals, const Snapshot& before, const Snapshot& now,
                               std::optional<long> safe_milli);

/// Without the files which the safe state leaves as they were written last: what orders, what is kept of memory, and
/// the CPUs of batch.
Snapshot without_what_a_round_adds(Snapshot files);

/// What in `files` would not be safe as the last thing ever written: LS below its spec, BE stopped; empty: nothing.
std::string unsafe_as_the_last(const Snapshot& files);

}  // namespace tideline::test
