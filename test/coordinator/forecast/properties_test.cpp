// Forecasters against plain sums over all they were told, on random hosts.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "coordinator/forecast/forecast.h"
#include "coordinator/forecast/windows.h"
#include "test/coordinator/forecast/random_host.h"

namespace tideline::forecast {
namespace {

constexpr std::size_t kWindow = 20;
constexpr std::size_t kLeast = 5;
constexpr ForecastSetting kSetting{.step_s = 300, .window_s = 300 * kWindow, .least_known_s = 300 * kLeast};

/// Runs a host and calls check(told, predicted) after each of its steps.
template <class Check>
void on_random_hosts(std::string_view text, const ForecastSetting& setting, const RandomHostRule& rule,
                     std::size_t steps, const Check& check) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(testing::Message() << text << ", seed " << seed);
    RandomHost host(seed, rule);
    const auto forecaster = make_forecaster({std::string(text)}, setting);
    ASSERT_NE(forecaster, nullptr);
    Told told;
    for (std::size_t step = 0; step < steps && !testing::Test::HasFatalFailure(); ++step) {
      SCOPED_TRACE(testing::Message() << "step " << step);
      const auto tasks = host.step();
      told.observe(tasks);
      forecaster->observe(tasks);
      const auto predicted = forecaster->predict();
      ASSERT_TRUE(predicted.has_value());
      ASSERT_GE(*predicted, 0);
      ASSERT_LE(*predicted, told.limits() * (1 + 1e-12));
      check(told, *predicted);
    }
  }
}

/// Calm ones, and such where somebody comes or goes all the time.
template <class Check>
void on_all_hosts(std::string_view text, const Check& check) {
  on_random_hosts(text, kSetting, {.tasks = 8, .change_in = 100}, 800, check);
  on_random_hosts(text, kSetting, {.tasks = 12, .change_in = 10}, 400, check);
}

double near(double value) {
  return 1e-5 * std::max(value, 1.0);
}

double plain_mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values)
    sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

double plain_percentile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const double place = share * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const double part = place - static_cast<double>(below);
  return part == 0 ? values[below] : values[below] * (1 - part) + values[below + 1] * part;
}

double plain_nsigma(const Told& told, double sigmas) {
  double cold = 0;
  double limits = 0;
  std::vector<double> used(kWindow, 0);
  std::vector<double> limit(kWindow, 0);
  std::size_t depth = 0;
  for (const auto& [task, uses] : told.tasks()) {
    if (uses.size() < kLeast) {
      cold += uses.back().limit;
      continue;
    }
    limits += uses.back().limit;
    const auto last = last_of(uses, kWindow);
    depth = std::max(depth, last.size());
    for (std::size_t age = 0; age < last.size(); ++age) {
      used[age] += last[last.size() - 1 - age].used;
      limit[age] += last[last.size() - 1 - age].limit;
    }
  }
  std::vector<double> ratios;
  for (std::size_t age = 0; age < depth; ++age)
    ratios.push_back(ratio_of(used[age], limit[age]));
  const double mean = plain_mean(ratios);
  double squares = 0;
  for (const double ratio : ratios)
    squares += (ratio - mean) * (ratio - mean);
  const double deviation = depth < 2 ? 0 : std::sqrt(squares / static_cast<double>(depth - 1));
  return cold + std::min(mean + sigmas * deviation, 1.0) * limits;
}

std::vector<double> used_in(const Told::Uses& uses) {
  std::vector<double> used;
  for (const TaskUse& use : uses)
    used.push_back(use.used);
  return used;
}

double plain_rc(const Told& told, double share) {
  return told.sum(kLeast, [&](const Told::Uses& uses) {
    std::vector<double> ratios;
    for (const TaskUse& use : last_of(uses, kWindow))
      ratios.push_back(ratio_of(use.used, use.limit));
    return plain_percentile(ratios, share) * uses.back().limit;
  });
}

struct Weighted {
  double value = 0;
  double weight = 1;
  double half_lives = 0;  // since then
};

/// The smallest value such that values up to it have the share p of all weight.
double weighted_percentile(std::vector<Weighted> values, double p) {
  std::sort(values.begin(), values.end(), [](const Weighted& a, const Weighted& b) { return a.value < b.value; });
  double total = 0;
  for (const Weighted& of : values)
    total += of.weight * std::exp2(-of.half_lives);
  double sum = 0;
  for (const Weighted& of : values) {
    sum += of.weight * std::exp2(-of.half_lives);
    if (sum >= p * total) return of.value;
  }
  return values.back().value;
}

/// What a decaying histogram may answer: the upper edge of a bucket. Its weights are floats.
struct Bounds {
  double low = 0;
  double high = 0;
};
Bounds histogram_bounds(const std::vector<Weighted>& values, double p, double first) {
  return {weighted_percentile(values, p - 1e-4), 1.05 * weighted_percentile(values, p + 1e-4) + first};
}

TEST(Properties, LimitIsTheSumOfLimits) {
  on_all_hosts("limit:0.25", [](const Told& told, double predicted) {
    ASSERT_NEAR(predicted, 0.25 * told.limits(), near(told.limits()));
  });
}

TEST(Properties, MeanIsThatOfEachTasksWindow) {
  on_all_hosts("mean:15", [](const Told& told, double predicted) {
    const double wanted =
        told.sum(kLeast, [](const Told::Uses& uses) { return 1.15 * plain_mean(used_in(last_of(uses, kWindow))); });
    ASSERT_NEAR(predicted, wanted, near(wanted));
  });
}

TEST(Properties, PeakIsThatOfEachTasksWindow) {
  on_all_hosts("peak", [](const Told& told, double predicted) {
    const double wanted = told.sum(kLeast, [](const Told::Uses& uses) {
      const auto used = used_in(last_of(uses, kWindow));
      return *std::max_element(used.begin(), used.end());
    });
    ASSERT_NEAR(predicted, wanted, near(wanted));
  });
}

TEST(Properties, PercentileIsThatOfEachTasksWindow) {
  for (const auto& [text, share] : std::map<std::string_view, double>{{"rc:50", 0.5}, {"rc:95", 0.95}, {"rc:100", 1}}) {
    on_all_hosts(text, [part = share](const Told& told, double predicted) {
      const double wanted = plain_rc(told, part);
      ASSERT_NEAR(predicted, wanted, near(wanted));
    });
  }
}

TEST(Properties, NSigmaIsOfTheSumsOfThoseWhoAreThere) {
  for (const auto& [text, sigmas] : std::map<std::string_view, double>{{"nsigma:0", 0}, {"nsigma:2", 2}}) {
    on_all_hosts(text, [times = sigmas](const Told& told, double predicted) {
      const double wanted = plain_nsigma(told, times);
      ASSERT_NEAR(predicted, wanted, near(told.limits()));
    });
  }
}

TEST(Properties, MaxIsTheLargestOfItsParts) {
  on_all_hosts("max(nsigma:1,rc:80)", [](const Told& told, double predicted) {
    const double wanted = std::max(plain_nsigma(told, 1), plain_rc(told, 0.8));
    ASSERT_NEAR(predicted, wanted, near(told.limits()));
  });
}

// Uses stay below the 10.8 cores that the histogram has buckets for.
TEST(Properties, KoordinatorIsWithinABucketOfTheDecayedPercentile) {
  on_random_hosts("koordinator", {.step_s = 3'600}, {.tasks = 5, .most = 8'000, .change_in = 200}, 250,
                  [](const Told& told, double predicted) {
                    const auto bound = [&](double Bounds::*side) {
                      return told.sum(24, [&](const Told::Uses& uses) {
                        std::vector<Weighted> values;
                        for (std::size_t i = 0; i < uses.size(); ++i) {
                          values.push_back({uses[i].used, 1, static_cast<double>(uses.size() - 1 - i) / 12});
                        }
                        return std::min(1.1 * histogram_bounds(values, 0.95, 25).*side, uses.back().limit);
                      });
                    };
                    ASSERT_GE(predicted, bound(&Bounds::low) - 1e-6);
                    ASSERT_LE(predicted, bound(&Bounds::high) + 1e-6);
                  });
}

// Uses stay below the 4.3 cores that the histogram has buckets for.
TEST(Properties, VpaIsWithinABucketOfTheDecayedPercentile) {
  on_random_hosts("vpa", {.step_s = 3'600}, {.tasks = 5, .most = 4'000, .change_in = 200}, 250,
                  [](const Told& told, double predicted) {
                    const auto bound = [&](double Bounds::*side) {
                      return told.sum(2, [&](const Told::Uses& uses) {
                        std::vector<Weighted> values;
                        for (std::size_t i = 0; i < uses.size(); ++i) {
                          values.push_back({uses[i].used, std::max(uses[i].limit / 1'000, 0.1),
                                            static_cast<double>(uses.size() - 1 - i) / 24});
                        }
                        return std::max(1.15 * histogram_bounds(values, 0.9, 10).*side, 25.0);
                      });
                    };
                    ASSERT_GE(predicted, bound(&Bounds::low) - 1e-6);
                    ASSERT_LE(predicted, bound(&Bounds::high) + 1e-6);
                  });
}

TEST(Properties, VpaOfMemoryIsThatOfTheDaysPeaks) {
  on_random_hosts("vpa", {.step_s = 7'200, .resource = Resource::kMemory}, {.tasks = 5, .most = 4e9, .change_in = 100},
                  300, [](const Told& told, double predicted) {
                    const auto bound = [&](double Bounds::*side) {
                      return told.sum(1, [&](const Told::Uses& uses) {
                        std::vector<Weighted> days;
                        const std::size_t last = (uses.size() - 1) / 12;
                        for (std::size_t i = 0; i < uses.size(); ++i) {
                          if (i % 12 == 0) days.push_back({0, 1, static_cast<double>(last - i / 12)});
                          days.back().value = std::max(days.back().value, uses[i].used);
                        }
                        return std::max(1.15 * histogram_bounds(days, 0.9, 1e7).*side, 250.0 * (1 << 20));
                      });
                    };
                    ASSERT_GE(predicted, bound(&Bounds::low) * (1 - 1e-9));
                    ASSERT_LE(predicted, bound(&Bounds::high) * (1 + 1e-9));
                  });
}

// What a forecaster says is a function of what it was told: the byte-identical reports of the planner rest on it.
TEST(Properties, TwoThatWereToldTheSameSayTheSame) {
  for (const std::string_view text : usual_forecasts()) {
    if (text == "oracle") continue;
    const auto one = make_forecaster({std::string(text)}, kSetting);
    const auto other = make_forecaster({std::string(text)}, kSetting);
    RandomHost host(7, {.tasks = 10, .change_in = 30});
    for (int step = 0; step < 300; ++step) {
      const auto tasks = host.step();
      one->observe(tasks);
      other->observe(tasks);
      if (step % 3 == 0) (void)other->predict();
      ASSERT_EQ(one->predict(), other->predict()) << text << " " << step;
    }
  }
}

}  // namespace
}  // namespace tideline::forecast
