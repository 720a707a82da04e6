#pragma once
// Memory of the host and of the groups above pods, as the relief ladder needs it ten times a second: two or three small
// files that stay open. What costs more (memory.stat, vmstat, zoneinfo) the pod loop reads, see group_memory.h and
// HostMemoryReader below.

#include <memory>

#include "messages/model/counters.h"
#include "node-actor/kernel/cgroup_tree.h"
#include "node-actor/kernel/kernel_root.h"
#include "node-actor/kernel/take.h"

namespace tideline::kernel {

class FastMemoryReader {
 public:
  /// `tree` must outlive it.
  explicit FastMemoryReader(const CgroupTree& tree);
  ~FastMemoryReader();
  FastMemoryReader(FastMemoryReader&&) noexcept;
  FastMemoryReader& operator=(FastMemoryReader&&) noexcept;

  /// MemTotal and MemAvailable, usage and limit of kubepods, usage of the besteffort root. `reclaimable` of both is not
  /// read. A group that was made again is opened anew; one that is gone is nullopt and inode 0. be_inode is that of the
  /// group in the memory hierarchy, on v1 another than GroupCounters::inode.
  model::FastMemoryCounters read(model::MonoTime now, Errors& errors);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// For the pod loop: meminfo each time and vmstat where it is asked for, from files that stay open; zoneinfo once a
/// minute, as it is long on a large host. A host without one of the last two has nothing wrong with it.
class HostMemoryReader {
 public:
  explicit HostMemoryReader(const KernelRoot& root);
  ~HostMemoryReader();
  HostMemoryReader(HostMemoryReader&&) noexcept;
  HostMemoryReader& operator=(HostMemoryReader&&) noexcept;
  /// `vmstat` false: what is of it is nullopt.
  model::HostMemoryCounters read(model::MonoTime now, ReadBuffer& buffer, Errors& errors, bool vmstat = true);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tideline::kernel
