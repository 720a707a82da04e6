#include "deploy/demo/loadgen/schedule.h"

#include <cmath>

namespace tideline::loadgen {

Schedule::Schedule(double requests_per_second, Arrivals arrivals, std::uint64_t seed, Bursts bursts)
    : requests_per_second_(requests_per_second), arrivals_(arrivals), bursts_(bursts), random_(seed) {}

std::chrono::nanoseconds Schedule::next() {
  if (arrivals_ != Arrivals::kPoisson) {
    // From the count, not by adding periods: rounding must not drift the rate.
    at_seconds_ = static_cast<double>(count_++) / requests_per_second_;
    if (arrivals_ == Arrivals::kBursts) {
      const double period = std::chrono::duration<double>(bursts_.period).count();
      const double begin = std::floor(at_seconds_ / period) * period;
      at_seconds_ = begin + (at_seconds_ - begin) * bursts_.share;
    }
  } else {
    const double uniform = std::uniform_real_distribution<double>(0.0, 1.0)(random_);
    at_seconds_ += -std::log1p(-uniform) / requests_per_second_;
  }
  return std::chrono::nanoseconds(static_cast<std::int64_t>(at_seconds_ * 1e9));
}

}  // namespace tideline::loadgen
