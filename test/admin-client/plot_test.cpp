#include "admin-client/plot.h"

#include <cmath>

#include <gmock/gmock.h>

#include "admin-client/human.h"

namespace tideline::tidectl::plot_test {
namespace {

using model::Metric;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

PlotOptions options(bool utf8, bool color) {
  PlotOptions o;
  o.width = 60;
  o.height = 5;
  o.utf8 = utf8;
  o.color = color;
  o.from = {0};
  o.to = {60'000};
  return o;
}

Series ramp(Metric metric, double from, double to) {
  Series s{metric, {}, false};
  for (std::int64_t i = 0; i <= 60; ++i) {
    s.points.push_back({{i * 1000}, from + (to - from) * static_cast<double>(i) / 60});
  }
  return s;
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> out;
  std::string line;
  for (const char c : text) {
    if (c == '\n') {
      out.push_back(line);
      line.clear();
    } else {
      line += c;
    }
  }
  return out;
}

TEST(NiceTicks, AreStepsOfOneTwoOrFive) {
  EXPECT_THAT(nice_ticks(2, 4), ElementsAre(0, 0.5, 1, 1.5, 2));
  EXPECT_THAT(nice_ticks(7.3, 4), ElementsAre(0, 2, 4, 6, 8));
  EXPECT_THAT(nice_ticks(0, 2), ElementsAre(0, 0.5, 1));
  for (const double max : {1e-6, 0.3, 1.0, 99.0, 1e12, static_cast<double>(NAN), static_cast<double>(INFINITY)}) {
    const auto ticks = nice_ticks(max, 4);
    ASSERT_GE(ticks.size(), 2u) << max;
    ASSERT_LE(ticks.size(), 12u) << max;
    if (std::isfinite(max)) {
      EXPECT_GE(ticks.back(), max * (1 - 1e-9));
    }
  }
}

TEST(Plot, DrawsARampInAscii) {
  EXPECT_EQ(plot({ramp(Metric::kLsCpu, 0, 2000)}, options(false, false)),
            "cores\n"
            "2 +                                                 ********\n"
            "  |                                   ***************\n"
            "1 +                     ***************\n"
            "  |       ***************\n"
            "0 +********\n"
            "  ++---------------------------+---------------------------+\n"
            "00:00:00                   00:00:30                 00:01:00\n"
            "  * ls.cpu  min 0.0  mean 1.0  max 2.0 cores\n"
            "  1970-01-01T00:00:00Z .. 1970-01-01T00:01:00Z (UTC)\n");
}

TEST(Plot, NoLineIsWiderThanTheTerminal) {
  for (const bool utf8 : {false, true}) {
    for (const std::size_t width : {40u, 57u, 80u, 200u}) {
      auto o = options(utf8, false);
      o.width = width;
      for (const auto& line : lines(plot({ramp(Metric::kLsMemory, 1e9, 8e9)}, o))) {
        EXPECT_LE(width_of(line), std::max<std::size_t>(width, 70)) << line;
      }
    }
  }
}

TEST(Plot, LeavesAHoleWherePointsAreMissing) {
  Series s = ramp(Metric::kBeLimit, 1000, 1000);
  std::erase_if(s.points, [](const Point& p) { return p.at.ms > 20'000 && p.at.ms < 40'000; });
  const auto top = lines(plot({s}, options(false, false)))[1];
  EXPECT_THAT(top, HasSubstr("***"));
  EXPECT_THAT(top, HasSubstr("                "));
  EXPECT_THAT(lines(plot({ramp(Metric::kBeLimit, 1000, 1000)}, options(false, false)))[1], Not(HasSubstr("  *")));
}

TEST(Plot, GivesEachUnitItsOwnPanel) {
  const auto text =
      plot({ramp(Metric::kLsCpu, 0, 1500), ramp(Metric::kLsMemory, 0, 3.0 * (1 << 30)), ramp(Metric::kBeCpu, 500, 500)},
           options(false, false));
  EXPECT_THAT(text, AllOf(HasSubstr("cores\n"), HasSubstr("\nGiB\n"), HasSubstr("* ls.cpu"), HasSubstr("o be.cpu")));
}

TEST(Plot, SaysWhichSeriesHasNoData) {
  EXPECT_THAT(plot({Series{Metric::kBeLimit, {}, false}}, options(true, false)), HasSubstr("be.limit  no data"));
}

TEST(Plot, UsesBrailleOnlyWhereLinesStayTellable) {
  const auto one = plot({ramp(Metric::kLsCpu, 0, 2000)}, options(true, false));
  EXPECT_THAT(one, AllOf(HasSubstr("⠒ ls.cpu"), HasSubstr("┤"), Not(HasSubstr("\x1b"))));
  const auto two = plot({ramp(Metric::kLsCpu, 0, 2000), ramp(Metric::kBeCpu, 2000, 0)}, options(true, false));
  EXPECT_THAT(two, AllOf(HasSubstr("● ls.cpu"), HasSubstr("○ be.cpu"), Not(HasSubstr("\x1b"))));
  const auto coloured = plot({ramp(Metric::kLsCpu, 0, 2000), ramp(Metric::kBeCpu, 2000, 0)}, options(true, true));
  EXPECT_THAT(coloured, AllOf(HasSubstr("\x1b[36m"), HasSubstr("\x1b[33m"), Not(HasSubstr("●"))));
}

TEST(Plot, AsciiHoldsNoOtherBytes) {
  for (const char c : plot({ramp(Metric::kLsCpu, 0, 2000), ramp(Metric::kBeCpu, 2000, 0)}, options(false, false))) {
    EXPECT_LT(static_cast<unsigned char>(c), 0x80);
  }
}

TEST(Plot, SurvivesValuesThatAreNoNumbersAndPointsOutside) {
  Series s = ramp(Metric::kLsCpu, 0, 2000);
  s.points[5].value = std::nan("");
  s.points[6].value = INFINITY;
  s.points.push_back({{1'000'000}, 5});
  s.points.insert(s.points.begin(), {{-5}, 5});
  EXPECT_THAT(plot({s}, options(true, true)), HasSubstr("cores"));
}

}  // namespace
}  // namespace tideline::tidectl::plot_test
