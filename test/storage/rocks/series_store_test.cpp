// Tables in RocksDB: ranges that are read, tables that are put, dropped and counted.

#include <chrono>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/rocks/rocks_store.h"
#include "test/storage/rocks/read_back.h"
#include "test/support/temp_dir.h"

namespace tideline::rocks::series_store_test {
namespace {

using model::ErrorCode;
using model::NodeName;
using model::WallTime;
using series::Subject;
using series::SubjectKind;
using series::Table;
using series::Tier;
using store::IncomingReport;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr RocksOptions kSeries{.series = true};
constexpr std::int64_t kMidnightS = kMidnight / 1000;
constexpr std::int64_t kDayMs = 24 * kHourMs;

class SeriesTest : public testing::Test {
 protected:
  SeriesTest() : store_(open_store(dir_.str(), kSeries)) {}
  void reopen() {
    store_.reset();
    store_ = open_store(dir_.str(), kSeries);
  }
  /// A report each 10 minutes of `hours`, from the first hour on.
  std::vector<IncomingReport> append(const std::string& node, std::int64_t first, std::int64_t hours) {
    std::vector<IncomingReport> reports;
    for (std::int64_t i = 0; i < 6 * hours; ++i)
      reports.push_back(exact_report(node, 7, ++seq_, kMidnight + first * kHourMs + 5'000 + i * 600'000));
    append_all(*store_, reports);
    return reports;
  }
  std::vector<Table> read(const std::string& node, Tier tier, std::int64_t from_ms, std::int64_t to_ms,
                          const std::vector<Subject>* only = nullptr) const {
    std::vector<Table> tables;
    const auto walked = store_->read({NodeName(node), tier, {from_ms}, {to_ms}}, only, [&](Table&& table) {
      tables.push_back(std::move(table));
      return true;
    });
    EXPECT_TRUE(walked.ok()) << walked.error().message();
    return tables;
  }
  /// All of it, until there is no more; sums.
  series::DroppedSeries drop(const series::DropSeriesBefore& before, std::size_t most = 2) {
    series::DroppedSeries all;
    std::optional<NodeName> from = NodeName();
    for (int slices = 0; from && slices < 1'000; ++slices) {
      const auto slice = store_->drop_series(before, *from, most);
      EXPECT_TRUE(slice.ok()) << slice.error().message();
      if (!slice) break;
      all.tables += slice->tables;
      all.pods += slice->pods;
      from = slice->rest;
    }
    EXPECT_FALSE(from);
    return all;
  }

  test::TempDir dir_;
  std::unique_ptr<RocksStore> store_;
  std::uint64_t seq_ = 0;
};

series::DropSeriesBefore before_all(std::int64_t ms) {
  return {.tiers = {WallTime{ms}, WallTime{ms}, WallTime{ms}}};
}

std::vector<std::int64_t> times_of(const std::vector<Table>& tables, const Subject& subject) {
  std::vector<std::int64_t> times;
  for (const Table& table : tables) {
    if (table.subject == subject) times.insert(times.end(), table.times.begin(), table.times.end());
  }
  return times;
}

TEST_F(SeriesTest, ARangeIsOfTheBeginsOfSteps) {
  append("n", 0, 2);
  for (const bool folded : {false, true}) {
    SCOPED_TRACE(folded);
    if (folded) fold_all(*store_, {kMidnight + kDayMs});
    // Reports end 5 s behind each tenth minute; half of their samples lie in the step before.
    EXPECT_THAT(times_of(read("n", Tier::kTenSeconds, kMidnight + 600'000, kMidnight + 600'001), {}),
                ElementsAre(kMidnightS + 600));
    EXPECT_THAT(times_of(read("n", Tier::kTenSeconds, kMidnight + 590'000, kMidnight + 600'000), {}),
                ElementsAre(kMidnightS + 590));
    EXPECT_THAT(times_of(read("n", Tier::kTenSeconds, kMidnight + 600'001, kMidnight + 1'190'000), {}), IsEmpty());
    EXPECT_THAT(times_of(read("n", Tier::kQuarterHour, kMidnight, kMidnight + kHourMs), {}),
                ElementsAre(kMidnightS, kMidnightS + 900, kMidnightS + 1'800, kMidnightS + 2'700));
    EXPECT_THAT(read("n", Tier::kMinute, kMidnight + kHourMs, kMidnight), IsEmpty());
    EXPECT_THAT(read("n", Tier::kMinute, -5, 0), IsEmpty());
    EXPECT_THAT(read("nobody", Tier::kMinute, 0, INT64_MAX), IsEmpty());
    EXPECT_THAT(read(std::string(300, 'n'), Tier::kMinute, 0, INT64_MAX), IsEmpty());
  }
}

TEST_F(SeriesTest, TablesComeByBlockThenBySubject) {
  append("n", 0, 3);
  fold_all(*store_, {kMidnight + 3 * kHourMs});
  const auto tables = read("n", Tier::kTenSeconds, 0, INT64_MAX);
  ASSERT_FALSE(tables.empty());
  std::set<std::int64_t> blocks;
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const auto begin = series::floor_to(tables[i].times.front(), 3'600);
    EXPECT_EQ(series::floor_to(tables[i].times.back(), 3'600), begin);
    blocks.insert(begin);
    if (i == 0) continue;
    const auto before = series::floor_to(tables[i - 1].times.front(), 3'600);
    EXPECT_TRUE(before < begin || (before == begin && tables[i - 1].subject < tables[i].subject)) << i;
  }
  EXPECT_THAT(blocks, SizeIs(4)) << "and samples before midnight";
}

TEST_F(SeriesTest, OnlyTheSubjectsThatAreAskedForAreRead) {
  append("n", 0, 2);
  const Subject node;
  const Subject pod{.kind = SubjectKind::kPod, .name = "uid-1"};
  const Subject workload{.kind = SubjectKind::kWorkload, .name = "shop/Deployment/web"};
  for (const bool folded : {false, true}) {
    SCOPED_TRACE(folded);
    if (folded) fold_all(*store_, {kMidnight + kDayMs});
    const std::vector<Subject> some{workload, pod, pod, {.kind = SubjectKind::kPod, .name = "nobody"}};
    const auto found = read("n", Tier::kQuarterHour, kMidnight, kMidnight + kDayMs, &some);
    ASSERT_THAT(found, SizeIs(2));
    EXPECT_EQ(found[0].subject, pod);
    EXPECT_EQ(found[1].subject, workload);
    const auto all = read("n", Tier::kQuarterHour, kMidnight, kMidnight + kDayMs);
    EXPECT_THAT(all, testing::Contains(found[0]));
    EXPECT_THAT(all, testing::Contains(found[1]));
    const std::vector<Subject> none;
    EXPECT_THAT(read("n", Tier::kQuarterHour, 0, INT64_MAX, &none), IsEmpty());
  }
}

TEST_F(SeriesTest, AReaderMayEndTheWalk) {
  append("n", 0, 3);
  fold_all(*store_, {kMidnight + 3 * kHourMs});
  for (std::size_t wanted = 1; wanted < 9; ++wanted) {
    std::size_t seen = 0;
    ASSERT_TRUE(
        store_
            ->read({NodeName("n"), Tier::kTenSeconds, {0}, kForever}, nullptr, [&](Table&&) { return ++seen < wanted; })
            .ok());
    EXPECT_EQ(seen, wanted);
  }
}

TEST_F(SeriesTest, NodesOfOneBlockDoNotMix) {
  const auto a = append("a", 0, 2);
  const auto aa = append("aa", 0, 2);
  const auto b = append("b", 1, 2);
  fold_all(*store_, {kMidnight + kDayMs});
  EXPECT_TRUE(same(read_tables(*store_, "a"), tables_of(a)));
  EXPECT_TRUE(same(read_tables(*store_, "aa"), tables_of(aa)));
  EXPECT_TRUE(same(read_tables(*store_, "b"), tables_of(b)));
  EXPECT_THAT(store_->series_nodes(), ElementsAre(NodeName("a"), NodeName("aa"), NodeName("b")));
}

TEST_F(SeriesTest, AReportWhoseWindowIsLongIsReadInEachBlockThatItReaches) {
  auto report = exact_report("n", 7, 1, kMidnight + kHourMs + 60'000);
  report.report.window = std::chrono::hours(3);
  report.report.mono = model::MonoTime{std::chrono::nanoseconds(std::chrono::hours(5)).count()};
  for (std::size_t i = 0; i < report.report.samples.size(); ++i)
    report.report.samples[i].at = report.report.mono + -std::chrono::minutes(15 * (9 - static_cast<int>(i)));
  append_all(*store_, {report});
  const Tables wanted = tables_of({report});
  EXPECT_GE(wanted.size(), 5u);
  EXPECT_TRUE(same(read_tables(*store_, "n"), wanted));
  EXPECT_THAT(times_of(read("n", Tier::kTenSeconds, kMidnight - 2 * kHourMs, kMidnight - kHourMs), {}), SizeIs(1));
  fold_all(*store_, {kMidnight + kDayMs});
  EXPECT_TRUE(same(read_tables(*store_, "n"), wanted));
}

// What is kept, and for how long.

TEST_F(SeriesTest, TheStateCountsWhatIsThere) {
  EXPECT_EQ(store_->series_state()->folded_until, std::nullopt);
  append("n", 0, 2);
  append("m", 0, 1);
  fold_all(*store_, {kMidnight + kDayMs});
  for (const bool again : {false, true}) {
    SCOPED_TRACE(again);
    if (again) reopen();
    const auto state = *store_->series_state();
    EXPECT_EQ(state.nodes, 2u);
    EXPECT_EQ(state.late, 0u);
    for (const Tier tier : series::kTiers) {
      const auto& of = state.tiers[series::place_of(tier)];
      EXPECT_EQ(of.tables, read("n", tier, 0, INT64_MAX).size() + read("m", tier, 0, INT64_MAX).size());
      EXPECT_GT(of.bytes, 0u);
      EXPECT_EQ(of.oldest, (WallTime{kMidnight - series::block_s(tier) * 1000})) << "samples before midnight";
      EXPECT_GE(of.newest->ms, kMidnight + series::block_s(tier) * 1000);
    }
    EXPECT_GT(store_->size().disk_bytes + store_->size().memory_bytes, 0u);
  }
}

TEST_F(SeriesTest, BlocksGoByTheTimeOfTheirTier) {
  append("n", 0, 30);
  append("m", 0, 30);
  fold_all(*store_, {kMidnight + 2 * kDayMs});
  const auto ten = read("n", Tier::kTenSeconds, 0, INT64_MAX).size();
  const auto minute = read("n", Tier::kMinute, 0, INT64_MAX).size();
  const auto quarter = read("n", Tier::kQuarterHour, 0, INT64_MAX).size();
  // The block of 1 minute from 6 to 12 o'clock ends at the time, and goes; none of 15 minutes but that before midnight.
  const series::DropSeriesBefore before{
      .tiers = {WallTime{kMidnight + 20 * kHourMs + 1}, WallTime{kMidnight + 12 * kHourMs}, WallTime{kMidnight + 1}}};
  const auto dropped = drop(before);
  EXPECT_GT(dropped.tables, 0u);
  EXPECT_EQ(dropped.pods, 0u) << "each has rows of 15 minutes";
  EXPECT_THAT(times_of(read("n", Tier::kTenSeconds, 0, INT64_MAX), {}).front(), kMidnightS + 20 * 3'600);
  EXPECT_THAT(times_of(read("n", Tier::kMinute, 0, INT64_MAX), {}).front(), kMidnightS + 12 * 3'600);
  EXPECT_THAT(times_of(read("n", Tier::kQuarterHour, 0, INT64_MAX), {}).front(), kMidnightS);
  const auto left = read("n", Tier::kTenSeconds, 0, INT64_MAX).size() + read("n", Tier::kMinute, 0, INT64_MAX).size() +
                    read("n", Tier::kQuarterHour, 0, INT64_MAX).size();
  EXPECT_EQ(dropped.tables, 2 * (ten + minute + quarter - left)) << "of both nodes";
  EXPECT_EQ(drop(before).tables, 0u);
  EXPECT_EQ(store_->series_state()->tiers[0].oldest, (WallTime{kMidnight + 20 * kHourMs}));
  EXPECT_THAT(verify_all(*store_), IsEmpty());
  reopen();
  EXPECT_THAT(times_of(read("m", Tier::kMinute, 0, INT64_MAX), {}).front(), kMidnightS + 12 * 3'600);
  EXPECT_THAT(verify_all(*store_), IsEmpty());
}

TEST_F(SeriesTest, TablesOfPodsAndJobsGoBeforeTheOthersOfTheirTier) {
  std::vector<IncomingReport> jobs;
  for (std::int64_t hour = 0; hour < 30; ++hour) {
    jobs.push_back(exact_report("j", 7, ++seq_, kMidnight + hour * kHourMs + 605'000));
    for (auto& summary : jobs.back().report.pods)
      summary.pod.change([](model::Pod& pod) { pod.workload = "Job/etl"; });
  }
  append_all(*store_, jobs);
  append("n", 0, 30);
  fold_all(*store_, {kMidnight + 2 * kDayMs});
  const Subject pod{.kind = SubjectKind::kPod, .name = "uid-1"};
  const Subject web{.kind = SubjectKind::kWorkload, .name = "shop/Deployment/web"};
  const Subject job{.kind = SubjectKind::kWorkload, .name = "shop/Job/etl"};
  const auto begin_of = [&](const std::string& node, Tier tier, const Subject& subject) {
    const auto times = times_of(read(node, tier, 0, INT64_MAX), subject);
    return times.empty() ? std::int64_t{-1} : series::floor_to(times.front(), series::block_s(tier)) - kMidnightS;
  };
  constexpr std::int64_t kHourS = 3'600;
  const std::size_t first = place_of(Tier::kTenSeconds);
  const std::size_t second = place_of(Tier::kMinute);
  const auto before = *store_->series_state();
  EXPECT_GT(before.passing[first].tables, 0u);
  EXPECT_LT(before.passing[first].tables, before.tiers[first].tables);
  series::DropSeriesBefore pods;
  pods.passing = {WallTime{kMidnight + 20 * kHourMs + 1}, WallTime{kMidnight + 12 * kHourMs}, WallTime{0}};
  const auto dropped = drop(pods);
  EXPECT_GT(dropped.tables, 0u);
  EXPECT_EQ(dropped.pods, 0u) << "each has rows of 15 minutes";
  EXPECT_EQ(begin_of("n", Tier::kTenSeconds, pod), 20 * kHourS);
  EXPECT_EQ(begin_of("n", Tier::kMinute, pod), 12 * kHourS);
  EXPECT_NE(begin_of("n", Tier::kQuarterHour, pod), -1);
  EXPECT_LE(begin_of("n", Tier::kQuarterHour, pod), 0);
  EXPECT_EQ(begin_of("j", Tier::kTenSeconds, job), 20 * kHourS);
  for (const Tier tier : {Tier::kTenSeconds, Tier::kMinute}) {
    EXPECT_EQ(begin_of("n", tier, {}), -series::block_s(tier));
    EXPECT_NE(begin_of("n", tier, web), -1);
    EXPECT_LE(begin_of("n", tier, web), 0);
  }
  const auto after = *store_->series_state();
  EXPECT_EQ(
      before.tiers[first].tables + before.tiers[second].tables - after.tiers[first].tables - after.tiers[second].tables,
      dropped.tables);
  EXPECT_EQ(before.tiers[first].tables - before.passing[first].tables,
            after.tiers[first].tables - after.passing[first].tables)
      << "of the others none went";
  EXPECT_EQ(after.passing[first].oldest, (WallTime{kMidnight + 20 * kHourMs}));
  EXPECT_EQ(after.tiers[first].oldest, (WallTime{kMidnight - kHourMs}));
  EXPECT_EQ(drop(pods).tables, 0u);
  EXPECT_THAT(verify_all(*store_), IsEmpty());
  reopen();
  EXPECT_EQ(store_->series_state()->passing[first].tables, after.passing[first].tables);
  EXPECT_EQ(begin_of("n", Tier::kTenSeconds, pod), 20 * kHourS);
  EXPECT_THAT(verify_all(*store_), IsEmpty());
}

TEST_F(SeriesTest, PodsAreForgottenWithTheirOwnTablesThoughTheirNodeIsNot) {
  append("n", 0, 1);
  append("n", 101, 1);
  fold_all(*store_, {kMidnight + 10 * kDayMs});
  const WallTime until{kMidnight + 99 * kHourMs};
  EXPECT_EQ(drop({.tiers = {}, .passing = {until, until, until}}).pods, 1u) << "the one of the first hour alone";
  EXPECT_THAT(*store_->pods(NodeName("n"), {0}, kForever), SizeIs(2));
  const WallTime all{kMidnight + 30 * kDayMs};
  EXPECT_EQ(drop({.tiers = {}, .passing = {all, all, all}}).pods, 2u);
  EXPECT_THAT(*store_->pods(NodeName("n"), {0}, kForever), IsEmpty());
  EXPECT_THAT(store_->series_nodes(), ElementsAre(NodeName("n")));
  EXPECT_THAT(times_of(read("n", Tier::kMinute, 0, INT64_MAX), {}), testing::Not(IsEmpty()));
  EXPECT_THAT(verify_all(*store_), IsEmpty());
}

TEST_F(SeriesTest, ATimeOfPodsBeforeThatOfTheirTierIsTheTiers) {
  append("n", 0, 30);
  fold_all(*store_, {kMidnight + 2 * kDayMs});
  const WallTime until{kMidnight + 20 * kHourMs};
  drop({.tiers = {until, until, until}, .passing = {WallTime{1}, WallTime{1}, WallTime{1}}});
  const auto state = *store_->series_state();
  for (const Tier tier : {Tier::kTenSeconds, Tier::kMinute})
    EXPECT_EQ(state.passing[place_of(tier)].oldest, state.tiers[place_of(tier)].oldest) << series::name_of(tier);
}

TEST_F(SeriesTest, PodsGoWithTheirLastRow) {
  append("n", 0, 1);
  append("n", 101, 1);
  fold_all(*store_, {kMidnight + 10 * kDayMs});
  const auto before = store_->pods(NodeName("n"), {0}, kForever);
  ASSERT_THAT(*before, SizeIs(3)) << "one of both hours, and another of each";
  EXPECT_EQ(drop(before_all(kMidnight + 99 * kHourMs)).pods, 1u) << "the one of the first hour alone";
  EXPECT_THAT(*store_->pods(NodeName("n"), {0}, kForever), SizeIs(2));
  EXPECT_EQ(drop(before_all(kMidnight + 99 * kHourMs)).pods, 0u);
  EXPECT_EQ(drop(before_all(kMidnight + 30 * kDayMs)).pods, 2u);
  EXPECT_THAT(*store_->pods(NodeName("n"), {0}, kForever), IsEmpty());
}

TEST_F(SeriesTest, ANodeOfWhichNothingIsLeftIsForgotten) {
  const auto reports = append("n", 0, 1);
  append("m", 100, 1);
  fold_all(*store_, {kMidnight + 10 * kDayMs});
  ASSERT_EQ(store_->drop_before(WallTime{kMidnight + 50 * kHourMs})->nodes, 1u);
  EXPECT_THAT(store_->series_nodes(), ElementsAre(NodeName("m"), NodeName("n")));
  EXPECT_GT(drop(before_all(kMidnight + 96 * kHourMs)).tables, 0u);
  EXPECT_THAT(store_->series_nodes(), ElementsAre(NodeName("m")));
  reopen();
  EXPECT_THAT(store_->series_nodes(), ElementsAre(NodeName("m")));
  EXPECT_FALSE(store_->has(NodeName("n"), model::Incarnation(7), model::Seq(1)));
  EXPECT_EQ(store_->series_state()->nodes, 1u);
  EXPECT_THAT(verify_all(*store_), IsEmpty());
  append_all(*store_, reports);
  fold_all(*store_, {kMidnight + 10 * kDayMs});
  EXPECT_TRUE(same(read_tables(*store_, "n"), tables_of(reports))) << "it is as one that never was";
}

TEST_F(SeriesTest, PodsThatALateReportBroughtBackGoWithTheirNode) {
  append("n", 0, 1);
  append("m", 100, 1);
  fold_all(*store_, {kMidnight + 10 * kDayMs});
  EXPECT_GT(drop(before_all(kMidnight + 96 * kHourMs)).pods, 0u);
  // It is folded into tables of the same time once more.
  append_all(*store_, {exact_report("n", 7, ++seq_, kMidnight + 1'000'000)});
  EXPECT_EQ(fold_all(*store_, {kMidnight + 10 * kDayMs}).late, 1u);
  EXPECT_THAT(*store_->pods(NodeName("n"), {0}, kForever), SizeIs(2));
  ASSERT_EQ(store_->drop_before(WallTime{kMidnight + 50 * kHourMs})->nodes, 1u);
  EXPECT_EQ(drop(before_all(kMidnight + 96 * kHourMs)).pods, 2u);
  EXPECT_THAT(*store_->pods(NodeName("n"), {0}, kForever), IsEmpty());
  EXPECT_THAT(store_->series_nodes(), ElementsAre(NodeName("m")));
}

TEST_F(SeriesTest, ANodeThatStillReportsKeepsHowFarItIsFolded) {
  const auto reports = append("n", 0, 1);
  fold_all(*store_, {kMidnight + 2 * kDayMs});
  drop(before_all(kMidnight + 30 * kDayMs));
  EXPECT_THAT(read("n", Tier::kQuarterHour, 0, INT64_MAX), IsEmpty());
  reopen();
  EXPECT_EQ(fold_all(*store_, {kMidnight + 2 * kDayMs}).reports, 0u) << "what was dropped is not made again";
  EXPECT_EQ(store_->reports(NodeName("n"), {0}, kForever, 0)->rows.size(), reports.size());
  append("n", 1'000, 1);
  EXPECT_EQ(fold_all(*store_, {kMidnight + 60 * kDayMs}).hours, 1u);
}

// Tables from elsewhere.

/// As read_tables() has them.
std::vector<Table> all_of(const Tables& tables) {
  std::vector<Table> all;
  for (const auto& [id, table] : tables)
    all.push_back(table);
  return all;
}

TEST_F(SeriesTest, WhatOneStoreReadsAnotherTakes) {
  append("n", 0, 5);
  fold_all(*store_, {kMidnight + 3 * kHourMs});
  const Tables tables = read_tables(*store_, "n");
  const auto pods = *store_->pods(NodeName("n"), {0}, kForever);
  const test::TempDir other_dir;
  const auto other = open_store(other_dir.str(), kSeries);
  const auto put = other->put_tables(NodeName("n"), all_of(tables), pods);
  ASSERT_TRUE(put.ok()) << put.error().message();
  EXPECT_EQ(put->put, tables.size());
  EXPECT_EQ(put->there, 0u);
  EXPECT_TRUE(same(read_tables(*other, "n"), tables));
  EXPECT_EQ(*other->pods(NodeName("n"), {0}, kForever), pods);
  EXPECT_THAT(other->series_nodes(), ElementsAre(NodeName("n")));
  EXPECT_THAT(other->nodes(), IsEmpty());
  EXPECT_EQ(other->series_state()->folded_until, std::nullopt) << "no node has a report";
  EXPECT_THAT(verify_all(*other), IsEmpty());
}

TEST_F(SeriesTest, ABlockThatIsThereIsLeftAsItIs) {
  append("n", 0, 2);
  fold_all(*store_, {kMidnight + kDayMs});
  const Tables there = read_tables(*store_, "n");
  std::vector<IncomingReport> more;
  for (std::int64_t hour : {1, 5})
    more.push_back(exact_report("n", 9, static_cast<std::uint64_t>(hour), kMidnight + hour * kHourMs + 1'000'000));
  const auto others = tables_of(more);
  const auto put = store_->put_tables(NodeName("n"), all_of(others), {});
  ASSERT_TRUE(put.ok()) << put.error().message();
  EXPECT_GT(put->there, 0u);
  EXPECT_GT(put->put, 0u);
  EXPECT_EQ(put->put + put->there, others.size());
  for (const auto& [id, table] : read_tables(*store_, "n")) {
    SCOPED_TRACE(text_of(id));
    EXPECT_TRUE(table == (there.contains(id) ? there.at(id) : others.at(id)));
  }
  const auto again = store_->put_tables(NodeName("n"), all_of(others), {});
  EXPECT_EQ(again->put, 0u);
  EXPECT_EQ(again->there, others.size());
  EXPECT_THAT(verify_all(*store_), IsEmpty());
}

TEST_F(SeriesTest, ABlockOfWhichReportsWaitIsThere) {
  const auto reports = append("n", 0, 2);
  const auto put = store_->put_tables(NodeName("n"), all_of(tables_of(reports)), {});
  ASSERT_TRUE(put.ok()) << put.error().message();
  EXPECT_EQ(put->put, 0u) << "or each would count twice";
  fold_all(*store_, {kMidnight + kDayMs});
  EXPECT_TRUE(same(read_tables(*store_, "n"), tables_of(reports)));
}

TEST_F(SeriesTest, ReportsThatComeForATableThatWasPutAreMergedWithIt) {
  const auto first = exact_report("n", 7, 1, kMidnight + 60'000);
  const auto second = exact_report("n", 7, 2, kMidnight + 90'000);
  ASSERT_TRUE(store_->put_tables(NodeName("n"), all_of(tables_of({first})), {}).ok());
  append_all(*store_, {second});
  EXPECT_TRUE(same(read_tables(*store_, "n"), tables_of({first, second})));
  fold_all(*store_, {kMidnight + kDayMs});
  EXPECT_TRUE(same(read_tables(*store_, "n"), tables_of({first, second})));
}

TEST_F(SeriesTest, BadTablesAreRefusedAndNothingOfTheCallStays) {
  const auto good = tables_of({exact_report("n", 7, 1, kMidnight + 60'000)});
  const auto refused = [&](const NodeName& node, Table bad) {
    auto tables = all_of(good);
    tables.push_back(std::move(bad));
    const auto put = store_->put_tables(node, tables, {});
    EXPECT_FALSE(put.ok());
    return put ? std::string() : put.error().message();
  };
  const Table& table = good.begin()->second;
  Table off_grid = table;
  off_grid.times.front() += 1;
  EXPECT_THAT(refused(NodeName("n"), off_grid), HasSubstr("node n"));
  Table early = table;
  early.times.front() = -10;
  EXPECT_THAT(refused(NodeName("n"), early), HasSubstr("-10"));
  Table twice = table;
  twice.times.back() = twice.times.front();
  if (table.times.size() > 1) {
    EXPECT_THAT(refused(NodeName("n"), twice), HasSubstr("a row at"));
  }
  Table without_cells = table;
  without_cells.fields.front().cells.pop_back();
  EXPECT_THAT(refused(NodeName("n"), without_cells), HasSubstr("cell"));
  Table upside_down = table;
  upside_down.fields.front().cells.front() = {.count = 1, .min = 5, .max = 4, .sum = 5};
  EXPECT_THAT(refused(NodeName("n"), upside_down), HasSubstr("least 5 above most 4"));
  Table fieldless = table;
  fieldless.fields.front().field = series::Field{0};
  EXPECT_THAT(refused(NodeName("n"), fieldless), HasSubstr("a field 0"));
  Table nameless = table;
  nameless.subject = {.kind = SubjectKind::kPod, .name = ""};
  EXPECT_THAT(refused(NodeName("n"), nameless), HasSubstr("name"));
  Table long_name = table;
  long_name.subject = {.kind = SubjectKind::kPod, .name = std::string(254, 'p')};
  EXPECT_THAT(refused(NodeName("n"), long_name), HasSubstr("254"));
  EXPECT_THAT(refused(NodeName(""), table), HasSubstr("0 bytes"));
  EXPECT_THAT(refused(NodeName(std::string(254, 'n')), table), HasSubstr("254"));
  const auto many = store_->put_tables(NodeName("n"), std::vector<Table>(4'097, table), {});
  ASSERT_FALSE(many.ok());
  EXPECT_EQ(many.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(many.error().message(), HasSubstr("4097"));
  series::PodInfo info;
  info.uid = model::PodUid("p");
  info.first_s = 5;
  info.last_s = 4;
  EXPECT_FALSE(store_->put_tables(NodeName("n"), all_of(good), {info}).ok());
  EXPECT_THAT(read_tables(*store_, "n"), IsEmpty());
  EXPECT_THAT(store_->series_nodes(), IsEmpty());
}

}  // namespace
}  // namespace tideline::rocks::series_store_test
