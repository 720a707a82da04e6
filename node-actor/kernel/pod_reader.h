#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "messages/model/counters.h"
#include "messages/model/pod.h"
#include "messages/model/result.h"
#include "node-actor/kernel/cgroup_tree.h"

namespace tideline::kernel {

struct PodReaderOptions {
  /// Threads whose run delay is followed; beyond it a pod's run_delay is unknown. Each costs one open file.
  std::size_t max_threads = 4096;
  /// Every how many reads memory.stat is read, with usage and OOM kills, >= 1: it costs as much as all other files of a
  /// group together. In between, the last levels stand. Those of all pods are read in the same read, so that they can
  /// be summed up; of a pod that is new, at once, too. Those of the besteffort root and kubepods are read with them.
  std::size_t memory_every = 1;
  /// What is mostly for reports is read in two reads one after the other of so many, so that there is a difference to
  /// be made: waiting, the stalls of pods for memory and the disk, the host's allocations that stall, and on v1 the
  /// throttling of pods as a whole, but for those with containers that are read. 2 or less: each time. In between it is
  /// nullopt.
  std::size_t detail_every = 1;
  /// Of a quiet pod (GroupFiles::is_quiet) its containers, and with them its throttling on v1, are read every so many
  /// reads; in between what was read last stands. What it used is read each time, and says when it is quiet no more.
  std::size_t quiet_every = 1;
  /// How soon a container whose group is not there is looked for again.
  model::Duration look_every = std::chrono::seconds(1);
};

struct PodReading {
  model::HostCounters counters;
  /// Files that could not be read or parsed, with path and text; their values are nullopt. A vanished group is not
  /// listed: that is normal.
  std::vector<model::Error> errors;
};

/// The pod loop's counters. Directories are held by fd and opened when a pod is first seen; a pod whose directory was
/// removed and made again is opened anew. Files stay open and are pread. The tree must outlive the reader.
class PodReader {
 public:
  explicit PodReader(const CgroupTree& tree, PodReaderOptions options = {});
  ~PodReader();
  PodReader(PodReader&&) noexcept;
  PodReader& operator=(PodReader&&) noexcept;

  /// Reads host, kubepods, besteffort root and the given pods. Pods not in the list are forgotten and their files
  /// closed. Waiting, at the pace of PodReaderOptions::detail_every, is read of LSE/LSR/LS pods outside the besteffort
  /// root: the group's own PSI where it has one, else the run delay summed over its threads' schedstat
  /// (sched-stats.rst, second field). Containers that have a CPU limit are read, too, but for those of BE pods, which
  /// nothing is decided by. CPU and throttling only; they are listed with nothing known while their group is not there.
  /// be_cpus: the effective cpuset of the besteffort root; where it has no cpuset of its own, of the nearest group
  /// above it that has, at last the host's online CPUs.
  PodReading read(const std::vector<model::Pod>& pods, bool waiting_each_time = false);
  /// What is read in this read whatever the pace, because something is decided by it.
  struct EachTime {
    bool waiting = false;
    /// Relief of memory: memory of the besteffort root and kubepods, the host's allocations that stall, and the stalls
    /// of LSE/LSR/LS pods for memory and the disk, which cost two files a pod where the kernel has them.
    bool relief = false;
    /// Memory of QoS BE pods: who is to go, and what that frees.
    bool be_memory = false;
  };
  /// The same into an older reading, all of which is overwritten, so that its memory serves again. `containers` false:
  /// none is read or listed, and their files are closed.
  void read(const std::vector<model::Pod>& pods, const EachTime& each_time, PodReading& into, bool containers = true);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Lets this process open as many files as it is allowed at all: 110 pods with their threads need more than the usual
/// soft limit of 1024. For the program's start.
model::Result<void> raise_file_limit();

}  // namespace tideline::kernel
