#pragma once
// NUMA zones of a host: what is where, and how much of it is used.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "messages/model/units.h"

namespace tideline::model {

struct ZoneLimits {
  static constexpr std::size_t kMaxZones = 64;  // of one node; of one with more none is told
  static constexpr int kMaxId = 1023;           // the kernel's largest number of a NUMA node
};

/// What the kernel counted of one zone. Counters are cumulative; nullopt = not known now.
struct ZoneCounters {
  struct Cpu {
    int id = 0;
    std::optional<Duration> used;  // without idle, iowait, steal
    friend bool operator==(const Cpu&, const Cpu&) = default;
  };
  int id = 0;
  std::vector<Cpu> cpus;  // none: memory only
  std::optional<Bytes> memory_total;
  std::optional<Bytes> memory_used;  // total - free - page cache - reclaimable slab: a level, not a counter
  std::optional<Duration> be_cpu;    // by the besteffort root; cgroup v2 does not tell it by CPU
  std::optional<Bytes> be_memory;    // anon + unevictable of the besteffort root: a level
  friend bool operator==(const ZoneCounters&, const ZoneCounters&) = default;
};
struct ZoneReading {
  MonoTime at;
  std::vector<ZoneCounters> zones;  // by id
  friend bool operator==(const ZoneReading&, const ZoneReading&) = default;
};

/// What a report tells of one zone.
struct ZoneUse {
  int id = 0;
  MilliCpu cpu_capacity;
  Bytes memory_capacity;
  std::optional<MilliCpu> cpu_used;
  MilliCpu cpu_bound_idle;  // not used of CPUs that are bound to LSE pods, and nobody else's
  std::optional<Bytes> memory_used;
  std::optional<MilliCpu> be_cpu;  // of it by the besteffort root; nullopt: not told apart
  std::optional<Bytes> be_memory;
  friend bool operator==(const ZoneUse&, const ZoneUse&) = default;
};

/// One resource's account of a zone. offered = what the node offers batch, in proportion to the zones' measured room =
/// max(0, capacity - margin - charged), and at most that room.
template <class Unit>
struct ZoneTerms {
  Unit capacity{};
  Unit margin{};                // the node's share of it
  std::optional<Unit> charged;  // use by all but best-effort, as far as told apart; of CPU bound CPUs whole
  std::optional<Unit> be_used;
  Unit offered{};
  friend bool operator==(const ZoneTerms&, const ZoneTerms&) = default;
};

struct ZoneAccount {
  int id = 0;
  ZoneTerms<MilliCpu> cpu;
  ZoneTerms<Bytes> memory;
  friend bool operator==(const ZoneAccount&, const ZoneAccount&) = default;
};

}  // namespace tideline::model
