#include <iterator>
#include <random>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/steady_host.h"

namespace tideline::decide::test::steady_load_test {
namespace {

using Noise = SteadyLoad::Noise;

constexpr SteadyLoad kQuiet{.name = "1 % of spread", .noise = Noise::kSpread, .size = 1};
constexpr SteadyLoad kWild{.name = "6 % of spread", .noise = Noise::kSpread, .size = 6};
constexpr SteadyLoad kLoads[] = {
    kQuiet,
    {.name = "3 % of spread", .noise = Noise::kSpread, .size = 3},
    kWild,
    {.name = "requests of 1 ms", .noise = Noise::kRequests, .size = 1},
    {.name = "requests of 5 ms", .noise = Noise::kRequests, .size = 5},
    {.name = "10 % each second", .noise = Noise::kBursts, .size = 10, .every_s = 1},
    {.name = "20 % each second", .noise = Noise::kBursts, .size = 20, .every_s = 1},
    {.name = "20 % each five seconds", .noise = Noise::kBursts, .size = 20, .every_s = 5},
    {.name = "ticks", .noise = Noise::kSpread, .size = 0, .every_s = 1, .by_ticks = true},
    {.name = "ticks and 2 % of spread", .noise = Noise::kSpread, .size = 2, .every_s = 1, .by_ticks = true}};

constexpr SteadyLoad kCalm{.name = "none", .noise = Noise::kSpread, .size = 0};

constexpr int kWarmUp = 300;
constexpr int kMinute = 600;

void run(SteadyHost& host, int rounds, double more = 0) {
  for (int i = 0; i < rounds; ++i)
    host.round(more);
}

/// By number of CPUs.
class SteadyLoads : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Cpus, SteadyLoads, testing::Values(2, 4, 8, 32, 96, 192));

TEST_P(SteadyLoads, MoveTheLimitAFewTimesAMinuteAndBatchHasWhatIsLeft) {
  constexpr int kMinutes = 3;
  double all_writes = 0;
  for (const auto& load : kLoads) {
    for (unsigned seed = 1; seed <= 2; ++seed) {
      SCOPED_TRACE(testing::Message() << load.name << ", seed " << seed);
      SteadyHost host(GetParam(), load, seed);
      run(host, kWarmUp);
      host.begin_count();
      int writes = 0;
      for (int i = 0; i < kMinutes * kMinute; ++i)
        writes += host.round();
      EXPECT_LE(writes, 12 * kMinutes);
      all_writes += static_cast<double>(writes) / kMinutes;
      const double left = SteadyHost::kThreshold * host.capacity() - host.mean_services();
      EXPECT_GE(host.mean_batch(), 0.9 * left);
      EXPECT_LE(host.mean_batch(), 1.05 * left) << "the mean is what the threshold leaves";
    }
  }
  EXPECT_LE(all_writes / static_cast<double>(2 * std::size(kLoads)), 5.0) << "a minute, of all loads";
}

TEST_P(SteadyLoads, UnderWorkConservingThereIsNoLimitToMoveAndTheHostIsFull) {
  for (const auto& load : kLoads) {
    SCOPED_TRACE(load.name);
    SteadyHost host(GetParam(), load, 3, policy_of(SuppressPolicy::kWorkConserving));
    // Before the first pods LS's waiting is unknown.
    run(host, 30);
    host.begin_count();
    int writes = 0;
    for (int i = 0; i < kMinute; ++i)
      writes += host.round();
    EXPECT_EQ(writes, 0);
    EXPECT_GE(host.mean_batch() + host.mean_services(), 0.9 * host.capacity());
  }
}

/// Rounds from the begin of each spike of half of the host to a lower limit, and from its end to three quarters of what
/// the limit was.
struct Answers {
  std::vector<int> falls;
  std::vector<int> recoveries;
};
Answers spikes(SteadyHost& host, int count, unsigned seed) {
  std::mt19937 random(seed);
  Answers answers;
  run(host, kWarmUp);
  const double usual = host.limit();
  for (int spike = 0; spike < count; ++spike) {
    for (int i = 0; i < 200 && host.limit() < 0.75 * usual; ++i)
      host.round();
    run(host, static_cast<int>(22 + random() % 10));
    const double before = host.limit();
    const int lasts = static_cast<int>(4 + random() % 10);
    int answered = 0;
    for (int i = 1; i <= lasts; ++i) {
      host.round(host.capacity() / 2);
      if (answered == 0 && host.limit() <= before - 0.05 * host.capacity()) answered = i;
    }
    answers.falls.push_back(answered == 0 ? lasts + 1 : answered);
    int back = 0;
    do {
      host.round();
      ++back;
    } while (back < 200 && host.limit() < 0.75 * before);
    answers.recoveries.push_back(back);
  }
  return answers;
}

TEST_P(SteadyLoads, ASpikeIsAnsweredInItsFirstWindowAndForgottenWithinASecond) {
  SteadyHost host(GetParam(), kQuiet, 5);
  const auto answers = spikes(host, 40, 5);
  EXPECT_THAT(answers.falls, testing::Each(1));
  EXPECT_THAT(answers.recoveries, testing::Each(testing::Le(9)));
}

TEST_P(SteadyLoads, OneThatIsLargerThanTheNoiseIsAnsweredInItsThirdWindowAtTheLatest) {
  SteadyHost host(GetParam(), kWild, 6);
  const auto answers = spikes(host, 40, 6);
  EXPECT_THAT(answers.falls, testing::Each(testing::Le(3)));
}

TEST(SteadyLoad, ASpikeIsAnsweredWithin140MsWhereverInAWindowItBeginsAlsoWhereThereIsNoise) {
  for (const double noise : {0.0, 400.0, 800.0}) {
    for (int seen_ms = 1; seen_ms < 100; seen_ms += 3) {
      SCOPED_TRACE(testing::Message() << seen_ms << " ms of it in its first window, noise of " << noise);
      SteadyHost host(2, kCalm, 1);
      run(host, kWarmUp);
      host.round(noise);
      run(host, 100);
      int took_ms = seen_ms;
      bool fell = host.window(100ms, 10.0 * seen_ms);
      for (int windows = 0; windows < 3 && !fell; ++windows) {
        const auto length = host.wants_round_soon() ? 50ms : 100ms;
        took_ms += static_cast<int>(length.count());
        fell = host.window(length, 1000);
      }
      EXPECT_TRUE(fell);
      EXPECT_LE(took_ms, 140);
    }
  }
}

TEST(SteadyLoad, WhatStaysBelowTheLimitIsNotLookedAtAgainAndAgain) {
  SteadyHost host(8, kCalm, 1);
  run(host, kWarmUp);
  int soon = 0;
  for (int i = 0; i < 30; ++i) {
    host.window(100ms, 300);
    soon += host.wants_round_soon() ? 1 : 0;
  }
  EXPECT_EQ(soon, 1);
}

TEST(SteadyLoad, ABurstThatComesAgainAndAgainIsFollowedOnceAndThenIsNoNews) {
  SteadyHost host(8, kCalm, 1);
  run(host, kWarmUp);
  const double usual = host.limit();
  EXPECT_EQ(1, host.round(800)) << "10 % of capacity";
  int writes = 0;
  for (int second = 0; second < 60; ++second) {
    for (int i = 0; i < 10; ++i)
      writes += host.round(i == 9 ? 800 : 0);
  }
  EXPECT_LE(writes, 4) << "back in a rise or two, and to the mean";
  EXPECT_GE(host.limit(), usual - 0.02 * host.capacity());
  run(host, kWarmUp + 10);
  EXPECT_EQ(1, host.round(800)) << "half a minute later it is";
}

TEST(SteadyLoad, ABurstThatLastsIsFollowedInItsThirdWindowWhateverWasNoise) {
  SteadyHost host(8, kCalm, 1);
  run(host, kWarmUp);
  host.round(800);
  run(host, 100);
  EXPECT_EQ(0, host.round(800));
  EXPECT_EQ(0, host.round(800));
  EXPECT_EQ(1, host.round(800));
  EXPECT_EQ(host.decision().rule, Reason::kThresholdFormula);
}

TEST(SteadyLoad, WhereWeightsDoNotProtectNoiseIsHalfOfTheReserveAtMost) {
  for (const bool ordered : {true, false}) {
    SteadyHost host(32, kCalm, 1, policy_of(SuppressPolicy::kCfsQuota, std::nullopt, 80));
    host.input().protection.verified = ordered;
    run(host, kWarmUp);
    EXPECT_EQ(1, host.round(3840)) << "12 % of capacity";
    run(host, 200);
    EXPECT_EQ(host.round(3840), ordered ? 0 : 1);
  }
}

TEST(SteadyLoad, AShiftIsFollowedToTwoPercentWithinSecondsAndToOneWithinHalfAMinute) {
  for (const double percent : {3.0, 1.5}) {
    for (const double way : {1.0, -1.0}) {
      SCOPED_TRACE(testing::Message() << way * percent << " % of capacity");
      SteadyHost host(32, kCalm, 1);
      run(host, kWarmUp);
      const double more = way * percent / 100 * host.capacity();
      const double wanted = host.limit() - more;
      int writes = 0;
      for (int i = 0; i < 400; ++i) {
        writes += host.round(more);
        if (i == 120) {
          EXPECT_NEAR(host.limit(), wanted, 0.02 * host.capacity());
        }
      }
      EXPECT_NEAR(host.limit(), wanted, 0.01 * host.capacity());
      EXPECT_THAT(writes, testing::AllOf(testing::Ge(1), testing::Le(2)));
    }
  }
}

TEST(SteadyLoad, WithoutReadingsOfPodsNothingIsRaised) {
  SteadyHost host(32, kCalm, 1);
  run(host, kWarmUp);
  const double before = host.limit();
  for (int i = 0; i < 400; ++i) {
    host.input().pods.reset();
    host.round(-1500);
    ASSERT_LE(host.limit(), before) << i;
  }
}

}  // namespace
}  // namespace tideline::decide::test::steady_load_test
