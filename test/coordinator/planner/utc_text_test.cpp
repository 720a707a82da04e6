#include "coordinator/planner/utc_text.h"

#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

namespace tideline::planner::utc_text_test {
namespace {

TEST(UtcText, IsTheSecondsDateAndTime) {
  EXPECT_EQ(utc_text(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(utc_text(-1), "1969-12-31T23:59:59Z");
  EXPECT_EQ(utc_text(1'372'845'600), "2013-07-03T10:00:00Z");
  EXPECT_EQ(utc_text(1'456'704'000 + 3'661), "2016-02-29T01:01:01Z");
}

TEST(UtcText, BeyondTheDatesThereAreItIsTheNearest) {
  EXPECT_EQ(utc_text(kFirstUtcTime), "0001-01-01T00:00:00Z");
  EXPECT_EQ(utc_text(kLastUtcTime), "9999-12-31T23:59:59Z");
  EXPECT_EQ(utc_text(std::numeric_limits<std::int64_t>::min()), "0001-01-01T00:00:00Z");
  EXPECT_EQ(utc_text(std::numeric_limits<std::int64_t>::max()), "9999-12-31T23:59:59Z");
}

}  // namespace
}  // namespace tideline::planner::utc_text_test
