#include "test/storage/store/history_contract.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include <gmock/gmock.h>

namespace tideline::store {

using model::Incarnation;
using model::NodeName;
using model::Seq;
using model::WallTime;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

namespace {

constexpr WallTime kEver{INT64_MAX};

WallTime at(std::int64_t ms) {
  return WallTime{kStart + ms};
}

std::vector<AppendOutcome> append(HistoryStore& store, const std::vector<IncomingReport>& reports) {
  auto outcomes = store.append(reports);
  EXPECT_TRUE(outcomes.ok()) << outcomes.error().message();
  return outcomes.value_or({});
}

AppendOutcome append(HistoryStore& store, IncomingReport report) {
  return append(store, std::vector{std::move(report)}).at(0);
}

std::vector<std::uint64_t> seqs(HistoryStore& store, const std::string& node, WallTime from = {}, WallTime to = kEver) {
  const auto page = store.reports(NodeName(node), from, to, 0);
  EXPECT_TRUE(page.ok()) << page.error().message();
  std::vector<std::uint64_t> result;
  for (const auto& stored : page.value_or({}).rows)
    result.push_back(stored.report.seq.value());
  return result;
}

model::Event event_at(std::int64_t ms, const std::string& subject) {
  return {.at = at(ms),
          .controller = model::Controller::kCpuSuppress,
          .reason = model::Reason::kPressed,
          .subject = subject,
          .old_value = "-1",
          .new_value = "50000"};
}

template <class Page>
std::vector<std::string> subjects(const model::Result<Page>& page) {
  EXPECT_TRUE(page.ok()) << page.error().message();
  std::vector<std::string> result;
  for (const auto& row : page.value_or({}).rows)
    result.push_back(row.event.subject);
  return result;
}

/// Every term another number, so that a mixed-up one shows.
template <class Unit>
model::ReclaimTerms<Unit> terms_from(std::int64_t first) {
  model::ReclaimTerms<Unit> terms;
  for (Unit* term : {&terms.capacity, &terms.margin, &terms.system, &terms.high_priority, &terms.offered,
                     &terms.deficit, &terms.committed, &terms.mid_charged, &terms.mid_committed, &terms.mid,
                     &terms.mid_offered, &terms.requested, &terms.prod_used, &terms.mid_used, &terms.batch_used,
                     &terms.reservation, &terms.third_party, &terms.origin, &terms.published})
    *term = Unit(first++);
  terms.shortfall = model::Shortfall<Unit>{Unit(first), Unit(first + 1)};
  terms.used = Unit(first);
  terms.rule = model::ReclaimRule::kThresholdCap;
  terms.mid_rule = model::ReclaimRule::kStatic;
  return terms;
}

model::AccountAt account_at(std::int64_t ms, const std::string& node, std::uint64_t policy = 1) {
  model::AccountAt entry;
  entry.at = at(ms);
  entry.account.node = NodeName(node);
  entry.account.cpu = terms_from<model::MilliCpu>(1'000);
  entry.account.memory = terms_from<model::Bytes>(-5);
  entry.account.policy = model::PolicyVersion(policy);
  entry.account.data_age = std::chrono::milliseconds(1'250);
  return entry;
}

void keep(HistoryStore& store, const std::vector<model::AccountAt>& accounts) {
  const auto kept = store.append_accounts(accounts);
  EXPECT_TRUE(kept.ok()) << (kept ? "" : kept.error().message());
}

std::vector<model::AccountAt> accounts_of(HistoryStore& store, const std::string& node, WallTime from = {},
                                          WallTime to = kEver) {
  const auto page = store.accounts(NodeName(node), from, to, 0);
  EXPECT_TRUE(page.ok()) << page.error().message();
  return page.value_or({}).rows;
}

}  // namespace

TEST_P(HistoryContract, AReportReadsBackWhole) {
  IncomingReport incoming = arrive(make_report("n", 7, 1));
  incoming.clock_offset = std::chrono::milliseconds(40);
  incoming.received = at(10'020);
  ASSERT_EQ(append(store(), incoming), AppendOutcome::kStored);

  const auto page = store().reports(NodeName("n"), at(0), at(20'000), 0);
  ASSERT_TRUE(page.ok()) << page.error().message();
  ASSERT_THAT(page->rows, SizeIs(1));
  EXPECT_EQ(page->rows[0].report, incoming.report);
  EXPECT_EQ(page->rows[0].received, at(10'020));
  EXPECT_EQ(page->rows[0].clock_offset, incoming.clock_offset);
  EXPECT_EQ(page->rows[0].at, at(10'000 - 40));
  EXPECT_FALSE(page->truncated);
}

TEST_P(HistoryContract, TheSameNumberIsStoredOnce) {
  EXPECT_EQ(append(store(), arrive(make_report("n", 7, 1))), AppendOutcome::kStored);
  auto again = arrive(make_report("n", 7, 1));
  again.report.lane = model::Lane::kBackfill;
  again.report.wall = at(99'000);
  again.received = at(99'000);
  EXPECT_EQ(append(store(), again), AppendOutcome::kDuplicate);
  const auto page = store().reports(NodeName("n"), {}, kEver, 0);
  ASSERT_THAT(page->rows, SizeIs(1));
  EXPECT_EQ(page->rows[0].report.lane, model::Lane::kLive);
}

TEST_P(HistoryContract, TheSameNumberTwiceInOneCallIsStoredOnce) {
  const auto outcomes =
      append(store(), {arrive(make_report("n", 7, 1)), arrive(make_report("n", 7, 2)), arrive(make_report("n", 7, 1))});
  EXPECT_THAT(outcomes, ElementsAre(AppendOutcome::kStored, AppendOutcome::kStored, AppendOutcome::kDuplicate));
  EXPECT_THAT(seqs(store(), "n"), ElementsAre(1, 2));
}

TEST_P(HistoryContract, AnotherIncarnationCountsFromOneAgain) {
  EXPECT_EQ(append(store(), arrive(make_report("n", 7, 1))), AppendOutcome::kStored);
  EXPECT_EQ(append(store(), arrive(make_report("n", 8, 1))), AppendOutcome::kStored);
  EXPECT_EQ(append(store(), arrive(make_report("m", 7, 1))), AppendOutcome::kStored);
  EXPECT_THAT(seqs(store(), "n"), ElementsAre(1, 1));
  EXPECT_THAT(store().nodes(), ElementsAre(NodeName("m"), NodeName("n")));
}

TEST_P(HistoryContract, ABadReportIsRefusedAloneAndLeavesNoTrace) {
  auto bad = arrive(make_report("bad", 1, 1));
  bad.report.samples[0].node_cpu = model::MilliCpu(-1);
  auto zero = arrive(make_report("zero", 1, 1));
  zero.report.seq = Seq(0);
  const auto outcomes = append(store(), {arrive(make_report("n", 1, 1)), bad, zero, arrive(make_report("n", 1, 2))});
  EXPECT_THAT(outcomes, ElementsAre(AppendOutcome::kStored, AppendOutcome::kRefused, AppendOutcome::kRefused,
                                    AppendOutcome::kStored));
  EXPECT_THAT(store().nodes(), ElementsAre(NodeName("n")));
}

TEST_P(HistoryContract, AckedThroughStopsAtAHoleUntilItIsFilled) {
  const NodeName n("n");
  EXPECT_EQ(store().acked_through(n, Incarnation(7)), Seq(0));
  append(store(), {arrive(make_report("n", 7, 1)), arrive(make_report("n", 7, 2)), arrive(make_report("n", 7, 4))});
  EXPECT_EQ(store().acked_through(n, Incarnation(7)), Seq(2));
  EXPECT_EQ(store().acked_through(n, Incarnation(8)), Seq(0));
  EXPECT_TRUE(store().has(n, Incarnation(7), Seq(4)));
  EXPECT_FALSE(store().has(n, Incarnation(7), Seq(3)));
  EXPECT_FALSE(store().has(n, Incarnation(8), Seq(4)));
  append(store(), arrive(make_report("n", 7, 3)));
  EXPECT_EQ(store().acked_through(n, Incarnation(7)), Seq(4));
}

TEST_P(HistoryContract, HistoryIsKeyedByTheCorrectedTime) {
  auto fast = arrive(make_report("n", 1, 1));  // its clock is 5 s fast
  fast.report.wall.ms += 5'000;
  fast.clock_offset = std::chrono::seconds(5);
  append(store(), fast);
  EXPECT_THAT(seqs(store(), "n", at(10'000), at(10'001)), ElementsAre(1));
  EXPECT_THAT(seqs(store(), "n", at(15'000), at(15'001)), IsEmpty());
}

TEST_P(HistoryContract, ASenderFromTheFutureIsHeldAtItsArrival) {
  auto ahead = arrive(make_report("n", 1, 1));
  ahead.report.wall.ms += std::int64_t{86'400'000} * 365;
  model::Event event = event_at(0, "f");
  event.at = ahead.report.wall;
  ahead.report.events = {event};
  append(store(), ahead);
  EXPECT_THAT(seqs(store(), "n", at(10'000), at(10'001)), ElementsAre(1));
  EXPECT_THAT(subjects(store().events(NodeName("n"), at(10'000), at(10'001), 0)), ElementsAre("f"));
}

TEST_P(HistoryContract, SamplesAreCutAtTheRangeNotAtTheirReports) {
  append(store(), {arrive(make_report("n", 1, 1)), arrive(make_report("n", 1, 2))});  // samples at 1 s .. 20 s
  const auto page = store().samples(NodeName("n"), at(8'000), at(13'000), 0);
  ASSERT_TRUE(page.ok());
  std::vector<std::int64_t> times;
  for (const auto& row : page->rows)
    times.push_back(row.at.ms - kStart);
  EXPECT_THAT(times, ElementsAre(8'000, 9'000, 10'000, 11'000, 12'000));
}

TEST_P(HistoryContract, AWallClockJumpInsideAReportDoesNotMoveItsSamples) {
  auto jumped = arrive(make_report("n", 1, 1));
  for (int i = 0; i < 5; ++i)
    jumped.report.samples[static_cast<std::size_t>(i)].wall.ms -= 3'600'000;
  append(store(), jumped);
  const auto page = store().samples(NodeName("n"), at(1'000), at(10'001), 0);
  EXPECT_THAT(page->rows, SizeIs(10));
}

TEST_P(HistoryContract, HostileStampsOfSamplesStayInsideTheirReport) {
  auto report = arrive(make_report("n", 1, 1));
  report.report.samples.front().at = model::MonoTime{INT64_MIN};
  report.report.samples.back().at = model::MonoTime{INT64_MAX};
  append(store(), report);
  const auto page = store().samples(NodeName("n"), {}, kEver, 0);
  ASSERT_THAT(page->rows, SizeIs(10));
  EXPECT_EQ(page->rows.front().at, at(0));
  EXPECT_EQ(page->rows.back().at, at(10'000));
}

TEST_P(HistoryContract, ALimitCutsTheNewestAndSaysSo) {
  for (std::uint64_t seq = 1; seq <= 5; ++seq)
    append(store(), arrive(make_report("n", 1, seq)));
  const auto reports = store().reports(NodeName("n"), {}, kEver, 2);
  ASSERT_THAT(reports->rows, SizeIs(2));
  EXPECT_TRUE(reports->truncated);
  EXPECT_EQ(reports->rows[1].report.seq, Seq(2));
  EXPECT_FALSE(store().reports(NodeName("n"), {}, kEver, 5)->truncated);

  const auto samples = store().samples(NodeName("n"), {}, kEver, 13);
  ASSERT_THAT(samples->rows, SizeIs(13));
  EXPECT_TRUE(samples->truncated);
  EXPECT_EQ(samples->rows.back().at, at(13'000));
  EXPECT_FALSE(store().samples(NodeName("n"), {}, kEver, 50)->truncated);
}

TEST_P(HistoryContract, PagesOfOverlappingReportsMissNothing) {
  // Two incarnations report the same time, half a second apart: every page holds the earliest rows of both.
  for (std::uint64_t seq = 1; seq <= 6; ++seq) {
    append(store(), arrive(make_report("n", 1, seq)));
    auto other = arrive(make_report("n", 2, seq));
    other.received.ms += 500;
    other.report.wall.ms += 500;
    append(store(), other);
  }
  std::vector<std::int64_t> times;
  WallTime from{};
  for (bool more = true; more;) {
    const auto page = store().samples(NodeName("n"), from, kEver, 7);
    ASSERT_TRUE(page.ok());
    for (const auto& row : page->rows)
      times.push_back(row.at.ms);
    more = page->truncated;
    from = WallTime{times.back() + 1};
  }
  EXPECT_EQ(times.size(), 120u);
  EXPECT_TRUE(std::is_sorted(times.begin(), times.end()));
}

TEST_P(HistoryContract, AMetricThatIsNotKnownGivesNoPoint) {
  auto report = arrive(make_report("n", 1, 1));
  for (std::size_t i = 0; i < 9; ++i)
    report.report.samples[i].be_limit = std::nullopt;
  report.report.samples[9].be_limit = model::MilliCpu(0);
  append(store(), report);
  const auto limit = store().series(NodeName("n"), model::Metric::kBeLimit, {}, kEver, 0);
  ASSERT_TRUE(limit.ok());
  EXPECT_THAT(limit->rows, ElementsAre(Point{at(10'000), 0.0}));
  const auto cpu = store().series(NodeName("n"), model::Metric::kNodeCpu, at(3'000), at(5'000), 0);
  EXPECT_THAT(cpu->rows, ElementsAre(Point{at(3'000), 102.0}, Point{at(4'000), 103.0}));
}

TEST_P(HistoryContract, GapsNameTheReportTheyStandBefore) {
  auto after = arrive(make_report("n", 7, 5));
  after.report.gap_reports = 3;
  append(store(), {arrive(make_report("n", 7, 1)), after});
  const auto gaps = store().gaps(NodeName("n"), {}, kEver, 0);
  ASSERT_TRUE(gaps.ok());
  EXPECT_THAT(gaps->rows, ElementsAre(Gap{at(50'000), Incarnation(7), Seq(5), 3}));
}

TEST_P(HistoryContract, EventsOfNodeAndCoordinatorComeInOrderOfTime) {
  auto report = arrive(make_report("n", 1, 1));
  report.report.events = {event_at(3'000, "b"), event_at(1'000, "a"), event_at(3'000, "c")};
  append(store(), report);
  ASSERT_TRUE(store()
                  .append_events(std::vector<CoordinatorEvent>{{NodeName("n"), event_at(2'000, "mine")},
                                                               {NodeName("n"), event_at(2'000, "mine")},
                                                               {NodeName(""), event_at(2'000, "cluster")}})
                  .ok());
  EXPECT_THAT(subjects(store().events(NodeName("n"), {}, kEver, 0)), ElementsAre("a", "mine", "mine", "b", "c"));
  EXPECT_THAT(subjects(store().events(NodeName(""), {}, kEver, 0)), ElementsAre("cluster"));
  EXPECT_THAT(subjects(store().events(NodeName("n"), at(2'000), at(3'000), 0)), ElementsAre("mine", "mine"));
  const auto cut = store().events(NodeName("n"), {}, kEver, 2);
  EXPECT_TRUE(cut->truncated);
  EXPECT_EQ(cut->rows[0].event, event_at(1'000, "a"));
}

TEST_P(HistoryContract, ADuplicateReportDoesNotDoubleItsEvents) {
  auto report = arrive(make_report("n", 1, 1));
  report.report.events = {event_at(3'000, "a")};
  append(store(), {report, report});
  append(store(), report);
  EXPECT_THAT(subjects(store().events(NodeName("n"), {}, kEver, 0)), ElementsAre("a"));
}

TEST_P(HistoryContract, NamesThatBeginAlikeStayApart) {
  const std::vector<std::string> names{"a", "ab", "b", std::string("a\0", 2), std::string("a\0b", 3), "a\xff"};
  for (const auto& name : names)
    append(store(), arrive(make_report(name, 1, 1)));
  for (const auto& name : names) {
    const auto page = store().reports(NodeName(name), {}, kEver, 0);
    ASSERT_THAT(page->rows, SizeIs(1));
    EXPECT_EQ(page->rows[0].report.node, NodeName(name));
    EXPECT_EQ((*store().last_report(NodeName(name)))->report.node, NodeName(name));
  }
  EXPECT_THAT(store().nodes(), SizeIs(names.size()));
}

TEST_P(HistoryContract, UnknownNodesAndEmptyRangesAreEmpty) {
  append(store(), arrive(make_report("n", 1, 1)));
  EXPECT_THAT(store().samples(NodeName("m"), {}, kEver, 0)->rows, IsEmpty());
  EXPECT_THAT(store().events(NodeName("m"), {}, kEver, 0)->rows, IsEmpty());
  EXPECT_THAT(store().samples(NodeName("n"), at(5'000), at(5'000), 0)->rows, IsEmpty());
  EXPECT_THAT(store().reports(NodeName("n"), at(10'000), at(9'000), 0)->rows, IsEmpty());
  EXPECT_EQ(*store().last_report(NodeName("m")), std::nullopt);
}

TEST_P(HistoryContract, TheLastReportIsTheNewestByTimeNotByArrival) {
  append(store(), arrive(make_report("n", 1, 9)));
  auto late = arrive(make_report("n", 1, 3));
  late.received = at(200'000);
  append(store(), late);
  EXPECT_EQ((*store().last_report(NodeName("n")))->report.seq, Seq(9));
}

TEST_P(HistoryContract, ANodeWasLastReceivedWhenItsNewestReportArrivedWhateverThatTellsOf) {
  append(store(), arrive(make_report("n", 1, 9)));
  auto late = arrive(make_report("n", 1, 3));
  late.received = at(200'000);
  append(store(), late);
  EXPECT_EQ(store().last_received(NodeName("n")), at(200'000));
  append(store(), arrive(make_report("n", 2, 4)));
  EXPECT_EQ(store().last_received(NodeName("n")), at(200'000)) << "the receiver's clock went back";
  ASSERT_TRUE(store().append_events(std::vector<CoordinatorEvent>{{NodeName("m"), event_at(2'000, "joined")}}).ok());
  EXPECT_EQ(store().last_received(NodeName("m")), std::nullopt) << "it never reported";
  EXPECT_EQ(store().last_received(NodeName("nobody")), std::nullopt);
  ASSERT_TRUE(store().drop_before(at(200'001)).ok());
  EXPECT_EQ(store().last_received(NodeName("n")), std::nullopt) << "forgotten";
}

TEST_P(HistoryContract, RetentionShrinksReadsAndCounts) {
  for (std::uint64_t seq = 1; seq <= 10; ++seq) {
    auto report = arrive(make_report("n", 1, seq));
    report.report.events = {event_at(static_cast<std::int64_t>(seq) * 10'000, "e")};
    append(store(), report);
  }
  append(store(), arrive(make_report("m", 1, 9)));
  const auto dropped = store().drop_before(at(50'000));
  ASSERT_TRUE(dropped.ok());
  EXPECT_EQ(*dropped, (Dropped{.reports = 4, .events = 4, .nodes = 0}));
  EXPECT_THAT(seqs(store(), "n"), ElementsAre(5, 6, 7, 8, 9, 10));
  EXPECT_THAT(seqs(store(), "m"), ElementsAre(9));
  EXPECT_THAT(store().events(NodeName("n"), {}, kEver, 0)->rows, SizeIs(6));
  EXPECT_EQ(*store().drop_before(at(50'000)), Dropped{});
}

TEST_P(HistoryContract, RetentionHasATimeOfItsOwnForReportsEventsAndAccounts) {
  for (std::uint64_t seq = 1; seq <= 6; ++seq) {
    const auto ms = static_cast<std::int64_t>(seq) * 10'000;
    auto report = arrive(make_report("n", 1, seq));
    report.report.events = {event_at(ms, "e")};
    append(store(), report);
    keep(store(), {account_at(ms, "n")});
  }
  EXPECT_EQ(*store().drop_before({at(20'000), at(40'000), at(60'000)}),
            (Dropped{.reports = 1, .events = 3, .nodes = 0, .accounts = 5}));
  EXPECT_THAT(seqs(store(), "n"), ElementsAre(2, 3, 4, 5, 6));
  EXPECT_THAT(store().events(NodeName("n"), {}, kEver, 0)->rows, SizeIs(3));
  EXPECT_THAT(accounts_of(store(), "n"), SizeIs(1));
}

TEST_P(HistoryContract, ANodeIsForgottenOnceItsLastArrivalIsBeforeEachOfThem) {
  append(store(), arrive(make_report("n", 1, 1)));
  EXPECT_EQ(*store().drop_before({at(20'000), at(10'000), at(60'000)}), (Dropped{.reports = 1}));
  EXPECT_TRUE(store().has(NodeName("n"), Incarnation(1), Seq(1)));
  EXPECT_EQ(store().drop_before({at(20'000), at(10'001), at(60'000)})->nodes, 1u);
  EXPECT_FALSE(store().has(NodeName("n"), Incarnation(1), Seq(1)));
}

TEST_P(HistoryContract, ADroppedReportIsStillADuplicate) {
  append(store(), {arrive(make_report("n", 1, 1)), arrive(make_report("n", 1, 2))});
  ASSERT_EQ(store().drop_before(at(15'000))->reports, 1u);
  EXPECT_EQ(append(store(), arrive(make_report("n", 1, 1))), AppendOutcome::kDuplicate);
  EXPECT_EQ(store().acked_through(NodeName("n"), Incarnation(1)), Seq(2));
}

TEST_P(HistoryContract, ANodeOfWhichNothingIsLeftIsForgotten) {
  append(store(), {arrive(make_report("n", 1, 1)), arrive(make_report("m", 1, 9))});
  EXPECT_EQ(*store().drop_before(at(20'000)), (Dropped{.reports = 1, .events = 0, .nodes = 1}));
  EXPECT_THAT(store().nodes(), ElementsAre(NodeName("m")));
  EXPECT_FALSE(store().has(NodeName("n"), Incarnation(1), Seq(1)));
}

TEST_P(HistoryContract, ANodeOfWhichOnlyEventsAreThereIsListedAsLongAsTheyAre) {
  append(store(), arrive(make_report("m", 1, 9)));
  ASSERT_TRUE(store()
                  .append_events(std::vector<CoordinatorEvent>{{NodeName("n"), event_at(2'000, "joined")},
                                                               {NodeName("o"), event_at(30'000, "joined")},
                                                               {NodeName(""), event_at(2'000, "cluster")}})
                  .ok());
  EXPECT_THAT(store().nodes(), ElementsAre(NodeName("m"), NodeName("n"), NodeName("o")));
  ASSERT_TRUE(store().drop_before(at(20'000)).ok());
  EXPECT_THAT(store().nodes(), ElementsAre(NodeName("m"), NodeName("o")));
}

TEST_P(HistoryContract, ANodeThatSentLatelyIsKeptThoughItsReportsAreOld) {
  auto backfill = arrive(make_report("n", 1, 1));
  backfill.received = at(90'000);
  append(store(), backfill);
  EXPECT_EQ(*store().drop_before(at(50'000)), (Dropped{.reports = 1, .events = 0, .nodes = 0}));
  EXPECT_EQ(append(store(), backfill), AppendOutcome::kDuplicate);
}

TEST_P(HistoryContract, AccountsReadBackWholeInOrderOfTime) {
  const auto late = account_at(2'000, "n");
  auto early = account_at(1'000, "n", 2);
  early.account.data_age = std::nullopt;
  early.account.cpu.used = std::nullopt;
  const auto cluster = account_at(1'000, "");
  keep(store(), {late, early, cluster, account_at(1'500, "nn")});
  EXPECT_THAT(accounts_of(store(), "n"), ElementsAre(early, late));
  EXPECT_THAT(accounts_of(store(), ""), ElementsAre(cluster)) << "the cluster's own";
  EXPECT_THAT(accounts_of(store(), "n", at(1'001), at(2'001)), ElementsAre(late));
  EXPECT_THAT(accounts_of(store(), "n", at(1'001), at(2'000)), IsEmpty());
  EXPECT_THAT(accounts_of(store(), "nobody"), IsEmpty());
  const auto cut = store().accounts(NodeName("n"), {}, kEver, 1);
  ASSERT_TRUE(cut.ok());
  EXPECT_TRUE(cut->truncated);
  EXPECT_THAT(cut->rows, ElementsAre(early));
}

TEST_P(HistoryContract, TheAgeOfAnAccountsDataIsKeptInWholeMilliseconds) {
  auto fine = account_at(1'000, "n");
  fine.account.data_age = std::chrono::nanoseconds(1'999'999);
  keep(store(), {fine});
  EXPECT_EQ(accounts_of(store(), "n").at(0).account.data_age, std::chrono::milliseconds(1));
}

TEST_P(HistoryContract, AnAccountOfTheSameInstantTakesTheOthersPlace) {
  keep(store(), {account_at(1'000, "n", 1), account_at(1'000, "n", 2)});
  keep(store(), {account_at(1'000, "n", 3)});
  EXPECT_THAT(accounts_of(store(), "n"), ElementsAre(account_at(1'000, "n", 3)));
}

TEST_P(HistoryContract, TheLastAccountIsTheNewestByThen) {
  keep(store(), {account_at(1'000, "n", 1), account_at(2'000, "n", 2), account_at(1'500, "m", 9)});
  const auto last = [&](const std::string& node, WallTime when) {
    const auto found = store().last_account(NodeName(node), when);
    EXPECT_TRUE(found.ok());
    return found.value_or(std::nullopt);
  };
  EXPECT_EQ(last("n", at(999)), std::nullopt);
  EXPECT_EQ(last("n", at(1'000)), account_at(1'000, "n", 1));
  EXPECT_EQ(last("n", at(1'999)), account_at(1'000, "n", 1));
  EXPECT_EQ(last("n", at(2'000)), account_at(2'000, "n", 2));
  EXPECT_EQ(last("n", kEver), account_at(2'000, "n", 2));
  EXPECT_EQ(last("n", {-1}), std::nullopt);
  EXPECT_EQ(last("a", kEver), std::nullopt);
  EXPECT_EQ(last("z", kEver), std::nullopt);
}

TEST_P(HistoryContract, RetentionDropsAccountsAndForgetsNodesAllTheSame) {
  append(store(), arrive(make_report("n", 1, 1)));
  keep(store(), {account_at(1'000, "n"), account_at(19'999, "n"), account_at(30'000, "n"), account_at(1'000, ""),
                 account_at(1'000, "m"), account_at(1'000, "zone=a"), account_at(30'000, "zone=a")});
  EXPECT_THAT(store().nodes(), ElementsAre(NodeName("n"))) << "an account alone makes no node";
  EXPECT_EQ(*store().drop_before(at(20'000)), (Dropped{.reports = 1, .events = 0, .nodes = 1, .accounts = 5}));
  EXPECT_THAT(accounts_of(store(), "n"), ElementsAre(account_at(30'000, "n")));
  EXPECT_THAT(accounts_of(store(), ""), IsEmpty());
  EXPECT_THAT(accounts_of(store(), "zone=a"), ElementsAre(account_at(30'000, "zone=a")));
  EXPECT_THAT(store().nodes(), IsEmpty());
  EXPECT_EQ(*store().drop_before(at(20'000)), Dropped{});
}

TEST_P(HistoryContract, RetentionInSlicesDropsTheSameOldestFirst) {
  for (std::uint64_t seq = 1; seq <= 8; ++seq) {
    auto report = arrive(make_report("n", 1, seq));
    report.report.events = {event_at(static_cast<std::int64_t>(seq) * 10'000, "e")};
    append(store(), report);
  }
  append(store(), {arrive(make_report("gone", 1, 1)), arrive(make_report("m", 1, 9))});
  keep(store(), {account_at(1'000, ""), account_at(1'000, "ledger"), account_at(30'000, "ledger"),
                 account_at(60'000, "ledger")});
  ASSERT_TRUE(
      store().append_events(std::vector<CoordinatorEvent>{{NodeName("joined"), event_at(2'000, "joined")}}).ok());
  constexpr std::size_t kMost = 2;
  Dropped all;
  std::optional<NodeName> from = NodeName();
  for (int slices = 0; from; ++slices) {
    ASSERT_LT(slices, 100);
    const auto slice = store().drop_slice(at(50'000), *from, kMost);
    ASSERT_TRUE(slice.ok());
    EXPECT_LE(slice->dropped.reports + slice->dropped.events + slice->dropped.accounts, kMost);
    all += slice->dropped;
    from = slice->rest;
    const auto left = seqs(store(), "n");
    ASSERT_GE(left.size(), 4u);
    for (std::size_t i = 0; i < left.size(); ++i)
      EXPECT_EQ(left[left.size() - 1 - i], 8 - i);
  }
  EXPECT_EQ(all, (Dropped{.reports = 5, .events = 5, .nodes = 1, .accounts = 3}));
  EXPECT_THAT(seqs(store(), "n"), ElementsAre(5, 6, 7, 8));
  EXPECT_THAT(store().events(NodeName("n"), {}, kEver, 0)->rows, SizeIs(4));
  EXPECT_THAT(accounts_of(store(), "ledger"), ElementsAre(account_at(60'000, "ledger")));
  EXPECT_THAT(store().nodes(), ElementsAre(NodeName("m"), NodeName("n")));
  EXPECT_EQ(*store().drop_before(at(50'000)), Dropped{});
}

TEST_P(HistoryContract, ASliceOfRetentionGetsPastManyRowsOfOneInstant) {
  const std::vector<CoordinatorEvent> events(5, {NodeName("n"), event_at(2'000, "e")});
  ASSERT_TRUE(store().append_events(events).ok());
  const auto slice = store().drop_slice(at(20'000), NodeName(), 3);
  ASSERT_TRUE(slice.ok());
  EXPECT_EQ(slice->dropped.events, 3u);
  ASSERT_TRUE(slice->rest);
  const auto rest = store().drop_slice(at(20'000), *slice->rest, 3);
  ASSERT_TRUE(rest.ok());
  EXPECT_EQ(rest->dropped.events, 2u);
  EXPECT_FALSE(rest->rest);
}

TEST_P(HistoryContract, BadAccountsAreRefusedAndLeaveNoTrace) {
  const std::vector<model::AccountAt> early{account_at(1, "n"), account_at(-kStart - 1, "n")};
  EXPECT_EQ(store().append_accounts(early).error().code(), model::ErrorCode::kInvalidArgument);
  const std::vector<model::AccountAt> named{account_at(1, "n"), account_at(1, std::string(254, 'n'))};
  EXPECT_EQ(store().append_accounts(named).error().code(), model::ErrorCode::kInvalidArgument);
  const std::vector<model::AccountAt> many(kMaxAppendAccounts + 1, account_at(1, "n"));
  const auto refused = store().append_accounts(many);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), testing::HasSubstr("4097"));
  EXPECT_THAT(accounts_of(store(), "n"), IsEmpty());
}

TEST_P(HistoryContract, SettingsAreKeptAndReplaced) {
  EXPECT_EQ(*store().setting("epoch"), std::nullopt);
  ASSERT_TRUE(store().put_setting("epoch", "4").ok());
  ASSERT_TRUE(store().put_setting("epoch", std::string("5\0x", 3)).ok());
  ASSERT_TRUE(store().put_setting("other", "").ok());
  EXPECT_EQ(*store().setting("epoch"), std::string("5\0x", 3));
  EXPECT_EQ(*store().setting("other"), "");
  EXPECT_FALSE(store().put_setting("", "x").ok());
  EXPECT_FALSE(store().put_setting(std::string(kMaxSettingKeyBytes + 1, 'k'), "x").ok());
  EXPECT_FALSE(store().put_setting("k", std::string(kMaxSettingValueBytes + 1, 'v')).ok());
}

TEST_P(HistoryContract, CallsBeyondTheBoundStoreNothing) {
  std::vector<IncomingReport> many;
  for (std::uint64_t seq = 1; seq <= kMaxAppendReports + 1; ++seq) {
    IncomingReport incoming;
    incoming.report.node = NodeName("n");
    incoming.report.seq = Seq(seq);
    many.push_back(incoming);
  }
  const auto result = store().append(many);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), model::ErrorCode::kInvalidArgument);
  EXPECT_THAT(result.error().message(), testing::HasSubstr("4097"));
  EXPECT_THAT(store().nodes(), IsEmpty());

  const std::vector<CoordinatorEvent> events(kMaxAppendEvents + 1);
  EXPECT_FALSE(store().append_events(events).ok());
  EXPECT_FALSE(store().append_events(std::vector<CoordinatorEvent>{{NodeName("n"), event_at(-kStart - 1, "x")}}).ok());
  EXPECT_FALSE(
      store().append_events(std::vector<CoordinatorEvent>{{NodeName("n"), event_at(0, std::string(1025, 'x'))}}).ok());
}

TEST_P(HistoryContract, OnlyTheLatestIncarnationsAreRemembered) {
  for (std::uint64_t incarnation = 1; incarnation <= kMaxIncarnations; ++incarnation)
    append(store(), arrive(make_report("n", incarnation, 1)));
  append(store(), arrive(make_report("n", 1, 2)));  // 1 is in use again, so 2 is now the oldest
  append(store(), arrive(make_report("n", 100, 1)));
  EXPECT_TRUE(store().has(NodeName("n"), Incarnation(1), Seq(1)));
  EXPECT_FALSE(store().has(NodeName("n"), Incarnation(2), Seq(1)));
  EXPECT_TRUE(store().has(NodeName("n"), Incarnation(3), Seq(1)));
  EXPECT_TRUE(store().has(NodeName("n"), Incarnation(100), Seq(1)));
}

TEST_P(HistoryContract, EndlessHolesCostBoundedMemoryAndNeverBlockNewReports) {
  std::vector<IncomingReport> reports;
  for (std::uint64_t i = 0; i <= kMaxSeqRanges; ++i) {
    IncomingReport incoming;
    incoming.report.node = NodeName("n");
    incoming.report.incarnation = Incarnation(1);
    incoming.report.seq = Seq(2 * i + 1);
    reports.push_back(incoming);
  }
  const auto outcomes = append(store(), reports);
  EXPECT_EQ(std::count(outcomes.begin(), outcomes.end(), AppendOutcome::kStored), kMaxSeqRanges + 1);
  // 1 was let go of: neither it nor what lies before it can be judged any more.
  EXPECT_EQ(append(store(), reports[0]), AppendOutcome::kRefused);
  EXPECT_EQ(append(store(), reports[1]), AppendOutcome::kDuplicate);
  reports[0].report.seq = Seq(2);
  EXPECT_EQ(append(store(), reports[0]), AppendOutcome::kStored) << "it joins a range, so it needs no new one";
  reports[0].report.seq = Seq(1);
  EXPECT_EQ(append(store(), reports[0]), AppendOutcome::kRefused) << "it would join too, but was stored before";
}

TEST_P(HistoryContract, AnyOrderOfAnyRepeatsKeepsEachReportOnce) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::set<std::pair<std::string, std::uint64_t>> expected;
  for (int call = 0; call < 60; ++call) {
    std::vector<IncomingReport> reports;
    std::vector<AppendOutcome> wanted;
    for (auto i = random() % 12; i > 0; --i) {
      const std::string node = random() % 2 ? "n" : "m";
      const std::uint64_t seq = 1 + random() % 150;
      reports.push_back(arrive(make_report(node, 1, seq)));
      wanted.push_back(expected.insert({node, seq}).second ? AppendOutcome::kStored : AppendOutcome::kDuplicate);
    }
    EXPECT_EQ(append(store(), reports), wanted);
  }
  for (const std::string node : {"n", "m"}) {
    std::vector<std::uint64_t> in_order;
    for (const auto& [name, seq] : expected) {
      if (name == node) in_order.push_back(seq);
    }
    EXPECT_EQ(seqs(store(), node), in_order);
    std::uint64_t prefix = 0;
    while (expected.contains({node, prefix + 1}))
      ++prefix;
    EXPECT_EQ(store().acked_through(NodeName(node), Incarnation(1)), Seq(prefix));
  }
}

}  // namespace tideline::store
