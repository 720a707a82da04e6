#include "coordinator/planner_view/plot_frame.h"

#include <cstddef>

#include <fmt/format.h>

namespace tideline::planner_view {
namespace {

constexpr double kLegendRow = 20;
constexpr double kLegendGap = 22;
constexpr double kSampleWidth = 22;

struct Placed {
  double x = 0;
  double y = 0;
};

/// From left to right, and on in the next row where one is full.
std::vector<Placed> places_of(const std::vector<LegendItem>& items) {
  std::vector<Placed> places;
  Placed at{8, 14};
  for (const auto& item : items) {
    const double wide = kSampleWidth + text_width(item.name);
    if (at.x > 8 && at.x + wide > kPlotWidth - 8) at = {8, at.y + kLegendRow};
    places.push_back(at);
    at.x += wide + kLegendGap;
  }
  return places;
}

}  // namespace

void draw_axes(Canvas& canvas, const Frame& frame, std::string_view x_title, std::string_view y_title) {
  for (const auto& tick : frame.up.ticks) {
    const double y = frame.y_of(tick.at);
    canvas.line({frame.left, y}, {frame.right, y}, "grid");
    canvas.text({frame.left - 6, y + 4}, Anchor::kEnd, tick.label, "tick");
  }
  double free_from = 0;
  for (const auto& tick : frame.across.ticks) {
    const double x = frame.x_of(tick.at);
    canvas.line({x, frame.bottom}, {x, frame.bottom + 4}, "axis");
    const double half = text_width(tick.label) / 2;
    if (x - half < free_from || x + half > canvas.width()) continue;
    canvas.text({x, frame.bottom + 18}, Anchor::kMiddle, tick.label, "tick");
    free_from = x + half + 8;
  }
  canvas.line({frame.left, frame.bottom}, {frame.right, frame.bottom}, "axis");
  canvas.line({frame.left, frame.top}, {frame.left, frame.bottom}, "axis");
  if (!x_title.empty()) canvas.text({frame.right, frame.bottom + 34}, Anchor::kEnd, x_title, "unit");
  if (!y_title.empty()) canvas.text({4, frame.top - 10}, Anchor::kStart, y_title, "unit");
}

double legend_height(const std::vector<LegendItem>& items) {
  const auto places = places_of(items);
  return places.empty() ? 0 : places.back().y + 8;
}

void draw_legend(Canvas& canvas, const std::vector<LegendItem>& items) {
  const auto places = places_of(items);
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto [x, y] = places[i];
    if (items[i].style.starts_with("area")) {
      canvas.rect({x, y - 9}, 16, 10, items[i].style);
    } else {
      canvas.line({x, y - 4}, {x + 16, y - 4}, items[i].style);
    }
    canvas.text({x + kSampleWidth, y}, Anchor::kStart, items[i].name);
  }
}

std::string color_class(int color) {
  constexpr int kColors = 6;
  return fmt::format("c{}", (color % kColors + kColors) % kColors);
}

std::string empty_plot(std::string_view title) {
  Canvas canvas(kPlotWidth, 60, title);
  canvas.text({kPlotWidth / 2, 34}, Anchor::kMiddle, "nothing to show", "unit");
  return std::move(canvas).take();
}

}  // namespace tideline::planner_view
