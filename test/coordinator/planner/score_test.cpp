#include "coordinator/planner/score.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "coordinator/planner/future_peak.h"

namespace tideline::planner::score_test {
namespace {

using forecast::ForecastSpec;
using testing::HasSubstr;

constexpr std::int64_t kHour = 3'600;
/// 2013-07-08 00:00 UTC
constexpr std::int64_t kBegin = 1'373'241'600;

class ScoreNumbers {
 public:
  explicit ScoreNumbers(std::uint64_t seed) : engine_(seed) {}
  float between(double low, double high) {
    return static_cast<float>(low + (high - low) * static_cast<double>(engine_() >> 11) / 9007199254740992.0);
  }
  bool one_in(double times) { return between(0, times) < 1; }

 private:
  std::mt19937_64 engine_;
};

Workload workload(std::vector<float> cpu_used, float cpu_request) {
  const std::size_t steps = cpu_used.size();
  return {.name = "vm",
          .cpu_used = std::move(cpu_used),
          .cpu_request = std::vector<float>(steps, cpu_request),
          .memory_used_mib = std::vector<float>(steps, kAbsent),
          .memory_request_mib = std::vector<float>(steps, 0)};
}

/// Steps of an hour: two of them are known well enough.
Dataset hourly(std::vector<Workload> workloads) {
  Dataset data;
  data.begin_s = kBegin;
  data.step_s = kHour;
  data.steps = workloads.front().cpu_used.size();
  data.workloads = std::move(workloads);
  return data;
}

World world_of(std::initializer_list<std::vector<std::uint32_t>> hosts) {
  World world;
  world.hosts = hosts;
  return world;
}

std::vector<ForecastSpec> specs_of(std::initializer_list<std::string_view> texts) {
  std::vector<ForecastSpec> specs;
  for (const std::string_view text : texts)
    specs.push_back({std::string(text)});
  return specs;
}

/// Two hours ahead, by the three hours before.
ScoreOptions two_hours() {
  ScoreOptions options;
  options.horizon_s = 2 * kHour;
  options.window_s = 3 * kHour;
  return options;
}

std::vector<ForecastScore> scored(const Dataset& data, const World& world, const std::vector<ForecastSpec>& specs,
                                  const ScoreOptions& options) {
  const auto scores = score(data, world, specs, options);
  EXPECT_TRUE(scores.ok()) << (scores.ok() ? "" : scores.error().message());
  return scores.ok() ? *scores : std::vector<ForecastScore>(specs.size());
}

ForecastScore only(const Dataset& data, const World& world, std::string_view text, const ScoreOptions& options) {
  return scored(data, world, specs_of({text}), options).front();
}

const Dataset& rising() {
  static const Dataset data = hourly({workload({100, 200, 300, 400, 500, 600}, 1'000)});
  return data;
}

TEST(Score, TheOracleIsTheMostOfTheHoursAfter) {
  const auto oracle = only(rising(), world_of({{0}}), "oracle", two_hours());
  EXPECT_EQ(oracle.spec.text, "oracle");
  EXPECT_EQ(oracle.checks, 4u) << "the last two have not their whole horizon";
  EXPECT_EQ(oracle.violations, 0u);
  EXPECT_EQ(oracle.violation_rate(), 0);
  EXPECT_NEAR(oracle.savings, (0.7 + 0.6 + 0.5 + 0.4) / 4, 1e-9);
}

TEST(Score, CountsHowOftenMoreWasUsedAndByHowMuch) {
  const auto scores =
      scored(rising(), world_of({{0}}), specs_of({"limit", "limit:0.5", "peak", "oracle"}), two_hours());
  ASSERT_EQ(scores.size(), 4u);
  EXPECT_EQ(scores[0].violations, 0u);
  EXPECT_EQ(scores[0].savings, 0);
  EXPECT_EQ(scores[0].severity_p99, 0);

  EXPECT_EQ(scores[1].spec.text, "limit:0.5");
  EXPECT_EQ(scores[1].checks, 4u);
  EXPECT_EQ(scores[1].violations, 1u) << "300 400 500 600 of 500: as much is none";
  EXPECT_EQ(scores[1].violation_rate(), 0.25);
  EXPECT_NEAR(scores[1].severity_p50, 100.0 / 600, 1e-5);
  EXPECT_NEAR(scores[1].severity_p99, 100.0 / 600, 1e-5);
  EXPECT_NEAR(scores[1].savings, 0.5, 1e-9);

  EXPECT_EQ(scores[2].violations, 3u) << "1000 200 300 400: the first of one hour alone";
  EXPECT_NEAR(scores[2].severity_p50, 0.4, 1e-5) << "of 1/2, 2/5 and 1/3";
  EXPECT_NEAR(scores[2].severity_p99, 0.5, 1e-5);
  EXPECT_NEAR(scores[2].savings, (0 + 0.8 + 0.7 + 0.6) / 4, 1e-9);
}

TEST(Score, LearnsFromAllDaysAndScoresTheRange) {
  auto options = two_hours();
  options.score_from_s = kBegin + 2 * kHour - 1;
  options.score_until_s = kBegin + 3 * kHour;
  const auto peak = only(rising(), world_of({{0}}), "peak", options);
  EXPECT_EQ(peak.checks, 1u) << "the third step";
  EXPECT_NEAR(peak.savings, 0.7, 1e-9) << "300 are known: from before the range";
  EXPECT_NEAR(peak.severity_p50, 0.4, 1e-5);
}

TEST(Score, WhoComesLaterIsNoPartOfTheOracleAndWhoGoesUsesNothing) {
  const auto data =
      hourly({workload({100, 100, 100, 100, 100}, 1'000), workload({kAbsent, 500, 500, kAbsent, kAbsent}, 1'000)});
  auto options = two_hours();
  const std::vector<double> wanted = {100, 600, 100};
  for (std::size_t step = 0; step < wanted.size(); ++step) {
    options.score_from_s = data.time_of(step);
    options.score_until_s = data.time_of(step + 1);
    const auto oracle = only(data, world_of({{0, 1}}), "oracle", options);
    EXPECT_EQ(oracle.checks, 1u);
    const double limits = step == 0 ? 1'000 : 2'000;
    EXPECT_NEAR(oracle.savings, (limits - wanted[step]) / limits, 1e-9) << step;
  }
}

TEST(Score, AStepWithoutTasksIsNoCheck) {
  const auto data = hourly({workload({kAbsent, kAbsent, 100, 100, 100, 100}, 1'000)});
  EXPECT_EQ(only(data, world_of({{0}}), "limit", two_hours()).checks, 2u);
  EXPECT_EQ(only(data, world_of({{}, {0}, {}}), "limit", two_hours()).checks, 2u);
  const auto none = only(data, world_of({}), "limit", two_hours());
  EXPECT_EQ(none.checks, 0u);
  EXPECT_EQ(none.violation_rate(), 0);
}

TEST(Score, WithoutLimitsThereIsNothingToSave) {
  const auto data = hourly({workload({100, 100, 100, 100}, 0), workload({100, 100, 100, 100}, 400)});
  const auto apart = only(data, world_of({{0}, {1}}), "peak", two_hours());
  EXPECT_EQ(apart.checks, 4u);
  EXPECT_EQ(apart.violations, 2u) << "no limit, so nothing is predicted";
  EXPECT_EQ(apart.severity_p50, 1);
  EXPECT_NEAR(apart.savings, (0 + 0.75) / 2, 1e-9) << "of those with a limit";
}

TEST(Score, MemoryIsOfWorkloadsWhoseUseIsKnown) {
  auto data = hourly({workload({100, 100, 100, 100}, 1'000), workload({100, 100, 100, 100}, 1'000)});
  data.workloads[0].memory_used_mib = {1'000, 1'000, 2'000, 1'000};
  data.workloads[0].memory_request_mib = std::vector<float>(4, 4'000);
  data.workloads[1].memory_request_mib = std::vector<float>(4, 4'000);
  auto options = two_hours();
  options.resource = forecast::Resource::kMemory;
  const auto scores = scored(data, world_of({{0, 1}}), specs_of({"oracle", "peak", "vpa"}), options);
  EXPECT_EQ(scores[0].checks, 2u);
  EXPECT_NEAR(scores[0].savings, 0.5, 1e-9);
  EXPECT_EQ(scores[1].violations, 1u);
  EXPECT_EQ(scores[2].violations, 1u) << "predicted in bytes: its least is 250 MiB";
  EXPECT_NEAR(scores[2].severity_p50, 0.41, 0.02) << "1000 MiB and up to a bucket more, and 15 %, of 2000";
}

TEST(Score, NoStepWithItsWholeHorizonIsAnError) {
  const auto message = [](const ScoreOptions& options) {
    const auto scores = score(rising(), world_of({{0}}), specs_of({"limit"}), options);
    EXPECT_FALSE(scores.ok());
    if (scores.ok()) return std::string();
    EXPECT_EQ(scores.error().code(), model::ErrorCode::kInvalidArgument);
    return scores.error().message();
  };
  auto options = two_hours();
  options.horizon_s = 24 * kHour;
  EXPECT_THAT(message(options), HasSubstr("24 h"));
  EXPECT_THAT(message(options), HasSubstr("2013-07-08T00:00:00Z to 2013-07-08T06:00:00Z"));
  options = two_hours();
  options.score_from_s = kBegin + 4 * kHour;
  EXPECT_THAT(message(options), HasSubstr("2013-07-08T04:00:00Z"));
  options.score_from_s = kBegin - 100 * 24 * kHour;
  options.score_until_s = kBegin;
  EXPECT_THAT(message(options), HasSubstr("2013-03-30"));
  options.score_from_s = INT64_MAX - 1;
  options.score_until_s = INT64_MIN + 1;
  EXPECT_THAT(message(options), HasSubstr("9999-12-31"));
  options = two_hours();
  options.horizon_s = INT64_MAX;
  EXPECT_FALSE(message(options).empty());
}

TEST(Score, WhatDoesNotFitIsNamed) {
  const auto fault = [](const Dataset& data, const World& world, std::string_view text, const ScoreOptions& options) {
    const auto scores = score(data, world, specs_of({text}), options);
    EXPECT_FALSE(scores.ok());
    return scores.ok() ? std::string() : scores.error().message();
  };
  EXPECT_THAT(fault(rising(), world_of({{0}}), "nsigma", two_hours()), HasSubstr("\"nsigma\""));
  EXPECT_THAT(fault(rising(), world_of({{0}, {5}}), "limit", two_hours()), HasSubstr("workload 5, the data has 1"));
  auto options = two_hours();
  options.horizon_s = 0;
  EXPECT_THAT(fault(rising(), world_of({{0}}), "limit", options), HasSubstr("horizon"));
  options = two_hours();
  options.window_s = -1;
  EXPECT_THAT(fault(rising(), world_of({{0}}), "limit", options), HasSubstr("window"));
  auto data = rising();
  data.step_s = 0;
  EXPECT_THAT(fault(data, world_of({{0}}), "limit", two_hours()), HasSubstr("step of 0 s"));
  data = rising();
  data.workloads[0].cpu_request.pop_back();
  EXPECT_THAT(fault(data, world_of({{0}}), "limit", two_hours()), HasSubstr("vm has 5 values for 6 steps"));
}

TEST(Score, TellsItsProgressAndStopsWhenTold) {
  auto options = two_hours();
  std::vector<double> shares;
  options.progress = [&](double share) {
    shares.push_back(share);
    return false;
  };
  World world;
  world.hosts.assign(100, {0});
  EXPECT_EQ(only(rising(), world, "limit", options).checks, 400u);
  EXPECT_TRUE(std::is_sorted(shares.begin(), shares.end()));
  ASSERT_GT(shares.size(), 1u);
  EXPECT_EQ(shares.back(), 1);
  options.progress = [](double) { return true; };
  const auto stopped = score(rising(), world, specs_of({"limit"}), options);
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.error().code(), model::ErrorCode::kUnavailable);
}

/// Workloads that come and go, on hosts of a few each.
struct RandomScene {
  Dataset data;
  World world;
};
RandomScene random_scene(std::uint64_t seed, std::size_t workloads, std::size_t steps) {
  ScoreNumbers numbers(seed);
  RandomScene scene;
  scene.data.begin_s = kBegin;
  scene.data.step_s = 300;
  scene.data.steps = steps;
  for (std::size_t i = 0; i < workloads; ++i) {
    std::vector<float> used(steps);
    const float request = numbers.one_in(15) ? 0 : numbers.between(500, 8'000);
    const bool restless = numbers.one_in(4);
    bool there = !numbers.one_in(4);
    float level = numbers.between(0, 1);
    for (float& value : used) {
      if (numbers.one_in(restless ? 20 : 2'000)) there = !there;
      if (numbers.one_in(80)) level = numbers.between(0, 1);
      value = there ? request * level * numbers.between(0.5, 1.1) : kAbsent;
    }
    scene.data.workloads.push_back(workload(std::move(used), request));
  }
  for (std::uint32_t i = 0; i < workloads; ++i) {
    if (i == 0 || numbers.one_in(4)) scene.world.hosts.emplace_back();
    scene.world.hosts.back().push_back(i);
  }
  return scene;
}

std::vector<ForecastSpec> usual_specs() {
  std::vector<ForecastSpec> specs;
  for (const std::string_view text : forecast::usual_forecasts())
    specs.push_back({std::string(text)});
  return specs;
}

ScoreOptions two_hours_of_five_minutes() {
  ScoreOptions options;
  options.horizon_s = 2 * kHour;
  options.window_s = 4 * kHour;
  return options;
}

TEST(Score, NobodyWithoutViolationsSavesMoreThanTheOracle) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const auto scene = random_scene(seed, 12, 300);
    auto specs = usual_specs();
    specs.push_back({"max(limit:0.95,peak)"});
    const auto scores = scored(scene.data, scene.world, specs, two_hours_of_five_minutes());
    const auto oracle = std::find_if(scores.begin(), scores.end(), [](const auto& of) { return of.spec.is_oracle(); });
    ASSERT_NE(oracle, scores.end());
    EXPECT_EQ(oracle->violations, 0u);
    EXPECT_GT(oracle->checks, 0u);
    for (const ForecastScore& of : scores) {
      SCOPED_TRACE(of.spec.text);
      EXPECT_EQ(of.checks, oracle->checks);
      if (of.violations == 0) {
        EXPECT_LE(of.savings, oracle->savings + 2e-6);
        EXPECT_EQ(of.severity_p99, 0);
      } else {
        EXPECT_GT(of.severity_p99, 0);
        EXPECT_LE(of.severity_p50, of.severity_p99);
        EXPECT_LE(of.severity_p99, 1);
      }
    }
  }
}

void expect_same(const std::vector<ForecastScore>& one, const std::vector<ForecastScore>& other) {
  ASSERT_EQ(one.size(), other.size());
  for (std::size_t i = 0; i < one.size(); ++i) {
    SCOPED_TRACE(one[i].spec.text);
    EXPECT_EQ(one[i].spec, other[i].spec);
    EXPECT_EQ(one[i].checks, other[i].checks);
    EXPECT_EQ(one[i].violations, other[i].violations);
    // To the last bit.
    EXPECT_EQ(one[i].severity_p50, other[i].severity_p50);
    EXPECT_EQ(one[i].severity_p99, other[i].severity_p99);
    EXPECT_EQ(one[i].savings, other[i].savings);
  }
}

void in_reverse(std::size_t count, const std::function<void(std::size_t)>& job) {
  for (std::size_t i = count; i-- > 0;)
    job(i);
}

void on_four_threads(std::size_t count, const std::function<void(std::size_t)>& job) {
  std::atomic<std::size_t> next = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (std::size_t one = next++; one < count; one = next++)
        job(one);
    });
  }
  for (std::thread& thread : threads)
    thread.join();
}

TEST(Score, IsTheSameForAnyParallel) {
  const auto scene = random_scene(11, 300, 60);
  ASSERT_GT(scene.world.hosts.size(), 32u);
  auto options = two_hours_of_five_minutes();
  const auto one_by_one = scored(scene.data, scene.world, usual_specs(), options);
  options.parallel = in_reverse;
  expect_same(one_by_one, scored(scene.data, scene.world, usual_specs(), options));
  options.parallel = on_four_threads;
  for (int round = 0; round < 3; ++round)
    expect_same(one_by_one, scored(scene.data, scene.world, usual_specs(), options));
}

TEST(Score, OneForecastIsScoredAsAmongOthers) {
  const auto scene = random_scene(5, 12, 120);
  const auto together = scored(scene.data, scene.world, usual_specs(), two_hours_of_five_minutes());
  for (const ForecastScore& of : together)
    expect_same({of}, scored(scene.data, scene.world, {of.spec}, two_hours_of_five_minutes()));
}

/// By its definition.
double plain_future_peak(const std::vector<std::vector<float>>& used, std::size_t step, std::size_t horizon) {
  double most = 0;
  for (std::size_t later = step + 1; later <= step + horizon; ++later) {
    double sum = 0;
    for (const auto& series : used) {
      if (series[step] >= 0) sum += std::max(static_cast<double>(series[later]), 0.0);
    }
    most = std::max(most, sum);
  }
  return most;
}

TEST(FuturePeak, IsThatOfTheTasksOfNow) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    ScoreNumbers numbers(seed);
    std::vector<std::vector<float>> used(5, std::vector<float>(200));
    const double change_in = seed % 2 == 0 ? 4 : 60;
    for (auto& series : used) {
      bool there = numbers.one_in(2);
      for (float& value : series) {
        if (numbers.one_in(change_in)) there = !there;
        value = there ? numbers.between(0, 1'000) : kAbsent;
      }
    }
    std::vector<UsedSteps> spans;
    for (const auto& series : used)
      spans.push_back({series, 0});
    for (const std::size_t horizon : {1, 2, 7, 60}) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << ", horizon " << horizon);
      const auto peaks = future_peaks(spans, 30, 200 - horizon, horizon);
      ASSERT_EQ(peaks.size(), 170 - horizon);
      for (std::size_t i = 0; i < peaks.size(); ++i)
        ASSERT_NEAR(peaks[i], plain_future_peak(used, 30 + i, horizon), 1e-9) << i;
    }
  }
}

TEST(FuturePeak, OfTasksOfALifetimeIsAsOfTheWholeRange) {
  const std::vector<float> life = {300, 500, 100, 400};
  std::vector<float> whole(20, kAbsent);
  std::copy(life.begin(), life.end(), whole.begin() + 7);
  const std::vector<float> other(20, 50);
  for (const std::size_t horizon : {1, 3, 6}) {
    const std::vector<UsedSteps> sparse = {{life, 7}, {other, 0}};
    const std::vector<UsedSteps> dense = {{whole, 0}, {other, 0}};
    EXPECT_EQ(future_peaks(sparse, 0, 14, horizon), future_peaks(dense, 0, 14, horizon)) << horizon;
  }
}

TEST(FuturePeak, OfNoStepOrNoTaskIsNone) {
  EXPECT_TRUE(future_peaks({}, 3, 3, 2).empty());
  EXPECT_EQ(future_peaks({}, 0, 2, 2), (std::vector<double>{0, 0}));
}

}  // namespace
}  // namespace tideline::planner::score_test
