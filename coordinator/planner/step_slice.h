#pragma once
// Some of a range's steps, for work that is divided by time.

#include <algorithm>
#include <cstddef>

#include "coordinator/planner/host_slice.h"

namespace tideline::planner {

/// Blocks of steps, one for each shard in turn: so each has some of every day and hour, and finds about what the others
/// find.
class StepSlice {
 public:
  StepSlice() = default;  // all steps
  StepSlice(std::size_t steps, const Shard& shard)
      : index_(shard.number - 1), count_(shard.count), block_(std::clamp<std::size_t>(steps / (8 * count_), 1, 64)) {}

  /// visit(first, last) for each stretch [first, last) of its own steps within [begin, end).
  template <class Visit>
  void each(std::size_t begin, std::size_t end, const Visit& visit) const {
    if (count_ == 1) {
      if (begin < end) visit(begin, end);
      return;
    }
    const std::size_t turn = block_ * count_;
    for (std::size_t first = begin / turn * turn + index_ * block_; first < end; first += turn) {
      const std::size_t from = std::max(first, begin);
      const std::size_t to = std::min(first + block_, end);
      if (from < to) visit(from, to);
    }
  }

 private:
  std::size_t index_ = 0;
  std::size_t count_ = 1;
  std::size_t block_ = 1;
};

}  // namespace tideline::planner
