#pragma once
// How much memory the host has left for its pods, and how fast that goes.
//
// There may be two bounds: the host's (MemAvailable of MemTotal, proc(5)) and the limit of the kubepods group, which
// kubelet sets to what is allocatable (enforceNodeAllocatable=pods); at either of them the kernel's OOM killer runs. The
// one with the larger used share counts. What kubepods' limit leaves is
//
//   available = limit - usage + reclaimable / 2      of kubepods
//
// of its page cache half, as the kernel reckons MemAvailable (mm/show_mem.c, si_mem_available) where it is not small.

#include <optional>
#include <string>
#include <vector>

#include "messages/model/counters.h"
#include "messages/model/units.h"

namespace tideline::decide {

struct MemoryBound {
  enum class Kind { kHost, kKubepods } kind = Kind::kHost;
  model::Bytes capacity;
  model::Bytes available;  // 0..capacity
  model::Bytes used() const { return capacity - available; }
  /// Of capacity, truncated as Koordinator does; 0..100.
  int used_percent() const;
  friend bool operator==(const MemoryBound&, const MemoryBound&) = default;
};
std::string_view name_of(MemoryBound::Kind kind);  // "host", "kubepods limit"

/// The tightest bound; nullopt: the host's memory is not known. A kubepods limit of the host's memory or more, or whose
/// usage is not known, is none.
std::optional<MemoryBound> tightest(const model::HostMemoryCounters& host, const model::MemoryCounters& kubepods);

/// Room over the last seconds, in bounded memory.
class MemoryTrend {
 public:
  /// A reading stands for this long; older ones are dropped.
  static constexpr model::Duration kWindow = std::chrono::seconds(3);
  static constexpr std::size_t kMostReadings = 64;
  struct Reading {
    model::MonoTime at;
    MemoryBound bound;
    friend bool operator==(const Reading&, const Reading&) = default;
  };
  /// A reading not after the newest counts not at all; one of another bound (kind or capacity) starts anew.
  void add(const Reading& reading);
  /// Bytes by which used() grew per second: the larger of that over all readings and that over the newest 300 ms or
  /// more of them, so that a sudden allocator is seen at once. nullopt: fewer than 200 ms are covered.
  std::optional<double> growth_per_second() const;
  /// Until `target` bytes are used at that growth; nullopt: never, or not known. 0: it is reached.
  std::optional<model::Duration> time_to(model::Bytes target) const;
  const std::vector<Reading>& readings() const { return readings_; }
  friend bool operator==(const MemoryTrend&, const MemoryTrend&) = default;

 private:
  std::vector<Reading> readings_;  // oldest first
};

}  // namespace tideline::decide
