#pragma once
// When an open-loop client means to send: fixed by the rate alone, whatever the server does.

#include <chrono>
#include <cstdint>
#include <random>

namespace tideline::loadgen {

enum class Arrivals { kConstant, kPoisson };

class Schedule {
 public:
  /// `requests_per_second` > 0. The same seed gives the same times; kConstant needs none.
  Schedule(double requests_per_second, Arrivals arrivals, std::uint64_t seed);

  /// The next intended send time, from the start of the run; never decreases.
  std::chrono::nanoseconds next();

 private:
  double requests_per_second_;
  Arrivals arrivals_;
  std::mt19937_64 random_;
  std::uint64_t count_ = 0;
  double at_seconds_ = 0;
};

}  // namespace tideline::loadgen
