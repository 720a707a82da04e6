#pragma once
// How much memory the host has left for its pods, and how fast that goes.
//
// There may be two bounds: the host's (MemAvailable of MemTotal, proc(5)) and the limit of the kubepods group, which
// kubelet sets to what is allocatable (enforceNodeAllocatable=pods); at either of them the kernel's OOM killer runs.
// The one with the larger used share counts. What kubepods' limit leaves is
//
//   available = limit - usage + reclaimable / 2      of kubepods
//
// half of its page cache, which is what the kernel's own MemAvailable reckons with where page cache is short
// (mm/show_mem.c, si_mem_available). So reclaim of n bytes of page cache lowers the use under kubepods' limit by n / 2,
// and the host's by nothing: MemAvailable has counted them as available already. What reclaim gives in either case is
// memory that is free, so that the next allocation need not reclaim by itself.

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "messages/model/counters.h"
#include "messages/model/units.h"

namespace tideline::decide {

struct MemoryBound {
  enum class Kind { kHost, kKubepods } kind = Kind::kHost;
  model::Bytes capacity;
  model::Bytes available;  // 0..capacity
  /// What can be had without reclaim: MemFree, or limit - usage. nullopt: not known.
  std::optional<model::Bytes> free = {};
  /// Of kKubepods: when its page cache was read, which comes less often than its usage, and the host's use now, by
  /// which page cache and other memory are told apart until then. nullopt: not known.
  std::optional<model::MonoTime> cache_at = {};
  std::optional<model::Bytes> host_used = {};
  model::Bytes used() const { return capacity - available; }
  /// Of capacity, truncated as Koordinator does; 0..100.
  int used_percent() const;
  /// The least use of which used_percent() is `percent`.
  model::Bytes level(int percent) const;
  friend bool operator==(const MemoryBound&, const MemoryBound&) = default;
};
std::string_view name_of(MemoryBound::Kind kind);  // "host", "kubepods limit"

/// The tightest bound; nullopt: the host's memory is not known. A kubepods limit of the host's memory or more, or whose
/// usage or page cache is not known, is none.
std::optional<MemoryBound> tightest(const model::HostMemoryCounters& host, const model::MemoryCounters& kubepods);

/// Until so many more bytes are used at that growth; nullopt: never, within a day, or not known. 0: there is nothing to
/// wait for.
std::optional<model::Duration> time_to_grow(model::Bytes more, const std::optional<double>& per_second);

/// Room over the last seconds, in bounded memory. Readings of two bounds may take turns, where both are nearly as
/// tight; those of the newest one count.
class MemoryTrend {
 public:
  /// A reading stands for this long; older ones are dropped.
  static constexpr model::Duration kWindow = std::chrono::seconds(3);
  static constexpr std::size_t kMostReadings = 64;
  /// Growth is seen over at least this; what is newest is this long, and two steps.
  static constexpr model::Duration kLeastCovered = std::chrono::milliseconds(200);
  static constexpr model::Duration kNewest = std::chrono::milliseconds(300);
  struct Reading {
    model::MonoTime at;
    MemoryBound bound;
    friend bool operator==(const Reading&, const Reading&) = default;
  };
  /// A reading not after the newest counts not at all.
  void add(const Reading& reading);
  /// Bytes by which used() grows per second: the larger of that over all readings and recent_per_second(). The largest
  /// step from one reading to the next is left out of either, so that what was taken once, however much, is no growth,
  /// and an allocator that goes on is seen with its second step. nullopt: fewer than 200 ms are covered.
  std::optional<double> growth_per_second() const;
  /// Over the newest 300 ms or more: whether it goes on now.
  std::optional<double> recent_per_second() const;
  /// From the last reading but one to the newest.
  std::optional<double> step_per_second() const;
  const std::vector<Reading>& readings() const { return readings_; }
  friend bool operator==(const MemoryTrend&, const MemoryTrend&) = default;

 private:
  std::optional<double> over(model::Duration span) const;
  std::vector<Reading> readings_;  // oldest first
};

}  // namespace tideline::decide
