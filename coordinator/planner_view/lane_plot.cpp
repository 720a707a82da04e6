#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "coordinator/planner_view/plot_frame.h"
#include "coordinator/planner_view/svg_plot.h"

namespace tideline::planner_view {
namespace {

constexpr std::size_t kSlots = 400;  // of time, across
constexpr int kShades = 5;           // classes s1 ... s5
constexpr double kLaneRow = 38;      // between two there is room for a line of text
constexpr double kLaneHeight = 22;
constexpr double kLaneMargin = 120;

using Counts = std::array<std::int64_t, kSlots>;

/// How many of them stand in each slot.
Counts counts_of(const Lane& lane, const Axis& time) {
  std::array<std::int64_t, kSlots + 1> changes{};
  const auto slot_of = [&](double at) {
    return std::min(kSlots - 1, static_cast<std::size_t>(time.share(at) * static_cast<double>(kSlots)));
  };
  for (const auto& stretch : lane.stretches) {
    const auto begin = static_cast<double>(stretch.begin_s);
    const auto end = static_cast<double>(stretch.end_s);
    if (end < time.low || begin > time.high || end < begin) continue;
    // Its end is no part of it, but even one without length is seen.
    const std::size_t first = slot_of(begin);
    ++changes[first];
    --changes[std::max(first, slot_of(std::max(begin, end - 1))) + 1];
  }
  Counts counts{};
  std::int64_t standing = 0;
  for (std::size_t i = 0; i < kSlots; ++i) {
    standing += changes[i];
    counts[i] = standing;
  }
  return counts;
}

int shade_of(std::int64_t count, std::int64_t most) {
  if (count <= 0) return 0;
  return std::max(1, static_cast<int>(std::ceil(kShades * static_cast<double>(count) / static_cast<double>(most))));
}

void draw_lane(Canvas& canvas, const Frame& frame, const Lane& lane, double y) {
  const Counts counts = counts_of(lane, frame.across);
  const std::int64_t most = *std::max_element(counts.begin(), counts.end());
  const double slot = (frame.right - frame.left) / static_cast<double>(kSlots);
  canvas.rect({frame.left, y}, frame.right - frame.left, kLaneHeight, "lane");
  for (std::size_t i = 0; i < kSlots;) {
    const int shade = shade_of(counts[i], most);
    std::size_t end = i + 1;
    while (end < kSlots && shade_of(counts[end], most) == shade)
      ++end;
    if (shade > 0) {
      canvas.rect({frame.left + slot * static_cast<double>(i), y}, slot * static_cast<double>(end - i), kLaneHeight,
                  fmt::format("bar s{} {}", shade, color_class(lane.color)));
    }
    i = end;
  }
  canvas.text({frame.left - 8, y + 15}, Anchor::kEnd, lane.name);
  canvas.text({frame.right, y - 3}, Anchor::kEnd, most > 0 ? fmt::format("at most {} at a time", most) : "none",
              "tick");
}

}  // namespace

std::string svg_of(const LanePlot& plot) {
  if (plot.lanes.empty()) return empty_plot(plot.title);
  const double rows = kLaneRow * static_cast<double>(plot.lanes.size());
  Canvas canvas(kPlotWidth, rows + 60, plot.title);
  const Frame frame{.left = kLaneMargin,
                    .top = 16,
                    .right = kPlotWidth - 16,
                    .bottom = rows + 20,
                    .across = time_axis(plot.begin_s, plot.end_s, 9),
                    .up = {}};
  draw_axes(canvas, frame, "", "");
  double y = frame.top + 8;
  for (const auto& lane : plot.lanes) {
    draw_lane(canvas, frame, lane, y);
    y += kLaneRow;
  }
  return std::move(canvas).take();
}

}  // namespace tideline::planner_view
