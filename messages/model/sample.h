#pragma once
// One host at one instant. nullopt always means "not known", never zero.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/host_application.h"
#include "messages/model/ids.h"
#include "messages/model/pod.h"
#include "messages/model/units.h"
#include "messages/model/zone.h"

namespace tideline::model {

/// Whether the kernel itself keeps BE from delaying LS at wake-up (DESIGN §4): the besteffort root against each sibling
/// that holds LS, by weight or idle.
struct Protection {
  bool verified = false;
  std::string why;  // what was seen, e.g. "kubepods/besteffort cpu.shares 1024, kubepods/burstable 1024: 50 % at worst"
  friend bool operator==(const Protection&, const Protection&) = default;
};

/// What the fast loop sees: differences of two readings, `window` apart.
struct FastSample {
  MonoTime at;
  Duration window{0};
  std::optional<MilliCpu> node_cpu;        // all CPU used on the host, without idle, iowait, steal
  std::optional<MilliCpu> be_cpu;          // the besteffort root, with all below it
  std::optional<std::int64_t> be_periods;  // periods of the besteffort root's quota that began in the window
  std::optional<MilliCpu> be_outside_cpu;  // BE pods outside the besteffort root; 0 without any
  std::optional<MilliCpu> pods_cpu{};      // all pods, BE too; read where it is asked for
  friend bool operator==(const FastSample&, const FastSample&) = default;
};

/// A container of a pod; read only of those that have a CPU limit, for only they can be throttled.
struct ContainerUse {
  std::string id;
  std::optional<MilliCpu> cpu;
  std::optional<double> throttled_ratio;  // delta nr_throttled / delta nr_periods, 0..1; 0 if no period passed
  friend bool operator==(const ContainerUse&, const ContainerUse&) = default;
};

/// "some" and "full" stall over the window as a share of time, 0..1 (Documentation/accounting/psi.rst, `total=`).
struct Pressure {
  double some = 0;
  double full = 0;
  friend bool operator==(const Pressure&, const Pressure&) = default;
};

/// Signs of trouble with memory over the window, of a group or of the host. Rates are per second.
struct MemorySignals {
  std::optional<Pressure> memory;         // waiting for memory
  std::optional<Pressure> io;             // waiting for the disk
  std::optional<double> refaults;         // pages that had to be read again after they were reclaimed
  std::optional<double> scanned;          // pages that reclaim looked at
  std::optional<double> alloc_stalls;     // host only: allocations that had to reclaim
  std::optional<std::int64_t> oom_kills;  // in the window; not of the host
  friend bool operator==(const MemorySignals&, const MemorySignals&) = default;
};

struct PodUse {
  PodUid uid;
  std::optional<MilliCpu> cpu;
  std::optional<Bytes> memory;            // anon + unevictable: "usageWithoutPageCache"
  std::optional<double> throttled_ratio;  // delta nr_throttled / delta nr_periods, 0..1; 0 if no period passed
  std::optional<double> run_delay;        // seconds its threads waited for a CPU, per second (schedstat); may exceed 1
  std::vector<ContainerUse> containers;   // stays on the host
  std::optional<Bytes> memory_usage{};    // with page cache
  MemorySignals memory_signals{};
  friend bool operator==(const PodUse&, const PodUse&) = default;
};

/// A host application; stays on the host, as reports have summaries.
struct ApplicationUse {
  std::string name;
  Tier tier = Tier::kProd;
  QosClass qos = QosClass::kSystem;
  std::string group;  // relative to the hierarchies
  ApplicationState state = ApplicationState::kNotFound;
  std::optional<MilliCpu> cpu;
  std::optional<Bytes> memory;  // anon + unevictable
  friend bool operator==(const ApplicationUse&, const ApplicationUse&) = default;
};

/// What the relief ladder does, lowest first (decide/memory_relief.h). Values are stored: never renumber.
enum class ReliefRung : std::uint8_t { kNone = 0, kReclaim = 1, kTighten = 2, kEvict = 3, kEmergency = 4 };
std::string_view name_of(ReliefRung rung);  // "none", "reclaim", "tighten", "evict", "emergency"

/// The memory side as one pod round sees it.
struct MemorySample {
  std::optional<Bytes> available;  // of the tightest bound: the host's MemAvailable, or what kubepods' limit leaves
  std::optional<Bytes> be_usage;   // with page cache
  std::optional<Bytes> be_reclaimable;  // of it page cache
  MemorySignals host;
  MemorySignals ls;                   // of LSE, LSR and LS pods: the worst pressure of one, the sum of the rates
  MemorySignals be;                   // of the besteffort root
  std::optional<Bytes> be_tightened;  // limit that relief holds BE to now
  ReliefRung rung = ReliefRung::kNone;
  friend bool operator==(const MemorySample&, const MemorySample&) = default;
};

/// What the pod loop sees. Tier sums are the besteffort root (be) and LSE/LSR/LS pods (ls).
struct NodeSample {
  MonoTime at;
  WallTime wall;
  Duration window{0};
  std::optional<MilliCpu> node_cpu;
  std::optional<MilliCpu> ls_cpu;
  std::optional<MilliCpu> be_cpu;
  std::optional<MilliCpu> system_cpu;  // node - pods - host applications as far as known, >= 0
  std::optional<Bytes> node_memory;    // MemTotal - MemAvailable
  std::optional<Bytes> ls_memory;
  std::optional<Bytes> be_memory;
  std::optional<Pressure> cpu_pressure;     // host, /proc/pressure/cpu
  std::optional<Pressure> memory_pressure;  // host, /proc/pressure/memory
  std::optional<Pressure> io_pressure;      // host, /proc/pressure/io
  /// Seconds LS threads waited for a CPU per second of CPU they used; from cgroup PSI or schedstat.
  std::optional<double> ls_delay_per_cpu;
  std::optional<MilliCpu> be_limit;  // quota on the besteffort root; nullopt = no quota
  std::optional<int> be_cpus;        // CPUs the besteffort root may run on (its effective cpuset); stays on the host
  std::vector<PodUse> pods;
  std::vector<ApplicationUse> applications;
  MemorySample memory_side;
  std::vector<ZoneUse> zones;  // empty: not read in this round; reports have the newest
  /// CPU of host applications that are not best-effort's, which are those of QoS BE below the besteffort root; nullopt
  /// if one that is there cannot be read. Stays on the host, and so does the next.
  std::optional<MilliCpu> app_cpu = MilliCpu(0);
  std::optional<MilliCpu> app_cpu_in_be = MilliCpu(0);  // of it below the besteffort root, whose use has it in it
  friend bool operator==(const NodeSample&, const NodeSample&) = default;
};

}  // namespace tideline::model
