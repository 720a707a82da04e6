#include "k8s-bridge/api/budget.h"

#include <chrono>
#include <vector>

#include <gmock/gmock.h>

namespace tideline::k8s_api::budget_test {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;

constexpr model::MonoTime kStart{1'000'000'000'000};

model::MonoTime after(milliseconds time) {
  return kStart + time;
}

/// Who goes at that instant, each giving its place back at once.
std::vector<Budget::Id> all_at(Budget& budget, model::MonoTime now) {
  std::vector<Budget::Id> gone;
  while (const auto id = budget.take(now)) {
    gone.push_back(*id);
    budget.done();
  }
  return gone;
}

TEST(PlacesForABudget, LetItBeUsedWithAnswersThatTake200Milliseconds) {
  EXPECT_EQ(places_for(1), 8u);
  EXPECT_EQ(places_for(30), 8u);
  EXPECT_EQ(places_for(125), 25u);
  EXPECT_EQ(places_for(10'000), 64u);
}

TEST(Budget, ABurstGoesAtOnceAndTheRestAtTheRate) {
  Budget budget({.requests_a_second = 10, .burst = 3}, kStart);
  for (Budget::Id id = 1; id <= 6; ++id)
    ASSERT_TRUE(budget.enqueue(id, Priority::kNormal));
  EXPECT_THAT(all_at(budget, kStart), ElementsAre(1, 2, 3));
  EXPECT_THAT(all_at(budget, after(milliseconds(99))), ElementsAre());
  EXPECT_THAT(all_at(budget, after(milliseconds(100))), ElementsAre(4));
  EXPECT_THAT(all_at(budget, after(milliseconds(300))), ElementsAre(5, 6));
  EXPECT_EQ(budget.waiting(), 0U);
}

TEST(Budget, WhatIsNotUsedIsSavedUpToTheBurst) {
  Budget budget({.requests_a_second = 10, .burst = 2}, kStart);
  for (Budget::Id id = 1; id <= 5; ++id)
    budget.enqueue(id, Priority::kNormal);
  EXPECT_THAT(all_at(budget, after(std::chrono::hours(1))), ElementsAre(1, 2));
}

TEST(Budget, TheHigherPriorityGoesFirstAndOfOneTheFirst) {
  Budget budget({.requests_a_second = 10, .burst = 100}, kStart);
  budget.enqueue(1, Priority::kLow);
  budget.enqueue(2, Priority::kNormal);
  budget.enqueue(3, Priority::kHigh);
  budget.enqueue(4, Priority::kLow);
  budget.enqueue(5, Priority::kHigh);
  EXPECT_THAT(all_at(budget, kStart), ElementsAre(3, 5, 2, 1, 4));
}

TEST(Budget, AHoldStopsAllButTheUrgent) {
  Budget budget({}, kStart);
  budget.hold(after(milliseconds(500)));
  budget.hold(after(milliseconds(100)));  // does not shorten it
  budget.enqueue(1, Priority::kLow);
  budget.enqueue(2, Priority::kNormal);
  budget.enqueue(3, Priority::kHigh);
  EXPECT_THAT(all_at(budget, kStart), ElementsAre(3));
  EXPECT_EQ(budget.next(kStart), after(milliseconds(500)));
  EXPECT_THAT(all_at(budget, after(milliseconds(499))), ElementsAre());
  EXPECT_THAT(all_at(budget, after(milliseconds(500))), ElementsAre(2, 1));
}

TEST(Budget, PlacesAreLimitedAndOneIsKeptForTheUrgent) {
  Budget budget({.max_in_flight = 3, .kept_for_high = 1}, kStart);
  for (Budget::Id id = 1; id <= 4; ++id)
    budget.enqueue(id, Priority::kNormal);
  EXPECT_EQ(budget.take(kStart), 1U);
  EXPECT_EQ(budget.take(kStart), 2U);
  EXPECT_EQ(budget.take(kStart), std::nullopt);
  EXPECT_EQ(budget.next(kStart), std::nullopt) << "time alone changes nothing";
  budget.enqueue(5, Priority::kHigh);
  budget.enqueue(6, Priority::kHigh);
  EXPECT_EQ(budget.next(kStart), kStart);
  EXPECT_EQ(budget.take(kStart), 5U);
  EXPECT_EQ(budget.take(kStart), std::nullopt);
  budget.done();
  EXPECT_EQ(budget.take(kStart), 6U);
  budget.done();
  budget.done();
  EXPECT_EQ(budget.take(kStart), 3U);
}

TEST(Budget, ASinglePlaceIsForEveryone) {
  Budget budget({.max_in_flight = 1, .kept_for_high = 1}, kStart);
  budget.enqueue(1, Priority::kLow);
  EXPECT_EQ(budget.take(kStart), 1U);
}

TEST(Budget, NoMoreWaitThanMay) {
  Budget budget({.max_waiting = 2}, kStart);
  EXPECT_TRUE(budget.enqueue(1, Priority::kLow));
  EXPECT_TRUE(budget.enqueue(2, Priority::kHigh));
  EXPECT_FALSE(budget.enqueue(3, Priority::kHigh));
  budget.withdraw(1);
  budget.withdraw(99);
  EXPECT_TRUE(budget.enqueue(4, Priority::kNormal));
  EXPECT_THAT(all_at(budget, kStart), ElementsAre(2, 4));
}

TEST(Budget, NextIsWhenTakeGivesSomeone) {
  Budget budget({.requests_a_second = 7, .burst = 1}, kStart);
  for (Budget::Id id = 1; id <= 50; ++id)
    budget.enqueue(id, Priority::kNormal);
  model::MonoTime now = kStart;
  for (Budget::Id id = 1; id <= 50; ++id) {
    ASSERT_EQ(budget.take(now), id);
    budget.done();
    const auto next = budget.next(now);
    if (id == 50) {
      EXPECT_EQ(next, std::nullopt);
      break;
    }
    ASSERT_TRUE(next);
    ASSERT_GT(*next, now);
    now = *next;
  }
  EXPECT_GE(now - kStart, milliseconds(6990));
  EXPECT_LE(now - kStart, milliseconds(7010));
}

}  // namespace
}  // namespace tideline::k8s_api::budget_test
