#include "node-actor/fleet/latency.h"

#include <algorithm>
#include <cmath>

namespace tideline::rehearsal {

void Latencies::add(model::Duration value) {
  ++count_;
  max_ = std::max(max_, value);
  if (values_.size() < kMostKept) return values_.push_back(value);
  if (const auto at = random_() % count_; at < kMostKept) values_[at] = value;
}

void Latencies::clear() {
  values_.clear();
  count_ = 0;
  max_ = model::kZeroDuration;
}

model::Duration Latencies::percentile(double share) const {
  if (values_.empty()) return model::kZeroDuration;
  if (share >= 1) return max_;
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values_.size())));
  const auto nth = values_.begin() + static_cast<std::ptrdiff_t>(std::clamp<std::size_t>(rank, 1, values_.size()) - 1);
  std::nth_element(values_.begin(), nth, values_.end());
  return *nth;
}

}  // namespace tideline::rehearsal
