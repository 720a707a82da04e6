#pragma once
// SVG, element by element. What is drawn lies within the view box, whatever it is given: a coordinate beyond is put at
// the edge, one that is no number at 0.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tideline::planner_view {

struct Spot {
  double x = 0;
  double y = 0;
};

enum class Anchor : unsigned char { kStart, kMiddle, kEnd };

class Canvas {
 public:
  /// `title` is read out in place of the picture.
  Canvas(double width, double height, std::string_view title);

  double width() const { return width_; }
  double height() const { return height_; }

  // `style`: classes of the page's sheet. `hint`: shown where a pointer rests; "" is none.
  void line(Spot from, Spot to, std::string_view style);
  void rect(Spot corner, double wide, double high, std::string_view style, std::string_view hint = {});
  void circle(Spot middle, double radius, std::string_view style, std::string_view hint = {});
  void text(Spot at, Anchor anchor, std::string_view words, std::string_view style = {});
  /// Strokes through spots; a new one begins after each list.
  void strokes(const std::vector<std::vector<Spot>>& lists, std::string_view style);
  void polygon(const std::vector<Spot>& spots, std::string_view style);

  std::string take() &&;

 private:
  std::string at_x(double x) const;
  std::string at_y(double y) const;
  std::string pair(Spot spot) const;

  double width_;
  double height_;
  std::string out_;
};

/// About how wide a text is as the page's sheet has it.
double text_width(std::string_view words);

}  // namespace tideline::planner_view
