#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "coordinator/planner_view/figures.h"
#include "coordinator/planner_view/plot_frame.h"
#include "coordinator/planner_view/svg_plot.h"
#include "messages/model/json_text.h"

namespace tideline::planner_view {
namespace {

constexpr double kBarRow = 24;
constexpr double kBarHeight = 16;
constexpr std::size_t kMaxBarLabel = 40;
constexpr double kLeastMargin = 64;
constexpr double kMostMargin = 300;

double bar_value(const Bar& bar) {
  return std::isfinite(bar.value) ? std::max(0.0, bar.value) : 0;
}

std::string bar_text(const Bar& bar) {
  return bar.text.empty() ? amount(bar.value) : bar.text;
}

}  // namespace

std::string svg_of(const BarPlot& plot) {
  if (plot.bars.empty()) return empty_plot(plot.title);
  double left = kLeastMargin;
  double right = kLeastMargin;
  double largest = 0;
  for (const auto& bar : plot.bars) {
    left = std::max(left, text_width(model::printable(bar.label, kMaxBarLabel)) + 16);
    right = std::max(right, text_width(bar_text(bar)) + 16);
    largest = std::max(largest, bar_value(bar));
  }
  const double rows = kBarRow * static_cast<double>(plot.bars.size());
  Canvas canvas(kPlotWidth, rows + 76, plot.title);
  const Frame frame{.left = std::min(left, kMostMargin),
                    .top = 30,
                    .right = kPlotWidth - std::min(right, kMostMargin),
                    .bottom = rows + 36,
                    .across = number_axis(0, largest, 8),
                    .up = {}};
  draw_axes(canvas, frame, "", plot.unit);
  double y = frame.top + 3;
  for (const auto& bar : plot.bars) {
    const double end = frame.x_of(bar_value(bar));
    canvas.text({frame.left - 8, y + 12}, Anchor::kEnd, model::printable(bar.label, kMaxBarLabel));
    canvas.rect({frame.left, y}, end - frame.left, kBarHeight, "bar " + color_class(bar.color),
                fmt::format("{}: {}", model::printable(bar.label, 200), bar_text(bar)));
    canvas.text({end + 6, y + 12}, Anchor::kStart, bar_text(bar), "tick");
    y += kBarRow;
  }
  return std::move(canvas).take();
}

}  // namespace tideline::planner_view
