#pragma once
// Which kernel setting of which group, and its value, without this kernel's spelling.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "messages/model/cpu_set.h"
#include "messages/model/ids.h"
#include "messages/model/pod.h"
#include "messages/model/units.h"

namespace tideline::model {

/// A group of kubelet's tree. kRoot: the one of a QoS class (of Guaranteed: kubepods itself).
struct GroupRef {
  enum class Level : std::uint8_t { kRoot, kPod, kContainer } level = Level::kRoot;
  KubeQos qos = KubeQos::kBestEffort;  // where in the tree; for a pod its own
  PodUid pod;                          // kPod, kContainer
  std::string container_id;            // kContainer
  friend bool operator==(const GroupRef&, const GroupRef&) = default;
  friend auto operator<=>(const GroupRef&, const GroupRef&) = default;
};
GroupRef root_of(KubeQos qos);
GroupRef group_of(const Pod& pod);
GroupRef group_of(const Pod& pod, const Container& container);
/// "BestEffort root", "pod <uid>", "pod <uid> container <id>".
std::string text_of(const GroupRef& group);

/// Values are stored: never renumber.
enum class Knob : std::uint8_t {
  kCpuQuota = 0,   // cpu.cfs_quota_us / cpu.max: Limit
  kCpuBurst = 1,   // cpu.cfs_burst_us / cpu.max.burst: Limit, the burst as CPU per period
  kCpuWeight = 2,  // cpu.shares / cpu.weight: Number, in shares (2..262144)
  kCpuIdle = 3,    // cpu.idle: Number, 0 or 1
  kBvtWarp = 4,    // cpu.bvt_warp_ns (Alibaba Cloud Linux): Number, -1..2
  kCpuset = 5,     // cpuset.cpus: CpuSet, not empty
  /// Cookies of prctl(PR_SCHED_CORE). Belongs to threads and has no file: it is probed and told, never wanted as a
  /// value.
  kCoreSched = 6,
  kMemoryMin = 7,     // memory.min: MemoryLimit, never nullopt, 0 = none
  kMemoryLow = 8,     // memory.low: likewise
  kMemoryHigh = 9,    // memory.high: MemoryLimit
  kMemoryLimit = 10,  // memory.limit_in_bytes / memory.max: MemoryLimit
  kSoftLimit = 11,    // memory.soft_limit_in_bytes (v1 only): MemoryLimit; who is above goes first in global reclaim
  kOomGroup = 12,     // memory.oom.group: Number, 0 or 1
  // Alibaba Cloud Linux only, from here on.
  kWmarkRatio = 13,        // memory.wmark_ratio: Number, 0..100, % of the limit; 0 = off
  kWmarkScaleFactor = 14,  // memory.wmark_scale_factor: Number, 1..1000
  kWmarkMinAdj = 15,       // memory.wmark_min_adj: Number, -25..50
  kMemoryPriority = 16,    // memory.priority: Number, 0..12
  kUsePriorityOom = 17,    // memory.use_priority_oom: Number, 0 or 1
  kPageCacheEnable = 18,   // memory.pagecache_limit.enable: Number, 0 or 1
  kPageCacheSize = 19,     // memory.pagecache_limit.size: MemoryLimit, never nullopt
  kPageCacheSync = 20,     // memory.pagecache_limit.sync: Number, 0 or 1
};
std::string_view name_of(Knob knob);  // "cpu-quota" ...

/// CPU per wall time; nullopt: no quota. Of kCpuBurst never nullopt, 0 = none.
struct Limit {
  std::optional<MilliCpu> cpu;
  friend bool operator==(const Limit&, const Limit&) = default;
};
struct Number {
  std::int64_t value = 0;
  friend bool operator==(const Number&, const Number&) = default;
};
/// nullopt: no limit ("max").
struct MemoryLimit {
  std::optional<Bytes> bytes;
  friend bool operator==(const MemoryLimit&, const MemoryLimit&) = default;
};
/// The order of the alternatives is stored: append only.
using KnobValue = std::variant<Limit, Number, CpuSet, MemoryLimit>;
/// For people: "1500 millicores", "no limit", "2", "0-3", "104857600 bytes".
std::string text_of(const KnobValue& value);

/// What probing found of one knob.
struct KnobSupport {
  Knob knob = Knob::kCpuQuota;
  bool supported = false;
  std::string file;  // in this kernel's spelling; "" where its cgroup version has none
  /// Supported: what the kernel demands of its values, "" = nothing. Else what was tried and what the kernel said.
  std::string why;
  friend bool operator==(const KnobSupport&, const KnobSupport&) = default;
};
/// Probed once on the host. A knob that is not listed was not probed and counts as not supported.
struct KnobSet {
  std::vector<KnobSupport> knobs;
  bool has(Knob knob) const;
  /// "" if it is supported.
  std::string why_not(Knob knob) const;
  friend bool operator==(const KnobSet&, const KnobSet&) = default;
};

}  // namespace tideline::model
