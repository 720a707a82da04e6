#include <gtest/gtest.h>

#include "node-actor/enrol/enroller.h"

namespace tideline::enrol {
namespace {

using model::WallTime;

constexpr std::int64_t kHourMs = 3'600'000;

TEST(RenewAt, IsWhenTwoThirdsOfTheValidityAreOver) {
  EXPECT_EQ(renew_at({100 * kHourMs}, {124 * kHourMs}, 0), WallTime{116 * kHourMs});
}

TEST(RenewAt, SpreadsAFleetOverATenthOfTheValidity) {
  const WallTime from{0};
  const WallTime until{24 * kHourMs};
  EXPECT_EQ(renew_at(from, until, 0.5), WallTime{16 * kHourMs + 12 * kHourMs / 10});
  EXPECT_EQ(renew_at(from, until, 1), WallTime{16 * kHourMs + 24 * kHourMs / 10});
}

TEST(RenewAt, LeavesAFifthOfTheValidityWhateverTheShare) {
  for (const double share : {-1.0, 0.0, 0.3, 1.0, 1e9})
    EXPECT_LT(renew_at({0}, {1000}, share), WallTime{800}) << share;
}

TEST(RenewAt, IsAtOnceWhereThereIsNoValidity) {
  EXPECT_EQ(renew_at({500}, {500}, 0.5), WallTime{});
  EXPECT_EQ(renew_at({500}, {400}, 0.5), WallTime{});
}

TEST(RenewAt, HoldsForTheLongestCertificate) {
  const WallTime year_9999{253'402'300'799'000};
  EXPECT_GT(renew_at({0}, year_9999, 1), WallTime{160'000'000'000'000});
  EXPECT_LT(renew_at({0}, year_9999, 1), year_9999);
}

}  // namespace
}  // namespace tideline::enrol
