#include "node-actor/guard/audit_ring.h"

#include <filesystem>
#include <random>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/support/file_size_limit.h"
#include "test/support/temp_dir.h"

namespace tideline::guard {
namespace {

namespace fs = std::filesystem;
using model::Incarnation;
using model::Seq;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Incarnation kSpool{7};

model::Event write_of(int i) {
  return {model::WallTime{1'000 + i}, model::Controller::kCpuBurst,
          model::Reason::kThrottled,  fmt::format("kubepods/burstable/pod{}/cpu.cfs_quota_us", i),
          std::to_string(i),          std::to_string(i + 1)};
}

std::vector<std::uint64_t> numbers(const std::vector<AuditRecord>& records) {
  std::vector<std::uint64_t> all;
  for (const auto& record : records)
    all.push_back(record.number);
  return all;
}

class AuditRingTest : public testing::Test {
 protected:
  AuditRing open(std::size_t file_bytes = AuditLimits{}.file_bytes) const {
    auto ring = AuditRing::open(dir_.str(), {file_bytes});
    EXPECT_TRUE(ring.ok()) << ring.error().message();
    return std::move(*ring);
  }
  std::vector<AuditRecord> held() const {
    const auto reading = read_audit(dir_.str());
    EXPECT_TRUE(reading.ok()) << reading.error().message();
    return reading->records;
  }
  std::string path() const { return dir_.str() + "/audit"; }

  const test::TempDir dir_;
};

TEST_F(AuditRingTest, HoldsControllerReasonOldAndNewValueOfEachWrite) {
  auto ring = open();
  EXPECT_EQ(ring.add(write_of(1)), 1u);
  EXPECT_EQ(ring.add(write_of(2)), 2u);
  EXPECT_THAT(held(), ElementsAre(AuditRecord{1, write_of(1)}, AuditRecord{2, write_of(2)}))
      << "also while its owner has it open";
}

TEST_F(AuditRingTest, WrapsAndKeepsTheNewest) {
  constexpr std::size_t kFile = 4096;
  {
    auto ring = open(kFile);
    for (int i = 1; i <= 500; ++i)
      ring.add(write_of(i));
  }
  EXPECT_LE(fs::file_size(path()), kFile);
  EXPECT_LE(fs::file_size(path() + ".old"), kFile);
  const auto records = held();
  ASSERT_GT(records.size(), kFile / 200);
  for (std::size_t i = 0; i < records.size(); ++i)
    EXPECT_EQ(records[i].number, 500 - records.size() + 1 + i);
  auto ring = open(kFile);
  const auto untold = ring.take_untold(kSpool, Seq(1));
  EXPECT_EQ(untold.records.size(), records.size());
  EXPECT_EQ(untold.lost, 500 - records.size()) << "the others were never told";
  EXPECT_EQ(ring.add(write_of(501)), 501u);
}

TEST_F(AuditRingTest, WhatAStoredReportTellsIsNotToldAgain) {
  {
    auto ring = open();
    for (int i = 1; i <= 3; ++i)
      ring.add(write_of(i));
    ring.telling(kSpool, Seq(4), 2);
  }
  auto ring = open();
  EXPECT_THAT(numbers(ring.take_untold(kSpool, Seq(5)).records), ElementsAre(3u));
  EXPECT_THAT(ring.take_untold(kSpool, Seq(5)).records, IsEmpty()) << "once";
}

TEST_F(AuditRingTest, KilledBeforeTheReportWasStoredItsEventsAreToldAgain) {
  {
    auto ring = open();
    for (int i = 1; i <= 4; ++i)
      ring.add(write_of(i));
    ring.telling(kSpool, Seq(4), 2);
    ring.telling(kSpool, Seq(5), 4);
  }
  {
    auto ring = open();
    EXPECT_THAT(numbers(ring.take_untold(kSpool, Seq(5)).records), ElementsAre(3u, 4u)) << "report 4 told the others";
    ring.add(write_of(5));
    // The next report has the number of the one that never was.
    ring.telling(kSpool, Seq(5), 5);
  }
  {
    auto ring = open();
    EXPECT_THAT(numbers(ring.take_untold(kSpool, Seq(5)).records), ElementsAre(3u, 4u, 5u)) << "killed once more";
    ring.telling(kSpool, Seq(5), 5);
  }
  EXPECT_THAT(open().take_untold(kSpool, Seq(6)).records, IsEmpty());
}

TEST_F(AuditRingTest, AReportThatTheDiskRefusedIsStoredLaterWithMore) {
  {
    auto ring = open();
    ring.add(write_of(1));
    ring.telling(kSpool, Seq(1), 1);
    ring.add(write_of(2));
    ring.telling(kSpool, Seq(1), 2);
  }
  EXPECT_THAT(numbers(open().take_untold(kSpool, Seq(1)).records), ElementsAre(1u, 2u));
  EXPECT_THAT(open().take_untold(kSpool, Seq(2)).records, IsEmpty());
}

TEST_F(AuditRingTest, ReportsOfAnotherSpoolCountAsTold) {
  {
    auto ring = open();
    ring.add(write_of(1));
    ring.telling(kSpool, Seq(9), 1);
    ring.add(write_of(2));
  }
  EXPECT_THAT(numbers(open().take_untold(Incarnation(8), Seq(1)).records), ElementsAre(2u));
}

TEST_F(AuditRingTest, HowFarItIsToldOutlivesTheFileItWasWrittenIn) {
  constexpr std::size_t kFile = 1024;
  {
    auto ring = open(kFile);
    ring.add(write_of(1));
    ring.telling(kSpool, Seq(1), 1);
    for (int i = 2; i <= 100; ++i)
      ring.add(write_of(i));
  }
  auto ring = open(kFile);
  const auto untold = ring.take_untold(kSpool, Seq(2));
  EXPECT_EQ(untold.records.size() + untold.lost, 99u);
}

TEST_F(AuditRingTest, CutAnywhereItHoldsAPrefixAndGoesOn) {
  {
    auto ring = open();
    for (int i = 1; i <= 3; ++i)
      ring.add(write_of(i));
  }
  const auto whole = dir_.read("audit");
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    dir_.write("audit", whole.substr(0, cut));
    auto ring = open();
    const auto untold = ring.take_untold(kSpool, Seq(1));
    const auto kept = untold.records.size();
    EXPECT_EQ(ring.notes().size(), untold.lost) << cut;
    EXPECT_LT(kept, 3u);
    EXPECT_EQ(ring.add(write_of(9)), kept + 1);
    ASSERT_THAT(held(), SizeIs(kept + 1)) << cut;
  }
}

TEST_F(AuditRingTest, RandomDamageIsLeftOutOrCutAndNeverACrash) {
  {
    auto ring = open();
    for (int i = 1; i <= 6; ++i) {
      ring.add(write_of(i));
      if (i % 2 == 0) ring.telling(kSpool, Seq(static_cast<std::uint64_t>(i)), static_cast<std::uint64_t>(i) - 1);
    }
  }
  const auto whole = dir_.read("audit");
  std::mt19937 random(5);
  for (int round = 0; round < 2000; ++round) {
    auto bytes = whole;
    const auto flips = 1 + random() % 16;
    for (unsigned i = 0; i < flips; ++i)
      bytes[random() % bytes.size()] ^= static_cast<char>(1U << random() % 8);
    if (random() % 4 == 0) bytes.resize(random() % bytes.size());
    dir_.write(random() % 2 == 0 ? "audit" : "audit.old", bytes);
    for (const auto& record : held()) {
      ASSERT_LE(record.number, 6u) << round;
      ASSERT_EQ(record.event, write_of(static_cast<int>(record.number))) << round;
    }
    auto ring = open();
    ring.take_untold(kSpool, Seq(3));
    EXPECT_GE(ring.add(write_of(50)), 1u);
    dir_.write("audit", "");
    dir_.write("audit.old", "");
  }
}

TEST_F(AuditRingTest, ADiskThatRefusesIsToldOfOnceAndTheNumbersGoOn) {
  auto ring = open();
  ring.add(write_of(1));
  {
    const test::FileSizeLimit full(fs::file_size(path()) + 20);
    EXPECT_EQ(ring.add(write_of(2)), 2u);
    const auto trouble = ring.take_trouble();
    ASSERT_TRUE(trouble.has_value());
    EXPECT_THAT(trouble->message(), HasSubstr(path()));
    EXPECT_EQ(ring.add(write_of(3)), 3u);
    EXPECT_FALSE(ring.take_trouble().has_value());
  }
  EXPECT_EQ(ring.add(write_of(4)), 4u);
  EXPECT_THAT(numbers(held()), ElementsAre(1u, 4u)) << "no half frame stands in between";
  EXPECT_EQ(open().take_untold(kSpool, Seq(1)).lost, 2u);
}

TEST_F(AuditRingTest, WhereThereIsNoneOrNoFileThatIsSaid) {
  const auto none = read_audit(dir_.str());
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().code(), model::ErrorCode::kNotFound);
  fs::create_directory(path());
  EXPECT_FALSE(AuditRing::open(dir_.str()).ok());
  EXPECT_FALSE(read_audit(dir_.str()).ok());
}

}  // namespace
}  // namespace tideline::guard
