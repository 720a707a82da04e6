#include "node-actor/spool/spool.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node-actor/frames/frames.h"
#include "test/support/file_size_limit.h"
#include "test/support/temp_dir.h"

namespace tideline::spool {
namespace {

namespace fs = std::filesystem;
using frames::make_frame;
using model::ErrorCode;
using model::Seq;
using test::TempDir;
using testing::ElementsAre;

constexpr const char* kBoot = "boot-a";

Spool open(const std::string& dir, const SpoolLimits& limits = {}, const std::string& boot = kBoot) {
  auto spool = Spool::open(dir, limits, boot);
  EXPECT_TRUE(spool.ok()) << (spool.ok() ? "" : spool.error().message());
  return std::move(*spool);
}

void add(Spool& spool, const std::string& bytes) {
  const auto result = spool.append(spool.next_seq(), spool.pending_gap(), bytes);
  ASSERT_TRUE(result) << result.error().message();
}

std::vector<std::uint64_t> held(Spool& spool) {
  std::vector<std::uint64_t> seqs;
  const auto reports = spool.peek(Seq(0), 1'000'000);
  EXPECT_TRUE(reports);
  for (const auto& report : *reports)
    seqs.push_back(report.seq.value());
  return seqs;
}

/// The directory as a process killed now would leave it.
class Copy {
 public:
  explicit Copy(const std::string& dir) { fs::copy(dir, dir_.path() / "spool", fs::copy_options::recursive); }
  std::string str() const { return (dir_.path() / "spool").string(); }

 private:
  TempDir dir_;
};

TEST(Spool, GivesBackInOrderWhatWasAppended) {
  const TempDir dir;
  auto spool = open(dir.str());
  for (int i = 1; i <= 5; ++i)
    add(spool, "report " + std::to_string(i));
  const auto reports = spool.peek(Seq(2), 3);
  ASSERT_TRUE(reports);
  ASSERT_EQ(reports->size(), 3u);
  EXPECT_EQ((*reports)[0].seq, Seq(2));
  EXPECT_EQ((*reports)[0].bytes, "report 2");
  EXPECT_EQ((*reports)[2].bytes, "report 4");
  EXPECT_EQ(spool.pending(), 5u);
}

TEST(Spool, NumbersStartAtOneAndLeaveNoHoles) {
  const TempDir dir;
  auto spool = open(dir.str());
  EXPECT_EQ(spool.next_seq(), Seq(1));
  add(spool, "a");
  EXPECT_EQ(spool.next_seq(), Seq(2));
  EXPECT_FALSE(spool.append(Seq(3), 0, "b")) << "skips a number";
  EXPECT_FALSE(spool.append(Seq(1), 0, "b")) << "gives a number out twice";
  EXPECT_FALSE(spool.append(Seq(2), 7, "b")) << "carries a gap that is none";
  EXPECT_EQ(spool.next_seq(), Seq(2));
}

TEST(Spool, AckedReportsAreGoneAlsoInTheNextLife) {
  const TempDir dir;
  {
    auto spool = open(dir.str());
    for (int i = 1; i <= 6; ++i)
      add(spool, "r");
    spool.ack(Seq(1));
    spool.ack(Seq(4));
    spool.ack(Seq(4));
    spool.ack(Seq(99));
    EXPECT_THAT(held(spool), ElementsAre(2, 3, 5, 6));
    EXPECT_EQ(spool.pending(), 4u);
    spool.ack_through(Seq(3));
    EXPECT_THAT(held(spool), ElementsAre(5, 6));
  }
  auto spool = open(dir.str());
  EXPECT_THAT(held(spool), ElementsAre(5, 6));
  EXPECT_EQ(spool.next_seq(), Seq(7));
  EXPECT_EQ(spool.pending_gap(), 0u);
}

TEST(Spool, ANumberIsNotGivenOutAgainWhenAllIsAcked) {
  const TempDir dir;
  model::Incarnation incarnation;
  {
    auto spool = open(dir.str());
    incarnation = spool.incarnation();
    EXPECT_TRUE(spool.is_new_incarnation());
    for (int i = 0; i < 3; ++i)
      add(spool, "r");
    spool.ack_through(Seq(3));
  }
  for (const auto& entry : fs::directory_iterator(dir.path())) {
    if (entry.path().filename().string().starts_with("seg-")) fs::remove(entry.path());
  }
  auto spool = open(dir.str());
  EXPECT_EQ(spool.incarnation(), incarnation);
  EXPECT_FALSE(spool.is_new_incarnation());
  EXPECT_EQ(spool.next_seq(), Seq(4));
  EXPECT_TRUE(spool.notes().empty());
}

TEST(Spool, SurvivesAKill) {
  const TempDir dir;
  auto spool = open(dir.str());
  for (int i = 0; i < 4; ++i)
    add(spool, "r");
  spool.ack(Seq(1));
  const Copy killed(dir.str());
  auto next = open(killed.str());
  EXPECT_EQ(next.incarnation(), spool.incarnation());
  EXPECT_THAT(held(next), ElementsAre(2, 3, 4));
  EXPECT_TRUE(next.notes().empty()) << next.notes()[0];
}

TEST(Spool, AnAbandonedOneIsAsAKillLeavesIt) {
  const TempDir dir;
  auto spool = open(dir.str());
  add(spool, "a");
  add(spool, "b");
  spool.ack(Seq(1));
  const auto incarnation = spool.incarnation();
  spool.abandon();
  auto again = open(dir.str());
  EXPECT_EQ(again.incarnation(), incarnation);
  EXPECT_THAT(held(again), ElementsAre(2));
  again.abandon();
  const auto after_power_loss = open(dir.str(), {}, "boot-b");
  EXPECT_NE(after_power_loss.incarnation(), incarnation);
  EXPECT_EQ(after_power_loss.pending_gap(), 1u);
}

TEST(Spool, AnAckOutOfOrderForgottenByAKillIsOfferedAgainAndNotCounted) {
  const TempDir dir;
  auto spool = open(dir.str());
  for (int i = 0; i < 3; ++i)
    add(spool, "r");
  spool.ack(Seq(2));
  const Copy killed(dir.str());
  auto next = open(killed.str());
  EXPECT_THAT(held(next), ElementsAre(1, 2, 3));
  EXPECT_EQ(next.pending_gap(), 0u);
}

TEST(Spool, AfterAPowerLossTheIncarnationIsNewAndTheRestIsACountedGap) {
  const TempDir dir;
  auto spool = open(dir.str());
  for (int i = 0; i < 4; ++i)
    add(spool, "r");
  spool.ack(Seq(1));
  const Copy lost(dir.str());
  {
    auto next = open(lost.str(), {}, "boot-b");
    EXPECT_NE(next.incarnation(), spool.incarnation());
    EXPECT_TRUE(next.is_new_incarnation());
    EXPECT_EQ(next.next_seq(), Seq(1));
    EXPECT_EQ(next.pending_gap(), 3u);
    EXPECT_EQ(next.pending(), 0u);
    ASSERT_EQ(next.notes().size(), 1u);
    EXPECT_THAT(next.notes()[0], testing::HasSubstr("the host went down"));
  }
  auto again = open(lost.str(), {}, "boot-b");
  EXPECT_FALSE(again.is_new_incarnation());
  EXPECT_EQ(again.pending_gap(), 3u) << "until a report has carried it";
}

TEST(Spool, ACleanStopKeepsTheIncarnationOverABoot) {
  const TempDir dir;
  model::Incarnation incarnation;
  {
    auto spool = open(dir.str());
    incarnation = spool.incarnation();
    add(spool, "r");
  }
  auto spool = open(dir.str(), {}, "boot-b");
  EXPECT_EQ(spool.incarnation(), incarnation);
  EXPECT_THAT(held(spool), ElementsAre(1));
}

TEST(Spool, AnUnknownBootIsAnotherBoot) {
  const TempDir dir;
  auto spool = open(dir.str(), {}, "");
  const Copy killed(dir.str());
  EXPECT_NE(open(killed.str(), {}, "").incarnation(), spool.incarnation());
}

TEST(Spool, LostOrRottenStateMeansANewIncarnation) {
  for (const char* file : {"state", "head"}) {
    for (const bool rotten : {false, true}) {
      const TempDir dir;
      model::Incarnation incarnation;
      {
        auto spool = open(dir.str());
        incarnation = spool.incarnation();
        for (int i = 0; i < 3; ++i)
          add(spool, "r");
      }
      if (rotten) {
        dir.write(file, "garbage");
      } else {
        fs::remove(dir.path() / file);
      }
      auto spool = open(dir.str());
      EXPECT_NE(spool.incarnation(), incarnation) << file;
      EXPECT_EQ(spool.pending_gap(), 3u) << file;
      EXPECT_EQ(spool.next_seq(), Seq(1)) << file;
      EXPECT_FALSE(spool.notes().empty());
    }
  }
}

TEST(Spool, OverflowDropsTheOldestAndTheCountTravelsWithTheNextReport) {
  const TempDir dir;
  auto spool = open(dir.str(), {.max_bytes = 1 << 20, .max_reports = 3, .segment_bytes = 1 << 10});
  for (int i = 1; i <= 3; ++i)
    add(spool, "r");
  EXPECT_EQ(spool.pending_gap(), 0u);
  add(spool, "r4");
  EXPECT_THAT(held(spool), ElementsAre(2, 3, 4));
  EXPECT_EQ(spool.pending_gap(), 1u);
  add(spool, "r5");
  EXPECT_EQ(spool.pending_gap(), 1u) << "one more was dropped for r5";
  EXPECT_EQ(spool.dropped(), 2u);
  const auto reports = spool.peek(Seq(4), 2);
  EXPECT_EQ((*reports)[0].gap_reports, 0u);
  EXPECT_EQ((*reports)[1].gap_reports, 1u);
}

TEST(Spool, ADroppedReportHandsItsOwnGapOn) {
  const TempDir dir;
  auto spool = open(dir.str(), {.max_bytes = 1 << 20, .max_reports = 1, .segment_bytes = 1 << 10});
  for (int i = 1; i <= 10; ++i)
    add(spool, "r");
  const auto reports = spool.peek(Seq(1), 10);
  ASSERT_EQ(reports->size(), 1u);
  EXPECT_EQ((*reports)[0].gap_reports + spool.pending_gap(), 9u);
  const Copy killed(dir.str());
  auto next = open(killed.str());
  EXPECT_EQ((*next.peek(Seq(1), 10))[0].gap_reports + next.pending_gap(), 9u);
}

TEST(Spool, DiskStaysWithinItsBytes) {
  const TempDir dir;
  const SpoolLimits limits{.max_bytes = 16 << 10, .max_reports = 100'000, .segment_bytes = 1 << 20};
  auto spool = open(dir.str(), limits);
  for (int i = 0; i < 500; ++i) {
    add(spool, std::string(300, 'x'));
    std::uintmax_t on_disk = 0;
    for (const auto& entry : fs::directory_iterator(dir.path())) {
      if (entry.path().filename().string().starts_with("seg-")) on_disk += entry.file_size();
    }
    ASSERT_LE(on_disk, limits.max_bytes);
    ASSERT_EQ(on_disk, spool.disk_bytes());
  }
  std::uint64_t counted = spool.pending_gap();
  const auto reports = spool.peek(Seq(1), 500);
  for (const auto& report : *reports)
    counted += report.gap_reports;
  EXPECT_EQ(counted, spool.dropped());
  EXPECT_EQ(spool.dropped() + spool.pending(), 500u);
  EXPECT_GT(spool.pending(), 20u);
}

TEST(Spool, AReportLargerThanTheSpoolIsRefusedAndHarmsNothing) {
  const TempDir dir;
  auto spool = open(dir.str(), {.max_bytes = 1000, .max_reports = 10, .segment_bytes = 100});
  add(spool, "small");
  const auto result = spool.append(spool.next_seq(), 0, std::string(1000, 'x'));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kOverloaded);
  EXPECT_THAT(held(spool), ElementsAre(1));
  EXPECT_EQ(spool.next_seq(), Seq(2));
}

TEST(Spool, ARottenReportIsDroppedAndCountedAndTheOthersStand) {
  const TempDir dir;
  {
    auto spool = open(dir.str());
    for (int i = 1; i <= 3; ++i)
      add(spool, "payload-" + std::to_string(i));
  }
  auto segment = dir.read("seg-00000000000000000001");
  segment[segment.find("payload-2") + 3] ^= 1;
  dir.write("seg-00000000000000000001", segment);
  {
    auto spool = open(dir.str());
    EXPECT_THAT(held(spool), ElementsAre(1, 3));
    EXPECT_EQ(spool.pending_gap(), 1u);
  }
  {
    auto spool = open(dir.str());
    EXPECT_EQ(spool.pending_gap(), 1u) << "counted once, not at each open";
  }
  segment[segment.find("payload-3") + 3] ^= 1;
  dir.write("seg-00000000000000000001", segment);
  auto spool = open(dir.str());
  EXPECT_EQ(spool.pending_gap(), 2u) << "the first one is not counted again beside the second";
}

TEST(Spool, AReportThatRotsWhileTheSpoolIsOpenIsDroppedAndCounted) {
  const TempDir dir;
  auto spool = open(dir.str());
  for (int i = 1; i <= 3; ++i)
    add(spool, "payload-" + std::to_string(i));
  auto segment = dir.read("seg-00000000000000000001");
  std::fstream(dir.path() / "seg-00000000000000000001", std::ios::in | std::ios::out)
      .seekp(static_cast<std::streamoff>(segment.find("payload-2")))
      .write("X", 1);
  EXPECT_THAT(held(spool), ElementsAre(1, 3));
  EXPECT_EQ(spool.pending_gap(), 1u);
  EXPECT_EQ(spool.pending(), 2u);
}

TEST(Spool, AReportThatNobodyTakesIsAGapWithTheGapItCarried) {
  const TempDir dir;
  auto spool = open(dir.str(), {.max_reports = 1});
  add(spool, "a");
  add(spool, "b");
  EXPECT_EQ(spool.pending_gap(), 1u);
  add(spool, "c");
  add(spool, "d");
  spool.drop(Seq(4));
  EXPECT_THAT(held(spool), ElementsAre());
  EXPECT_EQ(spool.pending(), 0u);
  EXPECT_EQ(spool.pending_gap(), 4u);
  EXPECT_EQ(spool.dropped(), 4u);
  spool.drop(Seq(4));
  spool.ack(Seq(4));
  EXPECT_EQ(spool.pending_gap(), 4u) << "once";
}

TEST(Spool, AReportDroppedOutOfOrderIsCountedOnceAlsoAcrossAKill) {
  const TempDir dir;
  auto spool = open(dir.str());
  for (const char* bytes : {"a", "b", "c"})
    add(spool, bytes);
  spool.drop(Seq(2));
  EXPECT_THAT(held(spool), ElementsAre(1u, 3u));
  const Copy killed(dir.str());
  {
    auto next = open(killed.str());
    EXPECT_THAT(held(next), ElementsAre(1u, 2u, 3u));
    EXPECT_EQ(next.pending_gap(), 0u);
    next.drop(Seq(2));
    next.ack(Seq(1));
    EXPECT_EQ(next.pending_gap(), 1u);
  }
  EXPECT_EQ(open(killed.str()).pending_gap(), 1u);
  spool.ack_through(Seq(3));
  EXPECT_EQ(spool.pending_gap(), 1u) << "an ack of all does not bring it back";
}

TEST(Spool, AReportThatNeverWasIsCounted) {
  const TempDir dir;
  auto spool = open(dir.str());
  spool.count_lost();
  const Copy killed(dir.str());
  EXPECT_EQ(open(killed.str()).pending_gap(), 1u);
  EXPECT_EQ(spool.next_seq(), Seq(1));
  add(spool, "a");
  EXPECT_EQ(spool.peek(Seq(1), 1)->front().gap_reports, 1u);
}

TEST(Spool, AFullDiskIsNamedAndUsesUpNeitherNumberNorGap) {
  const TempDir dir;
  auto spool = open(dir.str());
  add(spool, "a");
  spool.count_lost();
  {
    const test::FileSizeLimit no_room(0);
    const auto refused = spool.append(Seq(2), 1, "b");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::kUnavailable);
    EXPECT_THAT(refused.error().message(), testing::HasSubstr(dir.str() + "/seg-"));
  }
  EXPECT_EQ(spool.next_seq(), Seq(2));
  EXPECT_EQ(spool.pending_gap(), 1u);
  add(spool, "b");
  EXPECT_THAT(held(spool), ElementsAre(1u, 2u));
}

TEST(Spool, SegmentsStayUntilAHeadNoLongerSpeaksOfThem) {
  const TempDir dir;
  auto spool = open(dir.str(), {.segment_bytes = 1});
  for (const char* bytes : {"a", "b", "c"})
    add(spool, bytes);
  {
    const test::FileSizeLimit no_room(0);
    spool.ack_through(Seq(2));
  }
  EXPECT_FALSE(spool.notes().empty());
  const Copy killed(dir.str());
  auto next = open(killed.str());
  EXPECT_THAT(held(next), ElementsAre(1u, 2u, 3u)) << "offered again";
  EXPECT_EQ(next.pending_gap(), 0u) << "and not taken for lost";
  spool.ack(Seq(3));
  EXPECT_EQ(std::distance(fs::directory_iterator(dir.path()), {}), 3) << "state, head and one segment";
}

TEST(Spool, AMissingDiskIsNamed) {
  const auto spool = Spool::open("/proc/no-such-place/spool", {}, kBoot);
  ASSERT_FALSE(spool);
  EXPECT_EQ(spool.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(spool.error().message(), testing::HasSubstr("/proc/no-such-place/spool"));
}

TEST(SpoolCrash, TruncatedAtEachByteItHoldsAPrefixAndCountsTheRest) {
  const TempDir dir;
  const char* segment_name = "seg-00000000000000000001";
  constexpr std::uint64_t kReports = 5;
  auto spool = open(dir.str());
  for (std::uint64_t i = 1; i <= kReports; ++i)
    add(spool, std::string(i * 7, static_cast<char>('a' + i)));
  const auto whole = dir.read(segment_name);
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    const Copy crashed(dir.str());
    fs::resize_file(fs::path(crashed.str()) / segment_name, cut);
    auto next = open(crashed.str());
    ASSERT_EQ(next.incarnation(), spool.incarnation());
    ASSERT_EQ(next.next_seq(), Seq(kReports + 1)) << "numbers that were given out stay given out, cut at " << cut;
    const auto reports = next.peek(Seq(1), 100);
    ASSERT_EQ(reports->size() + next.pending_gap(), kReports) << "cut at " << cut;
    for (std::size_t i = 0; i < reports->size(); ++i) {
      ASSERT_EQ((*reports)[i].seq, Seq(i + 1));
      ASSERT_EQ((*reports)[i].bytes, std::string((i + 1) * 7, static_cast<char>('a' + i + 1)));
    }
    ASSERT_TRUE(next.append(next.next_seq(), next.pending_gap(), "after"));
    ASSERT_EQ(next.peek(Seq(kReports + 1), 1)->at(0).bytes, "after");
  }
}

TEST(SpoolCrash, AnyFlippedByteOfHeadOrStateIsSurvivedWithoutReusingANumber) {
  const TempDir dir;
  auto spool = open(dir.str());
  for (int i = 0; i < 3; ++i)
    add(spool, "r");
  spool.ack_through(Seq(2));
  for (const char* file : {"head", "state"}) {
    const auto bytes = dir.read(file);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      const Copy crashed(dir.str());
      auto rotten = bytes;
      rotten[at] = static_cast<char>(rotten[at] ^ 0x41);
      std::ofstream(fs::path(crashed.str()) / file) << rotten;
      auto next = open(crashed.str());
      if (next.incarnation() == spool.incarnation()) {
        ASSERT_EQ(next.next_seq(), Seq(4)) << file << " byte " << at;
        // With the newer head rotten the older one stands in: an acked report may be offered again.
        ASSERT_GE(next.pending(), 1u);
      } else {
        ASSERT_EQ(next.next_seq(), Seq(1));
        ASSERT_GE(next.pending_gap(), 1u);
      }
    }
  }
}

TEST(SpoolCrash, KilledBetweenFrameAndHeadNothingIsCountedTwiceOrLost) {
  const SpoolLimits limits{.max_bytes = 1 << 20, .max_reports = 3, .segment_bytes = 1 << 18};
  const TempDir dir;
  auto spool = open(dir.str(), limits);
  for (int i = 1; i <= 4; ++i)
    add(spool, "r" + std::to_string(i));
  ASSERT_EQ(spool.pending_gap(), 1u);
  const auto head_before = dir.read("head");
  add(spool, "r5");  // carries the gap of 1, and drops r2
  const Copy crashed(dir.str());
  std::ofstream(fs::path(crashed.str()) / "head") << head_before;
  auto next = open(crashed.str(), limits);
  EXPECT_EQ(next.incarnation(), spool.incarnation());
  EXPECT_EQ(next.next_seq(), Seq(6));
  EXPECT_THAT(held(next), ElementsAre(3, 4, 5));
  EXPECT_EQ(next.peek(Seq(5), 1)->at(0).gap_reports, 1u);
  EXPECT_EQ(next.pending_gap(), 1u) << "r2; r1 is in r5's gap";
}

/// A model of what must hold, against random use with kills, torn tails and restarts.
class SpoolLife : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Seeds, SpoolLife, testing::Range(1u, 21u));

TEST_P(SpoolLife, EveryNumberIsHeldAckedOrCountedWhateverHappens) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  std::mt19937 random(GetParam());
  const auto upto = [&](std::size_t max) { return std::uniform_int_distribution<std::size_t>(0, max)(random); };
  const SpoolLimits limits{
      .max_bytes = 2000 + upto(8000), .max_reports = 3 + upto(40), .segment_bytes = 100 + upto(900)};
  auto home = std::make_unique<TempDir>();
  std::string dir = home->str() + "/spool";
  auto spool = std::optional<Spool>(open(dir, limits));
  const auto incarnation = spool->incarnation();

  std::map<std::uint64_t, std::string> appended;  // of every number ever given out
  std::set<std::uint64_t> acked;
  std::map<std::uint64_t, std::uint64_t> gap_of;

  const auto check = [&] {
    const auto reports = spool->peek(Seq(0), 1'000'000);
    ASSERT_TRUE(reports);
    std::set<std::uint64_t> now;
    for (const auto& report : *reports) {
      const auto seq = report.seq.value();
      ASSERT_EQ(report.bytes, appended.at(seq));
      ASSERT_EQ(report.gap_reports, gap_of.at(seq));
      ASSERT_TRUE(now.insert(seq).second);
    }
    ASSERT_EQ(spool->pending(), now.size());
    ASSERT_LE(now.size(), limits.max_reports);
    ASSERT_LE(spool->disk_bytes(), limits.max_bytes);
    ASSERT_EQ(spool->next_seq(), Seq(appended.size() + 1));
    // Each number is held, was acked, or is counted in a gap that is held, acked or pending.
    std::uint64_t counted = spool->pending_gap();
    std::uint64_t gone = 0;
    for (const auto& [seq, bytes] : appended) {
      if (now.contains(seq) || acked.contains(seq)) {
        counted += gap_of.at(seq);
      } else {
        ++gone;
      }
    }
    ASSERT_EQ(counted, gone);
  };

  for (int step = 0; step < 300; ++step) {
    const auto what = upto(99);
    if (what < 55) {
      const auto seq = spool->next_seq().value();
      const auto gap = spool->pending_gap();
      const auto bytes = std::to_string(seq) + ":" + std::string(upto(200), 'x');
      ASSERT_TRUE(spool->append(Seq(seq), gap, bytes));
      appended[seq] = bytes;
      gap_of[seq] = gap;
    } else if (what < 80) {
      const auto reports = spool->peek(Seq(0), 1 + upto(5));
      if (reports->empty()) continue;
      // Only in order: what an ack out of order means after a kill has a test of its own.
      if (upto(1) == 0) {
        spool->ack(reports->front().seq);
        acked.insert(reports->front().seq.value());
      } else {
        for (const auto& report : *reports)
          acked.insert(report.seq.value());
        spool->ack_through(reports->back().seq);
      }
    } else if (what < 88) {
      spool.reset();
      spool.emplace(open(dir, limits));
    } else if (what < 96) {
      // kill -9: the files as they are; sometimes with the start of a report that was being appended.
      auto next_home = std::make_unique<TempDir>();
      const auto next_dir = next_home->str() + "/spool";
      fs::copy(dir, next_dir);
      if (upto(1) == 0) {
        std::string last;
        for (const auto& entry : fs::directory_iterator(next_dir)) {
          const auto name = entry.path().filename().string();
          if (name.starts_with("seg-")) last = std::max(last, name);
        }
        const auto frame = make_frame(incarnation.value(), spool->next_seq().value(), 0, std::string(50, 'y'));
        if (!last.empty())
          std::ofstream(next_dir + "/" + last, std::ios::app) << frame.substr(0, upto(frame.size() - 1));
      }
      spool.reset();
      spool.emplace(open(next_dir, limits));
      home = std::move(next_home);
      dir = next_dir;
    }
    ASSERT_EQ(spool->incarnation(), incarnation);
    check();
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace tideline::spool
