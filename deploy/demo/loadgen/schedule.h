#pragma once
// When an open-loop client means to send: fixed by the rate alone, whatever the server does.

#include <chrono>
#include <cstdint>
#include <random>

namespace tideline::loadgen {

enum class Arrivals { kConstant, kPoisson, kBursts };

/// Of kBursts: the requests of one period come evenly spaced within its first `share`, the rest of it is quiet.
struct Bursts {
  std::chrono::nanoseconds period = std::chrono::seconds(1);  // > 0
  double share = 0.1;                                         // in (0, 1]
};

class Schedule {
 public:
  /// `requests_per_second` > 0, the mean of all kinds. The same seed gives the same times; only kPoisson needs one.
  Schedule(double requests_per_second, Arrivals arrivals, std::uint64_t seed, Bursts bursts = {});

  /// The next intended send time, from the start of the run; never decreases.
  std::chrono::nanoseconds next();

 private:
  double requests_per_second_;
  Arrivals arrivals_;
  Bursts bursts_;
  std::mt19937_64 random_;
  std::uint64_t count_ = 0;
  double at_seconds_ = 0;
};

}  // namespace tideline::loadgen
