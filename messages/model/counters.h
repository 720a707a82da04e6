#pragma once
// What the kernel counted, before anyone takes a difference. Counters are cumulative; nullopt = not known now.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "messages/model/ids.h"
#include "messages/model/pod.h"
#include "messages/model/units.h"

namespace tideline::model {

/// Total stall time since boot or since the group was made (psi.rst, `total=`).
struct StallTotals {
  Duration some{0};
  Duration full{0};  // 0 where the kernel has no "full" line (cpu before 5.13)
  friend bool operator==(const StallTotals&, const StallTotals&) = default;
};

/// Memory of one cgroup with all below it. Levels, but for what is said to be cumulative (cgroup-v2.rst, memory.stat;
/// cgroup-v1/memory.rst).
struct MemoryCounters {
  MonoTime stat_at;                  // when all but usage, limit and the stalls were read; they come less often
  std::optional<Bytes> usage;        // memory.current / memory.usage_in_bytes, with the page cache
  std::optional<Bytes> limit;        // memory.max / memory.limit_in_bytes of this group alone; nullopt: none
  std::optional<Bytes> anon;         // anon + shmem as far as they are no file that can be dropped
  std::optional<Bytes> reclaimable;  // active_file + inactive_file, and slab_reclaimable where the kernel tells of it
  std::optional<StallTotals> memory_stall;  // the group's own PSI; cumulative
  std::optional<StallTotals> io_stall;
  std::optional<std::int64_t> refaults;   // workingset_refault_file + _anon; cumulative
  std::optional<std::int64_t> scanned;    // pgscan of the group; cumulative; v2 only
  std::optional<std::int64_t> oom_kills;  // memory.events / memory.oom_control oom_kill; cumulative
  friend bool operator==(const MemoryCounters&, const MemoryCounters&) = default;
};

/// Memory of the host (proc(5) meminfo, vmstat, zoneinfo).
struct HostMemoryCounters {
  std::optional<Bytes> total;
  std::optional<Bytes> available;              // MemAvailable
  std::optional<Bytes> free;                   // MemFree
  std::optional<Bytes> low_watermark;          // all zones' "low" together: below it the kernel reclaims
  std::optional<std::int64_t> alloc_stalls;    // allocstall_*; cumulative: allocations that had to reclaim themselves
  std::optional<std::int64_t> direct_scanned;  // pgscan_direct; cumulative
  friend bool operator==(const HostMemoryCounters&, const HostMemoryCounters&) = default;
};

/// Of the fast loop: what the relief ladder rests on.
struct FastMemoryCounters {
  MonoTime at;
  HostMemoryCounters host;     // total and available only
  MemoryCounters kubepods;     // usage and limit; reclaimable as last read by the pod loop
  MemoryCounters best_effort;  // usage; reclaimable as last read by the pod loop
  std::uint64_t be_inode = 0;
  friend bool operator==(const FastMemoryCounters&, const FastMemoryCounters&) = default;
};

/// One cgroup with all below it.
struct GroupCounters {
  std::uint64_t inode = 0;      // of the group's directory; another inode is another group of the same name
  std::optional<Duration> cpu;  // CPU time used
  std::optional<std::int64_t> nr_periods;
  std::optional<std::int64_t> nr_throttled;
  std::optional<Bytes> memory;           // active_anon + inactive_anon + unevictable: a level, not a counter
  MemoryCounters memory_side;            // at the pace of `memory`; of the besteffort root each time
  std::optional<StallTotals> cpu_stall;  // the group's own PSI, where the kernel has it
  std::optional<Duration> run_delay;     // time its threads waited for a CPU; kept by the reader so that it never falls
  friend bool operator==(const GroupCounters&, const GroupCounters&) = default;
};

struct ContainerCounters {
  std::string id;
  GroupCounters group;
  friend bool operator==(const ContainerCounters&, const ContainerCounters&) = default;
};

struct PodCounters {
  PodUid uid;
  QosClass qos = QosClass::kLs;
  bool below_besteffort = false;  // lies below the besteffort root, whatever its label says
  GroupCounters group;
  std::vector<ContainerCounters> containers;  // those with a CPU limit; none of a BE pod
  friend bool operator==(const PodCounters&, const PodCounters&) = default;
};

/// A group's CPU time, and which group that was.
struct GroupCpu {
  std::uint64_t inode = 0;      // 0: there is no such group
  std::optional<Duration> cpu;  // nullopt: none, or not readable
  friend bool operator==(const GroupCpu&, const GroupCpu&) = default;
};

/// The counters of the fast loop.
struct FastCounters {
  MonoTime at;
  std::optional<Duration> node_cpu;        // all CPU used on the host, without idle, iowait, steal
  std::optional<Duration> be_cpu;          // the besteffort root, with all below it
  std::optional<std::int64_t> be_periods;  // enforcement periods of its quota (cpu.stat nr_periods)
  std::uint64_t be_inode = 0;
  GroupCpu pods;                     // kubepods, the group of all pods; read where it is asked for
  std::vector<GroupCpu> be_outside;  // BE pods outside the besteffort root, in the order given
  friend bool operator==(const FastCounters&, const FastCounters&) = default;
};

/// A host application's group.
struct ApplicationCounters {
  std::string name;
  Tier tier = Tier::kProd;
  QosClass qos = QosClass::kSystem;
  std::string where;              // the group, relative to the hierarchies
  bool below_besteffort = false;  // its use is in the besteffort root's
  bool holds_pods = false;        // lies at, above or in a pod, or at or above another application: not read
  bool failed = false;            // something of it could not be read or parsed
  GroupCounters group;
  friend bool operator==(const ApplicationCounters&, const ApplicationCounters&) = default;
};

/// Everything the pod loop reads.
struct HostCounters {
  MonoTime at;
  WallTime wall;
  std::optional<Duration> node_cpu;
  std::optional<Bytes> memory_total;
  std::optional<Bytes> memory_available;
  HostMemoryCounters memory_host;
  MemoryCounters kubepods_memory;  // of the group of all pods
  std::optional<StallTotals> cpu_stall;
  std::optional<StallTotals> memory_stall;
  std::optional<StallTotals> io_stall;
  GroupCounters best_effort;         // the besteffort root
  std::optional<MilliCpu> be_limit;  // its quota; nullopt = no quota (or not readable: see be_limit_known)
  bool be_limit_known = false;
  std::optional<int> be_cpus;     // CPUs the besteffort root may run on
  std::vector<PodCounters> pods;  // in the order of the pods given; a pod without cgroup has empty counters
  std::vector<ApplicationCounters> applications;  // host applications, in the order of the policy
  friend bool operator==(const HostCounters&, const HostCounters&) = default;
};

/// Scheduling weight of one group among its siblings.
struct GroupWeight {
  std::string group;                   // relative to the tree, e.g. "kubepods/besteffort"
  std::string file;                    // "cpu.shares" or "cpu.weight"
  std::optional<std::int64_t> weight;  // nullopt: not readable, `error` says why
  bool idle = false;                   // cpu.idle is 1; false where the kernel has no such file
  std::string error;
  friend bool operator==(const GroupWeight&, const GroupWeight&) = default;
};

/// What decides at wake-up between BE and LS: the besteffort root and each sibling that holds LS.
struct SiblingWeights {
  GroupWeight best_effort;
  std::vector<GroupWeight> siblings;
  std::string error;  // not empty: the siblings could not be listed
  friend bool operator==(const SiblingWeights&, const SiblingWeights&) = default;
};

}  // namespace tideline::model
