#include "coordinator/actor/ledger_book.h"

#include <map>
#include <optional>
#include <random>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/ledger/input.h"
#include "coordinator/reclaim/reclaim.h"
#include "test/coordinator/actor/ledger_fixture.h"

namespace tideline::coordinator::ledger_book_test {
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

class LedgerBookParts : public Ledger {
 protected:
  void report_labelled(const std::string& node, std::map<std::string, std::string> labels,
                       std::int64_t cpu_milli = 10'000) {
    auto made = report(node, 1, 2'000);
    made.status.labels = std::move(labels);
    made.status.cpu_capacity = made.status.cpu_allocatable = MilliCpu(cpu_milli);
    ASSERT_TRUE(fleet_.intake(made, {now_, {1'790'000'000'000}}).ok());
    book_.reported(made, now_);
  }
  /// What is kept of the cluster, once its minute is over.
  std::vector<model::Reclaimed> kept_of_cluster() {
    (void)book_.run(fleet_, rollout_, now_);
    while (!book_.to_keep(fleet_, now_).empty()) {
    }
    now_ = now_ + minutes(1);
    return book_.to_keep(fleet_, now_);
  }
  static constexpr const char* kZone = "topology.kubernetes.io/zone";
  static constexpr const char* kType = "node.kubernetes.io/instance-type";
};

TEST_F(LedgerBookParts, TheSumsOfZonesAndInstanceTypesAreKeptBesideTheClusters) {
  report_labelled("n1", {{kZone, "a"}, {kType, "large"}});
  report_labelled("n2", {{kZone, "a"}, {kType, "large"}});
  report_labelled("n3", {{kZone, "b"}, {kType, "large"}});
  report_labelled("n4", {{kType, "large"}, {"pool", "x"}});
  const auto kept = kept_of_cluster();
  ASSERT_THAT(names_of(kept), ElementsAre("", "topology.kubernetes.io/zone=", "topology.kubernetes.io/zone=a",
                                          "topology.kubernetes.io/zone=b", "node.kubernetes.io/instance-type=large"));
  EXPECT_EQ(kept[0], book_.cluster(fleet_, now_));
  EXPECT_EQ(kept[1].cpu.capacity, MilliCpu(10'000)) << "nodes without it";
  EXPECT_EQ(kept[2].cpu.capacity, MilliCpu(20'000));
  EXPECT_EQ(kept[2].cpu.requested, MilliCpu(8'000));
  EXPECT_EQ(kept[4].cpu.capacity, MilliCpu(40'000));
  EXPECT_EQ(book_.parts_left_out(), 0u);
}

TEST_F(LedgerBookParts, NothingIsKeptOfALabelThatNoNodeHas) {
  report_labelled("n1", {{"pool", "x"}});
  EXPECT_THAT(names_of(kept_of_cluster()), ElementsAre(""));
}

TEST_F(LedgerBookParts, TheLargestOfTooManyAreKeptAndTheOthersCounted) {
  constexpr std::size_t kMost = model::ClusterLimits::kMaxKeptGroups;
  for (std::size_t i = 0; i < kMost + 3; ++i) {
    const auto name = fmt::format("n{:03}", i);
    report_labelled(name, {{kZone, name}}, i < 3 ? 5'000 : 10'000);
  }
  const auto kept = names_of(kept_of_cluster());
  ASSERT_THAT(kept, SizeIs(1 + kMost));
  EXPECT_EQ(kept[1], "topology.kubernetes.io/zone=n003");
  EXPECT_EQ(book_.parts_left_out(), 3u);
  for (std::size_t i = 0; i < 3; ++i)
    book_.forget(NodeName(fmt::format("n{:03}", i)));
  EXPECT_THAT(kept_of_cluster(), SizeIs(1 + kMost));
  EXPECT_EQ(book_.parts_left_out(), 0u);
}

TEST_F(LedgerBookParts, AValueThatIsTooLongForANameCostsItsOwnTrendAlone) {
  report_labelled("n1", {{kZone, std::string(300, 'x')}});
  report_labelled("n2", {{kZone, "a"}});
  EXPECT_THAT(names_of(kept_of_cluster()), ElementsAre("", "topology.kubernetes.io/zone=a"));
  EXPECT_EQ(book_.parts_left_out(), 1u);
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

/// Another life of the coordinator, which knows of node n what history has.
class RememberedAccount : public Ledger {
 protected:
  void SetUp() override {
    report_now("n", 1, 2'000);
    kept_ = computed();
  }
  void restart_after(model::Duration away) {
    const auto kept_at = now_;
    now_ = now_ + away;
    fleet_ = fleet::FleetView();
    book_ = LedgerBook();
    ASSERT_TRUE(fleet_.remember(NodeName("n"), kept_at).ok());
    book_.remember(kept_, kept_at, now_);
  }
  std::vector<LedgerBook::Change> run() { return book_.run(fleet_, rollout_, now_); }
  std::vector<std::string> kept_now() { return names_of(book_.to_keep(fleet_, now_)); }

  model::Reclaimed kept_;
};

TEST_F(RememberedAccount, IsShownAndOffersNothingUntilItsNodeReports) {
  restart_after(seconds(30));
  const auto shown = reclaim::as_stale(model::aged(kept_, seconds(30)));
  EXPECT_THAT(accounts(), ElementsAre(shown));
  EXPECT_EQ(shown.cpu.rule, ReclaimRule::kStale);
  EXPECT_EQ(shown.cpu.published, MilliCpu(0));
  EXPECT_EQ(shown.cpu.capacity, MilliCpu(10'000));
  EXPECT_EQ(book_.remembered(NodeName("n"), now_), shown);
  EXPECT_EQ(book_.cluster(fleet_, now_).cpu.capacity, MilliCpu(10'000));
  ASSERT_TRUE(fleet_.connected(NodeName("n"), {now_, {1}}).ok());
  book_.touch(NodeName("n"));
  book_.touch_all();
  EXPECT_THAT(run(), IsEmpty()) << "there is nothing to compute it from";
  EXPECT_THAT(accounts(), ElementsAre(shown));
  EXPECT_THAT(kept_now(), IsEmpty());
  report_now("n", 2, 2'000);
  ASSERT_THAT(run(), SizeIs(1));
  EXPECT_EQ(accounts().at(0).cpu.published, MilliCpu(3'000));
  EXPECT_EQ(book_.remembered(NodeName("n"), now_), std::nullopt);
}

TEST_F(RememberedAccount, IsNotWrittenAgainWhereTheFirstReportGivesTheSame) {
  restart_after(seconds(30));
  report_now("n", 2, 2'000);
  const auto changes = run();
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_EQ(changes[0].before, kept_) << "no event: the rule is the one that history has";
  EXPECT_THAT(kept_now(), IsEmpty());
  now_ = now_ + seconds(30);
  report_now("n", 3, 4'000);
  (void)run();
  EXPECT_THAT(kept_now(), ElementsAre("n")) << "it moved, and its minute is over";
}

TEST_F(RememberedAccount, IsWrittenAgainAtOnceWhereItsRuleIsAnotherOrItIsOld) {
  restart_after(seconds(5));
  report_now("n", 2, 9'000);
  (void)run();
  EXPECT_EQ(accounts().at(0).cpu.rule, ReclaimRule::kDeficit);
  EXPECT_THAT(kept_now(), ElementsAre("n"));
  restart_after(minutes(10));
  report_now("n", 3, 2'000);
  (void)run();
  EXPECT_THAT(kept_now(), ElementsAre("n"));
}

TEST_F(RememberedAccount, IsWithdrawnForHistoryOnceItsNodeHadTimeToComeBack) {
  restart_after(seconds(1));
  now_ = now_ + LedgerBook::kReturnWithin;
  EXPECT_THAT(run(), IsEmpty());
  now_ = now_ + seconds(1);
  const auto changes = run();
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_EQ(changes[0].before, kept_);
  EXPECT_EQ(changes[0].now, accounts().at(0));
  EXPECT_EQ(changes[0].now.cpu.rule, ReclaimRule::kStale);
  EXPECT_EQ(changes[0].now.data_age, LedgerBook::kReturnWithin + seconds(2));
  EXPECT_THAT(run(), IsEmpty()) << "once";
  EXPECT_THAT(kept_now(), ElementsAre("n"));
  for (int minute = 0; minute < 30; ++minute) {
    now_ = now_ + minutes(1);
    EXPECT_THAT(run(), IsEmpty());
    for (const auto& name : kept_now())
      EXPECT_EQ(name, "") << "the cluster's own alone";
  }
  report_now("n", 2, 2'000);
  const auto back = run();
  ASSERT_THAT(back, SizeIs(1));
  EXPECT_EQ(back[0].before->cpu.rule, ReclaimRule::kStale);
}

TEST_F(RememberedAccount, IsNotWrittenAgainWhereHistoryHasItAsWithdrawn) {
  kept_ = reclaim::as_stale(kept_);
  restart_after(minutes(1));
  now_ = now_ + LedgerBook::kReturnWithin + seconds(1);
  EXPECT_THAT(run(), IsEmpty());
  EXPECT_THAT(kept_now(), IsEmpty());
}

TEST_F(RememberedAccount, TakesNoPlaceThatIsTaken) {
  const auto before = accounts();
  book_.remember(reclaim::as_stale(kept_), now_, now_);
  EXPECT_EQ(accounts(), before);
  EXPECT_EQ(book_.remembered(NodeName("n"), now_), std::nullopt);
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
      const auto input = ledger::input_of(account.node, fleet_.usage(account.node), policy,
                                          book_.profiles().reclaimable(account.node));
      EXPECT_EQ(account, reclaim::reclaim(input, policy.colocation, now_)) << "step " << step;
      predicted += input.prod_reclaimable_cpu > MilliCpu(0) ? 1 : 0;
    }
    if (HasFailure()) return;
  }
  EXPECT_GT(predicted, 100);
}

}  // namespace
}  // namespace tideline::coordinator::ledger_book_test
