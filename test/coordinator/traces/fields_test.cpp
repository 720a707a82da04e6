#include "coordinator/traces/fields.h"

#include <limits>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/traces/amounts.h"
#include "coordinator/traces/header.h"
#include "coordinator/traces/step_count.h"

namespace tideline::traces::fields_test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> read_csv(std::string_view line) {
  CsvFields csv;
  if (!csv.read(line)) return {"no CSV"};
  return {csv.fields().begin(), csv.fields().end()};
}

TEST(CsvFields, UnquotedFieldsAreWhatStandsBetweenCommas) {
  EXPECT_THAT(read_csv("a,b c,,1"), ElementsAre("a", "b c", "", "1"));
  EXPECT_THAT(read_csv(""), ElementsAre(""));
  EXPECT_THAT(read_csv(","), ElementsAre("", ""));
}

TEST(CsvFields, QuotedFieldsMayHoldCommasAndQuotes) {
  EXPECT_THAT(read_csv(R"("a,b",c)"), ElementsAre("a,b", "c"));
  EXPECT_THAT(read_csv(R"(a,"say ""hi""")"), ElementsAre("a", "say \"hi\""));
  EXPECT_THAT(read_csv(R"("","")"), ElementsAre("", ""));
  EXPECT_THAT(read_csv(R"("",x,)"), ElementsAre("", "x", ""));
}

TEST(CsvFields, BrokenQuotesAreToldApart) {
  for (const char* line : {R"("a)", R"(")", R"("a""b)", R"("a"b,c)", R"(x,"y)"})
    EXPECT_THAT(read_csv(line), ElementsAre("no CSV")) << line;
}

TEST(CsvFields, WhatIsWrittenQuotedIsReadBack) {
  std::mt19937_64 random(7);
  constexpr std::string_view kAlphabet = "ab,\"\t ;";
  for (int round = 0; round < 500; ++round) {
    SCOPED_TRACE(round);
    std::vector<std::string> fields(1 + random() % 5);
    std::string line;
    for (std::size_t i = 0; i < fields.size(); ++i) {
      for (auto left = random() % 30; left > 0; --left)
        fields[i] += kAlphabet[random() % kAlphabet.size()];
      if (i > 0) line += ',';
      line += '"';
      for (const char c : fields[i])
        line += c == '"' ? std::string("\"\"") : std::string(1, c);
      line += '"';
    }
    EXPECT_EQ(read_csv(line), fields);
  }
}

TEST(Fields, NumbersAreWholeTextsAndFinite) {
  EXPECT_EQ(number_from("12"), 12.0);
  EXPECT_EQ(number_from(" -1.5e3\t"), -1500.0);
  EXPECT_EQ(number_from("0.007956928"), 0.007956928);
  for (const char* text : {"", " ", "1x", "x1", "1 2", "0x10", "nan", "inf", "-inf", "1e999", "--1", "1,2"})
    EXPECT_EQ(number_from(text), std::nullopt) << text;
}

TEST(Fields, TimesAreRoundedAndWithinTheirYears) {
  EXPECT_EQ(time_from(1.5, 10), 12);
  EXPECT_EQ(time_from(-1078, 0), -1078);
  EXPECT_EQ(time_from(static_cast<double>(kMaxTime), 0), kMaxTime);
  EXPECT_EQ(time_from(static_cast<double>(kMaxTime), 1), std::nullopt);
  EXPECT_EQ(time_from(-static_cast<double>(kMaxTime), -1), std::nullopt);
  EXPECT_EQ(time_from(1e300, 0), std::nullopt);
  EXPECT_EQ(time_from(-1e300, 0), std::nullopt);
}

TEST(Fields, NamesAreTextOfABoundedLength) {
  EXPECT_TRUE(is_name("vm-1"));
  EXPECT_TRUE(is_name("gr\xC3\xBC\xC3\x9F/\xE2\x82\xAC/\xF0\x9F\x98\x80"));
  EXPECT_TRUE(is_name(std::string(253, 'x')));
  EXPECT_FALSE(is_name(std::string(254, 'x')));
  EXPECT_FALSE(is_name(""));
  for (const char* text : {"\xff", "a\xC3", "\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\x80",
                           "a\tb", "a\x7f", "\x1b[0m", "\xF5\x80\x80\x80", "\xE2\x82"})
    EXPECT_FALSE(is_name(text)) << ::testing::PrintToString(text);
}

TEST(Fields, WhatIsShownIsCutBetweenCharacters) {
  EXPECT_EQ(readable("a\tb\x01\xff\xC3\xBC", 100), "a b??\xC3\xBC");
  EXPECT_EQ(readable("\xC3\xBC\xC3\xBC", 3), "\xC3\xBC");
  EXPECT_EQ(readable("abc", 0), "");
}

TEST(Amounts, AreRoundedToTheNearest) {
  EXPECT_EQ(amount_of("1.5", 1000).value, 1500);
  EXPECT_EQ(amount_of("0.0004", 1000).value, 0);
  EXPECT_EQ(amount_of("0.0005", 1000).value, 1);
  EXPECT_EQ(amount_of("1.5", 1000).row, RowClass::kKept);
  EXPECT_EQ(amount_of("-0", 1).value, 0);
}

TEST(Amounts, BelowZeroIsNotKnownAndBeyondTheRangeIsNone) {
  EXPECT_EQ(amount_of("-1", 1).row, RowClass::kNegativeToMissing);
  EXPECT_EQ(amount_of("-1", 1).value, columns::kMissing);
  EXPECT_EQ(amount_of("9007199254740992", 1).value, std::int64_t{1} << 53);
  EXPECT_EQ(amount_of("9007199254740994", 1).row, RowClass::kNotANumber);
  EXPECT_EQ(amount_of("1e300", 1e300).row, RowClass::kNotANumber);
  EXPECT_EQ(amount_from(0, std::numeric_limits<double>::infinity()).row, RowClass::kNotANumber);
}

TEST(Amounts, PercentagesEndAtAHundred) {
  EXPECT_EQ(percent_of("25", 96'000).value, 24'000);
  EXPECT_EQ(percent_of("100", 96'000).value, 96'000);
  EXPECT_EQ(percent_of("101", 96'000).row, RowClass::kAboveRangeToMissing);
  EXPECT_EQ(percent_of("-1", 96'000).row, RowClass::kNegativeToMissing);
  EXPECT_EQ(percent_of("", 96'000).value, columns::kMissing);
  EXPECT_EQ(percent_of("", 96'000).row, RowClass::kKept);
  EXPECT_EQ(percent_of("x", 96'000).row, RowClass::kNotANumber);
}

TEST(Amounts, OneClassStandsForARowOfSeveral) {
  EXPECT_EQ(worse(RowClass::kKept, RowClass::kUsedAboveRequest), RowClass::kUsedAboveRequest);
  EXPECT_EQ(worse(RowClass::kNegativeToMissing, RowClass::kUsedAboveRequest), RowClass::kNegativeToMissing);
  EXPECT_EQ(worse(RowClass::kUsedAboveRequest, RowClass::kOutOfOrder), RowClass::kOutOfOrder);
  EXPECT_EQ(worse(RowClass::kNegativeToMissing, RowClass::kDuplicateTime), RowClass::kDuplicateTime);
  EXPECT_EQ(worse(RowClass::kBadTime, RowClass::kBadName), RowClass::kBadTime);
}

TEST(Amounts, SizesAreWrittenForPeople) {
  EXPECT_EQ(cores_text(16'000), "16 cores");
  EXPECT_EQ(cores_text(1'500), "1.5 cores");
  EXPECT_EQ(gib_text(std::int64_t{64} << 30), "64 GiB");
}

TEST(Header, ColumnsAreFoundInAnyOrder) {
  const std::vector<std::string_view> header{"b", " a", "c "};
  const std::vector<std::string_view> wanted{"a", "c"};
  const auto places = find_columns("f.csv:1", header, wanted);
  ASSERT_TRUE(places.ok());
  EXPECT_THAT(*places, ElementsAre(1u, 2u));
}

TEST(Header, MissingColumnIsNamedWithWhatIsThere) {
  const std::vector<std::string_view> header{"b", "a"};
  const std::vector<std::string_view> wanted{"a", "cpu"};
  const auto places = find_columns("f.csv:1", header, wanted);
  ASSERT_FALSE(places.ok());
  EXPECT_EQ(places.error().message(), "f.csv:1: no column \"cpu\"; the header has b, a");
}

TEST(Header, LongOrDoubledOnesAreRefusedShortly) {
  const std::vector<std::string_view> wanted{"a"};
  const auto doubled = find_columns("f:1", std::vector<std::string_view>{"a", "b", "a"}, wanted);
  ASSERT_FALSE(doubled.ok());
  EXPECT_THAT(doubled.error().message(), AllOf(HasSubstr("\"a\""), HasSubstr("twice")));
  const auto lost = find_columns("f:1", std::vector<std::string_view>(100'000, "some column"), wanted);
  ASSERT_FALSE(lost.ok());
  EXPECT_LE(lost.error().message().size(), 400u);
}

TEST(StepCount, StepIsTheMostCommonDistance) {
  StepCount steps;
  EXPECT_EQ(steps.step(), 0);
  EXPECT_EQ(steps.gaps(), 0u);
  for (const std::int64_t distance : {300, 301, 299, 300, 450, 451, 9000})
    steps.add(distance);
  EXPECT_EQ(steps.step(), 300);
  EXPECT_EQ(steps.gaps(), 2u);
}

TEST(StepCount, OfEquallyManyTheShortestCounts) {
  StepCount steps;
  for (const std::int64_t distance : {60, 30, 60, 30})
    steps.add(distance);
  EXPECT_EQ(steps.step(), 30);
}

TEST(StepCount, ManyDistancesStayBoundedAndAreAllCounted) {
  StepCount steps;
  const std::int64_t most = static_cast<std::int64_t>(StepCount::kMaxDistances) * 3;
  for (std::int64_t distance = 1000; distance < 1000 + most; ++distance)
    steps.add(distance);
  for (int i = 0; i < 10; ++i)
    steps.add(10);
  // The ten count as the nearest that is kept, and those beyond as the longest.
  EXPECT_EQ(steps.step(), 1000 + static_cast<std::int64_t>(StepCount::kMaxDistances) - 1);
  EXPECT_EQ(steps.gaps(), 0u);
}

}  // namespace
}  // namespace tideline::traces::fields_test
