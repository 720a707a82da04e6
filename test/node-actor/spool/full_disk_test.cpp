// A disk that is full until it has room again. Needs root: each test mounts a small disk of its own, which only this
// process sees.

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "node-actor/spool/spool.h"
#include "test/support/temp_dir.h"

namespace tideline::spool {
namespace {

using model::Seq;
using testing::ElementsAre;

class FullDisk : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (::geteuid() != 0) {
      missing_ = "root";
    } else if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
      missing_ = std::string("mounts of its own: ") + std::strerror(errno);
    }
  }
  void SetUp() override {
    if (missing_.empty() && ::mount("tmpfs", dir_.str().c_str(), "tmpfs", 0, "size=1m") != 0) {
      missing_ = std::string("a tmpfs: ") + std::strerror(errno);
    }
    if (!missing_.empty()) GTEST_SKIP() << "needs " << missing_;
  }
  void TearDown() override { ::umount2(dir_.str().c_str(), MNT_DETACH); }

  void fill() const {
    std::ofstream file(dir_.path() / "filler", std::ios::binary);
    const std::string piece(4'096, 'x');
    while (file.write(piece.data(), static_cast<std::streamsize>(piece.size())).flush()) {
    }
  }
  void empty() const { std::filesystem::remove(dir_.path() / "filler"); }
  model::Result<Spool> open(const std::string& boot = "boot-a") const {
    return Spool::open(dir_.str() + "/spool", {}, boot);
  }
  /// Larger than what is left of any block.
  static void add_report(Spool& spool) {
    const auto stored = spool.append(spool.next_seq(), spool.pending_gap(), std::string(10'000, 'r'));
    ASSERT_TRUE(stored) << stored.error().message();
  }
  static std::vector<std::uint64_t> held_by(Spool& spool) {
    std::vector<std::uint64_t> seqs;
    const auto reports = spool.peek(Seq(0), 1'000);
    EXPECT_TRUE(reports);
    for (const auto& report : *reports)
      seqs.push_back(report.seq.value());
    return seqs;
  }

  test::TempDir dir_;
  static inline std::string missing_;
};

TEST_F(FullDisk, AProcessThatWasKilledGoesOnWithItsNumbersAndLosesNone) {
  model::Incarnation incarnation;
  {
    auto spool = open();
    ASSERT_TRUE(spool.ok());
    incarnation = spool->incarnation();
    add_report(*spool);
    add_report(*spool);
    spool->abandon();
  }
  fill();
  {
    auto spool = open();
    ASSERT_TRUE(spool.ok()) << spool.error().message();
    EXPECT_EQ(spool->incarnation(), incarnation);
    add_report(*spool);
    EXPECT_EQ(spool->in_memory(), 1u);
    EXPECT_THAT(held_by(*spool), ElementsAre(1, 2, 3));
    spool->abandon();
  }
  empty();
  auto spool = open();
  ASSERT_TRUE(spool.ok());
  EXPECT_EQ(spool->incarnation(), incarnation);
  EXPECT_THAT(held_by(*spool), ElementsAre(1, 2));
  EXPECT_EQ(spool->next_seq(), Seq(4));
  EXPECT_EQ(spool->pending_gap(), 1u);
}

TEST_F(FullDisk, AfterAnOrderlyEndItDoesSoToo) {
  model::Incarnation incarnation;
  {
    auto spool = open();
    ASSERT_TRUE(spool.ok());
    incarnation = spool->incarnation();
    add_report(*spool);
  }
  fill();
  {
    auto spool = open("boot-b");
    ASSERT_TRUE(spool.ok()) << spool.error().message();
    EXPECT_EQ(spool->incarnation(), incarnation);
    add_report(*spool);
    empty();
    add_report(*spool);
    EXPECT_EQ(spool->in_memory(), 0u);
    spool->abandon();
  }
  auto spool = open("boot-b");
  ASSERT_TRUE(spool.ok());
  EXPECT_THAT(held_by(*spool), ElementsAre(1, 2, 3));
  spool->abandon();
  const auto after_power_loss = open("boot-c");
  ASSERT_TRUE(after_power_loss.ok());
  EXPECT_NE(after_power_loss->incarnation(), incarnation) << "the full disk took that it was open";
}

TEST_F(FullDisk, AFirstStartHoldsItsReportsAndTheDiskTakesThemOnceThereIsRoom) {
  fill();
  const auto refused = open();
  ASSERT_FALSE(refused.ok());
  auto spool = Spool::without_disk(dir_.str() + "/spool", {}, "boot-a", refused.error());
  const auto incarnation = spool.incarnation();
  add_report(spool);
  add_report(spool);
  EXPECT_EQ(spool.in_memory(), 2u);
  EXPECT_FALSE(std::filesystem::exists(dir_.path() / "spool/room.new")) << "what is tried does not fill the disk";
  empty();
  add_report(spool);
  EXPECT_EQ(spool.in_memory(), 0u);
  spool.abandon();
  auto next = open();
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(next->incarnation(), incarnation);
  EXPECT_THAT(held_by(*next), ElementsAre(1, 2, 3));
  EXPECT_EQ(next->pending_gap(), 0u);
}

}  // namespace
}  // namespace tideline::spool
