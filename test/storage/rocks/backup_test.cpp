// Copies of a store: whole, incremental, restored at once or not at all.

#include "storage/rocks/backup.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/storage/rocks/read_back.h"
#include "test/support/file_size_limit.h"
#include "test/support/temp_dir.h"

namespace tideline::rocks::backup_test {
namespace {

namespace fs = std::filesystem;

using model::ErrorCode;
using model::NodeName;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr RocksOptions kSeries{.series = true};

bool goes_on(std::uint64_t) {
  return true;
}

class BackupTest : public testing::Test {
 protected:
  BackupTest() : store_(open_store(dir_.str() + "/history", kSeries)) {}
  std::string backups() const { return dir_.str() + "/backups"; }
  std::string restored() const { return dir_.str() + "/restored"; }
  /// Of the hour, a report each 10 minutes.
  void append(std::int64_t hour) {
    std::vector<store::IncomingReport> reports;
    for (std::int64_t i = 0; i < 6; ++i)
      reports.push_back(exact_report("n", 7, ++seq_, kMidnight + hour * kHourMs + 5'000 + i * 600'000));
    append_all(*store_, reports);
    reports_.insert(reports_.end(), reports.begin(), reports.end());
  }
  series::BackupInfo back_up() {
    const auto made = store_->backup(backups(), goes_on);
    EXPECT_TRUE(made.ok()) << made.error().message();
    return made.value_or({});
  }
  /// A restored store has all that this one has.
  void expect_whole(const std::string& directory, const std::vector<store::IncomingReport>& reports) {
    const auto store = open_store(directory, kSeries);
    ASSERT_NE(store, nullptr);
    EXPECT_TRUE(same(read_tables(*store, "n"), tables_of(reports)));
    EXPECT_EQ(store->acked_through(NodeName("n"), model::Incarnation(7)), model::Seq(reports.size()));
    EXPECT_THAT(verify_all(*store), IsEmpty());
  }
  static std::set<std::string> files_below(const std::string& directory) {
    std::set<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(directory)) {
      if (entry.is_regular_file()) files.insert(fs::relative(entry.path(), directory).string());
    }
    return files;
  }

  test::TempDir dir_;
  std::unique_ptr<RocksStore> store_;
  std::vector<store::IncomingReport> reports_;
  std::uint64_t seq_ = 0;
};

TEST_F(BackupTest, AStoreThatIsMadeOfOneHasAllThatTheOtherHad) {
  append(0);
  append(1);
  fold_all(*store_, {kMidnight + 2 * kHourMs});
  const auto made = back_up();
  EXPECT_EQ(made.id, 1u);
  EXPECT_GT(made.bytes, 0u);
  EXPECT_GT(made.files, 0u);
  EXPECT_GT(made.at_s, 1'500'000'000);
  const auto then = reports_;
  append(2);
  const auto info = restore_backup(backups(), std::nullopt, restored());
  ASSERT_TRUE(info.ok()) << info.error().message();
  EXPECT_EQ(info->id, 1u);
  expect_whole(restored(), then);
  EXPECT_TRUE(same(read_tables(*store_, "n"), tables_of(reports_))) << "which went on";
  EXPECT_FALSE(fs::exists(restored() + ".restoring"));
}

TEST_F(BackupTest, TheNextOneCopiesOnlyWhatIsNew) {
  append(0);
  back_up();
  const auto first = files_below(backups() + "/shared_checksum");
  ASSERT_FALSE(first.empty());
  append(1);
  std::uint64_t copied = 0;
  const auto made = store_->backup(backups(), [&](std::uint64_t bytes) {
    copied = bytes;
    return true;
  });
  ASSERT_TRUE(made.ok()) << made.error().message();
  const auto second = files_below(backups() + "/shared_checksum");
  EXPECT_TRUE(std::includes(second.begin(), second.end(), first.begin(), first.end()));
  EXPECT_GT(second.size(), first.size());
  EXPECT_GT(copied, 0u);
  EXPECT_LT(copied, made->bytes) << "files that are there already are a part of it, and not copied";
  const auto listed = list_backups(backups());
  ASSERT_THAT(*listed, SizeIs(2));
  EXPECT_EQ((*listed)[0].id, 1u);
  EXPECT_EQ((*listed)[1].id, 2u);
  EXPECT_EQ((*listed)[1].bytes, made->bytes);
}

TEST_F(BackupTest, OneThatIsMadeWhileReportsComeAndAreFoldedIsOfOneMomentAndHasWhatWasAckedBefore) {
  append(0);
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> acked{seq_};
  std::thread writing([&] {
    for (std::uint64_t seq = seq_ + 1; !done; ++seq) {
      const std::int64_t at_ms = kMidnight + static_cast<std::int64_t>(seq) * 120'000;
      append_all(*store_, {exact_report("n", 7, seq, at_ms)});
      acked = seq;
      if (seq % 10 == 0) {
        EXPECT_TRUE(store_->fold_slice({at_ms + kHourMs}, NodeName(), 1).ok());
      }
    }
  });
  std::vector<std::uint64_t> before;
  for (int i = 0; i < 3; ++i) {
    before.push_back(acked);
    back_up();
  }
  done = true;
  writing.join();
  for (std::uint32_t id = 1; id <= before.size(); ++id) {
    SCOPED_TRACE(id);
    const std::string to = restored() + "-" + std::to_string(id);
    ASSERT_TRUE(restore_backup(backups(), id, to).ok());
    const auto store = open_store(to, kSeries);
    ASSERT_NE(store, nullptr);
    const std::uint64_t there = store->acked_through(NodeName("n"), model::Incarnation(7)).value();
    EXPECT_GE(there, before[id - 1]);
    for (const auto tier : series::kTiers)
      EXPECT_EQ(count_reports(*store, "n", tier), static_cast<std::int64_t>(there));
    EXPECT_THAT(verify_all(*store), IsEmpty());
  }
}

TEST_F(BackupTest, AnyOfThemCanBeRestoredAndOldOnesGo) {
  append(0);
  back_up();
  const auto first = reports_;
  append(1);
  back_up();
  const auto second = reports_;
  append(2);
  back_up();
  ASSERT_TRUE(restore_backup(backups(), 2, restored()).ok());
  expect_whole(restored(), second);
  EXPECT_EQ(*drop_backups(backups(), 2), 1u);
  EXPECT_EQ(*drop_backups(backups(), 2), 0u);
  const auto listed = list_backups(backups());
  ASSERT_THAT(*listed, SizeIs(2));
  EXPECT_EQ((*listed)[0].id, 2u);
  for (const std::uint32_t id : {2u, 3u})
    EXPECT_TRUE(verify_backup(backups(), id).ok());
  const auto gone = restore_backup(backups(), 1, restored() + "-1");
  ASSERT_FALSE(gone.ok());
  EXPECT_EQ(gone.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(gone.error().message(), HasSubstr("backup 1"));
  ASSERT_TRUE(restore_backup(backups(), std::nullopt, restored() + "-3").ok());
  expect_whole(restored() + "-3", reports_);
  EXPECT_EQ(*drop_backups(backups(), 0), 2u);
  EXPECT_THAT(*list_backups(backups()), IsEmpty());
  EXPECT_THAT(files_below(backups() + "/shared_checksum"), IsEmpty());
}

TEST_F(BackupTest, OneThatIsEndedLeavesNothing) {
  append(0);
  const auto before = store_->backup(backups(), [](std::uint64_t) { return false; });
  ASSERT_FALSE(before.ok());
  EXPECT_EQ(before.error().code(), ErrorCode::kUnavailable);
  EXPECT_FALSE(fs::exists(backups()));
  const auto midst = store_->backup(backups(), [](std::uint64_t bytes) { return bytes == 0; });
  ASSERT_FALSE(midst.ok());
  EXPECT_EQ(midst.error().code(), ErrorCode::kUnavailable);
  EXPECT_FALSE(fs::exists(backups()));
  back_up();
  const auto files = files_below(backups());
  append(1);
  EXPECT_FALSE(store_->backup(backups(), [](std::uint64_t bytes) { return bytes == 0; }).ok());
  EXPECT_EQ(files_below(backups()), files);
  EXPECT_TRUE(verify_backup(backups(), 1).ok());
  EXPECT_EQ(back_up().id, 2u);
}

TEST_F(BackupTest, ADirectoryThatCannotBeIsNamed) {
  append(0);
  dir_.write("file", "text");
  const auto file = store_->backup(dir_.str() + "/file", goes_on);
  ASSERT_FALSE(file.ok());
  EXPECT_THAT(file.error().message(), HasSubstr("/file"));
  EXPECT_EQ(dir_.read("file"), "text");
  EXPECT_EQ(list_backups(dir_.str() + "/none").error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(list_backups(dir_.str() + "/none").error().message(), HasSubstr("/none"));
  EXPECT_EQ(list_backups(dir_.str()).error().code(), ErrorCode::kNotFound) << "a directory of something else";
  EXPECT_EQ(drop_backups(dir_.str(), 0).error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(files_below(dir_.str()), testing::Contains("file"));
  EXPECT_FALSE(fs::exists(dir_.str() + "/meta"));
  EXPECT_EQ(restore_backup(dir_.str(), std::nullopt, restored()).error().code(), ErrorCode::kNotFound);
  EXPECT_FALSE(fs::exists(restored()));
}

TEST_F(BackupTest, DamageIsNamedAndIsNotRestored) {
  append(0);
  back_up();
  const auto files = files_below(backups() + "/shared_checksum");
  ASSERT_FALSE(files.empty());
  const std::string name = *files.begin();
  const std::string path = backups() + "/shared_checksum/" + name;
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(20);
    file.put('\x55');
  }
  const auto changed = verify_backup(backups(), 1);
  ASSERT_FALSE(changed.ok());
  EXPECT_EQ(changed.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(changed.error().message(), AllOf(HasSubstr("backup 1"), HasSubstr(name)));
  const auto restored_one = restore_backup(backups(), 1, restored());
  ASSERT_FALSE(restored_one.ok());
  EXPECT_FALSE(fs::exists(restored()));
  EXPECT_FALSE(fs::exists(restored() + ".restoring"));
  fs::remove(path);
  const auto missing = verify_backup(backups(), 1);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(missing.error().message(), HasSubstr(name));
  EXPECT_EQ(verify_backup(backups(), 9).error().code(), ErrorCode::kNotFound);
  const auto listed = list_backups(backups());
  ASSERT_TRUE(listed.ok()) << listed.error().message();
  ASSERT_THAT(*listed, SizeIs(1));
  EXPECT_EQ((*listed)[0].files, 0u) << "it is known to be damaged";
}

TEST_F(BackupTest, ARestoreTakesNothingsPlace) {
  append(0);
  back_up();
  const auto refused = [&] {
    const auto made = restore_backup(backups(), std::nullopt, restored());
    EXPECT_FALSE(made.ok());
    return made.ok() ? std::string() : made.error().message();
  };
  dir_.write("restored/file", "mine");
  EXPECT_THAT(refused(), HasSubstr(restored()));
  EXPECT_EQ(dir_.read("restored/file"), "mine");
  fs::remove_all(restored());
  dir_.write("restored", "a file");
  EXPECT_THAT(refused(), HasSubstr(restored()));
  fs::remove(restored());
  // What a killed one left.
  dir_.write("restored.restoring/CURRENT", "a part");
  EXPECT_THAT(refused(), HasSubstr(restored() + ".restoring"));
  EXPECT_FALSE(fs::exists(restored()));
  fs::remove_all(restored() + ".restoring");
  fs::create_directory(restored());
  ASSERT_TRUE(restore_backup(backups(), std::nullopt, restored() + "/").ok()) << "an empty directory is none";
  expect_whole(restored(), reports_);
}

TEST_F(BackupTest, ARestoreThatIsEndedLeavesNothing) {
  append(0);
  back_up();
  const auto ended = restore_backup(backups(), std::nullopt, restored(), [](std::uint64_t) { return false; });
  ASSERT_FALSE(ended.ok());
  EXPECT_EQ(ended.error().code(), ErrorCode::kUnavailable);
  EXPECT_FALSE(fs::exists(restored()));
  EXPECT_FALSE(fs::exists(restored() + ".restoring"));
}

TEST_F(BackupTest, OneThatTheDiskRefusesLeavesTheOthersWhole) {
  append(0);
  back_up();
  const auto files = files_below(backups());
  append(1);
  // What is to be copied is in files by now.
  store_.reset();
  store_ = open_store(dir_.str() + "/history", kSeries);
  {
    const test::FileSizeLimit full(64);
    EXPECT_FALSE(store_->backup(backups(), goes_on).ok());
  }
  EXPECT_EQ(files_below(backups()), files);
  EXPECT_TRUE(verify_backup(backups(), 1).ok());
}

}  // namespace
}  // namespace tideline::rocks::backup_test
