#include "coordinator/planner_view/canvas.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "coordinator/planner_view/figures.h"
#include "coordinator/planner_view/table.h"

namespace tideline::planner_view {
namespace {

constexpr double kCharacterWidth = 6.7;  // of a text of 12 units

std::string coordinate(double value, double most) {
  return fixed(std::isfinite(value) ? std::clamp(value, 0.0, most) : 0.0, 1);
}

std::string element_end(std::string_view name, std::string_view hint) {
  if (hint.empty()) return "/>\n";
  return fmt::format("><title>{}</title></{}>\n", escaped(hint), name);
}

}  // namespace

Canvas::Canvas(double width, double height, std::string_view title) : width_(width), height_(height) {
  const std::string words = escaped(title);
  out_ = fmt::format("<svg viewBox=\"0 0 {0} {1}\" role=\"img\" aria-label=\"{2}\"><title>{2}</title>\n",
                     fixed(width, 0), fixed(height, 0), words);
}

std::string Canvas::at_x(double x) const {
  return coordinate(x, width_);
}

std::string Canvas::at_y(double y) const {
  return coordinate(y, height_);
}

std::string Canvas::pair(Spot spot) const {
  return at_x(spot.x) + " " + at_y(spot.y);
}

void Canvas::line(Spot from, Spot to, std::string_view style) {
  out_ += fmt::format("<line class=\"{}\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/>\n", style, at_x(from.x),
                      at_y(from.y), at_x(to.x), at_y(to.y));
}

void Canvas::rect(Spot corner, double wide, double high, std::string_view style, std::string_view hint) {
  const double left = std::isfinite(corner.x) ? std::clamp(corner.x, 0.0, width_) : 0;
  const double top = std::isfinite(corner.y) ? std::clamp(corner.y, 0.0, height_) : 0;
  // Rounded by itself a width could reach over the edge.
  out_ += fmt::format("<rect class=\"{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"", style, at_x(left), at_y(top),
                      coordinate(std::min(wide, width_ - left - 0.1), width_),
                      coordinate(std::min(high, height_ - top - 0.1), height_));
  out_ += element_end("rect", hint);
}

void Canvas::circle(Spot middle, double radius, std::string_view style, std::string_view hint) {
  out_ += fmt::format("<circle class=\"{}\" cx=\"{}\" cy=\"{}\" r=\"{}\"", style, at_x(middle.x), at_y(middle.y),
                      fixed(radius, 1));
  out_ += element_end("circle", hint);
}

void Canvas::text(Spot at, Anchor anchor, std::string_view words, std::string_view style) {
  const char* side = anchor == Anchor::kStart ? "start" : anchor == Anchor::kMiddle ? "middle" : "end";
  out_ += fmt::format("<text{} x=\"{}\" y=\"{}\" text-anchor=\"{}\">{}</text>\n",
                      style.empty() ? std::string() : fmt::format(" class=\"{}\"", style), at_x(at.x), at_y(at.y), side,
                      escaped(words));
}

void Canvas::strokes(const std::vector<std::vector<Spot>>& lists, std::string_view style) {
  std::string path;
  for (const auto& spots : lists) {
    for (std::size_t i = 0; i < spots.size(); ++i)
      path += fmt::format("{}{}", i == 0 ? "M" : "L", pair(spots[i]));
  }
  if (!path.empty()) out_ += fmt::format("<path class=\"{}\" d=\"{}\"/>\n", style, path);
}

void Canvas::polygon(const std::vector<Spot>& spots, std::string_view style) {
  if (spots.empty()) return;
  std::string path;
  for (std::size_t i = 0; i < spots.size(); ++i)
    path += fmt::format("{}{}", i == 0 ? "M" : "L", pair(spots[i]));
  out_ += fmt::format("<path class=\"{}\" d=\"{}Z\"/>\n", style, path);
}

std::string Canvas::take() && {
  return std::move(out_) + "</svg>\n";
}

double text_width(std::string_view words) {
  return kCharacterWidth * static_cast<double>(width_of(words));
}

}  // namespace tideline::planner_view
