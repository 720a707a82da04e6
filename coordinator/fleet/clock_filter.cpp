#include "coordinator/fleet/clock_filter.h"

#include <algorithm>
#include <limits>

namespace tideline::fleet {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;

/// A hostile wall stamp may be millennia away, which Duration cannot hold.
model::Duration difference(model::WallTime node, std::int64_t ours_ms) {
  constexpr std::int64_t kMostMs = std::numeric_limits<std::int64_t>::max() / kNsPerMs;
  return model::Duration(std::clamp(node.ms - ours_ms, -kMostMs, kMostMs) * kNsPerMs);
}

/// What a distance exceeds the fastest one by. Monotonic stamps are the sender's too: the two may be 2^64 ns apart.
std::int64_t transit(std::int64_t distance_ns, std::int64_t fastest_ns) {
  if (distance_ns <= fastest_ns) return 0;
  std::int64_t excess = 0;
  return __builtin_sub_overflow(distance_ns, fastest_ns, &excess) ? std::numeric_limits<std::int64_t>::max() : excess;
}

}  // namespace

std::optional<std::int64_t> ClockFilter::fastest_ns() const {
  const auto end = distance_ns_.begin() + static_cast<std::ptrdiff_t>(std::min(readings_, kClockReadings));
  if (end == distance_ns_.begin()) return std::nullopt;
  return *std::min_element(distance_ns_.begin(), end);
}

void ClockFilter::learn(const model::Report& report, const Arrival& arrival) {
  if (report.status.boot_id != boot_id_) {
    boot_id_ = report.status.boot_id;
    readings_ = 0;
  }
  const std::int64_t distance_ns = (arrival.mono - report.mono).count();
  const auto fastest = fastest_ns();
  if (fastest && transit(distance_ns, *fastest) > kMaxLiveTransit.count()) readings_ = 0;
  distance_ns_[readings_ % kClockReadings] = distance_ns;
  ++readings_;
  newest_ = offset(report, arrival);
}

model::Duration ClockFilter::offset(const model::Report& report, const Arrival& arrival) const {
  const auto fastest = report.status.boot_id == boot_id_ ? fastest_ns() : std::nullopt;
  if (fastest) {
    std::int64_t transit_ns = transit((arrival.mono - report.mono).count(), *fastest);
    if (report.lane == model::Lane::kLive && transit_ns > kMaxLiveTransit.count()) transit_ns = 0;
    return difference(report.wall, arrival.wall.ms - transit_ns / kNsPerMs);
  }
  if (report.lane == model::Lane::kLive) return difference(report.wall, arrival.wall.ms);
  return newest_.value_or(model::kZeroDuration);
}

}  // namespace tideline::fleet
