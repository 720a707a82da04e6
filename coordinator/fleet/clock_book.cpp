#include "coordinator/fleet/clock_book.h"

#include <algorithm>

namespace tideline::fleet {

model::Duration ClockBook::offset(const model::Report& report, const Arrival& arrival) const {
  const auto found = clocks_.find(report.node);
  return found == clocks_.end() ? ClockFilter().offset(report, arrival) : found->second.offset(report, arrival);
}

void ClockBook::learn(const model::Report& report, const Arrival& arrival) {
  if (report.lane == model::Lane::kLive) clocks_[report.node].learn(report, arrival);
}

void ClockBook::keep_only(const std::vector<model::NodeName>& names) {
  std::erase_if(clocks_,
                [&](const auto& clock) { return !std::binary_search(names.begin(), names.end(), clock.first); });
}

}  // namespace tideline::fleet
