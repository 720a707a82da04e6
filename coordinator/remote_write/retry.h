#pragma once
// What an answer means, and how long to wait before the next attempt. Plain values without a clock.

#include <cstdint>
#include <random>

#include "messages/model/units.h"

namespace tideline::remote_write {

enum class Verdict : std::uint8_t {
  kTaken,    // 2xx
  kBusy,     // 429: to be sent again
  kFailed,   // 5xx: likewise
  kRefused,  // for good
};
Verdict verdict_of(unsigned status);

class Backoff {
 public:
  /// 0 < min <= max.
  Backoff(model::Duration min, model::Duration max, std::uint64_t seed) : min_(min), max_(max), random_(seed) {}

  /// Between half of the wait that it is the turn of, and all of it: min, twice as much each time, max.
  model::Duration next();
  void reset() { failures_ = 0; }

 private:
  model::Duration min_;
  model::Duration max_;
  std::mt19937_64 random_;
  unsigned failures_ = 0;  // since the last reset
};

}  // namespace tideline::remote_write
