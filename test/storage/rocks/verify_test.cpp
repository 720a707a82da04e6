// Damage is found, named, and walked past.

#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/rocks/layout.h"
#include "storage/rocks/series_rows.h"
#include "test/storage/rocks/damaged_files.h"
#include "test/storage/rocks/read_back.h"
#include "test/storage/rocks/tamper.h"
#include "test/support/temp_dir.h"

namespace tideline::rocks::verify_test {
namespace {

namespace fs = std::filesystem;

using model::ErrorCode;
using model::NodeName;
using model::WallTime;
using series::Finding;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

std::uint64_t count_rows(const RocksStore& store) {
  const auto slice = store.verify_slice("", UINT64_MAX);
  EXPECT_TRUE(slice.ok()) << slice.error().message();
  EXPECT_EQ(slice->next, "");
  return slice->rows;
}

TEST(Verify, FindsNothingInAStoreThatIsWholeHoweverItIsCut) {
  const test::TempDir dir;
  fill(dir.str());
  const auto store = open_store(dir.str(), kSeries);
  const auto whole = store->verify_slice("", UINT64_MAX);
  ASSERT_TRUE(whole.ok());
  EXPECT_THAT(whole->findings, IsEmpty());
  EXPECT_GT(whole->rows, 50u);
  for (const std::uint64_t bytes : {std::uint64_t{1}, std::uint64_t{1'000}, std::uint64_t{20'000}}) {
    SCOPED_TRACE(bytes);
    std::uint64_t rows = 0;
    std::uint64_t read = 0;
    std::string from;
    do {
      const auto slice = store->verify_slice(from, bytes);
      ASSERT_TRUE(slice.ok()) << slice.error().message();
      EXPECT_GE(slice->rows, from.empty() ? 0u : 1u);
      EXPECT_THAT(slice->findings, IsEmpty());
      rows += slice->rows;
      read += slice->bytes;
      from = slice->next;
    } while (!from.empty());
    EXPECT_EQ(rows, whole->rows);
    EXPECT_EQ(read, whole->bytes);
  }
}

TEST(Verify, RefusesToBeginWhereNoSliceEnded) {
  const test::TempDir dir;
  const auto store = open_store(dir.str());
  for (const char* from : {"report", "report:0", "report:xy", "nothing:00", ":", "report:0A"}) {
    const auto slice = store->verify_slice(from, 1);
    ASSERT_FALSE(slice.ok()) << from;
    EXPECT_EQ(slice.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(slice.error().message(), HasSubstr(from));
  }
  EXPECT_TRUE(store->verify_slice("series:ffff", 1).ok());
}

TEST(Verify, AFlippedBitInAFileOfAnyFamilyIsFoundAndTheFileIsNamed) {
  const test::TempDir dir;
  fill(dir.str());
  const auto files = files_by_family(dir.str());
  for (const std::string_view family :
       {kMetaFamily, kReportFamily, kPodsFamily, kEventFamily, kDedupFamily, kAccountFamily, kSeriesFamily,
        kSketchFamily, kInfoFamily, kFoldFamily, kLateFamily, kBlockFamily, kForgottenFamily}) {
    SCOPED_TRACE(family);
    const auto of_family = files.find(std::string(family));
    ASSERT_NE(of_family, files.end()) << "it has no file, and this says nothing";
    const test::TempDir copy;
    const std::string history = copy.str() + "/history";
    fs::copy(dir.path(), history, fs::copy_options::recursive);
    for (const std::string& file : of_family->second)
      flip_byte(history + "/" + file, 5);
    auto opened = RocksStore::open(history, kSeries);
    if (!opened) {
      // What is read whole at open.
      EXPECT_EQ(opened.error().code(), ErrorCode::kMalformed);
      EXPECT_THAT(opened.error().message(), HasSubstr(".sst"));
      if (family == kMetaFamily) continue;  // there is not even a format then
    }
    EXPECT_EQ(RocksStore::open_read_only(history).ok(), opened.ok());
    const auto reader = RocksStore::open_read_only(history, ReadOnly::kForVerify);
    ASSERT_TRUE(reader.ok()) << reader.error().message();
    const auto findings = verify_all(**reader);
    const auto names_file = AllOf(StartsWith(std::string(family)), HasSubstr(".sst"));
    EXPECT_THAT(findings,
                Contains(AllOf(Field(&Finding::where, names_file), Field(&Finding::what, HasSubstr("checksum")))));
  }
}

TEST(Verify, GoesOnBehindEachDamagedBlock) {
  const test::TempDir dir;
  constexpr std::uint64_t kReports = 600;
  {
    const auto store = open_store(dir.str(), kSeries);
    for (std::uint64_t seq = 1; seq <= kReports; seq += 100) {
      std::vector<store::IncomingReport> reports;
      for (std::uint64_t i = seq; i < seq + 100; ++i)
        reports.push_back(noisy_report("n1", i, kMidnight + static_cast<std::int64_t>(i) * 10'000));
      append_all(*store, reports);
    }
  }
  const std::uint64_t whole = count_rows(*open_store(dir.str(), kSeries));
  const auto files = files_by_family(dir.str());
  std::uint64_t flips = 0;
  for (const std::string& name : files.at(std::string(kReportFamily))) {
    const std::string path = dir.str() + "/" + name;
    const auto size = fs::file_size(path);
    if (size < 200'000) continue;
    for (const std::uint64_t part : {2, 5, 8}) {
      flip_byte(path, size * part / 10);
      ++flips;
    }
  }
  ASSERT_GE(flips, 3u) << "the file is small, and this says nothing";
  const auto store = open_store(dir.str(), kSeries);
  std::uint64_t rows = 0;
  std::vector<Finding> found;
  std::string from;
  do {
    const auto slice = store->verify_slice(from, 20'000);
    ASSERT_TRUE(slice.ok()) << slice.error().message();
    rows += slice->rows;
    found.insert(found.end(), slice->findings.begin(), slice->findings.end());
    from = slice->next;
  } while (!from.empty());
  EXPECT_THAT(found, SizeIs(flips));
  for (const Finding& finding : found)
    EXPECT_THAT(finding.where, AllOf(StartsWith("report, rows behind node n1, 2023-11-15T0"), HasSubstr(".sst")));
  EXPECT_LT(rows, whole);
  EXPECT_GE(rows + flips * 30, whole) << "a block of some reports is lost, and not more";
}

// Rows that no checksum of RocksDB's tells from good ones.

class RowTest : public testing::Test {
 protected:
  RowTest() { fill(dir_.str()); }
  void put(std::string_view family, const std::string& key, const std::string& value) {
    with_family(dir_.str(), family, [&](auto& db, auto* handle) { ASSERT_TRUE(db.Put({}, handle, key, value).ok()); });
  }
  void remove(std::string_view family, const std::string& key) {
    with_family(dir_.str(), family, [&](auto& db, auto* handle) { ASSERT_TRUE(db.Delete({}, handle, key).ok()); });
  }
  std::vector<Finding> found() { return verify_all(*open_store(dir_.str(), kSeries)); }
  static std::string node_table(std::int64_t block_ms) {
    return table_key({.tier = series::Tier::kMinute,
                      .block_s = block_ms / 1000,
                      .node = NodeName("n1"),
                      .subject = series::Subject{}});
  }
  test::TempDir dir_;
};

TEST_F(RowTest, AReportThatDoesNotParse) {
  const auto report = exact_report("n1", 7, 2, kMidnight + 1'200'000);
  put(kReportFamily, report_key(report.report, report.received), std::string(64, 'x'));
  const auto findings = found();
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].where, "report, node n1, 2023-11-15T00:20:00Z, incarnation 7, report 2");
}

TEST_F(RowTest, AReportWithoutItsPods) {
  with_family(dir_.str(), kPodsFamily, [](auto& db, auto* family) {
    ASSERT_TRUE(db.DeleteRange({}, family, std::string(), std::string(100, '\xff')).ok());
  });
  EXPECT_THAT(found(), ElementsAre(Field(&Finding::where, HasSubstr("incarnation 7, report 8"))));
}

TEST_F(RowTest, WhatIsWrongWithPodsIsNotSaidOfAReportThatAsksForNone) {
  const auto left_out = exact_report("n1", 7, 8, kMidnight + 5 * kHourMs);
  put(kPodsFamily, pods_key(NodeName("n1"), pods_until(NodeName("n1"), left_out.received), 77), "garbage");
  const auto broken = exact_report("n1", 7, 30, kMidnight + 6 * kHourMs);
  put(kReportFamily, report_key(broken.report, broken.received), std::string(64, 'x'));
  EXPECT_THAT(found(), ElementsAre(AllOf(Field(&Finding::where, HasSubstr("incarnation 7, report 8")),
                                         Field(&Finding::what, HasSubstr("pods of node n1"))),
                                   AllOf(Field(&Finding::where, HasSubstr("incarnation 7, report 30")),
                                         Field(&Finding::what, testing::Not(HasSubstr("pods of node n1")))),
                                   Field(&Finding::where, StartsWith("pods, node n1"))));
}

TEST_F(RowTest, AReportUnderTheKeyOfAnother) {
  const auto report = exact_report("n1", 7, 30, kMidnight + 1'300'000);
  const auto other = exact_report("n1", 7, 2, kMidnight + 1'200'000);
  std::string value;
  with_family(dir_.str(), kReportFamily, [&](auto& db, auto* family) {
    ASSERT_TRUE(db.Get({}, family, report_key(other.report, other.received), &value).ok());
  });
  put(kReportFamily, report_key(report.report, report.received), value);
  EXPECT_THAT(found(), ElementsAre(Field(&Finding::what, HasSubstr("holds report 2"))));
}

TEST_F(RowTest, ReportsThatAreNotAmongTheNumbersOfTheirNode) {
  store::NodeIndex index;
  index.incarnations.push_back({model::Incarnation(7), *store::RangeSet::from_ranges({{1, 1}, {3, 8}}), 0});
  put(kDedupFamily, "n1", index_value(index));
  EXPECT_THAT(found(), ElementsAre(AllOf(Field(&Finding::where, HasSubstr("incarnation 7, report 2")),
                                         Field(&Finding::what, HasSubstr("taken again")))));
  remove(kDedupFamily, "n1");
  EXPECT_THAT(found(), ElementsAre(Field(&Finding::what, HasSubstr("there are none"))));
}

TEST_F(RowTest, ATableThatDoesNotParse) {
  put(kSeriesFamily, node_table(kMidnight), "TDCx");
  const auto findings = found();
  ASSERT_FALSE(findings.empty());
  EXPECT_EQ(findings[0].where, "series, node n1, 1m of 2023-11-15T00:00:00Z, the node itself");
}

TEST_F(RowTest, ATableOfAnotherBlock) {
  std::string value;
  with_family(dir_.str(), kSeriesFamily,
              [&](auto& db, auto* family) { ASSERT_TRUE(db.Get({}, family, node_table(kMidnight), &value).ok()); });
  put(kSeriesFamily, node_table(kMidnight + 6 * kHourMs), value);
  EXPECT_THAT(found(), Contains(Field(&Finding::where, HasSubstr("1m of 2023-11-15T06:00:00Z"))));
}

TEST_F(RowTest, ATableThatIsMissing) {
  remove(kSeriesFamily, node_table(kMidnight));
  EXPECT_THAT(found(), testing::UnorderedElementsAre(
                           AllOf(Field(&Finding::where, StartsWith("block, 1m of 2023-11-15T00:00:00Z")),
                                 Field(&Finding::what, HasSubstr("tables, and not"))),
                           AllOf(Field(&Finding::where, StartsWith("sketch, node n1, 1m of 2023-11-15T00:00:00Z")),
                                 Field(&Finding::what, HasSubstr("not there")))));
}

TEST_F(RowTest, SketchesOfOtherRows) {
  put(kSketchFamily, node_table(kMidnight), "garbage");
  EXPECT_THAT(found(), ElementsAre(Field(&Finding::where, StartsWith("sketch, node n1, 1m of"))));
}

TEST_F(RowTest, AMarkOfAReportThatIsNotThere) {
  const auto report = exact_report("n1", 7, 99, kMidnight + 1'200'000);
  put(kLateFamily, report_key(report.report, report.received), "");
  EXPECT_THAT(found(), ElementsAre(AllOf(Field(&Finding::where, HasSubstr("report 99")),
                                         Field(&Finding::what, HasSubstr("not there")))));
}

TEST_F(RowTest, AnInfoThatDoesNotParse) {
  put(kInfoFamily, info_key(NodeName("n1"), model::PodUid("uid-1")), "x");
  EXPECT_THAT(found(), ElementsAre(Field(&Finding::where, "info, node n1, pod uid-1")));
}

TEST_F(RowTest, KeysThatAreNone) {
  put(kSeriesFamily, "no key", "value");
  put(kMetaFamily, "other", "value");
  EXPECT_THAT(found(), testing::UnorderedElementsAre(Field(&Finding::where, StartsWith("series, key 6e6f206b6579")),
                                                     Field(&Finding::where, "meta, other")));
}

TEST_F(RowTest, OfManyTheFirstAreNamedAndTheOthersCounted) {
  with_family(dir_.str(), kInfoFamily, [](auto& db, auto* family) {
    for (int i = 0; i < 100; ++i) {
      const auto key = info_key(NodeName("n1"), model::PodUid("bad-" + std::to_string(i)));
      ASSERT_TRUE(db.Put({}, family, key, "x").ok());
    }
  });
  const auto slice = open_store(dir_.str(), kSeries)->verify_slice("", UINT64_MAX);
  ASSERT_TRUE(slice.ok());
  EXPECT_THAT(slice->findings, SizeIs(64));
  EXPECT_EQ(slice->more_findings, 36u);
}

// What folding makes of it.

TEST(DamagedFold, OneDamagedReportCostsItselfAndIsNamed) {
  const test::TempDir dir;
  std::vector<store::IncomingReport> reports;
  for (std::uint64_t seq = 1; seq <= 6; ++seq)
    reports.push_back(exact_report("n1", 7, seq, kMidnight + static_cast<std::int64_t>(seq) * 500'000));
  append_all(*open_store(dir.str(), kSeries), reports);
  append_all(*open_store(dir.str(), kSeries), {exact_report("n2", 7, 1, kMidnight + 500'000)});
  with_family(dir.str(), kReportFamily, [&](auto& db, auto* family) {
    const auto key = report_key(reports[2].report, reports[2].received);
    ASSERT_TRUE(db.Put({}, family, key, std::string(64, 'x')).ok());
  });
  const auto store = open_store(dir.str(), kSeries);
  const auto folded = fold_all(*store, {kMidnight + 24 * kHourMs});
  EXPECT_EQ(folded.hours, 2u);
  EXPECT_EQ(folded.unreadable, 1u);
  EXPECT_EQ(folded.failed, 0u);
  ASSERT_TRUE(folded.trouble);
  EXPECT_THAT(folded.trouble->message(), HasSubstr("node n1, incarnation 7, report 3"));
  reports.erase(reports.begin() + 2);
  EXPECT_TRUE(same(read_tables(*store, "n1"), tables_of(reports)));
  EXPECT_EQ(count_reports(*store, "n2", series::Tier::kMinute), 1);
  EXPECT_EQ(fold_all(*store, {kMidnight + 24 * kHourMs}).unreadable, 0u) << "and holds nothing up";
}

TEST(DamagedFold, ATableThatDoesNotParseIsReplacedAndNamed) {
  const test::TempDir dir;
  append_all(*open_store(dir.str(), kSeries), {exact_report("n1", 7, 1, kMidnight + 60'000)});
  fold_all(*open_store(dir.str(), kSeries), {kMidnight + 24 * kHourMs});
  const auto late = exact_report("n1", 7, 2, kMidnight + 90'000);
  append_all(*open_store(dir.str(), kSeries), {late});
  with_family(dir.str(), kSeriesFamily, [&](auto& db, auto* family) {
    const auto key = table_key({.tier = series::Tier::kTenSeconds,
                                .block_s = kMidnight / 1000,
                                .node = NodeName("n1"),
                                .subject = series::Subject{}});
    ASSERT_TRUE(db.Put({}, family, key, "x").ok());
  });
  const auto store = open_store(dir.str(), kSeries);
  const auto folded = fold_all(*store, {kMidnight + 24 * kHourMs});
  EXPECT_EQ(folded.late, 1u);
  ASSERT_TRUE(folded.trouble);
  EXPECT_THAT(folded.trouble->message(), HasSubstr("node n1, 10s of 2023-11-15T00:00:00Z"));
  EXPECT_EQ(count_reports(*store, "n1", series::Tier::kTenSeconds), 1);
  EXPECT_EQ(count_reports(*store, "n1", series::Tier::kMinute), 2);
}

TEST(DamagedFold, WhereAFileOfSketchesCannotBeReadTheRestOfTheirTablesStays) {
  const test::TempDir dir;
  fill(dir.str());
  const auto files = files_by_family(dir.str());
  for (const std::string& file : files.at(std::string(kSketchFamily)))
    flip_byte(dir.str() + "/" + file, 5);
  const auto store = open_store(dir.str(), kSeries);
  ASSERT_NE(store, nullptr);
  const auto folded = fold_all(*store, {kMidnight + 24 * kHourMs});
  EXPECT_EQ(folded.failed, 0u);
  EXPECT_EQ(folded.reports, 2u);
  ASSERT_TRUE(folded.trouble);
  EXPECT_THAT(folded.trouble->message(), HasSubstr("checksum"));
  EXPECT_EQ(count_reports(*store, "n1", series::Tier::kMinute), 8) << "those of before, too";
}

}  // namespace
}  // namespace tideline::rocks::verify_test
