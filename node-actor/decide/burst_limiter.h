#pragma once
// How long a container may run above its limit: a token bucket as Koordinator's cfsQuotaBurstPeriodSeconds has it.
// Tokens are percent of the limit times seconds.
//   capacity = period * (cfsQuotaBurstPercent - 100)
//   use >= 100 % of the limit: tokens fall by (use - 100) per second; use < 60 %: they rise by (100 - use) per second;
//   between: they stay. Always within +- capacity; a container may be scaled up while tokens > 0.

#include <optional>
#include <string_view>

#include "messages/model/policy.h"
#include "messages/model/units.h"

namespace tideline::decide {

/// Below this use, in percent of the limit, a container earns tokens.
constexpr double kEarnBelowPercent = 60;
/// A reading speaks for no more time than this.
constexpr model::Duration kLimiterLongestWindow = std::chrono::seconds(20);

struct BurstLimiter {
  double capacity = 0;
  double tokens = 0;
  bool allows() const { return tokens > 0; }
  friend bool operator==(const BurstLimiter&, const BurstLimiter&) = default;
};

/// Has the policy a limit at all (cfsQuotaBurstPeriodSeconds >= 0)? 0 is a limit of nothing.
bool is_limited(const model::CpuBurstPolicy& policy);
double limiter_capacity(const model::CpuBurstPolicy& policy);

/// A share of [0, 0.5) of a new bucket's capacity. Koordinator draws it at random, so that containers that were started
/// together do not spend together; here it is a hash of who the container is: as well spread over a fleet, and the same
/// in every run, so that a replay decides what the live node did. A container that restarts has a new id and so another
/// share.
double initial_share(std::string_view pod_uid, std::string_view container_id);
BurstLimiter new_limiter(double capacity, double initial_share);

/// `used_percent` of the limit over `window`. nullopt: not known, which neither earns nor spends. A window that is not
/// positive changes nothing.
BurstLimiter spend(BurstLimiter limiter, std::optional<double> used_percent, model::Duration window);

}  // namespace tideline::decide
