// Rises of the limit where weights protect services: how long they are watched, and how far they go.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/worked_host.h"

namespace tideline::decide::test::cpu_rise_test {
namespace {

/// The worked host in a loop of 100 ms; the kernel does what is decided. Pods are read each second.
struct Loop {
  explicit Loop(MilliCpu limit) : input(worked_host(CurrentLimit::of(limit))) {
    state.last_change = MonoTime{kNow.ns - 200'000'000};
  }
  /// One round in which LS and system use `non_be`, `system` of it by no pod. The limit after it.
  std::int64_t next(std::int64_t non_be, std::int64_t system = 1000) {
    input.now = input.now + 100ms;
    input.fast = model::FastSample{input.now, 100ms, MilliCpu(non_be + 12000), MilliCpu(12000), 0, {}};
    if (sees_pods) input.fast->pods_cpu = MilliCpu(non_be - system + 12000);
    if (reads_pods && input.now - input.pods->at > 1s) {
      input.pods->at = input.now;
      input.pods->node_cpu = input.fast->node_cpu;
      input.pods->ls_cpu = MilliCpu(non_be - system);
    }
    const auto step = cpu_suppress(state, input, policy_of(SuppressPolicy::kCfsQuota));
    state = step.state;
    if (step.decision.write) input.current = CurrentLimit::of(step.decision.limit);
    return input.current.quota.value();
  }
  /// Rounds until the limit is at least `want`, at most 200.
  int rounds_until(std::int64_t want, std::int64_t non_be) {
    int rounds = 1;
    while (next(non_be) < want && rounds < 200)
      ++rounds;
    return rounds;
  }
  SuppressInput input;
  SuppressState state;
  bool reads_pods = true;
  bool sees_pods = false;  // in each round
};

TEST(CpuRise, WhereOrderIsVerifiedTheEndOfASpikeIsFollowedWithinASecondAlthoughPodsWereReadDuringIt) {
  Loop loop(MilliCpu(1000));
  loop.input.pods->ls_cpu = MilliCpu(18'000);
  EXPECT_EQ(loop.next(19'000), 1000);
  EXPECT_EQ(loop.rounds_until(15'800, 4000), 7) << "20.8 - max(4, min(18, 4) + 1), 0.6 s after the first round";
}

TEST(CpuRise, ARiseGoesToTheLeastThatWasAskedForMeanwhile) {
  Loop loop(MilliCpu(1000));
  for (const int non_be : {4000, 4000, 4000, 9000, 4000, 4000})
    EXPECT_EQ(loop.next(non_be), 1000);
  EXPECT_EQ(loop.next(4000), 10'800) << "20.8 - max(9, min(10, 9) + 1)";
}

TEST(CpuRise, ABreakBeginsTheWaitForARiseAnew) {
  Loop loop(MilliCpu(1000));
  for (const int non_be : {4000, 4000, 4000, 19'000, 4000, 4000, 4000, 4000, 4000, 4000})
    EXPECT_EQ(loop.next(non_be), 1000);
  EXPECT_GT(loop.next(4000), 10'000);
}

TEST(CpuRise, RisesThatSpikesUndoAreWatchedLongerAndLongerUntilThereIsCalm) {
  Loop loop(MilliCpu(1000));
  std::vector<int> waits;
  for (int spike = 0; spike < 5; ++spike) {
    waits.push_back(loop.rounds_until(5000, 4000));
    loop.next(19'000);
  }
  EXPECT_THAT(waits, testing::ElementsAre(7, 7, 13, 25, 49));
  loop.rounds_until(5000, 4000);
  for (int i = 0; i < 610; ++i)
    loop.next(4000);
  loop.next(19'000);
  EXPECT_EQ(loop.rounds_until(5000, 4000), 7);
}

TEST(CpuRise, ARiseThatIsUndoneOnceAMinuteIsChanceAndDelaysNone) {
  Loop loop(MilliCpu(1000));
  loop.rounds_until(5000, 4000);
  for (int minute = 0; minute < 4; ++minute) {
    SCOPED_TRACE(minute);
    for (int i = 0; i < 610; ++i)
      loop.next(4000);
    for (int spike = 0; spike < 2; ++spike) {
      loop.next(19'000);
      EXPECT_EQ(loop.rounds_until(5000, 4000), 7) << spike;
    }
  }
}

TEST(CpuRise, WithoutVerifiedOrderARiseIsNeverWholeAtOnce) {
  Loop loop(MilliCpu(1000));
  loop.input.protection.verified = false;
  for (int i = 0; i < 20; ++i) {
    const auto before = loop.input.current.quota.value();
    EXPECT_LE(loop.next(4000) - before, 3200) << "10 % of capacity";
  }
}

TEST(CpuRise, StalePodsNeverRaiseHoweverLongItIsAskedFor) {
  Loop loop(MilliCpu(1000));
  loop.input.pods->at = MonoTime{kNow.ns - 10'000'000'000};
  loop.reads_pods = false;
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(loop.next(4000), 1000);
}

/// As the loop above, where the fast loop reads what pods use.
struct SeeingLoop : Loop {
  explicit SeeingLoop(MilliCpu limit) : Loop(limit) { sees_pods = true; }
};

TEST(CpuRise, CountsTheSystemsUseOfAMomentWithItsMean) {
  SeeingLoop loop(MilliCpu(1000));
  for (const int system : {1000, 1000, 1000, 6000, 1000, 1000})
    EXPECT_EQ(loop.next(3000 + system, system), 1000);
  EXPECT_EQ(loop.next(4000), 15'550) << "20.8 - (3 + 2.25), the mean of the first four";
}

TEST(CpuRise, AMomentOfTheSystemBreaksNoWait) {
  SeeingLoop loop(MilliCpu(1000));
  loop.input.current = CurrentLimit::of(MilliCpu(12'000));
  for (const int system : {1000, 1000, 1000, 5000, 1000, 1000})
    EXPECT_EQ(loop.next(3000 + system, system), 12'000) << "5 leave 12.8, which is less than an urgent fall above it";
  EXPECT_EQ(loop.next(4000), 15'800) << "20.8 - (3 + 2)";
}

TEST(CpuRise, ServicesUseOfAMomentCountsInFull) {
  SeeingLoop loop(MilliCpu(1000));
  for (const int services : {3000, 3000, 3000, 8000, 3000, 3000})
    EXPECT_EQ(loop.next(services + 1000), 1000);
  EXPECT_EQ(loop.next(4000), 11'800) << "20.8 - (8 + 1)";
}

TEST(CpuRise, TheSystemsUseThatLastsCountsInFull) {
  SeeingLoop loop(MilliCpu(1000));
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(loop.next(9000, 6000), 1000);
  EXPECT_EQ(loop.next(9000, 6000), 11'800);
}

TEST(CpuRise, WhatTheSystemUndoesIsWatchedNoLongerAndWhatServicesUndoIs) {
  SeeingLoop loop(MilliCpu(1000));
  std::vector<int> waits;
  for (int moment = 0; moment < 3; ++moment) {
    waits.push_back(loop.rounds_until(5000, 4000));
    loop.next(19'000, 16'000);
  }
  EXPECT_THAT(waits, testing::Each(testing::Le(8)));
  waits.clear();
  for (int spike = 0; spike < 4; ++spike) {
    waits.push_back(loop.rounds_until(5000, 4000));
    loop.next(19'000);
  }
  EXPECT_THAT(waits,
              testing::ElementsAre(testing::Le(8), testing::Le(8), testing::AllOf(testing::Ge(13), testing::Le(14)),
                                   testing::AllOf(testing::Ge(25), testing::Le(26))));
}

TEST(CpuRise, HostApplicationsAreTakenForServicesAsTheFastLoopCannotTellThem) {
  SeeingLoop loop(MilliCpu(1000));
  loop.input.pods->app_cpu = MilliCpu(500);
  for (const int system : {1000, 1000, 1000, 6000, 1000, 1000})
    EXPECT_EQ(loop.next(3000 + system, system), 1000);
  EXPECT_LE(loop.next(4000), 11'800);
}

TEST(CpuRise, BatchPodsOutsideOfTheRootAreNoServices) {
  SeeingLoop loop(MilliCpu(1000));
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(loop.next(4000), 1000);
  auto input = loop.input;
  input.now = input.now + 100ms;
  input.fast =
      model::FastSample{input.now, 100ms, MilliCpu(19'000), MilliCpu(12'000), 0, MilliCpu(3000), MilliCpu(18'000)};
  const auto step = cpu_suppress(loop.state, input, policy_of(SuppressPolicy::kCfsQuota));
  EXPECT_EQ(step.decision.terms.rise_formula, MilliCpu(20'800 - 4000));
}

TEST(CpuRise, PodsAreReadAMinuteFromAFallOn) {
  RiseWatch watch;
  EXPECT_FALSE(wants_uses(watch, kNow)) << "at rest";
  note_urgent_fall(watch, kNow, std::nullopt, MilliCpu(250));
  EXPECT_TRUE(wants_uses(watch, kNow));
  EXPECT_TRUE(wants_uses(watch, kNow + 60s));
  EXPECT_FALSE(wants_uses(watch, kNow + 61s));
  note_rise(watch, kNow + 61s, std::nullopt);
  EXPECT_TRUE(wants_uses(watch, kNow + 100s)) << "whether it lasts";
}

}  // namespace
}  // namespace tideline::decide::test::cpu_rise_test
