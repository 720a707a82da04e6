#include "coordinator/forecast/forecast.h"

#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace tideline::forecast {
namespace {

/// Windows of three steps, of which two must be known.
constexpr ForecastSetting kShort{.step_s = 300, .window_s = 900, .least_known_s = 600};

std::unique_ptr<Forecaster> forecaster(std::string_view text, const ForecastSetting& setting = kShort) {
  const auto spec = parse_forecast(text);
  EXPECT_TRUE(spec.ok()) << text;
  return make_forecaster(*spec, setting);
}

double predicted(Forecaster& of, const std::vector<TaskUse>& tasks) {
  of.observe(tasks);
  const auto most = of.predict();
  EXPECT_TRUE(most.has_value());
  return most.value_or(-1);
}

/// Task 7, alone.
double alone(Forecaster& of, double used, double limit = 1'000) {
  return predicted(of, {{7, used, limit}});
}

/// Upper edge of the bucket that a decaying histogram counts a value in.
double edge_above(double value, double first) {
  double edge = 0;
  for (double width = first; edge <= value; width *= 1.05)
    edge += width;
  return edge;
}

TEST(Forecast, SaysNothingBeforeTheFirstStep) {
  for (const std::string_view text : usual_forecasts()) {
    if (text == "oracle") continue;
    EXPECT_EQ(forecaster(text)->predict(), std::nullopt) << text;
  }
}

TEST(Forecast, AHostWithoutTasksUsesNothing) {
  for (const std::string_view text : usual_forecasts()) {
    if (text == "oracle") continue;
    const auto of = forecaster(text);
    EXPECT_EQ(predicted(*of, {}), 0) << text;
    alone(*of, 500);
    alone(*of, 500);
    EXPECT_EQ(predicted(*of, {}), 0) << text;
  }
}

TEST(Forecast, KnowsTheLimitsOfWhoIsNew) {
  for (const std::string_view text : {"mean:15", "rc:99", "nsigma:5", "peak", "koordinator", "vpa", "max(rc:5,peak)"}) {
    const auto of = forecaster(text);
    EXPECT_EQ(predicted(*of, {{1, 10, 1'000}, {2, 10, 500}}), 1'500) << text;
    EXPECT_EQ(predicted(*of, {{3, 10, 700}}), 700) << text << ", others are gone";
  }
}

TEST(Forecast, WhoWasGoneIsNew) {
  for (const std::string_view text : {"mean:15", "rc:99", "nsigma:5", "peak"}) {
    const auto of = forecaster(text);
    alone(*of, 10);
    EXPECT_LT(alone(*of, 10), 100) << text;
    predicted(*of, {});
    EXPECT_EQ(alone(*of, 10), 1'000) << text;
  }
}

TEST(Forecast, LimitIsAShareOfTheLimits) {
  EXPECT_EQ(predicted(*forecaster("limit"), {{1, 10, 1'000}, {2, 3'000, 500}}), 1'500);
  EXPECT_DOUBLE_EQ(predicted(*forecaster("limit:0.9"), {{1, 10, 1'000}, {2, 3'000, 500}}), 1'350);
}

TEST(Forecast, MeanIsOfTheWindowWithItsMargin) {
  const auto of = forecaster("mean:15");
  EXPECT_EQ(alone(*of, 100), 1'000) << "one step of two";
  EXPECT_DOUBLE_EQ(alone(*of, 200), 172.5);
  EXPECT_DOUBLE_EQ(alone(*of, 300), 230);
  EXPECT_DOUBLE_EQ(alone(*of, 600), 1.15 * 1'100 / 3);
  EXPECT_DOUBLE_EQ(predicted(*of, {{7, 300, 1'000}, {8, 5, 250}}), 1.15 * 400 + 250) << "the new one's limit";
}

TEST(Forecast, PeakIsTheMostOfEachTask) {
  const auto of = forecaster("peak");
  predicted(*of, {{1, 100, 1'000}, {2, 500, 1'000}});
  EXPECT_EQ(predicted(*of, {{1, 700, 1'000}, {2, 10, 1'000}}), 1'200);
  EXPECT_EQ(predicted(*of, {{1, 300, 1'000}, {2, 10, 1'000}}), 1'200);
  EXPECT_EQ(predicted(*of, {{1, 200, 1'000}, {2, 10, 1'000}}), 710) << "500 has left the window";
  EXPECT_EQ(predicted(*of, {{1, 250, 1'000}, {2, 10, 1'000}}), 310);
}

TEST(Forecast, PercentileIsOfUseOverLimitTimesTheLimitNow) {
  const auto of = forecaster("rc:90");
  alone(*of, 400, 1'000);
  alone(*of, 200, 2'000);
  EXPECT_DOUBLE_EQ(alone(*of, 200, 1'000), 360) << "0.1 0.2 0.4: in place 1.8, 0.36";
  EXPECT_DOUBLE_EQ(alone(*of, 400, 2'000), 400) << "0.1 0.2 0.2";
  const auto median = forecaster("rc:50");
  for (const double used : {100.0, 300.0})
    predicted(*median, {{1, used, 1'000}, {2, 2 * used, 1'000}});
  EXPECT_DOUBLE_EQ(predicted(*median, {{1, 200, 1'000}, {2, 10, 1'000}}), 400) << "200 and 200, each by itself";
}

TEST(Forecast, NSigmaIsOfTheSumOverAllTasks) {
  const auto of = forecaster("nsigma:2");
  predicted(*of, {{1, 100, 1'000}, {2, 300, 1'000}});
  predicted(*of, {{1, 500, 1'000}, {2, 300, 1'000}});
  EXPECT_NEAR(predicted(*of, {{1, 900, 1'000}, {2, 300, 1'000}}), 0.8 * 2'000, 1e-3)
      << "0.2 0.4 0.6: mean 0.4, deviation 0.2";
  EXPECT_NEAR(predicted(*of, {{1, 900, 1'500}, {2, 900, 1'500}}), (1.6 / 3 + 2 * std::sqrt(0.04 / 3)) * 3'000, 1e-3)
      << "0.4 0.6 0.6";
  const auto safe = forecaster("nsigma:5");
  predicted(*safe, {{1, 100, 1'000}});
  EXPECT_EQ(predicted(*safe, {{1, 900, 1'000}}), 1'000) << "no more than the limits";
}

TEST(Forecast, NSigmaForgetsWhatTheGoneUsed) {
  const auto of = forecaster("nsigma:2");
  for (const double used : {100.0, 300.0, 500.0})
    predicted(*of, {{1, used, 1'000}, {2, 1'000 - used, 1'000}});
  EXPECT_NEAR(predicted(*of, {{2, 300, 1'000}}), 900, 1e-3) << "0.7 0.5 0.3 of the one: mean 0.5, deviation 0.2";
}

TEST(Forecast, NSigmaAddsTheLimitsOfTheNew) {
  const auto of = forecaster("nsigma:2");
  for (int i = 0; i < 3; ++i)
    alone(*of, 200);
  EXPECT_NEAR(predicted(*of, {{7, 200, 1'000}, {9, 100, 400}}), 200 + 400, 1e-3);
  const double more = 3.0 / 14 - 0.2;
  EXPECT_NEAR(predicted(*of, {{7, 200, 1'000}, {9, 100, 400}}),
              (0.2 + more * 2 / 3 + 2 * more / std::sqrt(3.0)) * 1'400, 1e-3)
      << "200 / 1000 alone, then 300 / 1400 twice: a task counts from when it came";
}

TEST(Forecast, MaxIsTheLargestAtEachStep) {
  const auto of = forecaster("max(peak,limit:0.5)");
  EXPECT_EQ(alone(*of, 100), 1'000);
  EXPECT_EQ(alone(*of, 100), 500);
  EXPECT_EQ(alone(*of, 900), 900);
  alone(*of, 100);
  EXPECT_EQ(alone(*of, 100), 900);
  EXPECT_EQ(alone(*of, 100), 500);
}

TEST(Forecast, NeverExceedsTheLimits) {
  for (const std::string_view text : usual_forecasts()) {
    if (text == "oracle") continue;
    const auto of = forecaster(text);
    for (int i = 0; i < 5; ++i)
      EXPECT_LE(predicted(*of, {{1, 5'000, 1'000}, {2, 300, 0}}), 1'000) << text;
    EXPECT_EQ(predicted(*of, {{1, 0, 0}, {2, 300, 0}}), 0) << text;
  }
}

TEST(Forecast, KoordinatorIsAPercentileAndATenthAfterADay) {
  const ForecastSetting hours{.step_s = 3'600};
  const auto of = forecaster("koordinator", hours);
  for (int hour = 1; hour < 24; ++hour)
    ASSERT_EQ(alone(*of, 500), 1'000) << hour;
  EXPECT_NEAR(alone(*of, 500), 1.1 * edge_above(500, 25), 1e-6);
  EXPECT_EQ(alone(*of, 500, 560), 560) << "a task is predicted no more than its limit";
  EXPECT_NEAR(predicted(*of, {{7, 500, 560}, {8, 1, 300}}), 560 + 300, 1e-6);
}

TEST(Forecast, KoordinatorTakesTheNinetyFifthOfCpuAndTheNinetyEighthOfMemory) {
  const ForecastSetting cpu{.step_s = 300};
  const ForecastSetting memory{.step_s = 300, .resource = Resource::kMemory};
  const auto of_cpu = forecaster("koordinator", cpu);
  const auto of_memory = forecaster("koordinator", memory);
  double most_cpu = 0;
  double most_memory = 0;
  // One step in 30 is high: more than 2 % of them, less than 5 %.
  for (int step = 0; step < 600; ++step) {
    const bool high = step % 30 == 15;
    most_cpu = alone(*of_cpu, high ? 4'000 : 400, 8'000);
    most_memory = alone(*of_memory, high ? 1e9 : 1e8, 4e9);
  }
  EXPECT_NEAR(most_cpu, 1.1 * edge_above(400, 25), 1e-6);
  EXPECT_NEAR(most_memory, 1.1 * edge_above(1e9, 5.0 * (1 << 20)), 1);
}

TEST(Forecast, KoordinatorForgetsByHalvesInTwelveHours) {
  const auto of = forecaster("koordinator", {.step_s = 3'600});
  for (int hour = 0; hour < 24; ++hour)
    alone(*of, 4'000, 8'000);
  // With x = 2^-(h / 12) the first day has 0.75 x of 1 - 0.25 x: 5 % after 47 hours.
  double most = 0;
  for (int hour = 1; hour <= 44; ++hour)
    most = alone(*of, 400, 8'000);
  EXPECT_GT(most, 4'000);
  for (int hour = 45; hour <= 50; ++hour)
    most = alone(*of, 400, 8'000);
  EXPECT_LT(most, 500);
}

TEST(Forecast, VpaIsThe90thAnd15PercentFromTwoHoursOn) {
  const auto of = forecaster("vpa", {.step_s = 3'600});
  EXPECT_EQ(alone(*of, 1'000, 4'000), 4'000);
  EXPECT_NEAR(alone(*of, 1'000, 4'000), 1.15 * edge_above(1'000, 10), 1e-6);
  double most = 0;
  for (int hour = 0; hour < 100; ++hour)
    most = alone(*of, hour % 15 == 14 ? 3'000 : 1'000, 4'000);
  EXPECT_NEAR(most, 1.15 * edge_above(1'000, 10), 1e-6) << "one in 15 is less than a tenth";
  for (int hour = 0; hour < 100; ++hour)
    most = alone(*of, hour % 5 == 4 ? 3'000 : 1'000, 4'000);
  EXPECT_NEAR(most, 1.15 * edge_above(3'000, 10), 1e-6);
}

TEST(Forecast, VpaGivesEachTaskItsLeast) {
  const auto cpu = forecaster("vpa");
  const auto memory = forecaster("vpa", {.step_s = 300, .least_known_s = 600, .resource = Resource::kMemory});
  alone(*cpu, 0);
  EXPECT_EQ(alone(*cpu, 0), 25);
  alone(*memory, 1e6, 1e9);
  EXPECT_EQ(alone(*memory, 1e6, 1e9), 250.0 * (1 << 20));
}

TEST(Forecast, VpaCountsCpuByTheLimitOfItsTime) {
  const auto of = forecaster("vpa", {.step_s = 300, .least_known_s = 600});
  for (int i = 0; i < 20; ++i)
    alone(*of, 100, 10'000);
  double most = 0;
  for (int i = 0; i < 4; ++i)
    most = alone(*of, 3'000, 4'000);
  EXPECT_NEAR(most, 1.15 * edge_above(100, 10), 1e-6) << "4 of 24, but 16 of 216 by their limits";
  for (int i = 0; i < 4; ++i)
    most = alone(*of, 3'000, 4'000);
  EXPECT_NEAR(most, 1.15 * edge_above(3'000, 10), 1e-6) << "32 of 232";
}

TEST(Forecast, VpaTakesADaysLargestUseOfMemory) {
  const auto of = forecaster("vpa", {.step_s = 3'600, .resource = Resource::kMemory});
  double most = 0;
  for (int hour = 0; hour < 48; ++hour)
    most = alone(*of, hour == 5 ? 2e9 : 5e8, 1e10);
  EXPECT_NEAR(most, 1.15 * edge_above(2e9, 1e7), 1) << "a third of the weight of two days";
  for (int hour = 48; hour < 96; ++hour)
    most = alone(*of, 5e8, 1e10);
  EXPECT_NEAR(most, 1.15 * edge_above(5e8, 1e7), 1) << "1 of 15 parts: beyond the 90th";
  most = alone(*of, 3e9, 1e10);
  EXPECT_NEAR(most, 1.15 * edge_above(3e9, 1e7), 1) << "a new day's peak counts at once";
}

// What the 64 buckets of the histogram cost: forecast/histogram.h.
TEST(Forecast, VpaAfterAPeakOfManyCoresIsNoLessThanAPartOfIt) {
  const auto of = forecaster("vpa", {.step_s = 3'600});
  alone(*of, 32'000, 64'000);
  double most = 0;
  for (int hour = 0; hour < 100; ++hour)
    most = alone(*of, 100, 64'000);
  EXPECT_NEAR(most, 1.15 * 10 * (std::pow(1.05, 42) - 1) / 0.05, 1e-6) << "bucket 104 is the peak's, 41 the lowest";
  EXPECT_LT(most, 1.15 * 0.049 * 32'000);
}

TEST(Forecast, StepsLongerThanADayAreNoMatter) {
  for (const std::string_view text : usual_forecasts()) {
    if (text == "oracle") continue;
    const auto of = forecaster(text, {.step_s = INT64_MAX / 2});
    for (int i = 0; i < 100; ++i)
      EXPECT_LE(alone(*of, 100), 1'000) << text;
  }
}

}  // namespace
}  // namespace tideline::forecast
