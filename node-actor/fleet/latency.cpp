#include "node-actor/fleet/latency.h"

#include <algorithm>
#include <cmath>

namespace tideline::rehearsal {

model::Duration Latencies::percentile(double share) const {
  if (values_.empty()) return model::kZeroDuration;
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values_.size())));
  const auto nth = values_.begin() + static_cast<std::ptrdiff_t>(std::clamp<std::size_t>(rank, 1, values_.size()) - 1);
  std::nth_element(values_.begin(), nth, values_.end());
  return *nth;
}

}  // namespace tideline::rehearsal
