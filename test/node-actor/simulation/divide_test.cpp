#include "node-actor/simulation/divide.h"

#include <numeric>
#include <random>

#include <gmock/gmock.h>

namespace tideline::simulation::divide_test {
namespace {

using testing::ElementsAre;

std::vector<double> divided(double whole, const std::vector<Claim>& claims) {
  return divide(whole, claims);
}

TEST(Divide, EachHasWhatItWantsWhereThereIsEnough) {
  EXPECT_THAT(divided(10, {{3, 1}, {7, 100}}), ElementsAre(3, 7));
  EXPECT_TRUE(divided(10, {}).empty());
}

TEST(Divide, WhatIsShortGoesByWeightAndWhatOneLeavesToTheOthers) {
  EXPECT_THAT(divided(12, {{100, 1}, {100, 2}, {100, 3}}), ElementsAre(2, 4, 6));
  EXPECT_THAT(divided(12, {{1, 10}, {100, 1}, {100, 1}}), ElementsAre(1, 5.5, 5.5));
  EXPECT_THAT(divided(0, {{5, 1}, {0, 1}}), ElementsAre(0, 0));
}

TEST(Divide, NothingIsLeftOverOrGivenTwiceAndNobodyHasMoreThanItWants) {
  std::mt19937 random(7);
  std::uniform_real_distribution<double> any(0, 100);
  for (int round = 0; round < 500; ++round) {
    std::vector<Claim> claims;
    double wanted = 0;
    for (int i = 0; i < round % 12 + 1; ++i) {
      claims.push_back({any(random), any(random) + 0.01});
      wanted += claims.back().want;
    }
    const double whole = any(random) * 3;
    const auto got = divide(whole, claims);
    ASSERT_NEAR(std::accumulate(got.begin(), got.end(), 0.0), std::min(whole, wanted), 1e-6) << "round " << round;
    for (std::size_t i = 0; i < got.size(); ++i)
      ASSERT_LE(got[i], claims[i].want + 1e-9) << "round " << round;
  }
}

}  // namespace
}  // namespace tideline::simulation::divide_test
