#pragma once
// Series over time, drawn with characters. Pure.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "admin-client/answers.h"
#include "messages/model/metric.h"
#include "messages/model/units.h"

namespace tideline::tidectl {

struct PlotOptions {
  std::size_t width = 100;  // columns of the terminal, at least 40
  std::size_t height = 12;  // lines of one panel's drawing area, at least 4
  bool utf8 = true;         // braille dots and box characters; else ASCII
  bool color = false;       // ANSI colours
  model::WallTime from;     // the time axis, left and right end
  model::WallTime to;       // > from
};

/// A line of a drawing; looks at what others own.
struct Curve {
  std::string_view name;
  std::string_view unit;          // "millicores", "bytes" or what it is
  std::span<const Point> points;  // oldest first
  bool truncated = false;
};

/// One panel per unit, in the order the series come, each with y axis in readable units, time axis (UTC) and a legend
/// with minimum, mean and maximum. The line breaks where points are missing: an absent be.limit is no quota. A curve
/// without points stands in the legend as "no data".
std::string plot_curves(const std::vector<Curve>& curves, const PlotOptions& options);
std::string plot(const std::vector<Series>& series, const PlotOptions& options);

/// Axis values 0, step, 2 step, ... up to the first that is >= `max`; step is 1, 2 or 5 times a power of ten, and about
/// `count` of them.
std::vector<double> nice_ticks(double max, std::size_t count);

}  // namespace tideline::tidectl
