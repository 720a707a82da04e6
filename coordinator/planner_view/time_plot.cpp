#include <algorithm>
#include <cmath>

#include "coordinator/planner_view/plot_frame.h"
#include "coordinator/planner_view/svg_plot.h"

namespace tideline::planner_view {
namespace {

constexpr double kTimePlotHeight = 300;  // without the legend

std::string curve_style(const PlotSeries& series) {
  const auto color = color_class(series.color);
  switch (series.curve) {
    case Curve::kStacked:
      return "area " + color;
    case Curve::kDashed:
      return "line dashed " + color;
    case Curve::kLine:
      break;
  }
  return "line " + color;
}

double value_or_gap(const PlotSeries& series, std::size_t i) {
  return i < series.values.size() ? series.values[i] : NAN;
}

/// What each stacked series reaches up to, in their order.
std::vector<std::vector<double>> tops_of(const TimePlot& plot) {
  std::vector<std::vector<double>> tops;
  std::vector<double> sum(plot.times.size());
  for (const auto& series : plot.series) {
    if (series.curve != Curve::kStacked) continue;
    for (std::size_t i = 0; i < sum.size(); ++i) {
      const double value = value_or_gap(series, i);
      if (std::isfinite(value)) sum[i] += std::max(0.0, value);
    }
    tops.push_back(sum);
  }
  return tops;
}

double largest_of(const TimePlot& plot, const std::vector<std::vector<double>>& tops) {
  double largest = 0;
  if (!tops.empty()) largest = *std::max_element(tops.back().begin(), tops.back().end());
  for (const auto& series : plot.series) {
    for (std::size_t i = 0; i < plot.times.size(); ++i) {
      const double value = value_or_gap(series, i);
      if (std::isfinite(value)) largest = std::max(largest, value);
    }
  }
  return largest;
}

void draw_stacked(Canvas& canvas, const Frame& frame, const TimePlot& plot, const PlotSeries& series,
                  const std::vector<double>& top, const std::vector<double>* base) {
  std::vector<Spot> outline;
  outline.reserve(2 * plot.times.size());
  for (std::size_t i = 0; i < plot.times.size(); ++i)
    outline.push_back(frame.spot(static_cast<double>(plot.times[i]), top[i]));
  for (std::size_t i = plot.times.size(); i-- > 0;)
    outline.push_back(frame.spot(static_cast<double>(plot.times[i]), base != nullptr ? (*base)[i] : 0));
  canvas.polygon(outline, curve_style(series));
}

void draw_curve(Canvas& canvas, const Frame& frame, const TimePlot& plot, const PlotSeries& series) {
  std::vector<std::vector<Spot>> strokes(1);
  for (std::size_t i = 0; i < plot.times.size(); ++i) {
    const double value = value_or_gap(series, i);
    if (std::isfinite(value)) {
      strokes.back().push_back(frame.spot(static_cast<double>(plot.times[i]), value));
    } else if (!strokes.back().empty()) {
      strokes.emplace_back();
    }
  }
  canvas.strokes(strokes, curve_style(series));
}

}  // namespace

std::string svg_of(const TimePlot& plot) {
  if (plot.times.empty() || plot.series.empty()) return empty_plot(plot.title);
  std::vector<LegendItem> legend;
  legend.reserve(plot.series.size());
  for (const auto& series : plot.series)
    legend.push_back({series.name, curve_style(series)});
  const auto tops = tops_of(plot);
  const double above = legend_height(legend);
  Canvas canvas(kPlotWidth, above + kTimePlotHeight, plot.title);
  const Frame frame{.left = 64,
                    .top = above + 24,
                    .right = kPlotWidth - 16,
                    .bottom = above + kTimePlotHeight - 26,
                    .across = time_axis(plot.times.front(), plot.times.back(), 9),
                    .up = number_axis(0, largest_of(plot, tops), 6)};
  draw_axes(canvas, frame, "", plot.unit);
  std::size_t stacked = 0;
  for (const auto& series : plot.series) {
    if (series.curve != Curve::kStacked) continue;
    draw_stacked(canvas, frame, plot, series, tops[stacked], stacked > 0 ? &tops[stacked - 1] : nullptr);
    ++stacked;
  }
  // Upon the areas, whatever their order.
  for (const auto& series : plot.series) {
    if (series.curve != Curve::kStacked) draw_curve(canvas, frame, plot, series);
  }
  draw_legend(canvas, legend);
  return std::move(canvas).take();
}

}  // namespace tideline::planner_view
