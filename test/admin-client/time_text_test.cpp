#include "admin-client/time_text.h"

#include <gmock/gmock.h>

namespace tideline::tidectl::time_text_test {
namespace {

using model::Duration;
using model::WallTime;
using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr WallTime kNow{1'772'366'400'000};  // 2026-03-01T12:00:00Z

TEST(ParseDuration, ReadsUnitsFromLargestToSmallest) {
  EXPECT_EQ(parse_duration("250ms").value(), Duration(250ms));
  EXPECT_EQ(parse_duration("90s").value(), Duration(90s));
  EXPECT_EQ(parse_duration("5m").value(), Duration(5min));
  EXPECT_EQ(parse_duration("1h30m").value(), Duration(90min));
  EXPECT_EQ(parse_duration("2d3h4m5s6ms").value(), Duration(51h + 4min + 5s + 6ms));
  EXPECT_EQ(parse_duration("0s").value(), Duration(0));
}

TEST(ParseDuration, RefusesWhatItCannotMeanAndQuotesIt) {
  for (const std::string bad : {"", "5", "m", "5x", "-5m", "+5m", "5m1h", "5m5m", "1.5h", "5 m",
                                "99999999999999999999s", "4000d", "9223372036854775807ms", "5M"}) {
    const auto duration = parse_duration(bad);
    ASSERT_FALSE(duration.ok()) << bad;
    EXPECT_THAT(duration.error().message(), HasSubstr("\"" + bad + "\"")) << bad;
  }
}

TEST(ParseInstant, CountsRelativeTimesFromNow) {
  EXPECT_EQ(parse_instant("now", kNow).value(), kNow);
  EXPECT_EQ(parse_instant("-5m", kNow).value(), WallTime{kNow.ms - 300'000});
  EXPECT_EQ(parse_instant("-1h30m", kNow).value(), WallTime{kNow.ms - 5'400'000});
}

TEST(ParseInstant, ReadsRfc3339WithFractionsAndOffsets) {
  EXPECT_EQ(parse_instant("2026-03-01T12:00:00Z", kNow).value(), kNow);
  EXPECT_EQ(parse_instant("2026-03-01 12:00:00z", kNow).value(), kNow);
  EXPECT_EQ(parse_instant("2026-03-01T13:00:00+01:00", kNow).value(), kNow);
  EXPECT_EQ(parse_instant("2026-03-01T06:30:00-05:30", kNow).value(), kNow);
  EXPECT_EQ(parse_instant("2026-03-01T12:00:00.25Z", kNow).value(), WallTime{kNow.ms + 250});
  EXPECT_EQ(parse_instant("2026-03-01T12:00:00.123456789Z", kNow).value(), WallTime{kNow.ms + 123});
  EXPECT_EQ(parse_instant("1970-01-01T00:00:00Z", kNow).value(), WallTime{0});
  EXPECT_EQ(parse_instant("2024-02-29T00:00:00Z", kNow).value(), WallTime{1'709'164'800'000});
}

TEST(ParseInstant, ReadsMillisecondsSinceTheEpoch) {
  EXPECT_EQ(parse_instant("1772366400000", kNow).value(), kNow);
}

TEST(ParseInstant, RefusesWhatItCannotMean) {
  for (const std::string bad : {"",
                                "yesterday",
                                "5m",
                                "-",
                                "-5",
                                "+5m",
                                "2026-03-01",
                                "2026-03-01T12:00:00",
                                "2026-13-01T12:00:00Z",
                                "2026-02-29T12:00:00Z",
                                "2026-03-01T24:00:00Z",
                                "2026-03-01T12:60:00Z",
                                "2026-03-01T12:00:61Z",
                                "2026-03-01T12:00:00.Z",
                                "2026-03-01T12:00:00+1:00",
                                "2026-03-01T12:00:00Zx",
                                "1772366400",
                                "17723664000000000",
                                "0x17723664000",
                                "2026-3-01T12:00:00Z"}) {
    EXPECT_FALSE(parse_instant(bad, kNow).ok()) << bad;
  }
}

TEST(ParseInstant, ShowsControlCharactersOfABadTimeHarmless) {
  const auto at = parse_instant("\x1b[2J", kNow);
  ASSERT_FALSE(at.ok());
  EXPECT_THAT(at.error().message(), HasSubstr("\"?[2J\""));
}

TEST(FormatInstant, IsReadBackToTheSameInstant) {
  for (const std::int64_t ms : {std::int64_t{0}, kNow.ms, kNow.ms + 1, std::int64_t{951'782'400'000}}) {
    EXPECT_EQ(parse_instant(format_instant({ms}), kNow).value().ms, ms) << format_instant({ms});
  }
  EXPECT_EQ(format_instant(kNow), "2026-03-01T12:00:00Z");
  EXPECT_EQ(format_instant({kNow.ms + 50}), "2026-03-01T12:00:00.050Z");
  EXPECT_EQ(format_clock(kNow), "12:00:00");
}

TEST(FormatDuration, ShowsTwoLeadingUnits) {
  EXPECT_EQ(format_duration(420ms), "420ms");
  EXPECT_EQ(format_duration(12s + 900ms), "12s");
  EXPECT_EQ(format_duration(185s), "3m05s");
  EXPECT_EQ(format_duration(2h + 4min + 59s), "2h04m");
  EXPECT_EQ(format_duration(123h), "5d03h");
  EXPECT_EQ(format_duration(-2s), "-2s");
}

}  // namespace
}  // namespace tideline::tidectl::time_text_test
