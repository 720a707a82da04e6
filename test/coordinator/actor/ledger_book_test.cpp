#include "coordinator/actor/ledger_book.h"

#include <map>
#include <optional>
#include <random>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/actor/ledger_input.h"
#include "test/coordinator/actor/ledger_fixture.h"

namespace tideline::coordinator {
namespace {

using model::MilliCpu;
using model::NodeName;
using model::ReclaimRule;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

using LedgerBookTest = Ledger;

TEST_F(LedgerBookTest, ComputesANodeOnceForEachOfItsReports) {
  report_now("n", 1, 2'000);
  report_now("m", 1, 3'000);
  const auto first = book_.run(fleet_, rollout_, now_);
  ASSERT_THAT(first, SizeIs(2));
  EXPECT_EQ(first[0].before, std::nullopt);
  EXPECT_EQ(first[0].now.node, NodeName("m"));
  EXPECT_EQ(first[1].now.cpu.offered, MilliCpu(3'000)) << "60 % of 10, less 1 of the system and 2 of the pod";
  now_ = now_ + seconds(1);
  EXPECT_THAT(book_.run(fleet_, rollout_, now_), IsEmpty());
  report_now("n", 2, 4'000);
  const auto second = book_.run(fleet_, rollout_, now_);
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_EQ(second[0].before, first[1].now);
}

TEST_F(LedgerBookTest, ComputesNoMoreThanItIsAskedToAndTheRestNext) {
  for (const char* name : {"a", "b", "c", "d", "e"})
    report_now(name, 1, 2'000);
  EXPECT_THAT(book_.run(fleet_, rollout_, now_, 2), SizeIs(2));
  EXPECT_THAT(book_.run(fleet_, rollout_, now_, 2), SizeIs(2));
  const auto last = book_.run(fleet_, rollout_, now_, 2);
  ASSERT_THAT(last, SizeIs(1));
  EXPECT_EQ(last[0].now.node, NodeName("e"));
  EXPECT_THAT(book_.run(fleet_, rollout_, now_, 2), IsEmpty());
}

TEST_F(LedgerBookTest, WithdrawsByItselfWhatRestsOnDataThatGrewTooOld) {
  report_now("n", 1, 2'000);
  ASSERT_THAT(book_.run(fleet_, rollout_, now_), SizeIs(1));
  now_ = now_ + minutes(2);
  EXPECT_THAT(book_.run(fleet_, rollout_, now_), IsEmpty());
  now_ = now_ + seconds(1);
  const auto stale = book_.run(fleet_, rollout_, now_);
  ASSERT_THAT(stale, SizeIs(1));
  EXPECT_EQ(stale[0].now.cpu.rule, ReclaimRule::kStale);
  EXPECT_EQ(stale[0].now.cpu.offered, MilliCpu(0));
  EXPECT_THAT(book_.run(fleet_, rollout_, now_), IsEmpty()) << "once";
}

TEST_F(LedgerBookTest, APolicyIsComputedForAll) {
  report_now("n", 1, 2'000);
  report_now("m", 1, 2'000);
  (void)book_.run(fleet_, rollout_, now_);
  rollout_.set(policy_of(R"({"enable": false})"), model::PolicyVersion(2));
  book_.touch_all();
  EXPECT_THAT(book_.run(fleet_, rollout_, now_), SizeIs(2));
  EXPECT_EQ(accounts()[0].cpu.rule, ReclaimRule::kDisabled);
  EXPECT_EQ(accounts()[0].policy, model::PolicyVersion(2));
}

TEST_F(LedgerBookTest, ANodeThatOnlyHasASessionIsStale) {
  ASSERT_TRUE(fleet_.connected(NodeName("n"), {now_, {1}}).ok());
  book_.touch(NodeName("n"));
  const auto changes = book_.run(fleet_, rollout_, now_);
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_EQ(changes[0].now.cpu.rule, ReclaimRule::kStale);
  book_.forget(NodeName("n"));
  EXPECT_THAT(accounts(), IsEmpty());
}

std::vector<std::string> names_of(const std::vector<model::Reclaimed>& accounts) {
  std::vector<std::string> names;
  for (const auto& account : accounts)
    names.push_back(account.node.str());
  return names;
}

TEST_F(LedgerBookTest, KeepsTheFirstAccountOfANodeAndEachWithAnotherRuleAtOnce) {
  report_now("n", 1, 2'000);
  report_now("m", 1, 2'000);
  (void)book_.run(fleet_, rollout_, now_);
  EXPECT_THAT(names_of(book_.to_keep(fleet_, now_)), ElementsAre("m", "n"));
  EXPECT_THAT(book_.to_keep(fleet_, now_), IsEmpty()) << "once";
  now_ = now_ + seconds(1);
  report_now("n", 2, 9'000);
  (void)book_.run(fleet_, rollout_, now_);
  const auto kept = book_.to_keep(fleet_, now_);
  ASSERT_THAT(names_of(kept), ElementsAre("n"));
  EXPECT_EQ(kept[0], accounts()[1]) << "the very account";
  EXPECT_EQ(kept[0].cpu.rule, ReclaimRule::kDeficit);
}

TEST_F(LedgerBookTest, KeepsWhatMovedOnceItsMinuteIsOverThoughNothingIsComputedThen) {
  report_now("n", 1, 2'000);
  (void)book_.run(fleet_, rollout_, now_);
  (void)book_.to_keep(fleet_, now_);
  now_ = now_ + seconds(30);
  report_now("n", 2, 4'000);
  (void)book_.run(fleet_, rollout_, now_);
  EXPECT_THAT(book_.to_keep(fleet_, now_), IsEmpty());
  now_ = now_ + seconds(30);
  const auto kept = book_.to_keep(fleet_, now_);
  ASSERT_THAT(kept, SizeIs(2));
  EXPECT_EQ(kept[0].cpu.high_priority, accounts()[0].cpu.high_priority);
  EXPECT_EQ(kept[0].data_age, seconds(30)) << "as old as it is now";
  EXPECT_EQ(kept[1].node, NodeName("")) << "the cluster's own, each minute";
}

TEST_F(LedgerBookTest, ANodeThatNoLongerReportsIsKeptOnceAsStaleAndNotAgain) {
  report_now("n", 1, 2'000);
  (void)book_.run(fleet_, rollout_, now_);
  (void)book_.to_keep(fleet_, now_);
  std::size_t stale = 0;
  for (int minute = 0; minute < 60; ++minute) {
    now_ = now_ + minutes(1);
    (void)book_.run(fleet_, rollout_, now_);
    for (const auto& account : book_.to_keep(fleet_, now_)) {
      if (!account.node.empty()) stale += account.cpu.rule == ReclaimRule::kStale ? 1 : 100;
    }
  }
  EXPECT_EQ(stale, 1u);
}

TEST_F(LedgerBookTest, AFleetThatComesAtOnceIsKeptInTurnsAndNobodyIsLeftOut) {
  constexpr std::size_t kNodes = LedgerBook::kMostKeptAtOnce * 5 / 2;
  for (std::size_t i = 0; i < kNodes; ++i)
    report_now(fmt::format("n{}", i), 1, 2'000);
  book_.touch(NodeName("connected"));
  (void)book_.run(fleet_, rollout_, now_);
  std::set<std::string> kept;
  std::vector<std::size_t> sizes;
  for (int call = 0; call < 4; ++call) {
    const auto some = names_of(book_.to_keep(fleet_, now_));
    sizes.push_back(some.size());
    kept.insert(some.begin(), some.end());
  }
  EXPECT_THAT(sizes, ElementsAre(LedgerBook::kMostKeptAtOnce, LedgerBook::kMostKeptAtOnce,
                                 LedgerBook::kMostKeptAtOnce / 2, 0u));
  EXPECT_THAT(kept, SizeIs(kNodes)) << "a node that has not reported yet has no account";
}

TEST_F(LedgerBookTest, TheClustersAccountIsTheSumOfNodesThatAreNotGone) {
  report_now("n", 1, 2'000);
  now_ = now_ + minutes(6);
  report_now("m", 1, 3'000);
  (void)book_.run(fleet_, rollout_, now_);
  EXPECT_EQ(book_.cluster(fleet_, now_).cpu.capacity, MilliCpu(10'000)) << "n is gone";
  EXPECT_THAT(names_of(book_.to_keep(fleet_, now_)), ElementsAre("m", "n")) << "no trend before the first minute";
  now_ = now_ + minutes(1);
  const auto kept = book_.to_keep(fleet_, now_);
  ASSERT_THAT(names_of(kept), ElementsAre(""));
  EXPECT_EQ(kept[0].cpu.capacity, MilliCpu(10'000));
}

TEST_F(LedgerBookTest, MidIsGivenWhatProdIsPredictedNotToNeed) {
  book_.set_prediction(prediction(profile::Predictor::kHistogram));
  report_now("n", 1, 500);
  EXPECT_EQ(computed().cpu.mid, MilliCpu(0)) << "nothing is known of the pod yet";
  const auto before = computed().cpu.offered;
  warm_up();
  const auto account = computed();
  EXPECT_EQ(account.cpu.mid, MilliCpu(3'406)) << "4000 - 1.1 * 539.46";
  EXPECT_EQ(account.cpu.mid_rule, ReclaimRule::kPredicted);
  EXPECT_EQ(account.cpu.offered + account.cpu.mid_offered, before) << "batch has the rest, and nothing is sold twice";
}

TEST_F(LedgerBookTest, ThePolicyNamesThePredictorAndAnotherOneCountsAtOnce) {
  book_.set_prediction(prediction(profile::Predictor::kHistogram));
  warm_up();
  EXPECT_EQ(computed().cpu.mid, MilliCpu(3'406));
  book_.set_prediction(prediction(profile::Predictor::kRecentMax));
  EXPECT_EQ(computed().cpu.mid, MilliCpu(3'450)) << "4000 - 1.1 * 500";
  book_.set_prediction(prediction(std::nullopt));
  EXPECT_EQ(computed().cpu.mid, MilliCpu(0));
}

TEST_F(LedgerBookTest, APredictionEndsWithItsNodesDataAndComesBackWithThem) {
  book_.set_prediction(prediction(profile::Predictor::kHistogram));
  warm_up();
  const auto before = computed().cpu.mid;
  now_ = now_ + minutes(10);
  EXPECT_EQ(computed().cpu.mid_rule, ReclaimRule::kStale);
  EXPECT_EQ(computed().cpu.mid_offered, MilliCpu(0));
  report_now("n", 7, 500);
  EXPECT_EQ(computed().cpu.mid, before);
}

TEST_F(LedgerBookTest, AnotherLifeGoesOnWithWhatWasLearnt) {
  book_.set_prediction(prediction(profile::Predictor::kHistogram));
  warm_up();
  const auto before = computed().cpu;
  const model::WallTime wall{1'790'000'000'000};
  profile::ProfileBook profiles;
  const auto slice = profile::ProfileBook::slice_of(NodeName("n"));
  ASSERT_TRUE(profiles.read(book_.profiles().write(slice, now_, wall).bytes, now_, wall).ok());
  fleet_ = fleet::FleetView();
  book_ = LedgerBook(std::move(profiles));
  book_.set_prediction(prediction(profile::Predictor::kHistogram));
  EXPECT_THAT(book_.run(fleet_, rollout_, now_), IsEmpty()) << "a node that is only remembered has no account";
  report_now("n", 7, 500);
  EXPECT_EQ(computed().cpu, before);
}

/// A node of 10 CPUs, 4 of them margin, with a service that is listed at first.
class LedgerOfAPodThatGoes : public Ledger {
 protected:
  static constexpr std::int64_t kSystem = 1'000;
  static constexpr std::int64_t kPod = 2'000;
  static constexpr int kReports = 60;  // twice as long as averages last

  /// By the next report, with the pod or without it, and of what runs outside of those that it lists.
  MilliCpu offered(bool listed, std::int64_t outside) {
    auto made = report("n", ++seq_, kPod);
    made.samples[0].system_cpu = MilliCpu(outside);
    if (!listed) made.pods.clear();
    EXPECT_TRUE(fleet_.intake(made, {now_, {1'790'000'000'000}}).ok());
    book_.reported(made, now_);
    const auto offered = computed().cpu.offered;
    now_ = now_ + seconds(10);
    return offered;
  }
  MilliCpu offered_before() {
    MilliCpu before;
    for (int i = 0; i < kReports; ++i)
      before = offered(true, kSystem);
    return before;
  }

 private:
  std::uint64_t seq_ = 0;
};

TEST_F(LedgerOfAPodThatGoes, AnOfferMovesOnceWhenAPodGoes) {
  const auto before = offered_before();
  ASSERT_EQ(before, MilliCpu(3'000));
  auto last = before;
  for (int i = 0; i < kReports; ++i) {
    const auto now = offered(false, kSystem);
    ASSERT_GE(now, last) << "it goes down again, report " << i;
    if (i == 0) {
      EXPECT_EQ(now, before) << "whether it has ended is not known yet";
    }
    last = now;
  }
  EXPECT_EQ(last, before + MilliCpu(kPod));
}

TEST_F(LedgerOfAPodThatGoes, AnOfferStaysWhileAPodThatIsNoLongerListedRunsOn) {
  const auto before = offered_before();
  auto last = before;
  for (int i = 0; i < kReports; ++i) {
    last = offered(false, kSystem + kPod);
    ASSERT_LE(last, before) << "what is in use is sold, report " << i;
    // One report of the 28 at least that an average holds counts both as the pod's and as the system's.
    ASSERT_GE(last, before - MilliCpu(kPod / 28 + 1)) << "report " << i;
  }
  EXPECT_EQ(last, before);
}

// Whatever is left out: the book holds what computing all anew would give.
TEST_F(LedgerBookTest, HoldsWhatComputingAllAnewWouldGive) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  const auto pick = [&](std::uint64_t most) { return static_cast<std::int64_t>(random() % (most + 1)); };
  std::map<std::string, std::uint64_t> seqs;
  book_.set_prediction(prediction(profile::Predictor::kHistogram));
  int predicted = 0;
  for (std::uint64_t step = 0; step < 3000; ++step) {
    now_ = now_ + seconds(pick(20));
    const auto number = pick(5);
    const auto node = fmt::format("n{}", number);
    if (pick(9) == 0) {
      rollout_.set(
          policy_of(fmt::format(R"({{"enable": {}, "degradeTimeMinutes": {}, "cpuReclaimThresholdPercent": {}}})",
                                pick(3) != 0, 1 + pick(3), pick(100))),
          model::PolicyVersion(step + 2));
      book_.touch_all();
    } else if (pick(3) != 0) {
      report_now(node, ++seqs[node], pick(number < 3 ? 9'000 : 2'000));
    }
    (void)book_.run(fleet_, rollout_, now_);
    for (const auto& account : accounts()) {
      const auto policy = *rollout_.wanted(account.node);
      const auto input =
          ledger_input(account.node, fleet_.usage(account.node), policy, book_.profiles().reclaimable(account.node));
      EXPECT_EQ(account, reclaim::reclaim(input, policy.colocation, now_)) << "step " << step;
      predicted += input.prod_reclaimable_cpu > MilliCpu(0) ? 1 : 0;
    }
    if (HasFailure()) return;
  }
  EXPECT_GT(predicted, 100);
}

}  // namespace
}  // namespace tideline::coordinator
