#pragma once
// Times of one stretch, and their percentiles.

#include <cstddef>
#include <vector>

#include "messages/model/units.h"

namespace tideline::rehearsal {

class Latencies {
 public:
  void add(model::Duration value) { values_.push_back(value); }
  std::size_t count() const { return values_.size(); }
  /// Nearest rank, `share` in 0..1; 0 of none.
  model::Duration percentile(double share) const;
  void clear() { values_.clear(); }

 private:
  mutable std::vector<model::Duration> values_;  // in whatever order the last question left them
};

}  // namespace tideline::rehearsal
