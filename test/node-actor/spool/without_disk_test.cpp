#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node-actor/spool/spool.h"
#include "test/support/file_size_limit.h"
#include "test/support/temp_dir.h"

namespace tideline::spool {
namespace {

namespace fs = std::filesystem;
using model::Seq;
using test::FileSizeLimit;
using test::TempDir;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kSameBoot = "boot-a";
/// What a disk takes that has no room left: the head, which is written where it stands, and no frame of a report below.
constexpr std::size_t kHeadAlone = 112;
const std::string kReport(200, 'r');

Spool open_on_disk(const std::string& dir, const SpoolLimits& limits = {}) {
  auto spool = Spool::open(dir, limits, kSameBoot);
  EXPECT_TRUE(spool.ok()) << (spool.ok() ? "" : spool.error().message());
  return std::move(*spool);
}

/// As a worker begins on a disk that takes nothing.
Spool open_refused(const std::string& dir, const SpoolLimits& limits = {}) {
  const FileSizeLimit nothing(0);
  const auto refused = Spool::open(dir, limits, kSameBoot);
  EXPECT_FALSE(refused.ok());
  return Spool::without_disk(dir, limits, kSameBoot,
                             refused ? model::Error(model::ErrorCode::kInternal, "it did not") : refused.error());
}

void store(Spool& spool) {
  const auto stored = spool.append(spool.next_seq(), spool.pending_gap(), kReport);
  ASSERT_TRUE(stored) << stored.error().message();
}

void store_refused(Spool& spool, std::size_t room = kHeadAlone) {
  const FileSizeLimit limit(room);
  store(spool);
}

std::vector<std::uint64_t> numbers(Spool& spool) {
  std::vector<std::uint64_t> seqs;
  const auto reports = spool.peek(Seq(0), 1'000'000);
  EXPECT_TRUE(reports);
  for (const auto& report : *reports) {
    EXPECT_EQ(report.bytes, kReport);
    seqs.push_back(report.seq.value());
  }
  return seqs;
}

/// The directory as a process killed now would leave it.
class Left {
 public:
  explicit Left(const std::string& dir) { fs::copy(dir, str(), fs::copy_options::recursive); }
  std::string str() const { return (dir_.path() / "spool").string(); }

 private:
  TempDir dir_;
};

TEST(FullSpool, WhatTheDiskRefusesIsHeldAndFollowsOnceItIsTaken) {
  const TempDir dir;
  auto spool = open_on_disk(dir.str());
  store(spool);
  EXPECT_FALSE(spool.refusal());
  store_refused(spool);
  store_refused(spool);
  EXPECT_EQ(spool.in_memory(), 2u);
  ASSERT_TRUE(spool.refusal());
  EXPECT_THAT(spool.refusal()->message(), HasSubstr(dir.str()));
  EXPECT_THAT(numbers(spool), ElementsAre(1, 2, 3));
  EXPECT_EQ(spool.pending(), 3u);
  store(spool);
  EXPECT_EQ(spool.in_memory(), 0u);
  EXPECT_FALSE(spool.refusal());
  const Left killed(dir.str());
  auto next = open_on_disk(killed.str());
  EXPECT_EQ(next.incarnation(), spool.incarnation());
  EXPECT_THAT(numbers(next), ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(next.pending_gap(), 0u);
}

TEST(FullSpool, ADiskThatTakesNoNumberEitherIsRefusedAndStillSaidToRefuse) {
  const TempDir dir;
  auto spool = open_on_disk(dir.str());
  store_refused(spool);
  spool.ack(Seq(1));
  EXPECT_EQ(spool.in_memory(), 0u);
  {
    const FileSizeLimit nothing(0);
    EXPECT_FALSE(spool.append(Seq(2), 0, kReport));
  }
  EXPECT_TRUE(spool.refusal());
  EXPECT_EQ(spool.next_seq(), Seq(2));
  EXPECT_EQ(spool.pending(), 0u);
}

TEST(FullSpool, AnOrderlyEndKeepsWhatWasHeldIfTheDiskTakesItThen) {
  const TempDir dir;
  {
    auto spool = open_on_disk(dir.str());
    store_refused(spool);
  }
  auto next = open_on_disk(dir.str());
  EXPECT_THAT(numbers(next), ElementsAre(1));
  EXPECT_EQ(next.pending_gap(), 0u);
}

TEST(FullSpool, AKilledProcessLeavesAGapOfWhatOnlyMemoryHeldAndNoNumberIsGivenOutAgain) {
  const TempDir dir;
  auto spool = open_on_disk(dir.str());
  store(spool);
  for (int i = 0; i < 3; ++i)
    store_refused(spool);
  spool.ack(Seq(3));
  EXPECT_THAT(numbers(spool), ElementsAre(1, 2, 4));
  const Left killed(dir.str());
  auto next = open_on_disk(killed.str());
  EXPECT_EQ(next.incarnation(), spool.incarnation());
  EXPECT_EQ(next.next_seq(), Seq(5));
  EXPECT_THAT(numbers(next), ElementsAre(1));
  EXPECT_EQ(next.pending_gap(), 2u) << "2 and 4; 3 is at the coordinator";
}

TEST(FullSpool, TheGapThatAHeldReportCarriesIsToldOnce) {
  const TempDir dir;
  auto spool = open_on_disk(dir.str());
  spool.count_lost();
  store_refused(spool);
  EXPECT_EQ(spool.pending_gap(), 0u);
  const Left killed_before(dir.str());
  EXPECT_EQ(open_on_disk(killed_before.str()).pending_gap(), 2u) << "the report, and the one it was to tell of";
  ASSERT_TRUE(spool.try_disk());
  const Left killed_after(dir.str());
  auto next = open_on_disk(killed_after.str());
  EXPECT_EQ(next.pending_gap(), 0u);
  EXPECT_EQ(next.peek(Seq(1), 1)->at(0).gap_reports, 1u);
}

TEST(FullSpool, AHeldReportThatNobodyTakesIsAGapWithTheOneItCarried) {
  const TempDir dir;
  auto spool = open_on_disk(dir.str());
  store(spool);
  spool.count_lost();
  store_refused(spool);
  spool.drop(Seq(2));
  EXPECT_EQ(spool.pending_gap(), 2u);
  EXPECT_EQ(spool.in_memory(), 0u);
  const Left killed(dir.str());
  EXPECT_EQ(open_on_disk(killed.str()).pending_gap(), 2u);
}

TEST(FullSpool, MemoryHasTheSameBoundsAsTheDisk) {
  for (const SpoolLimits& limits : {SpoolLimits{.max_bytes = 2'000}, SpoolLimits{.max_reports = 8}}) {
    const TempDir dir;
    auto spool = open_refused(dir.str(), limits);
    for (int i = 0; i < 50; ++i) {
      store_refused(spool, 0);
      ASSERT_LE(spool.in_memory(), 8u);
    }
    EXPECT_EQ(spool.in_memory(), 8u);
    EXPECT_EQ(spool.dropped(), 42u);
    std::uint64_t counted = spool.pending_gap();
    const auto reports = spool.peek(Seq(1), 50);
    for (const auto& report : *reports)
      counted += report.gap_reports;
    EXPECT_EQ(counted, 42u);
    store(spool);
    EXPECT_EQ(spool.in_memory(), 0u);
    EXPECT_LE(spool.disk_bytes(), limits.max_bytes);
    EXPECT_LE(spool.pending(), 8u);
  }
}

TEST(SpoolWithoutDisk, HasAnIncarnationOfItsOwnUntilTheDiskTakesThat) {
  const TempDir dir;
  auto before = open_on_disk(dir.str());
  for (int i = 0; i < 3; ++i)
    store(before);
  before.ack(Seq(1));
  const auto left = before.incarnation();
  before.abandon();

  auto spool = open_refused(dir.str());
  EXPECT_NE(spool.incarnation(), left);
  EXPECT_TRUE(spool.is_new_incarnation());
  ASSERT_TRUE(spool.refusal());
  store_refused(spool, 0);
  store_refused(spool, 0);
  EXPECT_THAT(numbers(spool), ElementsAre(1, 2));
  spool.ack(Seq(1));
  EXPECT_THAT(numbers(spool), ElementsAre(2));
  store(spool);
  EXPECT_FALSE(spool.refusal());
  EXPECT_EQ(spool.in_memory(), 0u);
  EXPECT_EQ(spool.pending_gap(), 2u) << "what the incarnation before had left";
  EXPECT_THAT(spool.notes(), testing::Contains(HasSubstr("2 reports of the incarnation before dropped")));
  store(spool);
  const Left killed(dir.str());
  auto next = open_on_disk(killed.str());
  EXPECT_EQ(next.incarnation(), spool.incarnation());
  EXPECT_THAT(numbers(next), ElementsAre(2, 3, 4));
  EXPECT_EQ(next.peek(Seq(4), 1)->at(0).gap_reports, 2u);
  EXPECT_EQ(next.pending_gap(), 0u);
}

TEST(SpoolWithoutDisk, NoLifeHasTheIncarnationOfAnotherAndTheOneOnDiskDoesNotComeBack) {
  const TempDir dir;
  std::set<model::Incarnation> seen;
  {
    auto first = open_on_disk(dir.str());
    store(first);
    seen.insert(first.incarnation());
  }
  for (int life = 0; life < 10; ++life) {
    auto spool = open_refused(dir.str());
    store_refused(spool, 0);
    EXPECT_TRUE(seen.insert(spool.incarnation()).second);
    spool.abandon();
  }
  // A store that keeps the numbers of the last 8 has forgotten those of the first.
  const auto back = open_on_disk(dir.str());
  EXPECT_FALSE(seen.contains(back.incarnation()));
  EXPECT_EQ(back.pending_gap(), 1u);
}

TEST(SpoolWithoutDisk, ADiskThatTakesHeadAndNoStateIsNotYetItsAndNothingIsCountedTwice) {
  const TempDir dir;
  auto before = open_on_disk(dir.str());
  store(before);
  before.abandon();
  auto spool = open_refused(dir.str());
  fs::create_directory(dir.path() / "state.new");
  store(spool);
  EXPECT_EQ(spool.in_memory(), 1u);
  EXPECT_TRUE(spool.refusal());
  EXPECT_EQ(spool.pending_gap(), 1u);
  store(spool);
  EXPECT_EQ(spool.in_memory(), 2u);
  EXPECT_EQ(spool.pending_gap(), 0u);
  fs::remove(dir.path() / "state.new");
  ASSERT_TRUE(spool.try_disk());
  EXPECT_EQ(spool.pending_gap(), 0u) << "the second report carries it";
  const Left killed(dir.str());
  auto next = open_on_disk(killed.str());
  EXPECT_EQ(next.incarnation(), spool.incarnation());
  EXPECT_THAT(numbers(next), ElementsAre(1, 2));
  EXPECT_EQ(next.peek(Seq(2), 1)->at(0).gap_reports, 1u);
  EXPECT_EQ(next.pending_gap(), 0u);
}

TEST(SpoolWithoutDisk, ADirectoryThatCannotBeMadeIsTriedAgain) {
  const TempDir dir;
  dir.write("below", "a file");
  const auto place = dir.str() + "/below/spool";
  const auto refused = Spool::open(place, {}, kSameBoot);
  ASSERT_FALSE(refused);
  auto spool = Spool::without_disk(place, {}, kSameBoot, refused.error());
  store(spool);
  EXPECT_EQ(spool.in_memory(), 1u);
  fs::remove(dir.path() / "below");
  fs::create_directory(dir.path() / "below");
  store(spool);
  EXPECT_EQ(spool.in_memory(), 0u);
  EXPECT_THAT(numbers(spool), ElementsAre(1, 2));
  EXPECT_FALSE(fs::exists(place + "/room"));
}

}  // namespace
}  // namespace tideline::spool
