#include "coordinator/reclaim/keep.h"

#include <gtest/gtest.h>

namespace tideline::reclaim::keep_test {
namespace {

using model::MilliCpu;
using std::chrono::minutes;
using std::chrono::seconds;

model::Reclaimed account_of(std::int64_t offered_milli) {
  model::Reclaimed account;
  account.node = model::NodeName("n");
  account.cpu.capacity = MilliCpu(100'000);
  account.cpu.offered = MilliCpu(offered_milli);
  account.cpu.used = MilliCpu(5'000);
  account.policy = model::PolicyVersion(1);
  return account;
}

TEST(Keep, AnotherRuleOrPolicyIsKeptAtOnce) {
  const auto kept = account_of(10'000);
  auto now = kept;
  now.memory.rule = model::ReclaimRule::kDeficit;
  EXPECT_TRUE(worth_keeping(kept, now, seconds(0)));
  now = kept;
  now.policy = model::PolicyVersion(2);
  EXPECT_TRUE(worth_keeping(kept, now, seconds(0)));
}

TEST(Keep, ARuleOfMidThatComesAndGoesWithTheLoadWaitsForItsMinute) {
  const auto kept = account_of(10'000);
  auto now = kept;
  now.cpu.mid_rule = model::ReclaimRule::kSafeCapacity;
  EXPECT_FALSE(worth_keeping(kept, now, seconds(59)));
  EXPECT_TRUE(worth_keeping(kept, now, seconds(60)));
}

TEST(Keep, WhatMovedWaitsForItsMinute) {
  const auto kept = account_of(10'000);
  EXPECT_FALSE(worth_keeping(kept, account_of(90'000), seconds(59)));
  EXPECT_TRUE(worth_keeping(kept, account_of(90'000), seconds(60)));
  EXPECT_TRUE(worth_keeping(kept, account_of(8'999), seconds(60))) << "down as well as up";
}

TEST(Keep, APercentOfTheCapacityIsNoMove) {
  const auto kept = account_of(10'000);
  EXPECT_FALSE(worth_keeping(kept, account_of(11'000), minutes(9)));
  EXPECT_TRUE(worth_keeping(kept, account_of(11'001), minutes(9)));
}

TEST(Keep, UseThatIsNoLongerKnownIsAMove) {
  const auto kept = account_of(10'000);
  auto now = kept;
  now.cpu.used = std::nullopt;
  EXPECT_TRUE(worth_keeping(kept, now, minutes(1)));
}

TEST(Keep, WhatStandsStillIsKeptEveryTenMinutes) {
  const auto kept = account_of(10'000);
  EXPECT_FALSE(worth_keeping(kept, kept, minutes(10) - seconds(1)));
  EXPECT_TRUE(worth_keeping(kept, kept, minutes(10)));
}

TEST(Keep, ItsDatasAgeDoesNotCount) {
  const auto kept = account_of(10'000);
  auto now = kept;
  now.data_age = minutes(3);
  EXPECT_FALSE(worth_keeping(kept, now, minutes(5)));
}

}  // namespace
}  // namespace tideline::reclaim::keep_test
