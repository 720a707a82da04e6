#pragma once
// The rectangle in which a plot's numbers stand, its axes and its legend.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "coordinator/planner_view/axis.h"
#include "coordinator/planner_view/canvas.h"

namespace tideline::planner_view {

inline constexpr double kPlotWidth = 900;

struct LegendItem {
  std::string name;
  std::string style;  // of its sample: "line c0", "area c1"
};

/// Where values become places.
struct Frame {
  double left = 0;
  double top = 0;
  double right = 0;
  double bottom = 0;
  Axis across;
  Axis up;

  double x_of(double value) const { return left + across.share(value) * (right - left); }
  double y_of(double value) const { return bottom - up.share(value) * (bottom - top); }
  Spot spot(double x, double y) const { return {x_of(x), y_of(y)}; }
};

/// Grid, ticks and the titles of both axes.
void draw_axes(Canvas& canvas, const Frame& frame, std::string_view x_title, std::string_view y_title);

/// How high a legend over a plot is, and the legend.
double legend_height(const std::vector<LegendItem>& items);
void draw_legend(Canvas& canvas, const std::vector<LegendItem>& items);

/// "c3" of 3; what is no colour becomes one.
std::string color_class(int color);

/// In place of a plot without anything to show.
std::string empty_plot(std::string_view title);

}  // namespace tideline::planner_view
