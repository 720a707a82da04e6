#include "coordinator/planner_view/svg_plot.h"

#include <cmath>
#include <functional>
#include <limits>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/coordinator/planner_view/markup.h"

namespace tideline::planner_view {
namespace {

using testing::HasSubstr;
using testing::Not;

void expect_sound(const std::string& svg) {
  EXPECT_EQ(stray_element(svg), "");
  EXPECT_EQ(unbalanced_tag(svg), "");
  EXPECT_EQ(asks_for(svg), "");
  EXPECT_EQ(count_tags(svg, "svg"), 1u);
}

/// Numbers as they come, and as they should not.
class Hostile {
 public:
  explicit Hostile(std::uint64_t seed) : random_(seed) {}
  double number() {
    switch (random_() % 8) {
      case 0:
        return NAN;
      case 1:
        return random_() % 2 == 0 ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity();
      case 2:
        return 1e300;
      case 3:
        return -5;
      case 4:
        return 0;
      default:
        return static_cast<double>(random_() % 100'000) / 7;
    }
  }
  std::int64_t time() {
    if (random_() % 10 == 0) return std::numeric_limits<std::int64_t>::max();
    if (random_() % 10 == 0) return std::numeric_limits<std::int64_t>::min();
    return static_cast<std::int64_t>(random_() % 2'000'000'000U);
  }
  std::size_t below(std::size_t most) { return random_() % most; }
  std::string name() {
    return random_() % 4 == 0 ? std::string(random_() % 300, 'x') : "<script>\"'&\x1b" + std::to_string(random_() % 9);
  }

 private:
  std::mt19937_64 random_;
};

TimePlot plain_time_plot() {
  TimePlot plot{.title = "t", .unit = "cores", .times = {}, .series = {}};
  PlotSeries used{.name = "used", .color = 0, .curve = Curve::kStacked, .values = {}};
  PlotSeries batch{.name = "batch", .color = 1, .curve = Curve::kStacked, .values = {}};
  PlotSeries capacity{.name = "capacity", .color = 2, .curve = Curve::kDashed, .values = {}};
  for (int i = 0; i < 100; ++i) {
    plot.times.push_back(1'372'636'800 + i * 300);
    used.values.push_back(10 + i % 5);
    batch.values.push_back(i);
    capacity.values.push_back(64);
  }
  plot.series = {used, batch, capacity};
  return plot;
}

TEST(TimePlot, HasAxesALegendAndACurveASeries) {
  const auto svg = svg_of(plain_time_plot());
  expect_sound(svg);
  EXPECT_EQ(count_tags(svg, "path"), 3u);
  for (const char* text : {">used</text>", ">batch</text>", ">capacity</text>", ">cores</text>", ">02:00</text>"})
    EXPECT_THAT(svg, HasSubstr(text));
}

TEST(TimePlot, StacksAreasAndLeavesLinesAlone) {
  const auto tags = tags_of(svg_of(plain_time_plot()));
  std::vector<double> least;  // the highest place of each curve
  for (const auto& tag : tags) {
    if (tag.name != "path") continue;
    const auto path = numbers_in(tag.attribute("d"));
    double top = 1e9;
    for (std::size_t i = 1; i < path.size(); i += 2)
      top = std::min(top, path[i]);
    least.push_back(top);
  }
  ASSERT_EQ(least.size(), 3u);
  EXPECT_LT(least[1], least[0]) << "batch stands upon services";
  EXPECT_LT(least[1], least[2]) << "and at 113 above the line at 64";
}

TEST(TimePlot, HasAGapWhereAValueIsNotKnown) {
  auto plot = plain_time_plot();
  plot.series = {{.name = "line", .color = 0, .curve = Curve::kLine, .values = plot.series[0].values}};
  plot.series[0].values[50] = NAN;
  const auto svg = svg_of(plot);
  expect_sound(svg);
  std::size_t begins = 0;
  for (const auto& tag : tags_of(svg)) {
    const auto path = tag.attribute("d");
    begins += static_cast<std::size_t>(std::count(path.begin(), path.end(), 'M'));
  }
  EXPECT_EQ(begins, 2u);
}

TEST(TimePlot, OfAnythingStaysWithinItsBox) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Hostile hostile(seed);
    TimePlot plot{.title = hostile.name(), .unit = hostile.name(), .times = {}, .series = {}};
    const std::size_t points = hostile.below(40);
    for (std::size_t i = 0; i < points; ++i)
      plot.times.push_back(hostile.time());
    std::sort(plot.times.begin(), plot.times.end());
    for (std::size_t s = hostile.below(8); s > 0; --s) {
      PlotSeries series{.name = hostile.name(),
                        .color = static_cast<int>(s) * 7 - 20,
                        .curve = static_cast<Curve>(hostile.below(3)),
                        .values = {}};
      for (std::size_t i = hostile.below(50); i > 0; --i)
        series.values.push_back(hostile.number());
      plot.series.push_back(std::move(series));
    }
    const auto svg = svg_of(plot);
    expect_sound(svg);
    EXPECT_EQ(svg, svg_of(plot));
    EXPECT_THAT(svg, Not(HasSubstr("nan")));
  }
}

TEST(ScatterPlot, MarksFrontierChoiceAndLimit) {
  ScatterPlot plot{.title = "t",
                   .x_title = "savings (%)",
                   .y_title = "risk (%)",
                   .points = {},
                   .y_limit = 1.0,
                   .limit_name = "accepted risk"};
  plot.points = {{.label = "limit", .x = 0, .y = 0, .on_frontier = true},
                 {.label = "nsigma:5", .x = 30, .y = 0.5, .on_frontier = true, .chosen = true},
                 {.label = "mean:15", .x = 60, .y = 20}};
  const auto svg = svg_of(plot);
  expect_sound(svg);
  EXPECT_EQ(count_tags(svg, "circle"), 3u);
  EXPECT_EQ(count_tags(svg, "path"), 1u);
  for (const char* text : {">limit</text>", ">nsigma:5</text>", ">mean:15</text>", ">accepted risk</text>", "chosen"})
    EXPECT_THAT(svg, HasSubstr(text));
}

TEST(ScatterPlot, LetsNoLabelsOverlap) {
  ScatterPlot plot{.title = "t", .x_title = "x", .y_title = "y", .points = {}, .y_limit = {}, .limit_name = {}};
  for (int i = 0; i < 40; ++i)
    plot.points.push_back({.label = "a-name-of-some-length", .x = i * 0.01, .y = 5});
  const auto svg = svg_of(plot);
  expect_sound(svg);
  EXPECT_EQ(count_tags(svg, "circle"), 40u);
  std::size_t labels = 0;
  for (const auto& tag : tags_of(svg))
    labels += tag.attribute("class") == "label" ? 1 : 0;
  EXPECT_GT(labels, 0u);
  EXPECT_LT(labels, 20u) << "the others are hints only";
}

TEST(ScatterPlot, OfAnythingStaysWithinItsBox) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Hostile hostile(seed);
    ScatterPlot plot{.title = hostile.name(),
                     .x_title = hostile.name(),
                     .y_title = hostile.name(),
                     .points = {},
                     .y_limit = {},
                     .limit_name = hostile.name()};
    if (hostile.below(2) == 0) plot.y_limit = hostile.number();
    for (std::size_t i = hostile.below(40); i > 0; --i) {
      plot.points.push_back({.label = hostile.name(),
                             .x = hostile.number(),
                             .y = hostile.number(),
                             .on_frontier = hostile.below(2) == 0,
                             .chosen = hostile.below(9) == 0});
    }
    const auto svg = svg_of(plot);
    expect_sound(svg);
    EXPECT_EQ(svg, svg_of(plot));
  }
}

TEST(BarPlot, HasABarALabelAndAValueEach) {
  BarPlot plot{.title = "t", .unit = "core-h", .bars = {}};
  plot.bars = {{.label = "before", .value = 100}, {.label = "after", .value = 120, .text = "a hundred and twenty"}};
  const auto svg = svg_of(plot);
  expect_sound(svg);
  EXPECT_EQ(count_tags(svg, "rect"), 2u);
  for (const char* text : {">before</text>", ">after</text>", ">a hundred and twenty</text>", ">core-h</text>"})
    EXPECT_THAT(svg, HasSubstr(text));
}

TEST(BarPlot, OfAnythingStaysWithinItsBox) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Hostile hostile(seed);
    BarPlot plot{.title = hostile.name(), .unit = hostile.name(), .bars = {}};
    for (std::size_t i = hostile.below(40); i > 0; --i) {
      plot.bars.push_back({.label = hostile.name(),
                           .value = hostile.number(),
                           .text = hostile.below(2) == 0 ? hostile.name() : "",
                           .color = static_cast<int>(i)});
    }
    const auto svg = svg_of(plot);
    expect_sound(svg);
    EXPECT_EQ(svg, svg_of(plot));
  }
}

TEST(LanePlot, ShowsHowManyStandAtATime) {
  constexpr std::int64_t kBegin = 1'372'636'800;
  LanePlot plot{.title = "t", .begin_s = kBegin, .end_s = kBegin + 86'400, .lanes = {}};
  plot.lanes = {{.name = "violation", .color = 4, .stretches = {{kBegin, kBegin + 3'600}, {kBegin, kBegin + 7'200}}},
                {.name = "deficit", .color = 4, .stretches = {}}};
  const auto svg = svg_of(plot);
  expect_sound(svg);
  EXPECT_THAT(svg, HasSubstr(">at most 2 at a time</text>"));
  EXPECT_THAT(svg, HasSubstr(">none</text>"));
  EXPECT_THAT(svg, HasSubstr("bar s5 c4"));
  EXPECT_THAT(svg, HasSubstr("bar s3 c4")) << "one of two, in the second hour";
}

TEST(LanePlot, OfManyStretchesStaysSmall) {
  LanePlot plot{.title = "t", .begin_s = 0, .end_s = 1'000'000, .lanes = {{.name = "a", .color = 0, .stretches = {}}}};
  Hostile hostile(3);
  for (int i = 0; i < 100'000; ++i) {
    const auto begin = static_cast<std::int64_t>(hostile.below(1'000'000));
    plot.lanes[0].stretches.push_back({begin, begin + 300});
  }
  const auto svg = svg_of(plot);
  expect_sound(svg);
  EXPECT_LT(svg.size(), 60'000u);
}

TEST(LanePlot, OfAnythingStaysWithinItsBox) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Hostile hostile(seed);
    LanePlot plot{.title = hostile.name(), .begin_s = hostile.time(), .end_s = hostile.time(), .lanes = {}};
    for (std::size_t l = hostile.below(6); l > 0; --l) {
      Lane lane{.name = hostile.name(), .color = static_cast<int>(l), .stretches = {}};
      for (std::size_t i = hostile.below(50); i > 0; --i)
        lane.stretches.push_back({hostile.time(), hostile.time()});
      plot.lanes.push_back(std::move(lane));
    }
    const auto svg = svg_of(plot);
    expect_sound(svg);
    EXPECT_EQ(svg, svg_of(plot));
  }
}

TEST(Plots, WithoutAnythingSaySo) {
  EXPECT_THAT(svg_of(TimePlot{}), HasSubstr("nothing to show"));
  EXPECT_THAT(svg_of(ScatterPlot{}), HasSubstr("nothing to show"));
  EXPECT_THAT(svg_of(BarPlot{}), HasSubstr("nothing to show"));
  EXPECT_THAT(svg_of(LanePlot{}), HasSubstr("nothing to show"));
}

}  // namespace
}  // namespace tideline::planner_view
