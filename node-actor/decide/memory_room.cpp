#include "node-actor/decide/memory_room.h"

#include <algorithm>

namespace tideline::decide {
namespace {

using model::Bytes;
using model::Duration;

double share_used(const MemoryBound& bound) {
  return static_cast<double>(bound.used().value()) / static_cast<double>(bound.capacity.value());
}

bool is_of(const MemoryBound& bound, const MemoryBound& other) {
  return bound.kind == other.kind && bound.capacity == other.capacity;
}

double per_second_of(Bytes bytes, Duration took) {
  return static_cast<double>(bytes.value()) / std::chrono::duration<double>(took).count();
}

std::optional<MemoryBound> limit_of_kubepods(const model::MemoryCounters& kubepods, Bytes total, Bytes host_used) {
  if (!kubepods.limit || !kubepods.usage || !kubepods.reclaimable) return std::nullopt;
  const Bytes limit = *kubepods.limit;
  if (limit <= Bytes(0) || limit >= total) return std::nullopt;
  const Bytes usage = std::max(*kubepods.usage, Bytes(0));
  const Bytes cache = std::clamp(*kubepods.reclaimable, Bytes(0), usage);
  MemoryBound bound{.kind = MemoryBound::Kind::kKubepods,
                    .capacity = limit,
                    .available = std::clamp(limit - usage + Bytes(cache.value() / 2), Bytes(0), limit),
                    .free = std::clamp(limit - usage, Bytes(0), limit),
                    .cache_at = {},
                    .host_used = host_used};
  if (kubepods.stat_at.ns > 0) bound.cache_at = kubepods.stat_at;
  return bound;
}

}  // namespace

int MemoryBound::used_percent() const {
  if (capacity <= Bytes(0)) return 0;
  return static_cast<int>(std::clamp<std::int64_t>(used().value() * 100 / capacity.value(), 0, 100));
}

Bytes MemoryBound::level(int percent) const {
  return Bytes((capacity.value() * percent + 99) / 100);
}

std::string_view name_of(MemoryBound::Kind kind) {
  switch (kind) {
    case MemoryBound::Kind::kHost:
      return "host";
    case MemoryBound::Kind::kKubepods:
      return "kubepods limit";
  }
  return "unknown";
}

std::optional<MemoryBound> tightest(const model::HostMemoryCounters& host, const model::MemoryCounters& kubepods) {
  if (!host.total || !host.available || *host.total <= Bytes(0)) return std::nullopt;
  MemoryBound whole{.kind = MemoryBound::Kind::kHost,
                    .capacity = *host.total,
                    .available = std::clamp(*host.available, Bytes(0), *host.total),
                    .free = host.free,
                    .cache_at = {},
                    .host_used = {}};
  if (const auto limit = limit_of_kubepods(kubepods, whole.capacity, whole.used());
      limit && share_used(*limit) > share_used(whole)) {
    return limit;
  }
  return whole;
}

std::optional<Duration> time_to_grow(Bytes more, const std::optional<double>& per_second) {
  constexpr double kDay = 86400;
  if (more <= Bytes(0)) return model::kZeroDuration;
  if (!per_second || *per_second <= 0) return std::nullopt;
  const double seconds = static_cast<double>(more.value()) / *per_second;
  if (!(seconds <= kDay)) return std::nullopt;
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

void MemoryTrend::add(const Reading& reading) {
  if (!readings_.empty() && reading.at <= readings_.back().at) return;
  std::erase_if(readings_, [&](const Reading& old) { return reading.at - old.at > kWindow; });
  if (readings_.size() >= kMostReadings) readings_.erase(readings_.begin());
  readings_.push_back(reading);
}

std::optional<double> MemoryTrend::over(Duration span) const {
  if (readings_.empty()) return std::nullopt;
  const Reading& newest = readings_.back();
  const Reading* later = &newest;
  Bytes largest;
  Duration its_time{0};
  Duration covered{0};
  int steps = 0;
  for (auto reading = readings_.rbegin() + 1; reading != readings_.rend(); ++reading) {
    if (!is_of(reading->bound, newest.bound)) continue;
    const Bytes step = later->bound.used() - reading->bound.used();
    const Duration took = later->at - reading->at;
    if (steps == 0 || step > largest) {
      largest = step;
      its_time = took;
    }
    covered += took;
    ++steps;
    later = &*reading;
    if (covered >= span && steps >= 2) break;
  }
  if (steps < 2 || covered < kLeastCovered) return std::nullopt;
  return per_second_of(newest.bound.used() - later->bound.used() - largest, covered - its_time);
}

std::optional<double> MemoryTrend::growth_per_second() const {
  const auto whole = over(kWindow);
  const auto recent = recent_per_second();
  if (!whole || !recent) return whole;
  return std::max(*whole, *recent);
}

std::optional<double> MemoryTrend::recent_per_second() const {
  return over(kNewest);
}

std::optional<double> MemoryTrend::step_per_second() const {
  if (readings_.size() < 2) return std::nullopt;
  const Reading& newest = readings_.back();
  for (auto reading = readings_.rbegin() + 1; reading != readings_.rend(); ++reading) {
    if (!is_of(reading->bound, newest.bound)) continue;
    return per_second_of(newest.bound.used() - reading->bound.used(), newest.at - reading->at);
  }
  return std::nullopt;
}

}  // namespace tideline::decide
