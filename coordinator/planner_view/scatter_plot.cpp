#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "coordinator/planner_view/figures.h"
#include "coordinator/planner_view/plot_frame.h"
#include "coordinator/planner_view/svg_plot.h"
#include "messages/model/json_text.h"

namespace tideline::planner_view {
namespace {

constexpr double kScatterHeight = 380;
constexpr std::size_t kMaxLabelBytes = 40;

struct Box {
  double left = 0;
  double top = 0;
  double right = 0;
  double bottom = 0;
  bool overlaps(const Box& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
};

/// Labels beside their points, or above or below them; where all of it is taken there is none.
class LabelPlacer {
 public:
  explicit LabelPlacer(const Frame& frame) : frame_(frame) {}

  void keep_free(Spot spot) { taken_.push_back({spot.x - 5, spot.y - 5, spot.x + 5, spot.y + 5}); }

  void place(Canvas& canvas, Spot spot, const std::string& words) {
    const double wide = text_width(words);
    for (const double base : {spot.y + 4, spot.y - 9, spot.y + 18}) {
      for (const double left : {spot.x + 8, spot.x - 8 - wide, spot.x - wide / 2}) {
        const Box box{left, base - 11, left + wide, base + 3};
        if (!is_free(box)) continue;
        taken_.push_back(box);
        canvas.text({left, base}, Anchor::kStart, words, "label");
        return;
      }
    }
  }

 private:
  bool is_free(const Box& box) const {
    return box.left >= frame_.left && box.right <= frame_.right && box.top >= frame_.top &&
           box.bottom <= frame_.bottom &&
           std::none_of(taken_.begin(), taken_.end(), [&](const Box& other) { return box.overlaps(other); });
  }

  const Frame& frame_;
  std::vector<Box> taken_;
};

bool can_be_drawn(const ScatterPoint& point) {
  return std::isfinite(point.x) && std::isfinite(point.y);
}

Frame scatter_frame(const ScatterPlot& plot, double above) {
  double low_x = 0;
  double high_x = 0;
  double high_y = plot.y_limit.value_or(0) * 1.2;
  for (const auto& point : plot.points) {
    if (!can_be_drawn(point)) continue;
    low_x = std::min(low_x, point.x);
    high_x = std::max(high_x, point.x);
    high_y = std::max(high_y, point.y);
  }
  return {.left = 64,
          .top = above + 24,
          .right = kPlotWidth - 16,
          .bottom = above + kScatterHeight - 40,
          .across = number_axis(low_x, high_x, 9),
          .up = number_axis(0, high_y, 6)};
}

void draw_frontier(Canvas& canvas, const Frame& frame, const ScatterPlot& plot) {
  std::vector<const ScatterPoint*> frontier;
  for (const auto& point : plot.points) {
    if (point.on_frontier && can_be_drawn(point)) frontier.push_back(&point);
  }
  std::stable_sort(frontier.begin(), frontier.end(),
                   [](const ScatterPoint* a, const ScatterPoint* b) { return a->x < b->x; });
  std::vector<Spot> spots;
  spots.reserve(frontier.size());
  for (const auto* point : frontier)
    spots.push_back(frame.spot(point->x, point->y));
  canvas.strokes({spots}, "line c0");
}

std::string point_style(const ScatterPoint& point) {
  if (point.chosen) return "point chosen c3";
  return point.on_frontier ? "point c0" : "point c5";
}

}  // namespace

std::string svg_of(const ScatterPlot& plot) {
  if (std::none_of(plot.points.begin(), plot.points.end(), can_be_drawn)) return empty_plot(plot.title);
  std::vector<LegendItem> legend = {{"frontier", "line c0"}};
  if (plot.y_limit) legend.push_back({plot.limit_name, "line dashed c4"});
  const double above = legend_height(legend);
  Canvas canvas(kPlotWidth, above + kScatterHeight, plot.title);
  const Frame frame = scatter_frame(plot, above);
  draw_axes(canvas, frame, plot.x_title, plot.y_title);
  if (plot.y_limit) {
    canvas.line({frame.left, frame.y_of(*plot.y_limit)}, {frame.right, frame.y_of(*plot.y_limit)}, "line dashed c4");
  }
  draw_frontier(canvas, frame, plot);
  LabelPlacer labels(frame);
  for (const auto& point : plot.points) {
    if (!can_be_drawn(point)) continue;
    const Spot spot = frame.spot(point.x, point.y);
    canvas.circle(spot, point.chosen ? 6 : 4, point_style(point),
                  fmt::format("{}: {}, {}", model::printable(point.label, 200), amount(point.x), amount(point.y)));
    labels.keep_free(spot);
  }
  // What is chosen or on the frontier has the first choice of places.
  for (const int rank : {0, 1, 2}) {
    for (const auto& point : plot.points) {
      const int own = point.chosen ? 0 : point.on_frontier ? 1 : 2;
      if (own != rank || !can_be_drawn(point)) continue;
      labels.place(canvas, frame.spot(point.x, point.y), model::printable(point.label, kMaxLabelBytes));
    }
  }
  draw_legend(canvas, legend);
  return std::move(canvas).take();
}

}  // namespace tideline::planner_view
