#pragma once
// Plots as inline SVG: axes, ticks, a legend, and colours by the classes c0 ... c5 of the page's sheet. Pure: the same
// numbers give the same bytes.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tideline::planner_view {

enum class Curve : std::uint8_t {
  kLine,
  kDashed,
  kStacked  // filled, upon those stacked ones that are named before it
};

struct PlotSeries {
  std::string name;
  int color = 0;  // 0 to 5
  Curve curve = Curve::kLine;
  std::vector<double> values;  // as many as times; what is not finite is a gap, of a stacked one 0
};

struct TimePlot {
  std::string title;
  std::string unit;
  std::vector<std::int64_t> times;  // s since the epoch, ascending
  std::vector<PlotSeries> series;
};
std::string svg_of(const TimePlot& plot);

struct ScatterPoint {
  std::string label;
  double x = 0;
  double y = 0;
  bool on_frontier = false;  // joined by a line, from left to right
  bool chosen = false;
};
struct ScatterPlot {
  std::string title;
  std::string x_title;
  std::string y_title;
  std::vector<ScatterPoint> points;
  std::optional<double> y_limit;  // a line across
  std::string limit_name;
};
/// A label stands where no other does, or is only shown where a pointer rests.
std::string svg_of(const ScatterPlot& plot);

struct Bar {
  std::string label;
  double value = 0;
  std::string text = {};  // of the value; "" is amount() of it
  int color = 0;
};
struct BarPlot {
  std::string title;
  std::string unit;
  std::vector<Bar> bars;  // from top to bottom
};
std::string svg_of(const BarPlot& plot);

/// Stretches of time, row by row: the darker, the more stand at a time.
struct Stretch {
  std::int64_t begin_s = 0;
  std::int64_t end_s = 0;
};
struct Lane {
  std::string name;
  int color = 0;
  std::vector<Stretch> stretches;
};
struct LanePlot {
  std::string title;
  std::int64_t begin_s = 0;
  std::int64_t end_s = 0;
  std::vector<Lane> lanes;
};
std::string svg_of(const LanePlot& plot);

}  // namespace tideline::planner_view
