#pragma once
// What memory one group uses, and its signs of trouble with it; files that stay open, of whichever version the memory
// hierarchy is.
//
//   value        v1                                   v2
//   levels       memory.stat, the "total_" lines      memory.stat
//   usage        memory.usage_in_bytes                memory.current
//   limit        memory.limit_in_bytes                memory.max
//   refaults     memory.stat workingset_refault_*     likewise       (v1 of some older kernels: bytes, not pages)
//   scanned      -                                    memory.stat pgscan
//   oom kills    -                                    memory.events oom_kill
//   stalls       memory.pressure, io.pressure where a kernel has them for groups
//
// v1's memory.oom_control counts the kills in the group itself, not those below it: of a group above containers it says
// 0 whatever happens, and a container's group is gone soon after its kill. So they are not known there.

#include <optional>
#include <string>

#include "messages/model/counters.h"
#include "node-actor/kernel/cgroup_tree.h"
#include "node-actor/kernel/take.h"

namespace tideline::kernel {

class GroupMemory {
 public:
  /// `with_limit`: the group's own limit is read, too.
  GroupMemory(const CgroupTree& tree, const std::string& group, bool with_limit);

  /// The group is another of the same name: its files are opened when they are read next.
  void open_anew();
  /// Whether there is a memory hierarchy.
  bool there() const { return !no_hierarchy_; }
  /// All but the stalls. Files that are not there make their values unknown, which is no error; a tree without a memory
  /// hierarchy is one.
  void read_levels(model::MonoTime now, ReadBuffer& buffer, Errors& errors);
  /// Stalls, into `into`. A kernel that was found without them is not asked again.
  void read_stalls(model::MemoryCounters& into, ReadBuffer& buffer, Errors& errors);

  /// As read last: active_anon + inactive_anon + unevictable.
  const std::optional<model::Bytes>& without_cache() const { return without_cache_; }
  /// As read last, without stalls.
  const model::MemoryCounters& side() const { return side_; }

 private:
  struct Stall {
    KeptFile file;
    bool there = false;
  };
  void read_stall(Stall& stall, std::optional<model::StallTotals>& into, ReadBuffer& buffer, Errors& errors);

  bool v1_;
  std::optional<model::Error> no_hierarchy_;
  // An empty path is not read.
  KeptFile stat_;
  KeptFile usage_;
  KeptFile limit_;
  KeptFile events_;
  Stall memory_stall_;
  Stall io_stall_;
  std::optional<model::Bytes> without_cache_;
  model::MemoryCounters side_;
};

}  // namespace tideline::kernel
