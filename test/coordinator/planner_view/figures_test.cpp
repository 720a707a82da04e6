#include "coordinator/planner_view/figures.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace tideline::planner_view {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(Figures, AreFixedWithoutASignOfNothing) {
  EXPECT_EQ(fixed(1.005, 1), "1.0");
  EXPECT_EQ(fixed(-0.04, 1), "0.0");
  EXPECT_EQ(fixed(-0.06, 1), "-0.1");
  EXPECT_EQ(fixed(12'345.6, 0), "12346");
  EXPECT_EQ(fixed(NAN, 2), "-");
  EXPECT_EQ(fixed(-kInfinity, 2), "-");
}

TEST(Figures, HaveTheDecimalsThatTheirSizeNeeds) {
  EXPECT_EQ(amount(0), "0");
  EXPECT_EQ(amount(-0.0), "0");
  EXPECT_EQ(amount(12'345.6), "12346");
  EXPECT_EQ(amount(123.45), "123.5");
  EXPECT_EQ(amount(64), "64");
  EXPECT_EQ(amount(0.03127), "0.0313");
  EXPECT_EQ(amount(0.00001), "1e-05");
  EXPECT_EQ(amount(-2.5), "-2.50");
  EXPECT_EQ(amount(NAN), "-");
  EXPECT_EQ(amount(kInfinity), "-");
}

TEST(Figures, SharesAreNeverNothingWhereThereIsSomething) {
  EXPECT_EQ(percent(0.125), "12.50");
  EXPECT_EQ(percent(0), "0.00");
  EXPECT_EQ(percent(0.00001, 3), "0.001");
  EXPECT_EQ(percent(0.000001, 3), "<0.001");
  EXPECT_EQ(percent(-0.5, 0), "-50");
}

TEST(Figures, TimesAreUtcAndCutToTheYearsThatHaveDates) {
  EXPECT_EQ(utc_text(1'372'845'600), "2013-07-03T10:00:00Z");
  EXPECT_EQ(utc_day(1'372'845'600), "2013-07-03");
  EXPECT_EQ(utc_text(-1), "1969-12-31T23:59:59Z");
  EXPECT_EQ(utc_text(std::numeric_limits<std::int64_t>::min()), "0001-01-01T00:00:00Z");
  EXPECT_EQ(utc_text(std::numeric_limits<std::int64_t>::max()), "9999-12-31T23:59:59Z");
}

TEST(Figures, LengthsAreInTheLargestUnitThatFits) {
  EXPECT_EQ(length_text(0), "0 s");
  EXPECT_EQ(length_text(60), "60 s");
  EXPECT_EQ(length_text(300), "5 min");
  EXPECT_EQ(length_text(5'400), "90 min");
  EXPECT_EQ(length_text(86'400), "24 h");
  EXPECT_EQ(length_text(14 * 86'400), "14 d");
  EXPECT_EQ(length_text(86'401), "86401 s");
}

TEST(Figures, WidthCountsCharacters) {
  EXPECT_EQ(width_of(""), 0u);
  EXPECT_EQ(width_of("abc"), 3u);
  EXPECT_EQ(width_of("é–x"), 3u);
}

}  // namespace
}  // namespace tideline::planner_view
