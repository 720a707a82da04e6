#pragma once
// Every latency of a run, and its quantiles.

#include <chrono>
#include <cstddef>
#include <vector>

namespace tideline::loadgen {

class LatencyLog {
 public:
  void add(std::chrono::nanoseconds latency) { all_.push_back(latency); }
  std::size_t count() const { return all_.size(); }
  /// Nearest rank, exact, in ms; `fraction` in [0, 1]. 0 when nothing was added.
  double quantile_ms(double fraction) const;

 private:
  std::vector<std::chrono::nanoseconds> all_;
};

}  // namespace tideline::loadgen
