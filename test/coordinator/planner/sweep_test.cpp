#include "coordinator/planner/sweep.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/planner/replay_fields.h"

namespace tideline::planner::sweep_test {
namespace {

using model::ErrorCode;
using testing::DoubleEq;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::int64_t kSweepStepS = 900;
constexpr std::size_t kSweepSteps = 3 * 96;

/// Four workloads of 8 cores on two hosts of 16, each busy at another time of the day.
Dataset swept_data() {
  Dataset data;
  data.begin_s = 1'372'636'800;  // 2013-07-01
  data.step_s = kSweepStepS;
  data.steps = kSweepSteps;
  for (std::size_t number = 0; number < 4; ++number) {
    Workload workload;
    workload.name = "vm-" + std::to_string(number);
    for (std::size_t step = 0; step < kSweepSteps; ++step) {
      const bool busy = (step + number * 7) % 96 < 12;
      workload.cpu_used.push_back(busy ? 6'000.0F : 1'000.0F + static_cast<float>(step % 5) * 100.0F);
      workload.cpu_request.push_back(8'000);
      workload.memory_used_mib.push_back(4'096);
      workload.memory_request_mib.push_back(16'384);
    }
    data.workloads.push_back(std::move(workload));
  }
  return data;
}

World swept_world() {
  World world;
  world.shape.cpu_millicores = 16'000;
  world.shape.memory_mib = 64 * 1024.0;
  world.shape.system_cpu_millicores = 200;
  world.shape.system_memory_mib = 1'024;
  world.hosts = {{0, 1}, {2, 3}};
  return world;
}

ReplayOptions swept_options() {
  ReplayOptions options;
  options.colocation.enable = true;
  options.threshold.enable = true;
  return options;
}

std::vector<forecast::ForecastSpec> swept_forecasts(const std::vector<std::string>& texts) {
  std::vector<forecast::ForecastSpec> specs;
  for (const std::string& text : texts) {
    const auto spec = forecast::parse_forecast(text);
    if (!spec) {
      ADD_FAILURE() << spec.error().message();
      return {};
    }
    specs.push_back(*spec);
  }
  return specs;
}

std::vector<double> totals_list(const ReplayTotals& totals) {
  std::vector<double> list;
  const auto put = [&list](const char*, const char*, const char*, const auto& value) {
    list.push_back(static_cast<double>(value));
  };
  totals_fields(put, totals);
  return list;
}

void expect_same(const Sweep& a, const Sweep& b) {
  ASSERT_EQ(a.points.size(), b.points.size());
  for (std::size_t i = 0; i < a.points.size(); ++i) {
    EXPECT_EQ(a.points[i].setting, b.points[i].setting);
    EXPECT_EQ(a.points[i].savings, b.points[i].savings);
    EXPECT_EQ(a.points[i].risk, b.points[i].risk);
    EXPECT_EQ(a.points[i].severity_p99, b.points[i].severity_p99);
    EXPECT_EQ(a.points[i].on_frontier, b.points[i].on_frontier);
    EXPECT_EQ(totals_list(a.points[i].totals), totals_list(b.points[i].totals));
  }
  EXPECT_EQ(a.recommended, b.recommended);
}

Parallel backwards() {
  return [](std::size_t count, const std::function<void(std::size_t)>& job) {
    for (std::size_t i = count; i > 0; --i)
      job(i - 1);
  };
}

Parallel on_threads(std::size_t threads) {
  return [threads](std::size_t count, const std::function<void(std::size_t)>& job) {
    std::vector<std::thread> all;
    for (std::size_t first = 0; first < threads; ++first) {
      all.emplace_back([first, threads, count, &job] {
        for (std::size_t i = first; i < count; i += threads)
          job(i);
      });
    }
    for (auto& each : all)
      each.join();
  };
}

std::string range_refusal(std::string_view text) {
  const auto range = parse_range(text);
  if (range) {
    ADD_FAILURE() << "accepted: " << text;
    return "";
  }
  EXPECT_EQ(range.error().code(), ErrorCode::kInvalidArgument);
  return range.error().message();
}

Sweep sweep_of(const std::vector<std::pair<double, double>>& savings_and_risk, double accepted_risk) {
  Sweep sweep;
  sweep.accepted_risk = accepted_risk;
  for (const auto& [savings, risk] : savings_and_risk) {
    SweepPoint point;
    point.savings = savings;
    point.risk = risk;
    sweep.points.push_back(point);
  }
  judge(sweep);
  return sweep;
}

std::vector<std::size_t> frontier_of(const Sweep& sweep) {
  std::vector<std::size_t> on;
  for (std::size_t i = 0; i < sweep.points.size(); ++i) {
    if (sweep.points[i].on_frontier) on.push_back(i);
  }
  return on;
}

TEST(ParseRange, CountsFromBeginToEndWithBoth) {
  EXPECT_THAT(*parse_range("40:90:10"), ElementsAre(40, 50, 60, 70, 80, 90));
  EXPECT_THAT(*parse_range(" 40 : 60 : 15 "), ElementsAre(40, 55));
  EXPECT_THAT(*parse_range("65:65:5"), ElementsAre(65));
  EXPECT_EQ(parse_range("1:200:1")->size(), 200u);
}

TEST(ParseRange, StepsThatBinaryNumbersMissStillReachTheEnd) {
  EXPECT_THAT(*parse_range("0:0.6:0.1"), ElementsAre(DoubleEq(0), DoubleEq(0.1), DoubleEq(0.2), DoubleEq(0.3),
                                                     DoubleEq(0.4), DoubleEq(0.5), DoubleEq(0.6)));
  EXPECT_EQ(parse_range("0:1:0.1")->at(3), 0.3);
}

TEST(ParseRange, TakesAListInItsOrder) {
  EXPECT_THAT(*parse_range("40,65,80"), ElementsAre(40, 65, 80));
  EXPECT_THAT(*parse_range("80, 65"), ElementsAre(80, 65));
  EXPECT_THAT(*parse_range("65"), ElementsAre(65));
  EXPECT_THAT(*parse_range("-1.5"), ElementsAre(-1.5));
}

TEST(ParseRange, NamesWhatIsWrong) {
  EXPECT_THAT(range_refusal(""), HasSubstr("no number"));
  EXPECT_THAT(range_refusal("40:9o:5"), HasSubstr("\"9o\" is no number"));
  EXPECT_THAT(range_refusal("40,,80"), HasSubstr("\"\" is no number"));
  EXPECT_THAT(range_refusal("40,80,"), HasSubstr("\"\" is no number"));
  EXPECT_THAT(range_refusal("40:90"), HasSubstr("begin:end:step"));
  EXPECT_THAT(range_refusal("40:90:5:1"), HasSubstr("begin:end:step"));
  EXPECT_THAT(range_refusal("40:90:0"), HasSubstr("a step of 0"));
  EXPECT_THAT(range_refusal("40:90:-5"), HasSubstr("a step of -5"));
  EXPECT_THAT(range_refusal("90:40:5"), HasSubstr("ends at 40, before 90"));
  EXPECT_THAT(range_refusal("nan"), HasSubstr("\"nan\" is no number"));
  EXPECT_THAT(range_refusal("0:inf:5"), HasSubstr("\"inf\" is no number"));
  EXPECT_THAT(range_refusal("1e999"), HasSubstr("\"1e999\" is no number"));
  EXPECT_THAT(range_refusal("1e7"), HasSubstr("beyond"));
  EXPECT_THAT(range_refusal("0:200:1"), HasSubstr("201 points; at most 200"));
  EXPECT_THAT(range_refusal("0:1e6:1e-300"), HasSubstr("at most 200"));
  EXPECT_THAT(range_refusal(std::string(300, ',')), HasSubstr("301 points; at most 200"));
}

TEST(ParseRange, ShowsNoMoreThanABeginningOfALongText) {
  EXPECT_LT(range_refusal(std::string(1 << 20, 'x')).size(), 300u);
}

TEST(Judge, AFrontierIsWhatNothingElseBeatsInBoth) {
  const Sweep sweep = sweep_of({{0.2, 0.0}, {0.4, 0.01}, {0.3, 0.02}, {0.6, 0.1}}, 0.05);
  EXPECT_THAT(frontier_of(sweep), ElementsAre(0, 1, 3)) << "0.3 at 0.02 is beaten by 0.4 at 0.01";
  EXPECT_EQ(sweep.recommended, 1u);
}

TEST(Judge, EqualPointsAreBothOnTheFrontierAndTheFirstIsRecommended) {
  const Sweep sweep = sweep_of({{0.4, 0.01}, {0.4, 0.01}}, 0.01);
  EXPECT_THAT(frontier_of(sweep), ElementsAre(0, 1));
  EXPECT_EQ(sweep.recommended, 0u);
}

TEST(Judge, OfEqualSavingsOnlyTheLeastRiskIsOnTheFrontier) {
  const Sweep sweep = sweep_of({{0.4, 0.02}, {0.4, 0.01}}, 0.05);
  EXPECT_THAT(frontier_of(sweep), ElementsAre(1));
  EXPECT_EQ(sweep.recommended, 1u);
}

TEST(Judge, RecommendsNothingWhereNothingIsSafe) {
  EXPECT_EQ(sweep_of({{0.4, 0.02}, {0.2, 0.01}}, 0.001).recommended, std::nullopt);
  EXPECT_EQ(sweep_of({}, 0.5).recommended, std::nullopt);
}

TEST(Judge, TheOracleIsInNobodysWay) {
  Sweep sweep = sweep_of({{0.9, 0.0}, {0.4, 0.01}, {0.1, 0.0}}, 0.05);
  EXPECT_EQ(sweep.recommended, 0u);
  sweep.points[0].setting = "oracle";
  judge(sweep);
  EXPECT_THAT(frontier_of(sweep), ElementsAre(1, 2));
  EXPECT_EQ(sweep.recommended, 1u);
}

// Points lie on a small grid, so that ties of every kind come up.
TEST(Judge, AgreesWithItsDefinitionOnRandomPoints) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 300; ++round) {
    std::vector<std::pair<double, double>> points(random() % 30);
    for (auto& [savings, risk] : points) {
      savings = static_cast<double>(random() % 8) / 8;
      risk = static_cast<double>(random() % 8) / 8;
    }
    const double accepted = static_cast<double>(random() % 8) / 8;
    const Sweep sweep = sweep_of(points, accepted);
    // Sorted by savings, the most first, a point is on the frontier where its risk is below that of all that save more,
    // and none that saves as much has less.
    for (std::size_t i = 0; i < points.size(); ++i) {
      double least_of_more = 2;
      double least_of_same = 2;
      for (const auto& [savings, risk] : points) {
        if (savings > points[i].first) least_of_more = std::min(least_of_more, risk);
        if (savings == points[i].first) least_of_same = std::min(least_of_same, risk);
      }
      const bool on = points[i].second < least_of_more && points[i].second == least_of_same;
      EXPECT_EQ(sweep.points[i].on_frontier, on) << "round " << round << ", point " << i;
    }
    double most = -1;
    for (const auto& [savings, risk] : points) {
      if (risk <= accepted) most = std::max(most, savings);
    }
    ASSERT_EQ(sweep.recommended.has_value(), most >= 0) << "round " << round;
    if (!sweep.recommended) continue;
    const SweepPoint& best = sweep.points[*sweep.recommended];
    EXPECT_EQ(best.savings, most) << "round " << round;
    EXPECT_LE(best.risk, accepted) << "round " << round;
    for (const auto& [savings, risk] : points) {
      if (savings == best.savings) {
        EXPECT_GE(risk, best.risk) << "round " << round;
      }
    }
  }
}

TEST(SweepPolicy, EachPointIsTheReplayWithThatValueInTheOrderAskedFor) {
  const Dataset data = swept_data();
  const World world = swept_world();
  const std::vector<double> values = {80, 40, 65};
  const auto sweep = sweep_policy(data, world, swept_options(), SweepKnob::kReclaimThreshold, values, 0.01);
  ASSERT_TRUE(sweep) << sweep.error().message();
  ASSERT_EQ(sweep->points.size(), 3u);
  EXPECT_EQ(sweep->points[0].setting, "cpuReclaimThresholdPercent=80");
  EXPECT_EQ(sweep->points[1].setting, "cpuReclaimThresholdPercent=40");
  EXPECT_EQ(sweep->accepted_risk, 0.01);
  for (std::size_t i = 0; i < values.size(); ++i) {
    ReplayOptions options = swept_options();
    options.colocation.cpu_reclaim_threshold_percent = static_cast<int>(values[i]);
    const auto alone = replay(data, world, options);
    ASSERT_TRUE(alone) << alone.error().message();
    const SweepPoint& point = sweep->points[i];
    EXPECT_EQ(totals_list(point.totals), totals_list(alone->totals)) << point.setting;
    EXPECT_DOUBLE_EQ(point.savings, alone->totals.offered_core_h / alone->totals.capacity_core_h);
    ASSERT_GT(alone->totals.violation_checks, 0u);
    EXPECT_DOUBLE_EQ(point.risk, static_cast<double>(alone->totals.violations) /
                                     static_cast<double>(alone->totals.violation_checks));
  }
}

TEST(SweepPolicy, AHigherReclaimThresholdSavesMore) {
  const auto values = parse_range("40:80:20");
  const auto sweep =
      sweep_policy(swept_data(), swept_world(), swept_options(), SweepKnob::kReclaimThreshold, *values, 1);
  ASSERT_TRUE(sweep) << sweep.error().message();
  EXPECT_LT(sweep->points[0].savings, sweep->points[1].savings);
  EXPECT_LT(sweep->points[1].savings, sweep->points[2].savings);
  EXPECT_EQ(sweep->recommended, 2u) << "every risk is accepted";
}

TEST(SweepPolicy, TheSuppressThresholdIsTheLiveFormulas) {
  const Dataset data = swept_data();
  const World world = swept_world();
  const std::vector<double> values = {30, 90};
  const auto sweep = sweep_policy(data, world, swept_options(), SweepKnob::kSuppressThreshold, values, 0.5);
  ASSERT_TRUE(sweep) << sweep.error().message();
  for (std::size_t i = 0; i < values.size(); ++i) {
    ReplayOptions options = swept_options();
    options.threshold.cpu_suppress_threshold_percent = static_cast<int>(values[i]);
    EXPECT_EQ(totals_list(sweep->points[i].totals), totals_list(replay(data, world, options)->totals));
  }
  EXPECT_GT(sweep->points[0].totals.suppressed_s, sweep->points[1].totals.suppressed_s);
}

TEST(SweepPolicy, IsTheSameForAnyParallel) {
  const std::vector<double> values = {50, 70};
  const auto run = [&](Parallel parallel) {
    ReplayOptions options = swept_options();
    options.parallel = std::move(parallel);
    return sweep_policy(swept_data(), swept_world(), options, SweepKnob::kReclaimThreshold, values, 0.01);
  };
  const auto alone = run({});
  ASSERT_TRUE(alone) << alone.error().message();
  expect_same(*alone, *run(backwards()));
  expect_same(*alone, *run(on_threads(3)));
}

TEST(SweepPolicy, RefusesWhatItCannotTry) {
  const auto refusal = [](SweepKnob knob, const std::vector<double>& values, double accepted_risk) {
    const auto sweep = sweep_policy(swept_data(), swept_world(), swept_options(), knob, values, accepted_risk);
    if (sweep) return std::string("accepted");
    EXPECT_EQ(sweep.error().code(), ErrorCode::kInvalidArgument);
    return sweep.error().message();
  };
  constexpr auto kReclaim = SweepKnob::kReclaimThreshold;
  EXPECT_THAT(refusal(SweepKnob::kForecast, {1}, 0.01), HasSubstr("predictors"));
  EXPECT_THAT(refusal(kReclaim, {}, 0.01), HasSubstr("no value"));
  EXPECT_THAT(refusal(kReclaim, {62.5}, 0.01), HasSubstr("cpuReclaimThresholdPercent=62.5"));
  EXPECT_THAT(refusal(kReclaim, {-1}, 0.01), HasSubstr("-1"));
  EXPECT_THAT(refusal(SweepKnob::kSuppressThreshold, {50, 101}, 0.01), HasSubstr("cpuSuppressThresholdPercent=101"));
  EXPECT_THAT(refusal(kReclaim, std::vector<double>(201, 50), 0.01), HasSubstr("at most 200"));
  EXPECT_THAT(refusal(kReclaim, {50}, 1.5), HasSubstr("1.5"));
  EXPECT_THAT(refusal(kReclaim, {50}, -0.1), HasSubstr("-0.1"));
}

TEST(SweepPolicy, ProgressGoesOnceOverAllPointsAndCanStopThem) {
  const std::vector<double> values = {50, 60, 70, 80};
  ReplayOptions options = swept_options();
  double last = 0;
  options.progress = [&last](double share) {
    EXPECT_GE(share, last - 1e-12);
    EXPECT_LE(share, 1 + 1e-12);
    last = share;
    return false;
  };
  ASSERT_TRUE(sweep_policy(swept_data(), swept_world(), options, SweepKnob::kReclaimThreshold, values, 1));
  EXPECT_GE(last, 0.75) << "of the last of four points, too";
  options.progress = [](double share) { return share >= 0.5; };
  const auto stopped = sweep_policy(swept_data(), swept_world(), options, SweepKnob::kReclaimThreshold, values, 1);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code(), ErrorCode::kUnavailable);
}

TEST(SweepPolicy, PointsThatAreKeptAreNotComputedAgain) {
  const std::vector<double> values = {50, 60, 70};
  std::map<std::string, std::string> pieces;
  std::vector<std::string> computed;
  const Kept kept{.find = [&](const std::string& name) -> std::optional<std::string> {
                    const auto found = pieces.find(name);
                    return found == pieces.end() ? std::nullopt : std::optional(found->second);
                  },
                  .keep =
                      [&](const std::string& name, const std::string& text) {
                        computed.push_back(name);
                        pieces[name] = text;
                        return model::Result<void>();
                      }};
  // It is stopped within the second point.
  ReplayOptions options = swept_options();
  options.progress = [](double share) { return share > 0.5; };
  const auto run = [&] {
    return sweep_policy(swept_data(), swept_world(), options, SweepKnob::kReclaimThreshold, values, 0.01, kept);
  };
  EXPECT_FALSE(run());
  EXPECT_THAT(computed, ElementsAre("cpuReclaimThresholdPercent=50"));
  options.progress = {};
  const auto resumed = run();
  ASSERT_TRUE(resumed) << resumed.error().message();
  EXPECT_THAT(computed, ElementsAre("cpuReclaimThresholdPercent=50", "cpuReclaimThresholdPercent=60",
                                    "cpuReclaimThresholdPercent=70"));
  const auto alone = sweep_policy(swept_data(), swept_world(), options, SweepKnob::kReclaimThreshold, values, 0.01);
  expect_same(*resumed, *alone);
  pieces["cpuReclaimThresholdPercent=60"] = pieces["cpuReclaimThresholdPercent=60"].substr(3);
  const auto damaged = run();
  ASSERT_TRUE(damaged);
  expect_same(*damaged, *alone);
  EXPECT_EQ(computed.back(), "cpuReclaimThresholdPercent=60") << "what is no point is computed again";
}

TEST(SweepForecasts, PointsAreTheScores) {
  const Dataset data = swept_data();
  const World world = swept_world();
  const auto specs = swept_forecasts({"limit", "nsigma:2", "mean:15", "oracle"});
  const ScoreOptions options{};
  const auto scores = score(data, world, specs, options);
  ASSERT_TRUE(scores) << scores.error().message();
  const auto sweep = sweep_forecasts(data, world, specs, options, 0);
  ASSERT_TRUE(sweep) << sweep.error().message();
  ASSERT_EQ(sweep->points.size(), 4u);
  for (std::size_t i = 0; i < specs.size(); ++i) {
    EXPECT_EQ(sweep->points[i].setting, specs[i].text);
    EXPECT_EQ(sweep->points[i].savings, (*scores)[i].savings);
    EXPECT_EQ(sweep->points[i].risk, (*scores)[i].violation_rate());
    EXPECT_EQ(sweep->points[i].severity_p99, (*scores)[i].severity_p99);
  }
  EXPECT_FALSE(sweep->points[3].on_frontier);
  ASSERT_TRUE(sweep->recommended) << "limits are never passed";
  EXPECT_EQ(sweep->points[*sweep->recommended].risk, 0);
  EXPECT_NE(*sweep->recommended, 3u);
}

TEST(SweepForecasts, RefusesAnEmptyListAndARiskBeyondOne) {
  const auto none = sweep_forecasts(swept_data(), swept_world(), {}, {}, 0.1);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_FALSE(sweep_forecasts(swept_data(), swept_world(), swept_forecasts({"limit"}), {}, 2));
}

}  // namespace
}  // namespace tideline::planner::sweep_test
