#include "messages/model/json_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tideline::model::json_text_test {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

/// What parse_json says of a text that it refuses.
Error refusal(std::string_view text, const JsonLimits& limits = {}) {
  const auto parsed = parse_json(text, limits);
  EXPECT_FALSE(parsed) << text.substr(0, 200);
  return parsed ? Error(ErrorCode::kInternal, "accepted") : parsed.error();
}

TEST(JsonText, ReadsADocumentOfEveryType) {
  constexpr std::string_view kText = R"({"a": [1, -2, 0.5, "x", true, null, {"b": {}}], "c": 18446744073709551615})";
  const auto parsed = parse_json(kText, {});
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_EQ(*parsed, json::parse(kText));
}

TEST(JsonText, PointsAtLineColumnAndByteOfBrokenText) {
  const Error error = refusal("{\n  \"enable\": true,\n  oops\n}");
  EXPECT_EQ(error.code(), ErrorCode::kMalformed);
  EXPECT_THAT(error.message(), AllOf(HasSubstr("line 3"), HasSubstr("column 3"), HasSubstr("byte 23")));
}

TEST(JsonText, RefusesEveryKindOfBrokenText) {
  for (const std::string text :
       {"", " ", "{", "{\"enable\": true", "{\"enable\": true}}", "{\"enable\": true,}", "nul", "{\"enable\": 1e999}",
        "{'enable': true}", "\xff\xfe", "{\"enable\": \"\xc3\x28\"}", "// c\n{}", "{}\n{}"}) {
    EXPECT_EQ(refusal(text).code(), ErrorCode::kMalformed) << text;
  }
  EXPECT_THAT(refusal(std::string_view("{}\0", 3)).message(), HasSubstr("a NUL at byte 3"));
}

TEST(JsonText, RefusesAKeyThatComesTwiceInAnObject) {
  EXPECT_THAT(refusal(R"({"enable": true, "enable": false})").message(), HasSubstr("\"enable\" comes twice"));
  EXPECT_TRUE(parse_json(R"({"a": {"x": 1}, "b": {"x": 1}})", {}));
}

TEST(JsonText, TakesWhatIsJustWithinItsLimitsAndNothingBeyond) {
  const JsonLimits limits{.max_bytes = 12, .max_depth = 3};
  EXPECT_TRUE(parse_json("[[[1]]]", limits));
  EXPECT_TRUE(parse_json("[1,2,3,4,56]", limits));
  const Error deep = refusal("[[[[1]]]]", limits);
  EXPECT_EQ(deep.code(), ErrorCode::kOverloaded);
  EXPECT_THAT(deep.message(), HasSubstr("3 levels"));
  const Error big = refusal("[1,2,3,4,567]", limits);
  EXPECT_EQ(big.code(), ErrorCode::kOverloaded);
  EXPECT_THAT(big.message(), AllOf(HasSubstr("13 bytes"), HasSubstr("at most 12")));
}

TEST(JsonText, RefusesDeepNestingBeforeItCostsAnything) {
  EXPECT_EQ(refusal(std::string(100'000, '[')).code(), ErrorCode::kOverloaded);
  EXPECT_EQ(refusal(std::string(100'000, '{')).code(), ErrorCode::kMalformed) << "a key is wanted first";
}

TEST(JsonText, ShowsAValueOnOneLineCutAndWithoutControlCharacters) {
  EXPECT_EQ(shown(json::parse(R"({"a": [1, 2]})")), R"({"a":[1,2]})");
  const std::string long_one = shown(json("\x1b[31m" + std::string(500, 'x')));
  EXPECT_LE(long_one.size(), 83u);
  EXPECT_THAT(long_one, AllOf(EndsWith("..."), Not(HasSubstr("\x1b"))));
  EXPECT_EQ(shown(json("\xff\x7f")), "\"\xef\xbf\xbd?\"") << "no UTF-8, and a control character that JSON leaves alone";
  EXPECT_EQ(shown(json("äöü"), 4), "\"ä...") << "not in the middle of a character";
}

TEST(JsonText, MakesAnyTextPrintable) {
  EXPECT_EQ(printable("a\nb\x1b[1m\x7f", 80), "a?b?[1m?");
  EXPECT_EQ(printable("grün", 4), "grü...");
  EXPECT_EQ(printable("grün", 3), "gr...");
  EXPECT_EQ(printable(std::string(5, '\xbf'), 3), "...") << "no characters at all";
  EXPECT_EQ(printable("", 0), "");
  EXPECT_EQ(beginning("grün", 4), "grü");
  EXPECT_EQ(beginning("grün", 3), "gr");
  EXPECT_EQ(beginning("grün", 5), "grün");
}

}  // namespace
}  // namespace tideline::model::json_text_test
