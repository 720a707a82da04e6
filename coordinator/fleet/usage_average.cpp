#include "coordinator/fleet/usage_average.h"

#include <algorithm>
#include <chrono>

namespace tideline::fleet {
namespace {

constexpr std::int64_t kSlots = kAverageSlots;

std::size_t index_of(std::int64_t slot) {
  return static_cast<std::size_t>(((slot % kSlots) + kSlots) % kSlots);
}

}  // namespace

void UsageAverage::add(std::int64_t slot, double value, model::Duration window) {
  if (slot < newest_) return;
  for (std::int64_t gone = std::max(newest_ + 1, slot - kSlots + 1); gone <= slot; ++gone) {
    sum_[index_of(gone)] = 0;
    seconds_[index_of(gone)] = 0;
  }
  newest_ = slot;
  const double seconds =
      std::chrono::duration<double>(std::max<model::Duration>(window, std::chrono::milliseconds(1))).count();
  sum_[index_of(slot)] += value * seconds;
  seconds_[index_of(slot)] += static_cast<float>(seconds);
}

std::optional<double> UsageAverage::at(std::int64_t slot) const {
  double sum = 0;
  double seconds = 0;
  for (std::int64_t s = oldest_at(slot); s <= newest_; ++s) {
    sum += sum_[index_of(s)];
    seconds += static_cast<double>(seconds_[index_of(s)]);
  }
  if (seconds <= 0) return std::nullopt;
  return sum / seconds;
}

double UsageAverage::seconds_at(std::int64_t slot) const {
  double seconds = 0;
  for (std::int64_t s = oldest_at(slot); s <= newest_; ++s)
    seconds += static_cast<double>(seconds_[index_of(s)]);
  return seconds;
}

std::int64_t UsageAverage::oldest_at(std::int64_t slot) const {
  return std::max(slot, newest_) - kSlots + 1;
}

}  // namespace tideline::fleet
