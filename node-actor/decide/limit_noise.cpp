#include "node-actor/decide/limit_noise.h"

#include <algorithm>
#include <cstdint>

namespace tideline::decide {

using model::MilliCpu;
using model::MonoTime;

void RecentValues::add(MonoTime at, MilliCpu value) {
  // Whatever a recording says, they can be summed up.
  constexpr MilliCpu kMost{std::int64_t{1} << 53};
  const auto bounded = std::clamp(value, MilliCpu(0) - kMost, kMost);
  if (count_ > 0) {
    auto& last = ring_[(next_ + ring_.size() - 1) % ring_.size()];
    if (at - last.at < span_ / 30) {
      last.value = std::min(last.value, bounded);
      return;
    }
  }
  ring_[next_] = {at, bounded};
  next_ = (next_ + 1) % ring_.size();
  count_ = std::min(count_ + 1, ring_.size());
}

std::optional<MilliCpu> RecentValues::least(MonoTime now) const {
  std::optional<MilliCpu> least;
  for (std::size_t i = 0; i < count_; ++i) {
    if (now - ring_[i].at >= span_) continue;
    least = std::min(least.value_or(ring_[i].value), ring_[i].value);
  }
  return least;
}

std::optional<MilliCpu> RecentValues::mean(MonoTime now) const {
  std::int64_t sum = 0;
  std::int64_t count = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    if (now - ring_[i].at >= span_) continue;
    sum += ring_[i].value.value();
    ++count;
  }
  return count > 0 ? std::optional(MilliCpu(sum / count)) : std::nullopt;
}

std::vector<RecentValues::Entry> RecentValues::kept() const {
  std::vector<Entry> entries;
  entries.reserve(count_);
  for (std::size_t i = 0; i < count_; ++i)
    entries.push_back(ring_[(next_ + ring_.size() - count_ + i) % ring_.size()]);
  return entries;
}

void see_window(LimitNoise& noise, MonoTime now, model::Duration length, const std::optional<MilliCpu>& deviation,
                const FallBounds& bounds) {
  if (!deviation) {
    noise.left_at.reset();
    return;
  }
  const auto begin = now + -length;
  if (*deviation + bounds.least <= MilliCpu(0)) {
    if (!noise.left_at) {
      noise.left_at = begin;
      noise.deepest = *deviation;
    }
    noise.deepest = std::min(noise.deepest, *deviation);
    return;
  }
  if (!noise.left_at) return;
  const bool was_short = begin - *noise.left_at <= kNoiseLasts;
  if (was_short && noise.deepest + bounds.most >= MilliCpu(0)) noise.excursions.add(now, noise.deepest);
  noise.left_at.reset();
}

void lose_sight(LimitNoise& noise) {
  noise.left_at.reset();
  noise.far_below_since.reset();
}

MilliCpu urgent_fall(const LimitNoise& noise, MonoTime now, const FallBounds& bounds) {
  const auto deepest = noise.excursions.least(now);
  if (!deepest) return bounds.least;
  return std::clamp((MilliCpu(0) - *deepest).percent(kNoisePercent), bounds.least, bounds.most);
}

bool falls_urgently(LimitNoise& noise, MonoTime now, model::Duration length, MilliCpu below, const FallBounds& bounds) {
  const auto urgent = urgent_fall(noise, now, bounds);
  if (below < std::max(bounds.least, urgent.percent(50))) {
    noise.far_below_since.reset();
  } else if (!noise.far_below_since) {
    noise.far_below_since = now + -length;
  }
  return below >= urgent || (noise.far_below_since && now - *noise.far_below_since > kNoiseLasts);
}

}  // namespace tideline::decide
