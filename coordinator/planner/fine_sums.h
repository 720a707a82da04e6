#pragma once
// What is counted of chosen steps, so that the sum is the same in whatever parts it is made.

#include <cstdint>
#include <map>

#include "coordinator/planner/exact_sum.h"
#include "coordinator/planner/fine.h"

namespace tideline::planner {

/// Lengths in ticks, and how many there were of each.
class TickCounts {
 public:
  void add(std::uint64_t ticks, std::uint64_t times = 1) {
    if (times > 0) counts_[ticks] += times;
  }
  void add(const TickCounts& other) {
    for (const auto& [ticks, times] : other.counts_)
      add(ticks, times);
  }
  const std::map<std::uint64_t, std::uint64_t>& counts() const { return counts_; }
  std::uint64_t total() const;
  std::uint64_t ticks() const;  // all together
  /// The least that a share q of all did not exceed, 0 < q <= 1; 0 of none.
  std::uint64_t quantile(double q) const;
  friend bool operator==(const TickCounts&, const TickCounts&) = default;

 private:
  std::map<std::uint64_t, std::uint64_t> counts_;
};

/// Ticks are of 100 ms.
struct FineSums {
  std::uint64_t ticks = 0;
  std::uint64_t at_risk = 0;
  std::uint64_t suppressed = 0;
  std::uint64_t writes = 0;
  ExactSum used;   // core-s
  ExactSum batch;  // core-s
  TickCounts late;

  void add(const FineSums& other);
  FineFigures value() const;
  friend bool operator==(const FineSums&, const FineSums&) = default;
};

}  // namespace tideline::planner
