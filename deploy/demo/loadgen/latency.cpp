#include "deploy/demo/loadgen/latency.h"

#include <algorithm>
#include <cmath>

namespace tideline::loadgen {

double LatencyLog::quantile_ms(double fraction) const {
  if (all_.empty()) return 0;
  auto sorted = all_;
  const auto rank = static_cast<std::size_t>(std::ceil(fraction * static_cast<double>(sorted.size())));
  const auto index = std::clamp<std::size_t>(rank, 1, sorted.size()) - 1;
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(index), sorted.end());
  return std::chrono::duration<double, std::milli>(sorted[index]).count();
}

}  // namespace tideline::loadgen
