#include "node-actor/decide/be_cpu_count.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/worked_host.h"

namespace tideline::decide::test::be_cpu_count_test {
namespace {

SuppressTerms terms_of(std::int64_t formula, std::optional<int> min_percent = std::nullopt) {
  auto terms = decide_once(worked_host(CurrentLimit::none()), policy_of(SuppressPolicy::kCpuset, min_percent)).terms;
  terms.formula = MilliCpu(formula);
  terms.steady_formula = MilliCpu(formula);
  return terms;
}

/// Rounds on the worked host of 32 CPUs, all of which BE may use, a second apart.
class Rounds {
 public:
  explicit Rounds(std::optional<int> current) : current_(current) {}
  BeCpuCount next(const SuppressTerms& terms, model::Duration after = 1s) {
    now_ = now_ + after;
    auto step =
        be_cpu_count(state_, {.now = now_, .host_cpus = 32, .pool_cpus = pool_cpus, .current = current_}, terms);
    state_ = step.state;
    current_ = step.decision.count;
    return step.decision;
  }
  int pool_cpus = 32;

 private:
  MonoTime now_ = kNow;
  BeCpuCountState state_;
  std::optional<int> current_;
};

TEST(BeCpuCount, KoordinatorsWorkedExampleIsNineCpus) {
  const auto terms = decide_once(worked_host(CurrentLimit::none()), policy_of(SuppressPolicy::kCpuset)).terms;
  const auto decision = Rounds(32).next(terms);
  EXPECT_EQ(decision.count, 9) << "of 8800 millicores, at once";
  EXPECT_EQ(decision.asked, 9);
  EXPECT_EQ(decision.rule, Reason::kThresholdFormula);
  EXPECT_EQ(decision.beyond, MilliCpu(200));
}

TEST(BeCpuCount, FromFourCpusItGrowsToEightAndThenToNine) {
  Rounds rounds(4);
  auto decision = rounds.next(terms_of(8800));
  EXPECT_EQ(decision.count, 4) << "one round is not enough";
  EXPECT_EQ(decision.rule, Reason::kPaced);
  decision = rounds.next(terms_of(8800));
  EXPECT_EQ(decision.count, 8) << "4 + ceil(3.2)";
  EXPECT_EQ(decision.rule, Reason::kGrowthCapped);
  decision = rounds.next(terms_of(8800));
  EXPECT_EQ(decision.count, 9);
  EXPECT_EQ(decision.rule, Reason::kThresholdFormula);
}

TEST(BeCpuCount, AnOverloadedHostLeavesTheLeastNumber) {
  const auto decision = Rounds(9).next(terms_of(-5200));
  EXPECT_EQ(decision.count, 2);
  EXPECT_EQ(decision.rule, Reason::kStarvedHoldingLocks);
  EXPECT_EQ(decision.beyond, MilliCpu(2000 - 20));
}

TEST(BeCpuCount, TheLeastNumberIsNotMostOfASmallHost) {
  EXPECT_EQ(least_be_cpus(1), 1);
  EXPECT_EQ(least_be_cpus(2), 1);
  EXPECT_EQ(least_be_cpus(4), 1);
  EXPECT_EQ(least_be_cpus(5), 2);
  EXPECT_EQ(least_be_cpus(384), 2);
}

TEST(BeCpuCount, MinPercentIsTheFloor) {
  const auto decision = Rounds(9).next(terms_of(-5200, 20));
  EXPECT_EQ(decision.count, 7) << "20 % of 32 CPUs";
  EXPECT_EQ(decision.rule, Reason::kMinPercentFloor);
  EXPECT_EQ(decision.beyond, MilliCpu(600));
}

TEST(BeCpuCount, ThePoolIsTheMost) {
  Rounds rounds(1);
  rounds.pool_cpus = 1;
  EXPECT_EQ(rounds.next(terms_of(8800)).count, 1);
  EXPECT_EQ(rounds.next(terms_of(-1)).count, 1);
  EXPECT_EQ(rounds.next(terms_of(-1, 100)).count, 1);
}

TEST(BeCpuCount, ANumberThatComesAndGoesIsNotFollowed) {
  Rounds rounds(8);
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(rounds.next(terms_of(i % 2 == 0 ? 12000 : 7900)).count, 8) << i;
}

TEST(BeCpuCount, GrowthFollowsTheLeastOfTheRoundsThatAskedForMore) {
  Rounds rounds(8);
  rounds.next(terms_of(8800));
  EXPECT_EQ(rounds.next(terms_of(20000)).count, 9);
}

TEST(BeCpuCount, AWholeNumberMustBePassedByAMarginToGrow) {
  Rounds rounds(8);
  for (int i = 0; i < 5; ++i) {
    const auto decision = rounds.next(terms_of(8000 + kGrowMargin.value()));
    EXPECT_EQ(decision.count, 8);
    EXPECT_EQ(decision.rule, Reason::kWithinDeadBand);
  }
  rounds.next(terms_of(8001 + kGrowMargin.value()));
  EXPECT_EQ(rounds.next(terms_of(8001 + kGrowMargin.value())).count, 9);
  EXPECT_EQ(rounds.next(terms_of(8001)).count, 9) << "and stays";
  EXPECT_EQ(rounds.next(terms_of(8000)).count, 8);
}

TEST(BeCpuCount, FastRoundsGrowNoFasterThanSlowOnes) {
  Rounds rounds(4);
  std::vector<int> counts;
  for (int i = 0; i < 30; ++i)
    counts.push_back(*rounds.next(terms_of(30000), 100ms).count);
  EXPECT_EQ(counts[8], 4) << "800 ms after the first that asked";
  EXPECT_EQ(counts[9], 8);
  EXPECT_EQ(counts[17], 8);
  EXPECT_EQ(counts[18], 11) << "0.9 s of 10 % a second";
  EXPECT_LE(counts[29], 16);
}

TEST(BeCpuCount, TheLowerOfTheTwoFormulasCounts) {
  auto terms = terms_of(8800);
  terms.steady_formula = MilliCpu(3500);
  EXPECT_EQ(Rounds(32).next(terms).count, 4);
  terms.steady_formula.reset();
  EXPECT_EQ(Rounds(32).next(terms).count, 9);
}

TEST(BeCpuCount, WithoutAFormulaTheNumberStays) {
  auto terms = terms_of(8800);
  terms.formula.reset();
  Rounds rounds(5);
  const auto decision = rounds.next(terms);
  EXPECT_EQ(decision.count, 5);
  EXPECT_EQ(decision.rule, Reason::kStaleSample);
  EXPECT_EQ(Rounds(std::nullopt).next(terms).count, std::nullopt);
}

TEST(BeCpuCount, StalePodsMayLowerTheNumberAndNeverRaiseIt) {
  auto terms = terms_of(8800);
  terms.non_be_pods_used.reset();
  Rounds rounds(4);
  for (int i = 0; i < 5; ++i) {
    const auto decision = rounds.next(terms);
    EXPECT_EQ(decision.count, 4);
    EXPECT_EQ(decision.rule, Reason::kStaleSample);
  }
  EXPECT_EQ(Rounds(20).next(terms).count, 9);
}

TEST(BeCpuCount, AGapInTheDataBeginsTheWaitAnew) {
  Rounds rounds(4);
  auto stale = terms_of(8800);
  stale.formula.reset();
  rounds.next(terms_of(8800));
  rounds.next(stale);
  EXPECT_EQ(rounds.next(terms_of(8800)).count, 4);
  EXPECT_EQ(rounds.next(terms_of(8800)).count, 8);
}

TEST(BeCpuCount, AnUnknownNumberIsSetByTheFormulaAtOnce) {
  EXPECT_EQ(Rounds(std::nullopt).next(terms_of(8800)).count, 9);
}

}  // namespace
}  // namespace tideline::decide::test::be_cpu_count_test
