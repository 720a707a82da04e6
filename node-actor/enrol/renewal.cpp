#include <algorithm>
#include <cstdint>

#include "node-actor/enrol/enroller.h"

namespace tideline::enrol {

model::WallTime renew_at(model::WallTime not_before, model::WallTime not_after, double share) {
  if (not_after <= not_before) return {};
  const std::int64_t validity = not_after.ms - not_before.ms;
  const double spread = static_cast<double>(validity) / 10 * std::clamp(share, 0.0, 1.0);
  return {not_before.ms + validity / 3 * 2 + static_cast<std::int64_t>(spread)};
}

}  // namespace tideline::enrol
