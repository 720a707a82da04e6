#include "coordinator/forecast/windows.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "test/coordinator/forecast/random_host.h"

namespace tideline::forecast {
namespace {

constexpr std::size_t kSizes[] = {1, 2, 3, 7, 50};

/// Long stretches alike, jumps, and many equal values.
std::vector<double> random_series(std::uint64_t seed, std::size_t size) {
  RandomNumbers numbers(seed);
  std::vector<double> series(size);
  double level = 1;
  for (double& value : series) {
    if (numbers.one_in(40)) level = numbers.between(0, 1'000);
    value = numbers.one_in(3) ? level : std::floor(level * numbers.between(0.9, 1.1));
  }
  return series;
}

std::vector<double> window_of(const std::vector<double>& series, std::size_t end, std::size_t window) {
  const std::size_t begin = end > window ? end - window : 0;
  return {series.begin() + static_cast<std::ptrdiff_t>(begin), series.begin() + static_cast<std::ptrdiff_t>(end)};
}

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values)
    sum += value;
  return sum / static_cast<double>(values.size());
}

double deviation_of(const std::vector<double>& values) {
  if (values.size() < 2) return 0;
  const double mean = mean_of(values);
  double squares = 0;
  for (const double value : values)
    squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

template <class Check>
void for_random_windows(const Check& check) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const auto series = random_series(seed, 700);
    for (const std::size_t window : kSizes) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << ", window " << window);
      check(series, window);
    }
  }
}

TEST(Windows, MomentsAreThoseOfTheLastValues) {
  for_random_windows([](const std::vector<double>& series, std::size_t window) {
    WindowMoments moments;
    for (std::size_t i = 0; i < series.size(); ++i) {
      moments.push(window, series[i]);
      const auto values = window_of(series, i + 1, window);
      ASSERT_EQ(moments.size(), values.size());
      ASSERT_NEAR(moments.mean(), mean_of(values), 1e-9) << i;
      ASSERT_NEAR(moments.deviation(), deviation_of(values), 1e-3) << i;
    }
  });
}

TEST(Windows, MomentsOfEqualValuesHaveNoDeviation) {
  WindowMoments moments;
  for (int i = 0; i < 1'000; ++i) {
    moments.push(10, 0.1);
    ASSERT_EQ(moments.mean(), 0.1) << i;
    ASSERT_EQ(moments.deviation(), 0) << i;
  }
}

TEST(Windows, MomentsBeginAnewWhenCleared) {
  WindowMoments moments;
  for (int i = 0; i < 25; ++i)
    moments.push(10, 5);
  moments.clear();
  EXPECT_EQ(moments.size(), 0u);
  EXPECT_EQ(moments.mean(), 0);
  moments.push(10, 2);
  moments.push(10, 4);
  EXPECT_DOUBLE_EQ(moments.mean(), 3);
  EXPECT_DOUBLE_EQ(moments.deviation(), std::sqrt(2.0));
}

TEST(Windows, MaxIsThatOfTheLastValues) {
  for_random_windows([](const std::vector<double>& series, std::size_t window) {
    WindowMax most;
    for (std::size_t i = 0; i < series.size(); ++i) {
      most.push(window, series[i]);
      const auto values = window_of(series, i + 1, window);
      ASSERT_EQ(most.max(), *std::max_element(values.begin(), values.end())) << i;
    }
  });
}

TEST(Windows, MaxFollowsAFallStepByStep) {
  WindowMax most;
  for (int i = 0; i < 1'000; ++i) {
    most.push(7, 1'000 - i);
    ASSERT_EQ(most.max(), 1'000 - std::max(i - 6, 0)) << i;
  }
  most.clear();
  EXPECT_EQ(most.max(), 0);
  most.push(7, 3);
  EXPECT_EQ(most.max(), 3);
}

TEST(Windows, RanksAreThoseOfTheLastValues) {
  for_random_windows([](const std::vector<double>& series, std::size_t window) {
    WindowRanks ranks;
    for (std::size_t i = 0; i < series.size(); ++i) {
      ranks.push(window, series[i]);
      auto values = window_of(series, i + 1, window);
      std::sort(values.begin(), values.end());
      for (std::size_t place = 0; place < values.size(); ++place) {
        const double share =
            values.size() == 1 ? 0.5 : static_cast<double>(place) / static_cast<double>(values.size() - 1);
        ASSERT_NEAR(ranks.at(share), values[place], 1e-9) << i << " " << place;
      }
    }
  });
}

TEST(Windows, RanksBetweenTwoValuesLieBetweenThem) {
  WindowRanks ranks;
  EXPECT_EQ(ranks.at(0.5), 0);
  ranks.push(5, 40);
  ranks.push(5, 10);
  ranks.push(5, 20);
  EXPECT_EQ(ranks.at(0), 10);
  EXPECT_DOUBLE_EQ(ranks.at(0.25), 15);
  EXPECT_DOUBLE_EQ(ranks.at(0.5), 20);
  EXPECT_DOUBLE_EQ(ranks.at(0.9), 36) << "20 + 0.8 * 20";
  EXPECT_EQ(ranks.at(1), 40);
}

TEST(Windows, RatioOfNoLimitIsAllOfIt) {
  EXPECT_EQ(ratio_of(50, 200), 0.25);
  EXPECT_EQ(ratio_of(300, 200), 1.5) << "more than may be is what it is";
  EXPECT_EQ(ratio_of(1, 0), 1);
  EXPECT_EQ(ratio_of(0, 0), 0);
  EXPECT_TRUE(std::isfinite(ratio_of(1e300, 1e-300)));
}

}  // namespace
}  // namespace tideline::forecast
