// Nodes that are gone: their numbers and how far they are folded are on disk as long as their tables are, and nowhere
// else; what retention need not read it does not.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/rocks/layout.h"
#include "storage/rocks/rocks_store.h"
#include "test/storage/rocks/read_back.h"
#include "test/storage/rocks/tamper.h"
#include "test/support/temp_dir.h"

namespace tideline::rocks::resting_test {
namespace {

using model::Incarnation;
using model::NodeName;
using model::Seq;
using model::WallTime;
using store::AppendOutcome;
using store::IncomingReport;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

constexpr RocksOptions kSeries{.series = true};

class Resting : public testing::Test {
 protected:
  Resting() : store_(open_store(dir_.str(), kSeries)) {}
  void reopen() {
    store_.reset();
    store_ = open_store(dir_.str(), kSeries);
  }
  std::vector<IncomingReport> append(const std::string& node, std::int64_t hour) {
    std::vector<IncomingReport> reports;
    for (std::int64_t ms = 5'000; ms < kHourMs; ms += 600'000)
      reports.push_back(exact_report(node, 7, ++seq_, kMidnight + hour * kHourMs + ms));
    append_all(*store_, reports);
    return reports;
  }
  static WallTime at(std::int64_t hour) { return {kMidnight + hour * kHourMs}; }

  test::TempDir dir_;
  std::unique_ptr<RocksStore> store_;
  std::uint64_t seq_ = 0;
};

TEST_F(Resting, ANodeIsNotAmongThoseThatReportOnceItsReportsAreGoneWhateverEventsItHas) {
  const auto reports = append("n", 0);
  store::CoordinatorEvent joined;
  joined.node = NodeName("n");
  joined.event.at = at(0);
  ASSERT_TRUE(store_->append_events(std::vector<store::CoordinatorEvent>{joined}).ok());
  fold_all(*store_, at(5));
  const store::DropBefore before(at(3), at(-100), at(-100));
  EXPECT_EQ(store_->drop_before(before)->nodes, 1u);
  EXPECT_THAT(store_->nodes(), ElementsAre(NodeName("n"))) << "of its event";
  EXPECT_THAT(store_->series_nodes(), ElementsAre(NodeName("n")));
  for (const bool again : {false, true}) {
    SCOPED_TRACE(again);
    if (again) reopen();
    EXPECT_EQ(store_->last_received(NodeName("n")), reports.back().received);
    EXPECT_EQ(store_->acked_through(NodeName("n"), Incarnation(7)), Seq(6));
    EXPECT_THAT(*store_->append(reports), Each(AppendOutcome::kDuplicate));
    EXPECT_EQ(store_->series_state()->nodes, 1u);
    EXPECT_THAT(verify_all(*store_), IsEmpty());
  }
}

TEST_F(Resting, ANodeIsListedAsLongAsEventsThatItsReportsToldOfAreThere) {
  auto report = exact_report("n", 7, ++seq_, at(0).ms + 60'000);
  report.report.events = {{.at = report.received,
                           .controller = model::Controller::kGuard,
                           .reason = model::Reason::kRestore,
                           .subject = "s",
                           .old_value = "",
                           .new_value = ""}};
  append_all(*store_, {report});
  fold_all(*store_, at(5));
  ASSERT_EQ(store_->drop_before({at(3), at(-100), at(-100)})->nodes, 1u);
  for (const bool again : {false, true}) {
    SCOPED_TRACE(again);
    if (again) reopen();
    EXPECT_THAT(store_->nodes(), ElementsAre(NodeName("n")));
  }
  ASSERT_TRUE(store_->drop_before(at(4)).ok());
  EXPECT_THAT(store_->nodes(), IsEmpty());
}

TEST_F(Resting, OneThatComesBackGoesOnFromWhereItWas) {
  auto reports = append("n", 0);
  fold_all(*store_, at(5));
  ASSERT_EQ(store_->drop_before(at(3))->nodes, 1u);
  // Of the hour that is folded, and was not taken then; of another; and one that was.
  const auto late = exact_report("n", 7, ++seq_, at(0).ms + 1'234'000);
  const auto next = exact_report("n", 7, ++seq_, at(6).ms + 60'000);
  const std::vector<IncomingReport> back{late, reports[2], next};
  EXPECT_THAT(*store_->append(back),
              ElementsAre(AppendOutcome::kStored, AppendOutcome::kDuplicate, AppendOutcome::kStored));
  EXPECT_EQ(store_->series_state()->late, 1u);
  reports.push_back(late);
  reports.push_back(next);
  EXPECT_TRUE(same(read_tables(*store_, "n"), tables_of(reports)));
  reopen();
  EXPECT_TRUE(same(read_tables(*store_, "n"), tables_of(reports)));
  const auto folded = fold_all(*store_, at(10));
  EXPECT_EQ(folded.late, 1u);
  EXPECT_EQ(folded.hours, 1u);
  EXPECT_TRUE(same(read_tables(*store_, "n"), tables_of(reports)));
  EXPECT_THAT(verify_all(*store_), IsEmpty());
}

TEST_F(Resting, NamesThatComeAndGoLeaveNothingWithTheirTables) {
  for (int day = 0; day < 6; ++day) {
    const std::string name = "spot-" + std::to_string(day);
    append(name, day * 24);
    fold_all(*store_, at(day * 24 + 5));
    ASSERT_TRUE(store_->drop_before(at(day * 24 + 4)).ok());
    EXPECT_THAT(store_->nodes(), IsEmpty()) << name;
  }
  EXPECT_EQ(store_->series_state()->nodes, 6u);
  // Blocks of 15 minutes are of two days: the first three days' are over.
  const WallTime until = at(4 * 24);
  std::optional<NodeName> from = NodeName();
  while (from)
    from = store_->drop_series({.tiers = {until, until, until}, .passing = {}}, *from, 2)->rest;
  const auto left = store_->series_nodes();
  EXPECT_THAT(left, Contains(NodeName("spot-5")));
  EXPECT_THAT(left, Not(Contains(NodeName("spot-0"))));
  EXPECT_FALSE(store_->has(NodeName("spot-0"), Incarnation(7), Seq(1)));
  store_.reset();
  for (const std::string_view family : {kFoldFamily, kForgottenFamily, kDedupFamily}) {
    with_family(dir_.str(), family, [&](auto& db, auto* handle) {
      std::string value;
      EXPECT_TRUE(db.Get({}, handle, "spot-0", &value).IsNotFound()) << family;
    });
  }
}

TEST_F(Resting, ThoseThatMayHaveSomethingToTellFromThenOnAreListed) {
  append("early", 0);
  append("later", 50);
  fold_all(*store_, at(60));
  ASSERT_EQ(store_->drop_before(at(55))->nodes, 2u);
  append("now", 58);
  EXPECT_THAT(store_->series_nodes_since(at(0)), ElementsAre(NodeName("early"), NodeName("later"), NodeName("now")));
  EXPECT_THAT(store_->series_nodes_since(at(20)), ElementsAre(NodeName("later"), NodeName("now")));
  EXPECT_THAT(store_->series_nodes_since(at(100)), ElementsAre(NodeName("now"))) << "it reports";
  EXPECT_THAT(store_->series_nodes(), ElementsAre(NodeName("early"), NodeName("later"), NodeName("now")));
}

TEST_F(Resting, TablesThatArePutForOneAreAddedToWhatItHad) {
  const auto reports = append("n", 0);
  fold_all(*store_, at(5));
  ASSERT_EQ(store_->drop_before(at(3))->nodes, 1u);
  std::vector<series::Table> tables;
  for (const auto& [id, table] : tables_of({exact_report("n", 7, 900, at(80).ms + 60'000)}))
    tables.push_back(table);
  ASSERT_TRUE(store_->put_tables(NodeName("n"), tables, {}).ok());
  EXPECT_THAT(store_->nodes(), IsEmpty());
  EXPECT_THAT(*store_->append(reports), Each(AppendOutcome::kDuplicate));
  // It is folded as far as it was: what comes now of that hour is late.
  append_all(*store_, {exact_report("n", 7, ++seq_, at(0).ms + 1'234'000)});
  EXPECT_EQ(fold_all(*store_, at(90)).late, 1u);
  EXPECT_EQ(count_reports(*store_, "n", series::Tier::kMinute), 8);
}

TEST_F(Resting, OneWhoseNumbersCannotBeReadIsRefusedAndHoldsUpNobody) {
  const auto reports = append("n", 0);
  fold_all(*store_, at(5));
  ASSERT_EQ(store_->drop_before(at(3))->nodes, 1u);
  store_.reset();
  with_family(dir_.str(), kForgottenFamily,
              [](auto& db, auto* family) { ASSERT_TRUE(db.Put({}, family, "n", "x").ok()); });
  store_ = open_store(dir_.str(), kSeries);
  ASSERT_NE(store_, nullptr);
  const std::vector<IncomingReport> both{reports[0], exact_report("m", 7, 1, at(6).ms)};
  EXPECT_THAT(*store_->append(both), ElementsAre(AppendOutcome::kRefused, AppendOutcome::kStored));
  EXPECT_EQ(count_reports(*store_, "n", series::Tier::kMinute), 6);
  EXPECT_THAT(verify_all(*store_), testing::SizeIs(1));
}

// What retention drops without a look at it.

TEST_F(Resting, HoursThatWereCountedGoAsAWholeAndTheCountIsExact) {
  std::size_t all = 0;
  for (std::int64_t hour = 0; hour < 6; ++hour) {
    all += append("n", hour).size();
    fold_all(*store_, at(hour + 2));
  }
  // Late ones count, of an hour that was counted and of the one behind it.
  append_all(*store_, {exact_report("n", 7, ++seq_, at(2).ms + 7'000)});
  fold_all(*store_, at(7));
  EXPECT_EQ(store_->drop_before({at(3), at(-100), at(-100)})->reports, 3 * 6 + 1u);
  EXPECT_EQ(store_->reports(NodeName("n"), {0}, kForever, 0)->rows.size(), all - 3 * 6);
  // In the middle of an hour each is looked at.
  EXPECT_EQ(store_->drop_before({{at(3).ms + 1'300'000}, at(-100), at(-100)})->reports, 3u);
  reopen();
  EXPECT_EQ(store_->drop_before({at(5), at(-100), at(-100)})->reports, 3 + 6u) << "none is counted any more";
  EXPECT_THAT(verify_all(*store_), IsEmpty());
}

TEST_F(Resting, ASliceTakesWholeHoursAsFarAsItsRowsReach) {
  for (std::int64_t hour = 0; hour < 4; ++hour) {
    append("n", hour);
    append("m", hour);
    fold_all(*store_, at(hour + 2));
  }
  const store::DropBefore before(at(4), at(-100), at(-100));
  std::vector<std::uint64_t> dropped;
  std::optional<NodeName> from = NodeName();
  while (from) {
    const auto slice = store_->drop_slice(before, *from, 13);
    ASSERT_TRUE(slice.ok());
    EXPECT_LE(slice->dropped.reports, 13u);
    dropped.push_back(slice->dropped.reports);
    from = slice->rest;
    ASSERT_LT(dropped.size(), 20u);
  }
  std::uint64_t sum = 0;
  for (const std::uint64_t reports : dropped)
    sum += reports;
  EXPECT_EQ(sum, 2 * 4 * 6u);
  EXPECT_EQ(dropped.front(), 12u) << "two hours, and no part of the third";
  EXPECT_THAT(store_->reports(NodeName("n"), {0}, kForever, 0)->rows, IsEmpty());
  EXPECT_THAT(store_->reports(NodeName("m"), {0}, kForever, 0)->rows, IsEmpty());
}

}  // namespace
}  // namespace tideline::rocks::resting_test
