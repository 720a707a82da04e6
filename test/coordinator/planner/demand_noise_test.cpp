#include "coordinator/planner/demand_noise.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace tideline::planner::demand_noise_test {
namespace {

constexpr std::size_t kSeconds = 300;

std::vector<double> drawn(const DemandModel& model, double noise, double bursts, std::uint64_t seed,
                          const std::vector<double>& means) {
  DemandNoise source(model, noise, bursts);
  std::vector<double> sums;
  source.draw(seed, means, kSeconds, sums);
  return sums;
}

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double spread_of(const std::vector<double>& values) {
  const double mean = mean_of(values);
  double squares = 0;
  for (const double value : values)
    squares += (value - mean) * (value - mean);
  return squares / static_cast<double>(values.size());
}

DemandModel any_model(std::mt19937_64& random) {
  std::uniform_real_distribution<double> share(0, 1);
  DemandModel model;
  model.sigma = 3 * share(random);
  model.correlation = 0.9999 * share(random);
  model.shared = share(random);
  model.bursts_per_hour = 3'600 * share(random);
  model.burst_s = 1 + 100 * share(random);
  model.burst_factor = 1 + 99 * share(random);
  return model;
}

TEST(DemandNoise, ServicesUseTheirMeanOverTheStep) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 50; ++round) {
    const auto model = any_model(random);
    const std::vector<double> means = {0, 1'000, 25, 4'000};
    const auto sums = drawn(model, 2, 2, random(), means);
    ASSERT_EQ(sums.size(), kSeconds);
    EXPECT_NEAR(mean_of(sums), 5'025, 1e-6) << "round " << round;
    for (const double sum : sums)
      ASSERT_TRUE(std::isfinite(sum) && sum >= 0) << "round " << round;
  }
}

TEST(DemandNoise, WithoutNoiseAndBurstsEachSecondIsTheMean) {
  EXPECT_EQ(drawn({}, 0, 0, 7, {1'000, 500}), std::vector<double>(kSeconds, 1'500));
}

TEST(DemandNoise, IsTheSameBySeedAndAnotherByAnother) {
  EXPECT_EQ(drawn({}, 1, 1, 7, {1'000, 500}), drawn({}, 1, 1, 7, {1'000, 500}));
  EXPECT_NE(drawn({}, 1, 1, 7, {1'000, 500}), drawn({}, 1, 1, 8, {1'000, 500}));
}

// So that rows of a table of sensitivity differ by what is varied, and not by luck.
TEST(DemandNoise, MoreOfItMovesTheSameSecondsFurther) {
  DemandModel model;
  model.bursts_per_hour = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const auto half = drawn(model, 0.5, 1, seed, {1'000});
    const auto whole = drawn(model, 1, 1, seed, {1'000});
    const auto twice = drawn(model, 2, 1, seed, {1'000});
    EXPECT_LT(spread_of(half), spread_of(whole));
    EXPECT_LT(spread_of(whole), spread_of(twice));
    const auto most = [](const std::vector<double>& values) {
      return std::max_element(values.begin(), values.end()) - values.begin();
    };
    EXPECT_EQ(most(half), most(twice));
  }
}

TEST(DemandNoise, MoreBurstsLeaveThoseThatWereThere) {
  DemandModel model;
  // Without noise a second of a burst is three times one without.
  const auto in_bursts = [&model](double bursts, std::uint64_t seed) {
    const auto sums = drawn(model, 0, bursts, seed, {1'000});
    const double least = *std::min_element(sums.begin(), sums.end());
    std::vector<bool> found;
    for (const double sum : sums)
      found.push_back(sum > 2 * least);
    return found;
  };
  for (const double length : {10.0, 1.0}) {
    SCOPED_TRACE(testing::Message() << "bursts of " << length << " s");
    model.burst_s = length;
    model.bursts_per_hour = 600 / length;
    std::size_t some = 0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      const auto few = in_bursts(1, seed);
      const auto more = in_bursts(2, seed);
      for (std::size_t second = 0; second < kSeconds; ++second) {
        ASSERT_TRUE(!few[second] || more[second]) << "seed " << seed << ", second " << second;
        some += few[second] ? 1U : 0U;
      }
    }
    EXPECT_GT(some, 0u) << "or nothing was tried";
  }
}

// A service's place decides what it draws, so that one that is not there changes nothing for the others.
TEST(DemandNoise, OfOneServiceKnowsNothingOfTheOthers) {
  const auto both = drawn({}, 1, 1, 7, {1'000, 500});
  const auto first = drawn({}, 1, 1, 7, {1'000, 0});
  const auto second = drawn({}, 1, 1, 7, {0, 500});
  for (std::size_t i = 0; i < kSeconds; ++i)
    EXPECT_NEAR(both[i], first[i] + second[i], 1e-9);
}

TEST(DemandNoise, WhatIsSharedDoesNotEvenOut) {
  DemandModel model;
  model.bursts_per_hour = 0;
  const std::vector<double> many(40, 100);
  double apart = 0;
  double together = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    model.shared = 0;
    apart += spread_of(drawn(model, 1, 1, seed, many));
    model.shared = 1;
    together += spread_of(drawn(model, 1, 1, seed, many));
  }
  EXPECT_GT(together, 10 * apart);
}

TEST(MixedSeed, NeighboursHaveNothingToDoWithOneAnother) {
  EXPECT_NE(mixed_seed(1, 0), mixed_seed(0, 1));
  EXPECT_NE(mixed_seed(1, 2), mixed_seed(2, 1));
  EXPECT_EQ(mixed_seed(5, 9), mixed_seed(5, 9));
}

}  // namespace
}  // namespace tideline::planner::demand_noise_test
