// A disk that is full until it has room again, and one that may only be read. Needs root: each test mounts a small disk
// of its own, which only this process sees.

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "storage/rocks/rocks_store.h"
#include "test/storage/rocks/read_back.h"
#include "test/support/process.h"
#include "test/support/temp_dir.h"

namespace tideline::rocks::full_disk_test {
namespace {

namespace fs = std::filesystem;

using model::ErrorCode;
using model::Incarnation;
using model::NodeName;
using model::Seq;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr RocksOptions kSmall{
    .block_cache_bytes = 1 << 20, .write_buffer_bytes = 256 << 10, .background_threads = 2, .series = true};

class SmallDisk : public testing::Test {
 protected:
  /// Before RocksDB has threads, which would go on seeing what was there before.
  static void SetUpTestSuite() {
    if (::geteuid() != 0) {
      missing_ = "root";
    } else if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
      missing_ = std::string("mounts of its own: ") + std::strerror(errno);
    }
  }
  void SetUp() override {
    if (missing_.empty() && ::mount("tmpfs", dir_.str().c_str(), "tmpfs", 0, "size=32m") != 0) {
      missing_ = std::string("a tmpfs: ") + std::strerror(errno);
    }
    if (!missing_.empty()) GTEST_SKIP() << "needs " << missing_;
  }
  void TearDown() override { ::umount2(dir_.str().c_str(), MNT_DETACH); }

  std::string history() const { return dir_.str() + "/history"; }
  std::string filler() const { return dir_.str() + "/filler"; }
  void fill() const {
    std::ofstream file(filler(), std::ios::binary);
    const std::string piece(4'096, 'x');
    while (file.write(piece.data(), static_cast<std::streamsize>(piece.size())).flush()) {
    }
  }
  store::IncomingReport next() {
    ++seq_;
    return exact_report("n", 7, seq_, kMidnight + static_cast<std::int64_t>(seq_) * 60'000);
  }

  test::TempDir dir_;
  std::uint64_t seq_ = 0;
  static inline std::string missing_;
};

TEST_F(SmallDisk, WhatItRefusesIsNotAckedAndAllGoesOnOnceThereIsRoom) {
  auto store = open_store(history(), kSmall);
  std::vector<store::IncomingReport> acked;
  for (int i = 0; i < 130; ++i)
    acked.push_back(next());
  append_all(*store, acked);
  fill();
  std::optional<model::Error> refused;
  for (int i = 0; i < 20'000 && !refused; ++i) {
    const auto report = next();
    const auto outcomes = store->append({&report, 1});
    if (outcomes) {
      acked.push_back(report);
    } else {
      refused = outcomes.error();
    }
  }
  ASSERT_TRUE(refused) << "the disk is not full";
  EXPECT_EQ(refused->code(), ErrorCode::kUnavailable);
  EXPECT_THAT(refused->message(), HasSubstr(history()));
  EXPECT_FALSE(store->has(NodeName("n"), Incarnation(7), Seq(seq_)));
  EXPECT_FALSE(store->fold_slice(kForever, NodeName(), 5).ok());
  EXPECT_FALSE(store->put_setting("epoch", "1").ok());
  EXPECT_TRUE(same(read_tables(*store, "n"), tables_of(acked))) << "what was acked can be read meanwhile";

  fs::remove(filler());
  const auto again = exact_report("n", 7, seq_, kMidnight + static_cast<std::int64_t>(seq_) * 60'000);
  // RocksDB looks each 5 s whether there is room again.
  ASSERT_TRUE(test::eventually(std::chrono::seconds(60), [&] {
    const auto outcomes = store->append({&again, 1});
    return outcomes.ok() && outcomes->at(0) == store::AppendOutcome::kStored;
  }));
  acked.push_back(again);
  fold_all(*store, {kMidnight + static_cast<std::int64_t>(seq_ + 200) * 60'000});
  EXPECT_TRUE(same(read_tables(*store, "n"), tables_of(acked)));
  store.reset();
  store = open_store(history(), kSmall);
  EXPECT_TRUE(same(read_tables(*store, "n"), tables_of(acked)));
  EXPECT_THAT(verify_all(*store, 4 << 20), IsEmpty());
}

TEST_F(SmallDisk, OneThatMayOnlyBeReadIsNamedAndCanBeRead) {
  std::vector<store::IncomingReport> reports;
  for (int i = 0; i < 130; ++i)
    reports.push_back(next());
  append_all(*open_store(history(), kSmall), reports);
  fold_all(*open_store(history(), kSmall), {kMidnight + 2 * kHourMs});
  ASSERT_EQ(::mount(nullptr, dir_.str().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0) << std::strerror(errno);
  const auto opened = RocksStore::open(history(), kSmall);
  ASSERT_FALSE(opened.ok());
  EXPECT_THAT(opened.error().message(), HasSubstr("Read-only file system"));
  const auto reader = RocksStore::open_read_only(history());
  ASSERT_TRUE(reader.ok()) << reader.error().message();
  EXPECT_TRUE(same(read_tables(**reader, "n"), tables_of(reports)));
  EXPECT_THAT(verify_all(**reader), IsEmpty());
}

}  // namespace
}  // namespace tideline::rocks::full_disk_test
