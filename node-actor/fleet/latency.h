#pragma once
// Times of one stretch, and their percentiles.

#include <cstddef>
#include <random>
#include <vector>

#include "messages/model/units.h"

namespace tideline::rehearsal {

class Latencies {
 public:
  /// Of more than these a random part is kept, beside the largest: a run may have no end.
  static constexpr std::size_t kMostKept = 1U << 20U;

  void add(model::Duration value);
  std::size_t count() const { return count_; }
  /// Nearest rank, `share` in 0..1; 0 of none.
  model::Duration percentile(double share) const;
  void clear();

 private:
  mutable std::vector<model::Duration> values_;  // in whatever order the last question left them
  std::size_t count_ = 0;
  model::Duration max_{0};
  std::mt19937_64 random_;
};

}  // namespace tideline::rehearsal
