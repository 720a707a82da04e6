// A store made of what can be read of a damaged one.

#include "storage/rocks/salvage.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/rocks/layout.h"
#include "test/storage/rocks/damaged_files.h"
#include "test/storage/rocks/read_back.h"
#include "test/storage/rocks/tamper.h"
#include "test/support/file_size_limit.h"
#include "test/support/temp_dir.h"

namespace tideline::rocks::salvage_test {
namespace {

namespace fs = std::filesystem;

using model::ErrorCode;
using model::NodeName;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::Gt;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint64_t kBlockReports = 30;  // of a damaged block, at most

using Rows = std::map<std::string, std::string>;

/// Each family's rows; of a copy, so that the store stays as it is.
std::map<std::string, Rows> all_rows(const std::string& directory) {
  const test::TempDir copy;
  const std::string path = copy.str() + "/history";
  fs::copy(directory, path, fs::copy_options::recursive);
  std::map<std::string, Rows> all;
  with_families(path, [&all](rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family) {
    Rows& rows = all[family->GetName()];
    const std::unique_ptr<rocksdb::Iterator> it(db.NewIterator({}, family));
    for (it->SeekToFirst(); it->Valid(); it->Next())
      rows.emplace(it->key().ToString(), it->value().ToString());
    EXPECT_TRUE(it->status().ok()) << it->status().ToString();
  });
  return all;
}

SalvagedKind kind_of(const Salvaged& salvaged, std::string_view name) {
  for (const SalvagedKind& kind : salvaged.kinds) {
    if (kind.name == name) return kind;
  }
  ADD_FAILURE() << name;
  return {};
}

class SalvageTest : public testing::Test {
 protected:
  /// Reports of one node that take some blocks, in files.
  void fill_with_reports(std::uint64_t reports) {
    {
      const auto store = open_store(from_, kSeries);
      for (std::uint64_t seq = 1; seq <= reports; seq += 100) {
        std::vector<store::IncomingReport> some;
        for (std::uint64_t i = seq; i < seq + 100 && i <= reports; ++i)
          some.push_back(noisy_report("n1", i, kMidnight + static_cast<std::int64_t>(i) * 10'000));
        append_all(*store, some);
      }
    }
    open_store(from_, kSeries);
  }
  void expect_nothing_is_left() const {
    EXPECT_FALSE(fs::exists(to_));
    EXPECT_FALSE(fs::exists(to_ + ".salvaging"));
  }

  test::TempDir dir_;
  const std::string from_ = dir_.str() + "/history";
  const std::string to_ = dir_.str() + "/salvaged";
};

TEST_F(SalvageTest, OfAStoreThatIsWholeIsAllOfIt) {
  fill(from_);
  const auto rows = all_rows(from_);
  const auto bytes = bytes_of_files(from_);
  const auto salvaged = salvage(from_, to_);
  ASSERT_TRUE(salvaged.ok()) << salvaged.error().message();
  EXPECT_TRUE(salvaged->is_whole());
  for (const SalvagedKind& kind : salvaged->kinds) {
    EXPECT_EQ(kind.made, 0u) << kind.name;
    EXPECT_EQ(kind.damaged, 0u) << kind.name;
    EXPECT_EQ(kind.left_out, 0u) << kind.name;
  }
  const auto found = all_rows(to_);
  for (const auto& [family, of_family] : rows)
    EXPECT_TRUE(found.at(family) == of_family) << family;
  EXPECT_EQ(found.size(), rows.size());
  EXPECT_TRUE(bytes_of_files(from_) == bytes);
  EXPECT_FALSE(fs::exists(to_ + ".salvaging"));
  EXPECT_THAT(verify_all(*open_store(to_, kSeries)), IsEmpty());
}

TEST_F(SalvageTest, ADamagedBlockCostsItsRowsAloneAndEachOfThemIsNamed) {
  fill_with_reports(600);
  const auto before = all_rows(from_);
  std::uint64_t flips = 0;
  const auto files = files_by_family(from_);
  for (const std::string& name : files.at(std::string(kReportFamily))) {
    const std::string path = from_ + "/" + name;
    const auto size = fs::file_size(path);
    if (size < 200'000) continue;
    for (const std::uint64_t part : {2, 5, 8}) {
      flip_byte(path, size * part / 10);
      ++flips;
    }
  }
  ASSERT_GE(flips, 3u) << "the file is small, and this says nothing";
  const auto bytes = bytes_of_files(from_);
  const auto salvaged = salvage(from_, to_);
  ASSERT_TRUE(salvaged.ok()) << salvaged.error().message();
  EXPECT_TRUE(bytes_of_files(from_) == bytes) << "it stays as it is";

  const auto after = all_rows(to_);
  for (const auto& [family, rows] : before)
    EXPECT_TRUE(family == kReportFamily || after.at(family) == rows) << family;
  const Rows& left = after.at(std::string(kReportFamily));
  std::uint64_t missing = 0;
  for (const auto& [key, value] : before.at(std::string(kReportFamily))) {
    if (const auto there = left.find(key); there != left.end()) {
      EXPECT_TRUE(there->second == value);
      continue;
    }
    ++missing;
    const auto report = stored_report_key(key);
    ASSERT_TRUE(report);
    const auto names = [&report](const SalvageLoss& loss) {
      return loss.node == report->node && loss.from && *loss.from < report->at && loss.until &&
             report->at < *loss.until;
    };
    EXPECT_TRUE(std::any_of(salvaged->losses.begin(), salvaged->losses.end(), names)) << report->seq.value();
  }
  EXPECT_EQ(salvaged->losses.size(), flips);
  EXPECT_GE(missing, flips);
  EXPECT_LE(missing, flips * kBlockReports);
  std::uint64_t counted = 0;
  for (const SalvageLoss& loss : salvaged->losses) {
    EXPECT_THAT(loss.where, AllOf(HasSubstr("report, rows behind node n1"), HasSubstr(".sst")));
    EXPECT_THAT(loss.what, HasSubstr("checksum"));
    counted += loss.at_most.value_or(0);
  }
  EXPECT_EQ(counted, missing) << "their numbers tell how many there were";
  const auto store = open_store(to_, kSeries);
  EXPECT_THAT(verify_all(*store), IsEmpty());
  for (std::uint64_t seq = 1; seq <= 600; ++seq)
    ASSERT_TRUE(store->has(NodeName("n1"), model::Incarnation(7), model::Seq(seq))) << seq << " would be taken again";
}

TEST_F(SalvageTest, WithADamagedFileOfAnyFamilyItIsWholeInItselfAndFoldsNothingTwice) {
  fill(from_);
  const auto files = files_by_family(from_);
  // All of fill()'s reports of the node, in tables in the end.
  const std::map<std::string_view, std::int64_t> wanted{{kMetaFamily, 8},  {kPodsFamily, 7},     {kEventFamily, 8},
                                                        {kDedupFamily, 8}, {kInfoFamily, 8},     {kSketchFamily, 8},
                                                        {kFoldFamily, 8},  {kAccountFamily, 8},  {kLateFamily, 7},
                                                        {kBlockFamily, 8}, {kForgottenFamily, 8}};
  for (const auto& [family, of_family] : files) {
    SCOPED_TRACE(family);
    const test::TempDir copy;
    const std::string damaged = copy.str() + "/history";
    const std::string made = copy.str() + "/salvaged";
    fs::copy(from_, damaged, fs::copy_options::recursive);
    for (const std::string& file : of_family)
      flip_byte(damaged + "/" + file, 5);
    const auto bytes = bytes_of_files(damaged);
    const auto salvaged = salvage(damaged, made);
    ASSERT_TRUE(salvaged.ok()) << salvaged.error().message();
    EXPECT_TRUE(bytes_of_files(damaged) == bytes);
    EXPECT_THAT(salvaged->losses, Contains(Field(&SalvageLoss::kind, family)));
    EXPECT_GE(kind_of(*salvaged, family).damaged, 1u);
    const auto store = open_store(made, kSeries);
    ASSERT_NE(store, nullptr);
    EXPECT_THAT(verify_all(*store), IsEmpty());
    EXPECT_EQ(fold_all(*store, {kMidnight + 24 * kHourMs}).failed, 0u);
    const std::int64_t folded = count_reports(*store, "n1", series::Tier::kMinute);
    EXPECT_LE(folded, 8) << "none is folded twice";
    if (const auto exact = wanted.find(family); exact != wanted.end()) {
      EXPECT_EQ(folded, exact->second);
    }
    EXPECT_THAT(verify_all(*store), IsEmpty());
  }
  EXPECT_EQ(files.size(), 13u) << "a family has no file, and this says little";
}

TEST_F(SalvageTest, WhereANodesNumbersAreLostNoneUpToTheHighestIsTakenAgain) {
  fill(from_);
  const auto files = files_by_family(from_);
  for (const std::string& file : files.at(std::string(kDedupFamily)))
    flip_byte(from_ + "/" + file, 5);
  const auto salvaged = salvage(from_, to_);
  ASSERT_TRUE(salvaged.ok()) << salvaged.error().message();
  EXPECT_EQ(kind_of(*salvaged, kDedupFamily).made, 1u);
  const auto store = open_store(to_, kSeries);
  ASSERT_NE(store, nullptr);
  const std::vector<store::IncomingReport> reports{exact_report("n1", 7, 3, kMidnight + 1'800'000),
                                                   exact_report("n1", 7, 8, kMidnight + 5 * kHourMs),
                                                   exact_report("n1", 7, 9, kMidnight + 6 * kHourMs)};
  const auto outcomes = store->append(reports);
  ASSERT_TRUE(outcomes.ok()) << outcomes.error().message();
  EXPECT_THAT(*outcomes, ElementsAre(store::AppendOutcome::kRefused, store::AppendOutcome::kRefused,
                                     store::AppendOutcome::kStored));
}

TEST_F(SalvageTest, WhereNumbersOfANodeWithoutReportsAreLostItsEventsTellOfThem) {
  auto report = exact_report("rested", 7, 4, kMidnight - 40 * kHourMs);
  report.report.events = {{.at = report.received,
                           .controller = model::Controller::kGuard,
                           .reason = model::Reason::kRestore,
                           .subject = "s",
                           .old_value = "o",
                           .new_value = "v"}};
  {
    const auto store = open_store(from_, kSeries);
    append_all(*store, {report});
    fold_all(*store, {kMidnight + 3 * kHourMs});
    const model::WallTime before{kMidnight - kHourMs};
    ASSERT_EQ(store->drop_before({before, model::WallTime{0}, before})->reports, 1u);
  }
  open_store(from_, kSeries);
  const auto files = files_by_family(from_);
  ASSERT_TRUE(files.contains(std::string(kForgottenFamily)));
  for (const std::string& file : files.at(std::string(kForgottenFamily)))
    flip_byte(from_ + "/" + file, 5);
  const auto salvaged = salvage(from_, to_);
  ASSERT_TRUE(salvaged.ok()) << salvaged.error().message();
  EXPECT_EQ(kind_of(*salvaged, kDedupFamily).made, 1u);
  const auto store = open_store(to_, kSeries);
  ASSERT_NE(store, nullptr);
  const auto outcomes = store->append(std::vector<store::IncomingReport>{report});
  ASSERT_TRUE(outcomes.ok()) << outcomes.error().message();
  EXPECT_THAT(*outcomes, ElementsAre(store::AppendOutcome::kRefused)) << "it would be folded a second time";
  EXPECT_THAT(verify_all(*store), IsEmpty());
}

TEST_F(SalvageTest, OfADamagedLogWhatWasWrittenBeforeThatPlaceIsThere) {
  std::vector<store::IncomingReport> reports;
  {
    const auto store = open_store(from_, kSeries);
    for (std::uint64_t seq = 1; seq <= 100; ++seq)
      reports.push_back(noisy_report("n1", seq, kMidnight + static_cast<std::int64_t>(seq) * 10'000));
    for (const auto& report : reports)
      append_all(*store, {report});
  }
  fs::path log;
  for (const auto& entry : fs::directory_iterator(from_)) {
    if (entry.path().extension() == ".log") log = entry.path();
  }
  ASSERT_FALSE(log.empty());
  flip_byte(log.string(), fs::file_size(log) / 2);
  ASSERT_FALSE(RocksStore::open(from_, kSeries).ok());
  const auto bytes = bytes_of_files(from_);
  const auto salvaged = salvage(from_, to_);
  ASSERT_TRUE(salvaged.ok()) << salvaged.error().message();
  EXPECT_THAT(salvaged->losses, Contains(Field(&SalvageLoss::kind, "log")));
  EXPECT_GT(kind_of(*salvaged, kReportFamily).rows, 20u);
  EXPECT_LT(kind_of(*salvaged, kReportFamily).rows, 80u);
  EXPECT_TRUE(bytes_of_files(from_) == bytes);
  EXPECT_THAT(verify_all(*open_store(to_, kSeries)), IsEmpty());
}

TEST_F(SalvageTest, WhereItIsLostHowFarNodesAreFoldedTheirTablesTell) {
  fill(from_);
  const auto rows = all_rows(from_).at(std::string(kFoldFamily));
  const auto files = files_by_family(from_);
  for (const std::string& file : files.at(std::string(kFoldFamily)))
    flip_byte(from_ + "/" + file, 5);
  const auto salvaged = salvage(from_, to_);
  ASSERT_TRUE(salvaged.ok()) << salvaged.error().message();
  EXPECT_EQ(kind_of(*salvaged, kFoldFamily).made, 2u) << "of the node that went, too";
  EXPECT_TRUE(all_rows(to_).at(std::string(kFoldFamily)) == rows);
}

TEST_F(SalvageTest, OfTablesThatAreLostTheirCountsTellHowMany) {
  fill(from_);
  const auto files = files_by_family(from_);
  for (const std::string& file : files.at(std::string(kSeriesFamily)))
    flip_byte(from_ + "/" + file, 5);
  const auto salvaged = salvage(from_, to_);
  ASSERT_TRUE(salvaged.ok()) << salvaged.error().message();
  EXPECT_THAT(salvaged->losses, Contains(AllOf(Field(&SalvageLoss::where, HasSubstr("series, 10s of ")),
                                               Field(&SalvageLoss::what, HasSubstr("are lost in all")),
                                               Field(&SalvageLoss::at_most, testing::Optional(Gt(0u))))));
  EXPECT_THAT(verify_all(*open_store(to_, kSeries)), IsEmpty());
}

TEST_F(SalvageTest, OfAFileThatIsNotThereTheRowsAreNamedAndAllOthersAreThere) {
  fill(from_);
  auto rows = all_rows(from_);
  const auto files = files_by_family(from_);
  for (const std::string& file : files.at(std::string(kAccountFamily)))
    fs::remove(from_ + "/" + file);
  EXPECT_FALSE(RocksStore::open_read_only(from_).ok());
  const auto salvaged = salvage(from_, to_);
  ASSERT_TRUE(salvaged.ok()) << salvaged.error().message();
  EXPECT_THAT(salvaged->losses, ElementsAre(Field(&SalvageLoss::kind, std::string(kAccountFamily))));
  rows.at(std::string(kAccountFamily)).clear();
  const auto found = all_rows(to_);
  for (const auto& [family, of_family] : rows)
    EXPECT_TRUE(found.at(family) == of_family) << family;
}

TEST_F(SalvageTest, RowsThatDoNotParseAreLeftOutAndNamed) {
  fill(from_);
  const auto report = exact_report("n1", 7, 2, kMidnight + 1'200'000);
  with_family(from_, kReportFamily, [&](auto& db, auto* family) {
    ASSERT_TRUE(db.Put({}, family, report_key(report.report, report.received), std::string(64, 'x')).ok());
  });
  with_family(from_, kMetaFamily,
              [](auto& db, auto* family) { ASSERT_TRUE(db.Put({}, family, "other", "value").ok()); });
  const auto salvaged = salvage(from_, to_);
  ASSERT_TRUE(salvaged.ok()) << salvaged.error().message();
  EXPECT_THAT(salvaged->losses, ElementsAre(Field(&SalvageLoss::where, "meta, other"),
                                            Field(&SalvageLoss::where,
                                                  "report, node n1, 2023-11-15T00:20:00Z, incarnation 7, report 2")));
  EXPECT_THAT(verify_all(*open_store(to_, kSeries)), IsEmpty());
}

TEST_F(SalvageTest, TakesNothingsPlace) {
  fill(from_);
  const auto refused = [&] {
    const auto made = salvage(from_, to_);
    EXPECT_FALSE(made.ok());
    return made.ok() ? model::Error(ErrorCode::kInternal, "") : made.error();
  };
  dir_.write("salvaged/file", "mine");
  EXPECT_EQ(refused().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(dir_.read("salvaged/file"), "mine");
  fs::remove_all(to_);
  // What a killed one left.
  dir_.write("salvaged.salvaging/CURRENT", "a part");
  EXPECT_THAT(refused().message(), HasSubstr(to_ + ".salvaging"));
  EXPECT_EQ(dir_.read("salvaged.salvaging/CURRENT"), "a part");
  fs::remove_all(to_ + ".salvaging");
  fs::create_directory(to_);
  EXPECT_TRUE(salvage(from_, to_ + "/").ok()) << "an empty directory is none";
}

TEST_F(SalvageTest, OneThatIsEndedOrThatTheDiskRefusesLeavesNothing) {
  fill_with_reports(600);
  const auto bytes = bytes_of_files(from_);
  std::uint64_t asked = 0;
  const auto ended = salvage(from_, to_, [&asked](const SalvageProgress&) { return ++asked < 2; });
  ASSERT_FALSE(ended.ok());
  EXPECT_EQ(ended.error().code(), ErrorCode::kUnavailable);
  expect_nothing_is_left();
  EXPECT_FALSE(salvage(from_, to_, [](const SalvageProgress&) { return false; }).ok());
  expect_nothing_is_left();
  {
    const test::FileSizeLimit full(256 << 10);
    EXPECT_FALSE(salvage(from_, to_).ok());
  }
  expect_nothing_is_left();
  EXPECT_TRUE(bytes_of_files(from_) == bytes);
  ASSERT_TRUE(salvage(from_, to_).ok());
  EXPECT_TRUE(all_rows(to_) == all_rows(from_));
}

}  // namespace
}  // namespace tideline::rocks::salvage_test
