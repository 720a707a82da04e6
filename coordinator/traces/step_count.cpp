#include "coordinator/traces/step_count.h"

#include <iterator>

namespace tideline::traces {

void StepCount::add(std::int64_t distance) {
  auto place = counts_.lower_bound(distance);
  if (place != counts_.end() && place->first == distance) {
    ++place->second;
    return;
  }
  if (counts_.size() < kMaxDistances) {
    counts_.emplace_hint(place, distance, 1);
    return;
  }
  if (place == counts_.end()) {
    place = std::prev(place);
  } else if (place != counts_.begin()) {
    const auto below = std::prev(place);
    if (distance - below->first < place->first - distance) place = below;
  }
  ++place->second;
}

std::int64_t StepCount::step() const {
  std::int64_t step = 0;
  std::uint64_t most = 0;
  for (const auto& [distance, count] : counts_) {
    if (count <= most) continue;
    most = count;
    step = distance;
  }
  return step;
}

std::uint64_t StepCount::gaps() const {
  const std::int64_t usual = step();
  std::uint64_t longer = 0;
  for (const auto& [distance, count] : counts_) {
    if (distance * 2 > usual * 3) longer += count;
  }
  return longer;
}

}  // namespace tideline::traces
