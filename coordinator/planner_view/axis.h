#pragma once
// Where ticks stand on an axis, and what is written at them.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tideline::planner_view {

struct Tick {
  double at = 0;
  std::string label;
};

/// low < high, both finite; ticks ascend and lie within.
struct Axis {
  double low = 0;
  double high = 1;
  std::vector<Tick> ticks;
  /// 0 at `low`, 1 at `high`, and never beyond; 0 for what is no number.
  double share(double value) const;
};

/// Ticks at multiples of 1, 2 or 5 times a power of ten, some `about` of them; the axis reaches from one to another.
/// Large numbers are written with k, M or G.
Axis number_axis(double low, double high, std::size_t about);
/// From begin to end; ticks at whole minutes, hours or days of UTC, `about` at most.
Axis time_axis(std::int64_t begin_s, std::int64_t end_s, std::size_t about);

}  // namespace tideline::planner_view
