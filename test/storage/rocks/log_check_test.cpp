// Damage of RocksDB's log and manifest, which RocksDB itself passes over.

#include "storage/rocks/log_check.h"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/storage/rocks/read_back.h"
#include "test/support/temp_dir.h"

namespace tideline::rocks::log_check_test {
namespace {

namespace fs = std::filesystem;

using model::ErrorCode;
using testing::AllOf;
using testing::HasSubstr;

constexpr std::uint64_t kReports = 120;
constexpr std::size_t kBlock = 32 << 10;
constexpr std::size_t kRecordHead = 7;

class LogTest : public testing::Test {
 protected:
  explicit LogTest(std::uint64_t reports = kReports) : reports_(reports) {}
  /// Each report is a write of its own, and all are in one log.
  void SetUp() override {
    const auto store = open_store(dir_.str());
    for (std::uint64_t seq = 1; seq <= reports_; ++seq) {
      if (seq == reports_) last_write_ = fs::file_size(log());
      append_all(*store, {exact_report("n", 7, seq, kMidnight + static_cast<std::int64_t>(seq) * 10'000)});
    }
  }
  model::Seq acked() const {
    return open_store(dir_.str())->acked_through(model::NodeName("n"), model::Incarnation(7));
  }
  std::string log() const {
    std::string found;
    for (const auto& entry : fs::directory_iterator(dir_.path())) {
      if (entry.path().extension() == ".log" && fs::file_size(entry.path()) > 0) found = entry.path().string();
    }
    EXPECT_NE(found, "");
    return found;
  }
  static std::string bytes_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
  static void write(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }
  static std::string flipped(std::string bytes, std::size_t at, std::uint64_t bit) {
    bytes.at(at) = static_cast<char>(static_cast<unsigned char>(bytes.at(at)) ^ (1U << bit));
    return bytes;
  }
  const std::uint64_t reports_;
  std::uint64_t last_write_ = 0;  // offset of it in the log
  test::TempDir dir_;
};

class SmallLogTest : public LogTest {
 protected:
  SmallLogTest() : LogTest(5) {}
};

class ManifestTest : public SmallLogTest {
 protected:
  std::string manifest() const { return dir_.str() + "/" + current_manifest(dir_.str()); }
  /// Where its records begin; it is of one block.
  static std::vector<std::size_t> records_of(const std::string& bytes) {
    EXPECT_LT(bytes.size(), kBlock);
    std::vector<std::size_t> begins;
    for (std::size_t at = 0; at + kRecordHead <= bytes.size();) {
      begins.push_back(at);
      const auto low = static_cast<unsigned char>(bytes[at + 4]);
      const auto high = static_cast<unsigned char>(bytes[at + 5]);
      at += kRecordHead + low + 256U * high;
    }
    return begins;
  }
};

TEST_F(LogTest, AWholeLogIsGood) {
  EXPECT_FALSE(find_damaged_log(dir_.str()));
  EXPECT_GT(fs::file_size(log()), 64u << 10) << "of one block, and this says little";
  EXPECT_FALSE(find_damaged_log(dir_.str() + "/none")) << "there is none";
}

TEST_F(LogTest, AFlippedBitBeforeTheLastWriteIsNamedAndTheStoreIsNotOpened) {
  const std::string path = log();
  const std::string name = fs::path(path).filename().string();
  const std::string whole = bytes_of(path);
  std::mt19937 random(20'261'201);
  ASSERT_GT(last_write_, kBlock);
  for (int round = 0; round < 200; ++round) {
    // Half of them in the last blocks.
    const std::size_t from = round % 2 == 0 ? 0 : last_write_ - kBlock;
    std::size_t at = from + random() % (last_write_ - from);
    // The last bytes of a block in which no record fits are nobody's.
    if (at % kBlock > kBlock - kRecordHead) at -= kRecordHead;
    SCOPED_TRACE(at);
    write(path, flipped(whole, at, random() % 8));
    const auto damaged = find_damaged_log(dir_.str());
    ASSERT_TRUE(damaged);
    EXPECT_EQ(damaged->file, name);
    EXPECT_EQ(damaged->last_file, name);
    EXPECT_LE(damaged->offset, at);
    EXPECT_LT(at - damaged->offset, 64u << 10) << "it is far from there";
  }
  write(path, flipped(whole, whole.size() / 2, 3));
  const auto opened = RocksStore::open(dir_.str());
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code(), ErrorCode::kMalformed);
  EXPECT_THAT(opened.error().message(), AllOf(HasSubstr(dir_.str()), HasSubstr(name), HasSubstr("offset")));
  const auto read = RocksStore::open_read_only(dir_.str());
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().message(), opened.error().message());
  const auto reader = RocksStore::open_read_only(dir_.str(), ReadOnly::kForVerify);
  ASSERT_TRUE(reader.ok()) << reader.error().message();
  const auto slice = (*reader)->verify_slice("", UINT64_MAX);
  ASSERT_TRUE(slice.ok());
  ASSERT_FALSE(slice->findings.empty());
  EXPECT_THAT(slice->findings[0].where, AllOf(testing::StartsWith("log, file "), HasSubstr(name)));
  write(path, whole);
  EXPECT_EQ(acked(), model::Seq(reports_));
}

TEST_F(SmallLogTest, AFlippedBitAnywhereBeforeTheLastWriteIsNamed) {
  const std::string path = log();
  const std::string whole = bytes_of(path);
  ASSERT_LT(whole.size(), kBlock) << "it is of one block";
  std::mt19937 random(20'261'202);
  for (std::size_t at = 0; at < last_write_; at += 1 + random() % 16) {
    SCOPED_TRACE(at);
    write(path, flipped(whole, at, random() % 8));
    const auto damaged = find_damaged_log(dir_.str());
    ASSERT_TRUE(damaged);
    EXPECT_LE(damaged->offset, at);
  }
}

TEST_F(SmallLogTest, ALogWhoseFormatIsInWhatIsDamagedIsNamedAlsoByWhoWouldVerifyIt) {
  const std::string path = log();
  write(path, flipped(bytes_of(path), 10, 1));
  const auto reader = RocksStore::open_read_only(dir_.str(), ReadOnly::kForVerify);
  ASSERT_FALSE(reader.ok());
  EXPECT_EQ(reader.error().code(), ErrorCode::kMalformed);
  EXPECT_THAT(reader.error().message(), HasSubstr(fs::path(path).filename().string()));
}

TEST_F(SmallLogTest, AHoleOfZerosIsNamed) {
  const std::string path = log();
  std::string bytes = bytes_of(path);
  bytes.replace(last_write_ / 2, 512, std::string(512, '\0'));
  write(path, bytes);
  EXPECT_TRUE(find_damaged_log(dir_.str()));
}

TEST_F(SmallLogTest, OfTheLastWriteOnlyADamagedTypeOrLengthCanBeToldFromATornOne) {
  const std::string path = log();
  const std::string whole = bytes_of(path);
  for (std::uint64_t bit = 0; bit < 24; ++bit) {
    SCOPED_TRACE(bit);
    write(path, flipped(whole, last_write_ + 4 + bit / 8, bit % 8));
    const auto damaged = find_damaged_log(dir_.str());
    ASSERT_TRUE(damaged);
    EXPECT_EQ(damaged->offset, last_write_);
  }
  for (const std::size_t at : {last_write_, last_write_ + kRecordHead, whole.size() - 1}) {
    SCOPED_TRACE(at);
    write(path, flipped(whole, at, 2));
    EXPECT_FALSE(find_damaged_log(dir_.str()));
  }
  EXPECT_EQ(acked(), model::Seq(reports_ - 1));
}

TEST_F(ManifestTest, AFlippedBitAnywhereBeforeItsLastRecordIsNamed) {
  EXPECT_FALSE(find_damaged_manifest(dir_.str()));
  EXPECT_FALSE(find_damaged_manifest(dir_.str() + "/none")) << "there is none";
  const std::string path = manifest();
  const std::string whole = bytes_of(path);
  const auto records = records_of(whole);
  ASSERT_GE(records.size(), 3u);
  std::mt19937 random(20'261'203);
  for (std::size_t at = 0; at < records.back(); ++at) {
    SCOPED_TRACE(at);
    write(path, flipped(whole, at, random() % 8));
    const auto damaged = find_damaged_manifest(dir_.str());
    ASSERT_TRUE(damaged);
    EXPECT_EQ(damaged->file, fs::path(path).filename().string());
    EXPECT_LE(damaged->offset, at);
  }
}

TEST_F(ManifestTest, ARecordThatReachesBeyondTheEndIsNamedByWhoeverOpens) {
  const std::string path = manifest();
  const std::string name = fs::path(path).filename().string();
  const std::string whole = bytes_of(path);
  const auto records = records_of(whole);
  ASSERT_GE(records.size(), 3u);
  for (const std::size_t at : {records[0], records[records.size() / 2], records.back()}) {
    SCOPED_TRACE(at);
    std::string bytes = whole;
    bytes[at + 5] = '\x70';
    write(path, bytes);
    const auto names_it = AllOf(HasSubstr(dir_.str()), HasSubstr(name), HasSubstr("offset " + std::to_string(at)));
    const auto opened = RocksStore::open(dir_.str());
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code(), ErrorCode::kMalformed);
    EXPECT_THAT(opened.error().message(), names_it);
    const auto read = RocksStore::open_read_only(dir_.str());
    ASSERT_FALSE(read.ok());
    EXPECT_THAT(read.error().message(), names_it);
    const auto reader = RocksStore::open_read_only(dir_.str(), ReadOnly::kForVerify);
    if (!reader) {
      EXPECT_THAT(reader.error().message(), names_it);
      continue;
    }
    const auto slice = (*reader)->verify_slice("", UINT64_MAX);
    ASSERT_TRUE(slice.ok());
    ASSERT_FALSE(slice->findings.empty());
    EXPECT_THAT(slice->findings[0].where, AllOf(testing::StartsWith("manifest, file "), HasSubstr(name)));
  }
  write(path, whole);
  EXPECT_EQ(acked(), model::Seq(reports_));
}

TEST_F(ManifestTest, IsLookedAtByVerifyOfAnOpenStore) {
  const auto store = open_store(dir_.str());
  const std::string path = manifest();
  const std::string whole = bytes_of(path);
  write(path, flipped(whole, kRecordHead + 3, 1));
  const auto slice = store->verify_slice("", UINT64_MAX);
  ASSERT_TRUE(slice.ok());
  ASSERT_FALSE(slice->findings.empty());
  EXPECT_THAT(slice->findings[0].where, testing::StartsWith("manifest, file " + path + " offset 0"));
  write(path, whole);
  EXPECT_THAT(verify_all(*store), testing::IsEmpty());
}

TEST_F(ManifestTest, OneThatWasCutAnywhereIsWhatAKilledWriterLeaves) {
  const std::string path = manifest();
  const std::string whole = bytes_of(path);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    SCOPED_TRACE(size);
    write(path, whole.substr(0, size));
    EXPECT_FALSE(find_damaged_manifest(dir_.str()));
  }
}

TEST_F(ManifestTest, IsNoFileOfAnotherDirectory) {
  for (const char* name : {"MANIFEST-/../x", "../MANIFEST-000001", "x", ""}) {
    write(dir_.str() + "/CURRENT", std::string(name) + "\n");
    EXPECT_EQ(current_manifest(dir_.str()), "") << name;
    EXPECT_FALSE(find_damaged_manifest(dir_.str()));
  }
}

TEST(LongWrite, OfWhichOnlyTheBeginIsThereProvesThoseBeforeIt) {
  const test::TempDir dir;
  std::string path;
  std::uint64_t before = 0;
  {
    const auto store = open_store(dir.str());
    append_all(*store, {exact_report("n", 7, 1, kMidnight)});
    for (const auto& entry : fs::directory_iterator(dir.path())) {
      if (entry.path().extension() == ".log" && entry.file_size() > 0) path = entry.path().string();
    }
    ASSERT_NE(path, "");
    before = fs::file_size(path);
    std::vector<store::IncomingReport> reports;
    for (std::uint64_t seq = 2; seq <= 100; ++seq)
      reports.push_back(exact_report("n", 7, seq, kMidnight + static_cast<std::int64_t>(seq) * 10'000));
    append_all(*store, reports);
  }
  ASSERT_GT(fs::file_size(path), kBlock + 1'000);
  fs::resize_file(path, kBlock + 1'000);
  EXPECT_FALSE(find_damaged_log(dir.str())) << "torn";
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(before - 10));
  file.write("damage", 6);
  file.close();
  const auto damaged = find_damaged_log(dir.str());
  ASSERT_TRUE(damaged);
  EXPECT_LT(damaged->offset, before);
}

TEST_F(LogTest, ALogThatWasCutAnywhereIsWhatAKilledWriterLeaves) {
  const std::string path = log();
  const std::string whole = bytes_of(path);
  for (std::size_t size = 0; size < whole.size(); size += 997) {
    SCOPED_TRACE(size);
    write(path, whole.substr(0, size));
    EXPECT_FALSE(find_damaged_log(dir_.str()));
    // Room that was taken ahead.
    write(path, whole.substr(0, size) + std::string(50'000, '\0'));
    EXPECT_FALSE(find_damaged_log(dir_.str()));
  }
}

TEST_F(LogTest, WritesThatGoOnInTheNextLogAfterATornOneAreWhole) {
  const std::string path = log();
  const std::string whole = bytes_of(path);
  // The same writes again, behind a log in which the first of them was torn: as when a full disk has room again.
  const std::string next = (fs::path(path).parent_path() / "000999.log").string();
  write(path, whole.substr(0, 100));
  write(next, whole);
  EXPECT_FALSE(find_damaged_log(dir_.str()));
  // And writes that begin later than those before ended.
  write(path, whole.substr(0, whole.size() / 2));
  const std::size_t block = whole.size() * 3 / 4 / 32'768 * 32'768;
  write(next, whole.substr(block));
  EXPECT_TRUE(find_damaged_log(dir_.str()));
}

}  // namespace
}  // namespace tideline::rocks::log_check_test
