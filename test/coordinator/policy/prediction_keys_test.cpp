#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/policy/policy.h"

namespace tideline::policy::prediction_keys_test {
namespace {

using profile::Predictor;
using testing::HasSubstr;

profile::PredictionPolicy prediction_of(const std::string& text) {
  const auto policy = parse({{"tideline-config", text}});
  EXPECT_TRUE(policy.ok()) << (policy ? "" : policy.error().message());
  return policy ? fleet_policy(*policy).prediction : profile::PredictionPolicy{};
}

std::string refusal(const std::string& text) {
  const auto policy = parse({{"tideline-config", text}});
  return policy ? "accepted" : policy.error().message();
}

TEST(PredictionKeys, NoneIsUsedUnlessAskedForAndThenWithATenthOfMarginAfterADay) {
  const auto prediction = prediction_of("{}");
  EXPECT_EQ(prediction.used, std::nullopt);
  EXPECT_EQ(prediction.safety_margin_percent, 10);
  EXPECT_EQ(prediction.cold_start_minutes, 1440);
}

TEST(PredictionKeys, NameThePredictorAndHowCarefulItIs) {
  const auto prediction = prediction_of(R"({"clusterStrategy": {"prediction": {
      "predictor": "recentMax", "safetyMarginPercent": 0, "coldStartMinutes": 60}}})");
  EXPECT_EQ(prediction.used, Predictor::kRecentMax);
  EXPECT_EQ(prediction.safety_margin_percent, 0);
  EXPECT_EQ(prediction.cold_start_minutes, 60);
}

TEST(PredictionKeys, EveryPredictorHasItsName) {
  for (const auto predictor : profile::kPredictors) {
    const auto text =
        fmt::format(R"({{"clusterStrategy": {{"prediction": {{"predictor": "{}"}}}}}})", profile::name_of(predictor));
    EXPECT_EQ(prediction_of(text).used, predictor);
  }
}

TEST(PredictionKeys, NoneGivesMidNothingByPrediction) {
  EXPECT_EQ(prediction_of(R"({"clusterStrategy": {"prediction": {"predictor": "none"}}})").used, std::nullopt);
}

TEST(PredictionKeys, RefuseWhatTheyDoNotKnowAndWhatANodeWantsItsOwnWay) {
  EXPECT_THAT(refusal(R"({"clusterStrategy": {"prediction": {"predictor": "histogramm"}}})"),
              testing::AllOf(HasSubstr("histogramm"), HasSubstr("histogram | recentMax | none")));
  EXPECT_THAT(refusal(R"({"clusterStrategy": {"prediction": {"safetyMarginPercent": 101}}})"), HasSubstr("0..100"));
  EXPECT_THAT(refusal(R"({"clusterStrategy": {"prediction": {"coldStartMinutes": 0}}})"), HasSubstr("1..10080"));
  EXPECT_THAT(refusal(R"({"nodeStrategies": [{"name": "a", "prediction": {"predictor": "none"}}]})"),
              HasSubstr("$.nodeStrategies[0].prediction.predictor is of the whole fleet"));
}

}  // namespace
}  // namespace tideline::policy::prediction_keys_test
