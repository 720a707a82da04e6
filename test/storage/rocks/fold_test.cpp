// Folding: each report is in the tables once, whatever comes when, and whenever the store is opened anew.

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <map>
#include <random>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/rocks/layout.h"
#include "storage/rocks/rocks_store.h"
#include "test/storage/rocks/read_back.h"
#include "test/storage/rocks/tamper.h"
#include "test/support/file_size_limit.h"
#include "test/support/temp_dir.h"

namespace tideline::rocks::fold_test {
namespace {

using model::Incarnation;
using model::NodeName;
using model::Seq;
using model::WallTime;
using store::AppendOutcome;
using store::IncomingReport;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr RocksOptions kFolding{
    .block_cache_bytes = 1 << 20, .write_buffer_bytes = 256 << 10, .background_threads = 2, .series = true};

/// When an hour of the day is due of each node, and the one behind it of none.
WallTime over(std::int64_t hour) {
  return {kMidnight + (hour + 2) * kHourMs};
}

std::int64_t at_hour(std::int64_t hour, std::int64_t ms = 0) {
  return kMidnight + hour * kHourMs + ms;
}

/// A report of each ten minutes of the hour.
std::vector<IncomingReport> hour_of(const std::string& node, std::int64_t hour, std::uint64_t first_seq) {
  std::vector<IncomingReport> reports;
  for (std::int64_t ms = 5'000; ms < kHourMs; ms += 600'000)
    reports.push_back(exact_report(node, 7, first_seq++, at_hour(hour, ms)));
  return reports;
}

std::vector<IncomingReport> joined(std::vector<IncomingReport> a, const std::vector<IncomingReport>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

class FoldTest : public testing::Test {
 protected:
  FoldTest() { reopen(); }
  void reopen() {
    store_.reset();
    store_ = open_store(dir_.str(), kFolding);
  }
  test::TempDir dir_;
  std::unique_ptr<RocksStore> store_;
};

TEST_F(FoldTest, AnHourIsFoldedWithinTheHourBehindItAtItsNodesOwnTime) {
  append_all(*store_, hour_of("n", 1, 1));
  const std::int64_t due_ms = at_hour(2) + model::to_ms(series::fold_lag(NodeName("n")));
  ASSERT_LT(due_ms, over(1).ms);
  EXPECT_EQ(fold_all(*store_, {due_ms - 1}).hours, 0u);
  EXPECT_EQ(store_->series_state()->folded_until, (WallTime{at_hour(1)}));
  reopen();
  EXPECT_EQ(fold_all(*store_, {due_ms - 1}).hours, 0u);
  const auto folded = fold_all(*store_, {due_ms});
  EXPECT_EQ(folded.hours, 1u);
  EXPECT_EQ(folded.reports, 6u);
  EXPECT_EQ(folded.late, 0u);
  EXPECT_EQ(fold_all(*store_, over(1)).hours, 0u) << "and once";
  const auto state = *store_->series_state();
  EXPECT_EQ(state.folded_until, (WallTime{at_hour(2)}));
  EXPECT_EQ(state.nodes, 1u);
  EXPECT_TRUE(same(read_tables(*store_, "n"), tables_of(hour_of("n", 1, 1))));
}

TEST_F(FoldTest, NodesAreDueOneAfterTheOther) {
  const std::vector<std::string> names{"a", "aa", "b", "cc", "d", "n", "n1"};
  std::size_t due = 0;
  for (const std::string& name : names)
    append_all(*store_, hour_of(name, 1, 1));
  for (std::int64_t minute = 0; minute <= 60; ++minute) {
    const WallTime now{at_hour(2, minute * 60'000)};
    due += fold_all(*store_, now).hours;
    const auto wanted = std::count_if(names.begin(), names.end(), [&](const std::string& name) {
      return at_hour(2) + model::to_ms(series::fold_lag(NodeName(name))) <= now.ms;
    });
    ASSERT_EQ(due, static_cast<std::size_t>(wanted)) << minute;
    ASSERT_TRUE(minute >= 10 || due == 0u);
  }
  EXPECT_EQ(due, names.size());
  for (const std::string& name : names)
    EXPECT_TRUE(same(read_tables(*store_, name), tables_of(hour_of(name, 1, 1)))) << name;
}

TEST_F(FoldTest, WhatIsReadIsTheSameBeforeAndAfter) {
  const auto reports = joined(hour_of("n", 1, 1), hour_of("n", 2, 7));
  append_all(*store_, reports);
  const Tables wanted = tables_of(reports);
  EXPECT_TRUE(same(read_tables(*store_, "n"), wanted)) << "nothing is folded";
  fold_all(*store_, over(1));
  EXPECT_TRUE(same(read_tables(*store_, "n"), wanted)) << "one hour is";
  fold_all(*store_, over(2));
  EXPECT_TRUE(same(read_tables(*store_, "n"), wanted)) << "all is";
  reopen();
  EXPECT_TRUE(same(read_tables(*store_, "n"), wanted));
  EXPECT_THAT(read_tables(*store_, "m"), IsEmpty());
}

TEST_F(FoldTest, HoursWithoutReportsTakeNoStep) {
  append_all(*store_, joined(hour_of("n", 1, 1), hour_of("n", 9, 7)));
  EXPECT_EQ(fold_all(*store_, over(9)).hours, 2u);
}

TEST_F(FoldTest, ALateReportIsReadAtOnceAndFoldedByItself) {
  auto reports = hour_of("n", 1, 1);
  append_all(*store_, reports);
  fold_all(*store_, over(1));
  const auto late = exact_report("n", 7, 50, at_hour(1, 123'000));
  append_all(*store_, {late});
  reports.push_back(late);
  EXPECT_EQ(store_->series_state()->late, 1u);
  EXPECT_TRUE(same(read_tables(*store_, "n"), tables_of(reports)));
  reopen();
  EXPECT_EQ(store_->series_state()->late, 1u);
  EXPECT_TRUE(same(read_tables(*store_, "n"), tables_of(reports)));
  const auto folded = fold_all(*store_, over(1));
  EXPECT_EQ(folded.late, 1u);
  EXPECT_EQ(folded.hours, 0u);
  EXPECT_EQ(store_->series_state()->late, 0u);
  EXPECT_TRUE(same(read_tables(*store_, "n"), tables_of(reports)));
  EXPECT_EQ(fold_all(*store_, over(1)).reports, 0u);
  EXPECT_THAT(verify_all(*store_), IsEmpty());
}

TEST_F(FoldTest, AReportOfAnHourBeforeTheFirstIsFoldedAsAnyOther) {
  append_all(*store_, hour_of("n", 5, 1));
  const auto early = exact_report("n", 7, 50, at_hour(2));
  append_all(*store_, {early});
  EXPECT_EQ(fold_all(*store_, over(5)).hours, 2u);
  EXPECT_TRUE(same(read_tables(*store_, "n"), tables_of(joined(hour_of("n", 5, 1), {early}))));
}

TEST_F(FoldTest, DuplicatesAreInNoTableTwice) {
  const auto reports = hour_of("n", 1, 1);
  append_all(*store_, reports);
  EXPECT_THAT(*store_->append(reports), testing::Each(AppendOutcome::kDuplicate));
  fold_all(*store_, over(1));
  EXPECT_THAT(*store_->append(reports), testing::Each(AppendOutcome::kDuplicate));
  EXPECT_EQ(fold_all(*store_, over(1)).reports, 0u);
  for (const auto tier : series::kTiers)
    EXPECT_EQ(count_reports(*store_, "n", tier), 6);
}

TEST_F(FoldTest, NodesAreFoldedInSlicesFromWhereTheLastOneEnded) {
  for (const char* node : {"a", "b", "cc", "d"})
    append_all(*store_, hour_of(node, 1, 1));
  const auto first = store_->fold_slice(over(1), NodeName(), 2);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->hours, 2u);
  ASSERT_TRUE(first->rest);
  const auto second = store_->fold_slice(over(1), *first->rest, 2);
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->hours, 2u);
  EXPECT_FALSE(second->rest);
  for (const char* node : {"a", "b", "cc", "d"})
    EXPECT_TRUE(same(read_tables(*store_, node), tables_of(hour_of(node, 1, 1)))) << node;
}

TEST_F(FoldTest, ASliceOfANodeThatIsDaysBehindEndsAndGoesOn) {
  std::vector<IncomingReport> reports;
  for (std::int64_t hour = 0; hour < 100; ++hour)
    reports.push_back(exact_report("n", 7, static_cast<std::uint64_t>(hour) + 1, at_hour(hour, 1'800'000)));
  append_all(*store_, reports);
  const auto slice = store_->fold_slice(over(100), NodeName(), 10);
  ASSERT_TRUE(slice.ok());
  EXPECT_LT(slice->hours, 100u);
  EXPECT_EQ(slice->rest, NodeName("n"));
  EXPECT_EQ(slice->hours + fold_all(*store_, over(100)).hours, 100u);
  EXPECT_TRUE(same(read_tables(*store_, "n"), tables_of(reports)));
}

TEST_F(FoldTest, AnHourOfTooManyPodsIsFoldedInSteps) {
  // 700 pods in each report, others each time: more than one step takes.
  std::vector<IncomingReport> reports;
  for (std::uint64_t i = 0; i < 14; ++i) {
    auto report = exact_report("n", 7, i + 1, at_hour(1, 60'000 + static_cast<std::int64_t>(i) * 60'000));
    const auto like = report.report.pods.front();
    for (int pod = 2; pod < 700; ++pod) {
      auto other = like;
      other.pod.change([&](model::Pod& of) { of.uid = model::PodUid(fmt::format("uid-{}-{}", i, pod)); });
      report.report.pods.push_back(other);
    }
    reports.push_back(std::move(report));
  }
  append_all(*store_, reports);
  const auto folded = fold_all(*store_, over(1));
  EXPECT_EQ(folded.hours, 1u);
  EXPECT_GT(folded.late, 0u) << "or all was one step, and this says nothing";
  EXPECT_EQ(folded.reports, 14u);
  EXPECT_EQ(store_->series_state()->late, 0u);
  EXPECT_TRUE(same(read_tables(*store_, "n"), tables_of(reports)));
}

TEST_F(FoldTest, ALongNameOfAWorkloadIsCutTheSameFoldedOrNot) {
  auto report = exact_report("n", 7, 1, at_hour(1, 60'000));
  for (auto& summary : report.report.pods)
    summary.pod.change([](model::Pod& pod) { pod.workload = "Deployment/" + std::string(900, 'w'); });
  append_all(*store_, {report});
  const Tables before = read_tables(*store_, "n");
  fold_all(*store_, over(1));
  EXPECT_TRUE(same(read_tables(*store_, "n"), before));
  const auto workload = std::find_if(before.begin(), before.end(), [](const auto& entry) {
    return entry.first.subject.kind == series::SubjectKind::kWorkload;
  });
  ASSERT_NE(workload, before.end());
  EXPECT_EQ(workload->first.subject.name.size(), 253u);
  EXPECT_THAT(verify_all(*store_), IsEmpty());
}

TEST_F(FoldTest, PodsAreKnownBeforeAndAfter) {
  const auto reports = joined(hour_of("n", 1, 1), hour_of("n", 2, 7));
  append_all(*store_, reports);
  series::Fold fold;
  for (const auto& report : reports)
    fold.add(as_stored(report));
  const auto wanted = std::move(fold).finish().pods;
  EXPECT_EQ(*store_->pods(NodeName("n"), {0}, kForever), wanted);
  fold_all(*store_, over(1));
  EXPECT_EQ(*store_->pods(NodeName("n"), {0}, kForever), wanted) << "half of it is folded";
  fold_all(*store_, over(2));
  EXPECT_EQ(*store_->pods(NodeName("n"), {0}, kForever), wanted);
  // The second pod of the second hour has another uid than that of the first.
  const auto second = store_->pods(NodeName("n"), {at_hour(2)}, {at_hour(3)});
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->size(), 2u);
  EXPECT_THAT(*store_->pods(NodeName("n"), {at_hour(4)}, {at_hour(5)}), IsEmpty());
  EXPECT_THAT(*store_->pods(NodeName("m"), {0}, kForever), IsEmpty());
}

// Retention of reports.

TEST_F(FoldTest, RetentionLeavesReportsThatNoTableHas) {
  append_all(*store_, joined(hour_of("n", 1, 1), hour_of("n", 2, 7)));
  EXPECT_EQ(store_->drop_before(kForever)->reports, 0u);
  fold_all(*store_, over(1));
  EXPECT_EQ(store_->drop_before(WallTime{at_hour(1, 1'000'000)})->reports, 2u) << "and those that are young enough";
  EXPECT_EQ(store_->drop_before(kForever)->reports, 4u);
  const auto late = exact_report("n", 7, 50, at_hour(1, 2'000'000));
  append_all(*store_, {late});
  EXPECT_EQ(store_->drop_before(kForever)->reports, 0u);
  auto reports = joined(hour_of("n", 1, 1), hour_of("n", 2, 7));
  reports.push_back(late);
  EXPECT_TRUE(same(read_tables(*store_, "n"), tables_of(reports)));
  fold_all(*store_, over(2));
  EXPECT_EQ(store_->drop_before(kForever)->reports, 7u);
  EXPECT_TRUE(same(read_tables(*store_, "n"), tables_of(reports))) << "tables stay";
  EXPECT_THAT(verify_all(*store_), IsEmpty());
}

TEST_F(FoldTest, WhereNothingIsFoldedRetentionDropsWhatItIsTold) {
  store_.reset();
  store_ = open_store(dir_.str(), {.series = false});
  append_all(*store_, hour_of("n", 1, 1));
  fold_all(*store_, over(1));
  append_all(*store_, {exact_report("n", 7, 50, at_hour(1, 100'000))});
  append_all(*store_, hour_of("n", 2, 7));
  EXPECT_EQ(store_->drop_before(WallTime{at_hour(2, 1'000'000)})->reports, 9u);
  EXPECT_EQ(store_->series_state()->late, 0u) << "nothing is left of what was late";
  EXPECT_THAT(verify_all(*store_), IsEmpty());
  EXPECT_EQ(fold_all(*store_, over(2)).reports, 4u);
}

TEST_F(FoldTest, ANodeOfWhichOnlyTablesAreLeftDoesNotGiveItsReportsAgain) {
  const auto reports = hour_of("n", 1, 1);
  append_all(*store_, reports);
  fold_all(*store_, over(1));
  ASSERT_EQ(store_->drop_before(kForever)->nodes, 1u);
  EXPECT_THAT(store_->nodes(), IsEmpty());
  EXPECT_THAT(store_->series_nodes(), ElementsAre(NodeName("n")));
  reopen();
  EXPECT_THAT(store_->nodes(), IsEmpty());
  EXPECT_TRUE(store_->has(NodeName("n"), Incarnation(7), Seq(3)));
  EXPECT_EQ(store_->acked_through(NodeName("n"), Incarnation(7)), Seq(6));
  EXPECT_THAT(*store_->append(reports), testing::Each(AppendOutcome::kDuplicate));
  append_all(*store_, {exact_report("n", 7, 7, at_hour(3))});
  EXPECT_THAT(store_->nodes(), ElementsAre(NodeName("n")));
  reopen();
  EXPECT_THAT(*store_->append(reports), testing::Each(AppendOutcome::kDuplicate));
  fold_all(*store_, over(3));
  EXPECT_TRUE(same(read_tables(*store_, "n"), tables_of(joined(reports, {exact_report("n", 7, 7, at_hour(3))}))));
  EXPECT_THAT(verify_all(*store_), IsEmpty());
}

TEST_F(FoldTest, ADuplicateBesideOtherReportsDoesNotBringBackANodeOfWhichOnlyTablesAreLeft) {
  const auto reports = hour_of("n", 1, 1);
  append_all(*store_, reports);
  fold_all(*store_, over(1));
  ASSERT_EQ(store_->drop_before(kForever)->nodes, 1u);
  const std::vector<IncomingReport> mixed{reports[0], exact_report("m", 7, 1, at_hour(3))};
  EXPECT_THAT(*store_->append(mixed), ElementsAre(AppendOutcome::kDuplicate, AppendOutcome::kStored));
  EXPECT_THAT(store_->nodes(), ElementsAre(NodeName("m")));
  reopen();
  EXPECT_THAT(store_->nodes(), ElementsAre(NodeName("m")));
  EXPECT_THAT(*store_->append(reports), testing::Each(AppendOutcome::kDuplicate));
}

// Whatever fails.

/// As a fold leaves it that was killed in the midst of an hour: reports of it that came meanwhile are marked as late.
void mark_as_late(const std::string& directory, const std::vector<IncomingReport>& reports) {
  with_family(directory, kLateFamily, [&](auto& db, auto* late) {
    for (const IncomingReport& report : reports)
      ASSERT_TRUE(db.Put({}, late, report_key(report.report, as_stored(report).at), rocksdb::Slice()).ok());
  });
}

TEST_F(FoldTest, WhatAKilledFoldLeftMarkedIsCountedOnce) {
  const auto reports = joined(hour_of("n", 1, 1), hour_of("n", 2, 7));
  append_all(*store_, reports);
  store_.reset();
  mark_as_late(dir_.str(), {reports[1], reports[4], reports[8]});
  reopen();
  EXPECT_EQ(store_->series_state()->late, 3u);
  EXPECT_TRUE(same(read_tables(*store_, "n"), tables_of(reports)));
  EXPECT_EQ(store_->drop_before(kForever)->reports, 0u);
  EXPECT_EQ(fold_all(*store_, over(1)).reports, 6u);
  EXPECT_EQ(store_->series_state()->late, 1u) << "of the hour that is not folded";
  EXPECT_TRUE(same(read_tables(*store_, "n"), tables_of(reports)));
  EXPECT_EQ(fold_all(*store_, over(2)).reports, 6u);
  EXPECT_EQ(store_->series_state()->late, 0u);
  EXPECT_EQ(fold_all(*store_, over(2)).reports, 0u);
  EXPECT_TRUE(same(read_tables(*store_, "n"), tables_of(reports)));
  EXPECT_THAT(verify_all(*store_), IsEmpty());
}

TEST_F(FoldTest, AWriteThatFailsChangesNothing) {
  const auto reports = hour_of("n", 1, 1);
  append_all(*store_, reports);
  {
    const test::FileSizeLimit full(1);
    EXPECT_FALSE(store_->fold_slice(over(1), NodeName(), 5).ok());
    EXPECT_FALSE(store_->append(hour_of("n", 2, 7)).ok());
    EXPECT_FALSE(store_->put_setting("epoch", "1").ok());
  }
  EXPECT_FALSE(store_->has(NodeName("n"), Incarnation(7), Seq(7)));
  EXPECT_EQ(store_->series_state()->folded_until, (WallTime{at_hour(1)}));
  EXPECT_TRUE(same(read_tables(*store_, "n"), tables_of(reports)));
  reopen();
  EXPECT_TRUE(same(read_tables(*store_, "n"), tables_of(reports)));
  append_all(*store_, hour_of("n", 2, 7));
  EXPECT_EQ(fold_all(*store_, over(2)).hours, 2u);
  EXPECT_TRUE(same(read_tables(*store_, "n"), tables_of(joined(reports, hour_of("n", 2, 7)))));
}

TEST_F(FoldTest, ReportsThatComeWhileTheirHourIsFoldedAreFoldedOnce) {
  std::vector<IncomingReport> reports;
  std::atomic<bool> done{false};
  std::thread folder([&] {
    while (!done) {
      const auto slice = store_->fold_slice(over(30), NodeName(), 5);
      EXPECT_TRUE(slice.ok()) << slice.error().message();
    }
  });
  std::mt19937 random(20'261'201);
  for (std::uint64_t seq = 1; seq <= 400; ++seq) {
    const std::int64_t hour = static_cast<std::int64_t>(random() % 12);
    reports.push_back(exact_report("n", 7, seq, at_hour(hour, static_cast<std::int64_t>(random() % 3'600'000))));
    append_all(*store_, {reports.back()});
    if (seq % 100 == 0) {
      EXPECT_EQ(count_reports(*store_, "n", series::Tier::kMinute), static_cast<std::int64_t>(seq));
    }
  }
  done = true;
  folder.join();
  EXPECT_TRUE(same(read_tables(*store_, "n"), tables_of(reports)));
  fold_all(*store_, over(30));
  EXPECT_TRUE(same(read_tables(*store_, "n"), tables_of(reports)));
  EXPECT_EQ(store_->series_state()->late, 0u);
  EXPECT_THAT(verify_all(*store_), IsEmpty());
}

/// Steps drawn at random, and after each of them what is read is what a fold of all that was acknowledged is, less the
/// tables that were dropped; also in a copy of the store as it lies on disk then, which is what a killed process
/// leaves.
class RandomFold : public FoldTest {
 protected:
  /// By tier, the begin of the first block that was kept each time since the report was folded.
  using Limits = std::array<std::int64_t, series::kTiers.size()>;

  Tables wanted_tables() const {
    std::map<Limits, std::vector<IncomingReport>> by_limits;
    for (std::size_t i = 0; i < reports_.size(); ++i)
      by_limits[limits_[i]].push_back(reports_[i]);
    Tables wanted;
    for (const auto& [limits, reports] : by_limits) {
      for (const auto& [id, table] : tables_of(reports)) {
        if (id.block_s < limits[series::place_of(id.tier)]) continue;
        const auto [there, is_new] = wanted.try_emplace(id, table);
        if (!is_new) there->second = series::merge(there->second, table);
      }
    }
    return wanted;
  }
  void append_some(std::mt19937& random) {
    std::vector<IncomingReport> batch;
    std::vector<AppendOutcome> wanted;
    for (auto i = 1 + random() % 5; i > 0; --i) {
      if (!reports_.empty() && random() % 6 == 0) {
        batch.push_back(reports_[random() % reports_.size()]);
        wanted.push_back(AppendOutcome::kDuplicate);
        continue;
      }
      wanted.push_back(AppendOutcome::kStored);
      const std::uint64_t incarnation = 1 + random() % 3;
      // Mostly of now, some of the hours before, and some of one instant.
      const std::int64_t back = random() % 3 == 0 ? static_cast<std::int64_t>(random() % (5 * kHourMs)) : 0;
      const std::int64_t at = std::max<std::int64_t>(now_ms_ - back, kMidnight + 30'000);
      batch.push_back(exact_report("n", incarnation, ++seqs_[incarnation], at));
      now_ms_ += static_cast<std::int64_t>(random() % 4) * 150'000;
    }
    const auto outcomes = store_->append(batch);
    ASSERT_TRUE(outcomes.ok()) << outcomes.error().message();
    ASSERT_EQ(*outcomes, wanted);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (wanted[i] == AppendOutcome::kStored) reports_.push_back(batch[i]);
    }
    limits_.resize(reports_.size());
  }
  void drop_tables(std::mt19937& random) {
    // All that came is in tables then, and goes with them.
    fold_all(*store_, {now_ms_ + 2 * kHourMs});
    series::DropSeriesBefore before{};
    for (const series::Tier tier : series::kTiers) {
      const std::size_t place = series::place_of(tier);
      const std::int64_t until_ms = now_ms_ - static_cast<std::int64_t>(random() % (12 * kHourMs));
      before.tiers[place] = WallTime{until_ms};
      for (Limits& limits : limits_)
        limits[place] = std::max(limits[place], series::floor_to(until_ms / 1000, series::block_s(tier)));
    }
    const auto dropped = store_->drop_series(before, NodeName(), 5);
    ASSERT_TRUE(dropped.ok()) << dropped.error().message();
    EXPECT_FALSE(dropped->rest);
  }
  void mark_some(std::mt19937& random) {
    const auto folded_until = store_->series_state()->folded_until;
    std::vector<IncomingReport> some;
    for (const IncomingReport& report : reports_) {
      const bool is_folded = !folded_until || as_stored(report).at < *folded_until;
      if (!is_folded && random() % 4 == 0) some.push_back(report);
    }
    store_.reset();
    mark_as_late(dir_.str(), some);
    reopen();
  }
  void step(std::mt19937& random) {
    switch (random() % 10) {
      case 0:
      case 1:
        fold_all(*store_, {now_ms_ + static_cast<std::int64_t>(random() % kHourMs)}, 1 + random() % 2);
        break;
      case 2:
        reopen();
        break;
      case 3:
        ASSERT_TRUE(store_->drop_before(WallTime{now_ms_ - static_cast<std::int64_t>(random() % (8 * kHourMs))}).ok());
        break;
      case 4:
        drop_tables(random);
        break;
      case 5:
        mark_some(random);
        break;
      default:
        append_some(random);
    }
  }
  void expect_a_copy_is_whole(const Tables& wanted) {
    const test::TempDir copy;
    // Closing writes nothing: what is in memory stays in the log.
    store_.reset();
    std::filesystem::copy(dir_.path(), copy.path() / "history", std::filesystem::copy_options::recursive);
    reopen();
    const auto store = open_store(copy.str() + "/history", kFolding);
    ASSERT_NE(store, nullptr);
    ASSERT_TRUE(same(read_tables(*store, "n"), wanted)) << "as a killed process leaves it";
    fold_all(*store, {now_ms_ + 3 * kHourMs});
    ASSERT_TRUE(same(read_tables(*store, "n"), wanted)) << "and folded";
    ASSERT_THAT(verify_all(*store), IsEmpty());
  }

  std::vector<IncomingReport> reports_;
  std::vector<Limits> limits_;  // of each of them
  std::map<std::uint64_t, std::uint64_t> seqs_;
  std::int64_t now_ms_ = kMidnight + kHourMs / 2;
};

TEST_F(RandomFold, WhatIsReadIsWhatWasAcknowledgedWhateverCameBefore) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 150; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    ASSERT_NO_FATAL_FAILURE(step(random));
    const Tables wanted = wanted_tables();
    ASSERT_TRUE(same(read_tables(*store_, "n"), wanted));
    if (round % 15 == 14) {
      ASSERT_NO_FATAL_FAILURE(expect_a_copy_is_whole(wanted));
    }
  }
  EXPECT_THAT(verify_all(*store_), IsEmpty());
}

}  // namespace
}  // namespace tideline::rocks::fold_test
