#pragma once
// What goes wrong in a campaign and when: drawn before it begins, so that it is known which minutes are worth the full
// rate of an agent's loops.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "node-actor/simulation/fault_schedule.h"
#include "test/sim/campaign.h"
#include "test/sim/coordinator_sim.h"

namespace tideline::sim {

/// Nothing goes wrong before and after, for the fleet to come and to settle.
inline constexpr std::int64_t kWarmUp = 2 * kMinute;
inline constexpr std::int64_t kCalm = 10 * kMinute;
/// How long before and after a fault begins or ends its node runs at full rate.
inline constexpr std::int64_t kNear = kMinute;

/// Of one node. Times are ns since the begin.
class FaultPlan {
 public:
  FaultPlan(Random& random, std::int64_t length);

  const simulation::FaultSchedule& schedule() const { return schedule_; }
  /// Something that is not in the schedule strikes the node too.
  void add_strike(std::int64_t at) { strikes_.insert(std::upper_bound(strikes_.begin(), strikes_.end(), at), at); }
  /// Whether `now` is within kNear of where a fault begins or ends.
  bool is_near(std::int64_t now) const {
    const auto next = std::upper_bound(strikes_.begin(), strikes_.end(), now - kNear);
    return next != strikes_.end() && *next - kNear <= now;
  }
  /// When it is again, after `now`; nullopt: never.
  std::optional<std::int64_t> next_near(std::int64_t now) const {
    const auto next = std::upper_bound(strikes_.begin(), strikes_.end(), now + kNear);
    return next == strikes_.end() ? std::nullopt : std::optional(*next - kNear);
  }

 private:
  simulation::FaultSchedule schedule_;
  std::vector<std::int64_t> strikes_;  // where faults begin and end
};

/// A fault of the coordinator's process or of its disk.
struct CoordinatorFault {
  enum class Kind : std::uint8_t { kCrash, kSlowDisk } kind = Kind::kCrash;
  std::int64_t at = 0;
  std::int64_t length = 0;  // until it is started again; of the slowness
  std::int64_t delay = 0;   // kSlowDisk: the most that a commit takes
};
std::vector<CoordinatorFault> coordinator_faults(Random& random, std::int64_t length);

}  // namespace tideline::sim
