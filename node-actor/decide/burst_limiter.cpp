#include "node-actor/decide/burst_limiter.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace tideline::decide {
namespace {

/// FNV-1a, 64 bits.
constexpr std::uint64_t kFnvBasis = 0xcbf29ce484222325;
constexpr std::uint64_t kFnvPrime = 0x100000001b3;

std::uint64_t add(std::uint64_t hash, std::string_view text) {
  for (const char c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * kFnvPrime;
  return hash;
}

/// Brings the low bits up: names that differ in the last letter only must not share their high ones.
std::uint64_t spread(std::uint64_t hash) {
  constexpr std::uint64_t kGoldenRatio = 0x9e3779b97f4a7c15;
  hash = (hash ^ (hash >> 32)) * kGoldenRatio;
  return (hash ^ (hash >> 32)) * kGoldenRatio;
}

}  // namespace

bool is_limited(const model::CpuBurstPolicy& policy) {
  return policy.cfs_quota_burst_period_seconds >= 0;
}

double limiter_capacity(const model::CpuBurstPolicy& policy) {
  return static_cast<double>(policy.cfs_quota_burst_period_seconds) * (policy.cfs_quota_burst_percent - 100.0);
}

double initial_share(std::string_view pod_uid, std::string_view container_id) {
  const auto hash = spread(add(add(add(kFnvBasis, pod_uid), {"\0", 1}), container_id));
  return std::ldexp(static_cast<double>(hash >> 11), -54);  // 53 bits, so that the quotient stays below one half
}

BurstLimiter new_limiter(double capacity, double initial_share) {
  return {capacity, capacity * initial_share};
}

BurstLimiter spend(BurstLimiter limiter, std::optional<double> used_percent, model::Duration window) {
  if (!used_percent || window <= model::kZeroDuration) return limiter;
  const double seconds = std::chrono::duration<double>(std::min(window, kLimiterLongestWindow)).count();
  if (*used_percent >= 100 || *used_percent < kEarnBelowPercent) limiter.tokens += (100 - *used_percent) * seconds;
  limiter.tokens = std::clamp(limiter.tokens, -limiter.capacity, limiter.capacity);
  return limiter;
}

}  // namespace tideline::decide
