// What a store does whose files are damaged while it is open, or before.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/rocks/layout.h"
#include "storage/rocks/salvage.h"
#include "test/storage/rocks/damaged_files.h"
#include "test/storage/rocks/read_back.h"
#include "test/storage/rocks/tamper.h"
#include "test/support/process.h"
#include "test/support/temp_dir.h"

namespace tideline::rocks::damage_in_use_test {
namespace {

namespace fs = std::filesystem;

using model::ErrorCode;
using model::NodeName;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

/// Its files are merged soon.
constexpr RocksOptions kTiny{
    .block_cache_bytes = 1 << 20, .write_buffer_bytes = 64 << 10, .background_threads = 2, .series = true};

rocksdb::Status merge_all(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family) {
  rocksdb::CompactRangeOptions options;
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  return db.CompactRange(options, family, nullptr, nullptr);
}

class DamageInUse : public testing::Test {
 protected:
  /// Of two nodes in turn, so that files have keys in common.
  store::IncomingReport next() {
    ++seq_;
    return noisy_report(seq_ % 2 == 0 ? "n1" : "n9", seq_, kMidnight + static_cast<std::int64_t>(seq_) * 10'000);
  }
  void damage_reports(std::uint64_t part_of_ten) const {
    const auto files = files_by_family(from_);
    for (const std::string& name : files.at(std::string(kReportFamily)))
      flip_byte(from_ + "/" + name, fs::file_size(from_ + "/" + name) * part_of_ten / 10);
  }

  test::TempDir dir_;
  const std::string from_ = dir_.str() + "/history";
  const std::string to_ = dir_.str() + "/salvaged";
  std::uint64_t seq_ = 0;
};

TEST_F(DamageInUse, NothingIsWrittenOnceFilesWereMergedUntilTheStoreIsSalvaged) {
  std::vector<store::IncomingReport> acked;
  for (int i = 0; i < 12; ++i)
    acked.push_back(next());
  append_all(*open_store(from_, kTiny), acked);
  open_store(from_, kTiny);  // and it is in a file
  damage_reports(5);
  {
    // RocksDB by itself.
    const test::TempDir copy;
    fs::copy(from_, copy.str() + "/history", fs::copy_options::recursive);
    with_family(copy.str() + "/history", kReportFamily, [](rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family) {
      EXPECT_TRUE(db.Put({}, family, "key", "value").ok());
      EXPECT_TRUE(merge_all(db, family).IsCorruption());
      EXPECT_TRUE(db.Put({}, family, "key", "value").IsCorruption()) << "all writes fail from then on";
    });
  }

  auto store = open_store(from_, kTiny);
  ASSERT_NE(store, nullptr);
  std::optional<model::Error> refused;
  ASSERT_TRUE(test::eventually(std::chrono::seconds(60), [&] {
    for (int i = 0; i < 50 && !refused; ++i) {
      const auto report = next();
      const auto outcomes = store->append({&report, 1});
      if (outcomes) {
        acked.push_back(report);
      } else {
        refused = outcomes.error();
      }
    }
    return refused.has_value();
  }));
  EXPECT_EQ(refused->code(), ErrorCode::kMalformed);
  EXPECT_THAT(refused->message(),
              AllOf(HasSubstr(from_), HasSubstr("Corruption"), HasSubstr("\"tideline-history salvage\"")));
  const auto again = next();
  EXPECT_FALSE(store->append({&again, 1}).ok());
  EXPECT_FALSE(store->put_setting("epoch", "5").ok());
  store.reset();

  const auto salvaged = salvage(from_, to_);
  ASSERT_TRUE(salvaged.ok()) << salvaged.error().message();
  EXPECT_FALSE(salvaged->is_whole());
  for (const SalvagedKind& kind : salvaged->kinds) {
    if (kind.name != kReportFamily) continue;
    EXPECT_LT(kind.rows, acked.size());
    EXPECT_GE(kind.rows + 12, acked.size()) << "rows of other files that lie between those of the block are there";
  }
  store = open_store(to_, kTiny);
  ASSERT_NE(store, nullptr);
  EXPECT_THAT(verify_all(*store), IsEmpty());
  for (const auto& report : acked)
    EXPECT_TRUE(store->has(report.report.node, report.report.incarnation, report.report.seq));
  for (int i = 0; i < 400; ++i)
    ASSERT_NO_FATAL_FAILURE(append_all(*store, {next()})) << i;
  store.reset();
  with_family(to_, kReportFamily,
              [](rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family) { EXPECT_TRUE(merge_all(db, family).ok()); });
}

TEST_F(DamageInUse, RetentionGoesOnBehindWhatCannotBeReadAndNamesItOnce) {
  constexpr std::uint64_t kOfEach = 100;
  constexpr std::uint64_t kBlockReports = 30;  // at most
  {
    const auto store = open_store(from_);
    for (const char* node : {"n1", "n2", "n3"}) {
      std::vector<store::IncomingReport> reports;
      for (std::uint64_t seq = 1; seq <= kOfEach; ++seq)
        reports.push_back(noisy_report(node, seq, kMidnight + static_cast<std::int64_t>(seq) * 10'000));
      append_all(*store, reports);
    }
  }
  open_store(from_);
  damage_reports(1);
  damage_reports(5);
  const auto store = open_store(from_);
  ASSERT_NE(store, nullptr);
  testing::internal::CaptureStderr();
  const auto dropped = store->drop_before(model::WallTime{kMidnight + 24 * kHourMs});
  const auto again = store->drop_before(model::WallTime{kMidnight + 24 * kHourMs});
  const std::string told = testing::internal::GetCapturedStderr();
  ASSERT_TRUE(dropped.ok()) << dropped.error().message();
  EXPECT_EQ(dropped->nodes, 3u);
  EXPECT_LT(dropped->reports, 3 * kOfEach) << "nothing was damaged, and this says nothing";
  EXPECT_GE(dropped->reports + 2 * kBlockReports, 3 * kOfEach);
  EXPECT_TRUE(again.ok()) << again.error().message();
  EXPECT_THAT(store->nodes(), IsEmpty());
  int named = 0;
  const std::string event = "retention-unreadable";
  for (auto at = told.find(event); at != std::string::npos; at = told.find(event, at + 1))
    ++named;
  EXPECT_EQ(named, 2) << told;
}

TEST_F(DamageInUse, RetentionLeavesWhatIsYoungOnBothSidesOfADamagedBlock) {
  constexpr std::uint64_t kOfEach = 100;
  constexpr std::int64_t kHalfMs = kMidnight + static_cast<std::int64_t>(kOfEach) / 2 * 10'000;
  {
    const auto store = open_store(from_);
    for (const char* node : {"n1", "n2", "n3"}) {
      std::vector<store::IncomingReport> reports;
      for (std::uint64_t seq = 1; seq <= kOfEach; ++seq)
        reports.push_back(noisy_report(node, seq, kMidnight + static_cast<std::int64_t>(seq) * 10'000));
      append_all(*store, reports);
    }
  }
  open_store(from_);
  // Of n2, near the border between what goes and what stays.
  damage_reports(5);
  const auto store = open_store(from_);
  ASSERT_NE(store, nullptr);
  const auto dropped = store->drop_before(model::WallTime{kHalfMs});
  ASSERT_TRUE(dropped.ok()) << dropped.error().message();
  EXPECT_EQ(dropped->nodes, 0u);
  for (const char* node : {"n1", "n3"}) {
    const auto left = store->reports(NodeName(node), {0}, kForever, 0);
    ASSERT_TRUE(left.ok()) << left.error().message();
    EXPECT_EQ(left->rows.size(), kOfEach / 2 + 1) << node;
  }
  const auto last = store->last_report(NodeName("n2"));
  ASSERT_TRUE(last.ok()) << last.error().message();
  ASSERT_TRUE(last->has_value());
  EXPECT_EQ((*last)->report.seq.value(), kOfEach);
}

TEST_F(DamageInUse, AnHourIsFoldedAndOnceAlthoughItCannotBeReadWhichReportsAreLate) {
  std::vector<store::IncomingReport> reports;
  for (std::uint64_t seq = 1; seq <= 6; ++seq)
    reports.push_back(exact_report("n", 7, seq, kMidnight + kHourMs + static_cast<std::int64_t>(seq) * 500'000));
  append_all(*open_store(from_, kSeries), reports);
  // As a fold leaves it that was killed in the midst of the hour.
  with_family(from_, kLateFamily, [&](rocksdb::DB& db, rocksdb::ColumnFamilyHandle* late) {
    for (const std::size_t i : {std::size_t{1}, std::size_t{4}}) {
      const std::string key = report_key(reports[i].report, as_stored(reports[i]).at);
      ASSERT_TRUE(db.Put({}, late, key, rocksdb::Slice()).ok());
    }
  });
  open_store(from_, kSeries);
  const auto files = files_by_family(from_);
  auto store = open_store(from_, kSeries);
  ASSERT_NE(store, nullptr);
  ASSERT_EQ(store->series_state()->late, 2u);
  for (const std::string& file : files.at(std::string(kLateFamily)))
    flip_byte(from_ + "/" + file, 5);
  const auto folded = fold_all(*store, {kMidnight + 4 * kHourMs});
  EXPECT_EQ(folded.hours, 1u);
  EXPECT_EQ(folded.reports, 6u);
  EXPECT_EQ(folded.failed, 0u);
  ASSERT_TRUE(folded.trouble) << "it was not damaged, and this says nothing";
  EXPECT_THAT(folded.trouble->message(), HasSubstr("which reports of node n are late"));
  EXPECT_EQ(store->series_state()->late, 0u);
  const auto rest = fold_all(*store, {kMidnight + 4 * kHourMs});
  EXPECT_EQ(rest.reports, 0u);
  EXPECT_EQ(rest.unreadable, 0u) << "and it is named no more";
  store.reset();

  ASSERT_TRUE(salvage(from_, to_).ok());
  store = open_store(to_, kSeries);
  ASSERT_NE(store, nullptr);
  EXPECT_THAT(verify_all(*store), IsEmpty());
  EXPECT_EQ(fold_all(*store, {kMidnight + 4 * kHourMs}).reports, 0u);
  EXPECT_TRUE(same(read_tables(*store, "n"), tables_of(reports)));
}

}  // namespace
}  // namespace tideline::rocks::damage_in_use_test
