#include "admin-client/plot.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "admin-client/human.h"
#include "admin-client/time_text.h"

namespace tideline::tidectl {
namespace {

constexpr std::size_t kMinWidth = 40;
constexpr std::size_t kMinHeight = 4;
constexpr std::array<const char*, 6> kColors = {"\x1b[36m", "\x1b[33m", "\x1b[35m", "\x1b[32m", "\x1b[31m", "\x1b[34m"};
constexpr const char* kReset = "\x1b[0m";
constexpr std::array<const char*, 6> kMarks = {"●", "○", "▲", "△", "■", "□"};
constexpr std::array<const char*, 6> kAsciiMarks = {"*", "o", "+", "x", "#", "@"};
/// What is more stands at the top: its digits would not fit beside the drawing.
constexpr double kMostDrawn = 1e18;
/// A hole of this many usual distances between points is a hole, not a line.
constexpr double kGapFactor = 3.5;

/// How a panel's numbers are read.
struct Scale {
  double divisor = 1;
  std::string unit;
};

Scale scale_for(std::string_view unit, double max) {
  if (unit == "millicores") return {1000, "cores"};
  if (unit == "bytes") {
    constexpr std::array<const char*, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
    double divisor = 1;
    std::size_t i = 0;
    while (max / divisor >= 1024 && i + 1 < kUnits.size()) {
      divisor *= 1024;
      ++i;
    }
    return {divisor, kUnits[i]};
  }
  return {1, std::string(unit)};
}

std::string number(double value, double step) {
  const int digits = step >= 1 ? 0 : static_cast<int>(std::ceil(-std::log10(step) - 1e-9));
  return fmt::format("{:.{}f}", value, std::min(digits, 6));
}

/// A grid of dots, 2 x 4 to a character in braille, 1 x 1 else; each cell knows which series drew in it last.
class Canvas {
 public:
  Canvas(std::size_t columns, std::size_t lines, bool braille)
      : columns_(columns),
        lines_(lines),
        braille_(braille),
        bits_(columns * lines, 0),
        owner_(columns * lines, kNobody) {}

  std::size_t dots_x() const { return columns_ * (braille_ ? 2 : 1); }
  std::size_t dots_y() const { return lines_ * (braille_ ? 4 : 1); }

  /// y counts from the bottom.
  void dot(std::size_t x, std::size_t y, std::size_t series) {
    if (x >= dots_x() || y >= dots_y()) return;
    const std::size_t from_top = dots_y() - 1 - y;
    const std::size_t cell = braille_ ? from_top / 4 * columns_ + x / 2 : from_top * columns_ + x;
    // Braille patterns: bits 0-2 left column, 3-5 right column, 6 and 7 the fourth row.
    constexpr std::array<std::array<unsigned, 2>, 4> kBits = {{{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}};
    bits_[cell] |= braille_ ? kBits[from_top % 4][x % 2] : 1u;
    owner_[cell] = series;
  }

  std::string line(std::size_t line, const PlotOptions& options) const {
    std::string out;
    std::size_t color = kNobody;
    for (std::size_t c = 0; c < columns_; ++c) {
      const std::size_t cell = line * columns_ + c;
      const std::size_t owner = bits_[cell] == 0 ? kNobody : owner_[cell];
      if (options.color && owner != color) {
        if (color != kNobody) out += kReset;
        if (owner != kNobody) out += kColors[owner % kColors.size()];
        color = owner;
      }
      if (owner == kNobody) {
        out += ' ';
      } else if (braille_) {
        const unsigned code = 0x2800 + bits_[cell];
        out += static_cast<char>(0xE0 | (code >> 12));
        out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
        out += static_cast<char>(0x80 | (code & 0x3F));
      } else {
        out += options.utf8 ? kMarks[owner % kMarks.size()] : kAsciiMarks[owner % kAsciiMarks.size()];
      }
    }
    if (color != kNobody) out += kReset;
    while (!out.empty() && out.back() == ' ')
      out.pop_back();
    return out;
  }

 private:
  static constexpr std::size_t kNobody = std::numeric_limits<std::size_t>::max();
  std::size_t columns_;
  std::size_t lines_;
  bool braille_;
  std::vector<unsigned> bits_;
  std::vector<std::size_t> owner_;
};

/// The usual distance between points: the median.
double usual_step(std::span<const Point> points) {
  std::vector<std::int64_t> steps;
  for (std::size_t i = 1; i < points.size(); ++i)
    steps.push_back(points[i].at.ms - points[i - 1].at.ms);
  if (steps.empty()) return 0;
  const auto middle = steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2);
  std::nth_element(steps.begin(), middle, steps.end());
  return static_cast<double>(*middle);
}

void draw(Canvas& canvas, const Curve& curve, std::size_t index, const PlotOptions& options, double top) {
  const auto span = static_cast<double>(options.to.ms - options.from.ms);
  const auto x_of = [&](const Point& point) {
    return static_cast<double>(point.at.ms - options.from.ms) / span * static_cast<double>(canvas.dots_x() - 1);
  };
  const auto y_of = [&](double value) {
    const double y = std::clamp(value / top, 0.0, 1.0) * static_cast<double>(canvas.dots_y() - 1);
    return static_cast<std::size_t>(std::lround(y));
  };
  const double gap = usual_step(curve.points) * kGapFactor;
  const Point* previous = nullptr;
  for (const Point& point : curve.points) {
    if (point.at.ms < options.from.ms || point.at.ms > options.to.ms || !std::isfinite(point.value)) continue;
    const bool joined = previous && static_cast<double>(point.at.ms - previous->at.ms) <= gap;
    const double x = x_of(point);
    const std::size_t column = static_cast<std::size_t>(std::lround(x));
    if (joined) {
      const double x0 = x_of(*previous);
      const auto first = static_cast<std::size_t>(std::lround(x0));
      std::size_t last_y = y_of(previous->value);
      for (std::size_t c = first; c <= column; ++c) {
        const double share = x > x0 ? std::clamp((static_cast<double>(c) - x0) / (x - x0), 0.0, 1.0) : 1.0;
        const std::size_t y =
            c == column ? y_of(point.value) : y_of(previous->value + (point.value - previous->value) * share);
        for (std::size_t step = std::min(last_y, y); step <= std::max(last_y, y); ++step)
          canvas.dot(c, step, index);
        last_y = y;
      }
    } else {
      canvas.dot(column, y_of(point.value), index);
    }
    previous = &point;
  }
}

std::string legend(const Curve& curve, std::size_t index, const Scale& scale, double step, const PlotOptions& options) {
  std::string mark;
  if (options.color) {
    mark = fmt::format("{}{}{}", kColors[index % kColors.size()], options.utf8 ? "━━" : "--", kReset);
  } else {
    mark = options.utf8 ? kMarks[index % kMarks.size()] : kAsciiMarks[index % kAsciiMarks.size()];
  }
  std::string text = fmt::format("  {} {}", mark, curve.name);
  double min = std::numeric_limits<double>::infinity();
  double max = -min;
  double sum = 0;
  for (const Point& point : curve.points) {
    min = std::min(min, point.value);
    max = std::max(max, point.value);
    sum += point.value;
  }
  if (curve.points.empty()) return text + "  no data\n";
  const double mean = sum / static_cast<double>(curve.points.size());
  const double fine = step / 10;
  return text + fmt::format("  min {}  mean {}  max {} {}{}\n", number(min / scale.divisor, fine),
                            number(mean / scale.divisor, fine), number(max / scale.divisor, fine), scale.unit,
                            curve.truncated ? "  (cut: narrow the range)" : "");
}

/// Tick marks and clock times below the drawing area.
std::string time_axis(std::size_t columns, std::size_t margin, const PlotOptions& options) {
  constexpr std::size_t kLabel = 8;
  const std::size_t labels = std::max<std::size_t>(2, columns / (kLabel + 8));
  std::string axis;
  std::string text(margin + columns + kLabel, ' ');
  std::vector<bool> ticks(columns, false);
  std::size_t free_from = 0;
  for (std::size_t i = 0; i < labels; ++i) {
    const std::size_t column = i * (columns - 1) / (labels - 1);
    const auto at = options.from.ms + (options.to.ms - options.from.ms) * static_cast<std::int64_t>(i) /
                                          static_cast<std::int64_t>(labels - 1);
    ticks[column] = true;
    std::size_t start = margin + column < kLabel / 2 ? 0 : margin + column - kLabel / 2;
    start = std::min(start, margin + columns - kLabel);
    if (start < free_from) continue;
    text.replace(start, kLabel, format_clock({at}));
    free_from = start + kLabel + 1;
  }
  for (std::size_t c = 0; c < columns; ++c)
    axis += options.utf8 ? (ticks[c] ? "┬" : "─") : (ticks[c] ? "+" : "-");
  text.erase(text.find_last_not_of(' ') + 1);
  return std::string(margin - 1, ' ') + (options.utf8 ? "└" : "+") + axis + "\n" + text + "\n";
}

std::string panel(const std::vector<const Curve*>& curves, const PlotOptions& options) {
  double max = 0;
  for (const Curve* curve : curves) {
    for (const Point& point : curve->points) {
      if (std::isfinite(point.value)) max = std::max(max, std::min(point.value, kMostDrawn));
    }
  }
  const Scale scale = scale_for(curves.front()->unit, max);
  const std::size_t lines = std::max(options.height, kMinHeight);
  const auto ticks = nice_ticks(max / scale.divisor, std::clamp<std::size_t>(lines / 3, 2, 6));
  const double step = ticks[1];
  const double top = ticks.back() * scale.divisor;

  std::size_t label_width = 0;
  for (const double tick : ticks)
    label_width = std::max(label_width, number(tick, step).size());
  const std::size_t margin = label_width + 2;  // label, blank, axis
  const std::size_t columns = std::max(options.width, kMinWidth) - margin;

  // Without colours braille cannot tell two lines apart.
  const bool braille = options.utf8 && (options.color || curves.size() == 1);
  Canvas canvas(columns, lines, braille);
  for (std::size_t i = 0; i < curves.size(); ++i)
    draw(canvas, *curves[i], i, options, top);

  std::vector<std::optional<double>> tick_at(lines);
  for (const double tick : ticks) {
    const double from_bottom = tick / ticks.back() * static_cast<double>(lines - 1);
    tick_at[lines - 1 - static_cast<std::size_t>(std::lround(from_bottom))] = tick;
  }
  std::string out = scale.unit + "\n";
  for (std::size_t line = 0; line < lines; ++line) {
    const std::string label = tick_at[line] ? number(*tick_at[line], step) : "";
    out += std::string(label_width - label.size(), ' ') + label + " ";
    out += options.utf8 ? (tick_at[line] ? "┤" : "│") : (tick_at[line] ? "+" : "|");
    out += canvas.line(line, options) + "\n";
  }
  out += time_axis(columns, margin, options);
  for (std::size_t i = 0; i < curves.size(); ++i) {
    const bool single_braille = braille && !options.color;
    std::string text = legend(*curves[i], i, scale, step, options);
    if (single_braille) text.replace(text.find(kMarks[0]), std::string_view(kMarks[0]).size(), "⠒");
    out += text;
  }
  return out;
}

}  // namespace

std::vector<double> nice_ticks(double max, std::size_t count) {
  if (!(max > 0) || !std::isfinite(max)) max = 1;
  const double raw = max / static_cast<double>(std::max<std::size_t>(count, 1));
  const double magnitude = std::pow(10, std::floor(std::log10(raw)));
  double step = magnitude * 10;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (magnitude * factor >= raw * (1 - 1e-9)) {
      step = magnitude * factor;
      break;
    }
  }
  std::vector<double> ticks = {0};
  while (ticks.back() < max * (1 - 1e-9))
    ticks.push_back(step * static_cast<double>(ticks.size()));
  return ticks;
}

std::string plot_curves(const std::vector<Curve>& curves, const PlotOptions& options) {
  std::vector<std::vector<const Curve*>> panels;
  for (const Curve& curve : curves) {
    const auto same_unit = std::find_if(panels.begin(), panels.end(), [&](const auto& panel_curves) {
      return panel_curves.front()->unit == curve.unit;
    });
    if (same_unit == panels.end()) {
      panels.push_back({&curve});
    } else {
      same_unit->push_back(&curve);
    }
  }
  std::string out;
  for (const auto& panel_curves : panels) {
    if (!out.empty()) out += "\n";
    out += panel(panel_curves, options);
  }
  return out + fmt::format("  {} .. {} (UTC)\n", format_instant(options.from), format_instant(options.to));
}

std::string plot(const std::vector<Series>& series, const PlotOptions& options) {
  std::vector<Curve> curves;
  for (const Series& s : series)
    curves.push_back({model::name_of(s.metric), model::unit_of(s.metric), s.points, s.truncated});
  return plot_curves(curves, options);
}

}  // namespace tideline::tidectl
