#include "coordinator/forecast/spec.h"

#include <string>
#include <string_view>

#include <gmock/gmock.h>

#include "coordinator/forecast/forecast.h"

namespace tideline::forecast {
namespace {

using testing::HasSubstr;

std::string spelling(std::string_view text) {
  const auto spec = parse_forecast(text);
  return spec ? spec->text : "error: " + spec.error().message();
}

std::string fault(std::string_view text) {
  const auto spec = parse_forecast(text);
  if (spec) return "none: " + spec->text;
  EXPECT_EQ(spec.error().code(), model::ErrorCode::kInvalidArgument);
  return spec.error().message();
}

TEST(Spec, TheUsualOnesAreInTheirOneSpelling) {
  for (const std::string_view text : usual_forecasts())
    EXPECT_EQ(spelling(text), text);
}

TEST(Spec, SpellingsOfOneForecastAreOne) {
  EXPECT_EQ(spelling("limit:1"), "limit");
  EXPECT_EQ(spelling("limit:1.0"), "limit");
  EXPECT_EQ(spelling("limit:0.90"), "limit:0.9");
  EXPECT_EQ(spelling(" nsigma : 5.00 "), "nsigma:5");
  EXPECT_EQ(spelling("nsigma:25e-1"), "nsigma:2.5");
  EXPECT_EQ(spelling("mean:-0"), "mean:0");
  EXPECT_EQ(spelling("max( nsigma:5 ,\trc:99.0 )"), "max(nsigma:5,rc:99)");
}

TEST(Spec, MaxOfMaxIsOne) {
  EXPECT_EQ(spelling("max(max(nsigma:5,rc:99),peak)"), "max(nsigma:5,rc:99,peak)");
  EXPECT_EQ(spelling("max(vpa,max(peak,max(limit:0.5,koordinator)))"), "max(vpa,peak,limit:0.5,koordinator)");
  EXPECT_EQ(spelling("max(rc:99,nsigma:5,rc:99.0)"), "max(rc:99,nsigma:5)") << "named twice";
  EXPECT_EQ(spelling("max(peak)"), "peak");
  EXPECT_EQ(spelling("max(max(peak,peak))"), "peak");
}

TEST(Spec, ASpellingIsReadAsItself) {
  for (const std::string_view text : {"limit:0.123456789", "mean:0.1", "rc:99.9", "nsigma:0", "limit:1e-300",
                                      "max(limit:0.5,max(mean:3,peak),vpa)"}) {
    const std::string once = spelling(text);
    EXPECT_EQ(spelling(once), once) << text;
    const auto tree = parse_tree(text);
    ASSERT_TRUE(tree.ok()) << text;
    const auto again = parse_tree(spell(*tree));
    ASSERT_TRUE(again.ok()) << text;
    EXPECT_EQ(*again, *tree) << text;
  }
}

TEST(Spec, OnlyTheOracleIsTheOracle) {
  EXPECT_TRUE(parse_forecast("oracle")->is_oracle());
  EXPECT_TRUE(parse_forecast(" oracle ")->is_oracle());
  EXPECT_FALSE(parse_forecast("peak")->is_oracle());
}

TEST(Spec, AnUnknownOneIsToldWhatThereIs) {
  const std::string message = fault("max(limit,nsigme:5)");
  EXPECT_THAT(message, HasSubstr("\"nsigme\""));
  EXPECT_THAT(message, HasSubstr("\"max(limit,nsigme:5)\""));
  EXPECT_THAT(message, HasSubstr("nsigma:5"));
  EXPECT_THAT(fault(""), HasSubstr("koordinator"));
  EXPECT_THAT(fault("Limit"), HasSubstr("\"Limit\""));
}

TEST(Spec, ANumberOutOfItsRangeIsNamed) {
  EXPECT_THAT(fault("limit:0"), HasSubstr("at most 1, as in limit:0.9, not \"0\""));
  EXPECT_THAT(fault("limit:1.1"), HasSubstr("\"1.1\""));
  EXPECT_THAT(fault("rc:0"), HasSubstr("percentile"));
  EXPECT_THAT(fault("rc:101"), HasSubstr("percentile"));
  EXPECT_THAT(fault("nsigma:-1"), HasSubstr("standard deviations"));
  EXPECT_THAT(fault("mean:1001"), HasSubstr("1000 percent"));
  for (const std::string_view text : {"nsigma:nan", "nsigma:inf", "nsigma:", "nsigma:5x", "nsigma:5 5", "rc:1e999",
                                      "nsigma:0x5", "nsigma:+5", "nsigma:5,3", "nsigma:5:3"})
    EXPECT_FALSE(parse_forecast(text).ok()) << text;
}

TEST(Spec, ANumberIsWantedOrNone) {
  EXPECT_THAT(fault("nsigma"), HasSubstr("nsigma wants"));
  EXPECT_THAT(fault("rc"), HasSubstr("rc wants"));
  EXPECT_THAT(fault("mean"), HasSubstr("mean wants"));
  EXPECT_THAT(fault("vpa:3"), HasSubstr("vpa takes no number"));
  EXPECT_THAT(fault("oracle:1"), HasSubstr("oracle takes no number"));
}

TEST(Spec, TheOracleIsNoPartOfMax) {
  EXPECT_THAT(fault("max(oracle,limit)"), HasSubstr("oracle stands alone"));
  EXPECT_THAT(fault("max(oracle)"), HasSubstr("oracle stands alone"));
}

TEST(Spec, BracketsAreWholeAndNothingFollows) {
  EXPECT_THAT(fault("max"), HasSubstr("brackets"));
  EXPECT_THAT(fault("max:3"), HasSubstr("brackets"));
  EXPECT_THAT(fault("max("), HasSubstr("is none"));
  EXPECT_THAT(fault("max()"), HasSubstr("is none"));
  EXPECT_THAT(fault("max(limit"), HasSubstr("not closed"));
  EXPECT_THAT(fault("max(limit,)"), HasSubstr("is none"));
  EXPECT_THAT(fault("max(limit peak)"), HasSubstr("\"peak)\""));
  EXPECT_THAT(fault("max(limit))"), HasSubstr("\")\" too much"));
  EXPECT_THAT(fault("limit peak"), HasSubstr("\"peak\" too much"));
}

TEST(Spec, DepthAndLengthAreBounded) {
  std::string deep = "peak";
  for (int i = 0; i < 100; ++i)
    deep = "max(" + deep + ")";
  EXPECT_THAT(fault(deep), HasSubstr("deep"));
  EXPECT_THAT(fault(std::string(2'000, 'x')), HasSubstr("2000 bytes"));
  EXPECT_THAT(fault("\x01\xff"), HasSubstr("is none"));
}

TEST(Spec, WhatIsNoneMakesNoForecaster) {
  EXPECT_EQ(make_forecaster({"oracle"}, {}), nullptr);
  EXPECT_EQ(make_forecaster({"nsigma"}, {}), nullptr);
  EXPECT_NE(make_forecaster({"nsigma:5"}, {}), nullptr);
}

}  // namespace
}  // namespace tideline::forecast
