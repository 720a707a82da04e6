#include "node-actor/guard/restore.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/guard/fixture.h"
#include "test/support/temp_dir.h"

namespace tideline::guard {
namespace {

using Outcome = RestoreItem::Outcome;
using test::TempDir;

constexpr const char* kQuota = "cpu/besteffort/cpu.cfs_quota_us";
constexpr const char* kShares = "cpu/besteffort/cpu.shares";

class Restore : public testing::Test {
 protected:
  Restore()
      : quota_(host_.write(kQuota, "-1\n")),
        shares_(host_.write(kShares, "1024\n")),
        lease_(std::move(*Lease::take(state_.str()))),
        journal_(std::move(*Journal::open(state_.str()))) {}

  /// The agent limits BE and lowers its weight.
  void act() {
    ASSERT_TRUE(write_gated(gate_, quota_, "88000"));
    ASSERT_TRUE(write_gated(gate_, shares_, "2"));
  }
  RestoreReport full() { return *restore_all(state_.str()); }
  std::string quota() const { return host_.read(kQuota); }
  std::string shares() const { return host_.read(kShares); }
  static Outcome outcome_of(const RestoreReport& report, const std::string& path) {
    for (const auto& item : report.items) {
      if (item.file.path == path) return item.outcome;
    }
    ADD_FAILURE() << path << " is not in the report:\n" << report.text();
    return Outcome::kFailed;
  }

  TempDir host_;
  TempDir state_;
  std::string quota_;
  std::string shares_;
  Lease lease_;
  Journal journal_;
  JournalGate gate_{
      journal_, lease_, [](const model::KernelWrite& write, const std::string&) {
        return write.value == "2" ? Declaration{RestoreClass::kKeep, ""} : Declaration{RestoreClass::kRestore, "2000"};
      }};
};

TEST_F(Restore, EveryOriginalComesBackAndTheJournalIsEmpty) {
  act();
  const auto report = full();
  EXPECT_EQ(quota(), "-1");
  EXPECT_EQ(shares(), "1024");
  EXPECT_EQ(outcome_of(report, quota_), Outcome::kRestored);
  EXPECT_EQ(outcome_of(report, shares_), Outcome::kRestored);
  EXPECT_TRUE(report.complete());
  EXPECT_THAT(report.text(), testing::HasSubstr(quota_ + ": \"88000\" -> \"-1\""));
  EXPECT_EQ(state_.read("journal"), "");
  EXPECT_TRUE(full().items.empty()) << "a second release has nothing to do";
}

TEST_F(Restore, SafeStateWithVerifiedOrderingLiftsTheQuotaAndKeepsTheWeight) {
  act();
  const auto report = restore(journal_, RestoreMode::kSafeState, true);
  EXPECT_EQ(quota(), "-1");
  EXPECT_EQ(shares(), "2");
  EXPECT_EQ(outcome_of(report, shares_), Outcome::kKept);
  EXPECT_EQ(journal_.records().size(), 2u) << "nothing is forgotten";
}

TEST_F(Restore, SafeStateWithoutVerifiedOrderingHoldsBeAtItsSafeValue) {
  act();
  auto report = restore(journal_, RestoreMode::kSafeState, false);
  EXPECT_EQ(quota(), "2000");
  EXPECT_EQ(outcome_of(report, quota_), Outcome::kSafeValue);
  report = restore(journal_, RestoreMode::kSafeState, false);
  EXPECT_EQ(outcome_of(report, quota_), Outcome::kSafeValue) << "again";
  full();
  EXPECT_EQ(quota(), "-1") << "the safe value is ours, so that the original can still come back";
}

TEST_F(Restore, AValueSomebodyElseWroteIsLeftAndNamed) {
  act();
  host_.write(kQuota, "55555\n");
  for (const bool verified : {false, true}) {
    const auto report = restore(journal_, RestoreMode::kSafeState, verified);
    EXPECT_EQ(outcome_of(report, quota_), Outcome::kDrifted);
  }
  const auto report = full();
  EXPECT_EQ(quota(), "55555\n");
  EXPECT_EQ(outcome_of(report, quota_), Outcome::kDrifted);
  EXPECT_THAT(report.text(), testing::HasSubstr("55555"));
  EXPECT_TRUE(report.complete());
}

TEST_F(Restore, AnOriginalThatIsThereAlreadyIsNotWritten) {
  act();
  host_.write(kQuota, "-1\n");
  EXPECT_EQ(outcome_of(full(), quota_), Outcome::kAlreadyOriginal);
}

TEST_F(Restore, ACgroupMadeAgainNeverGetsTheOldValue) {
  act();
  const auto group = host_.path() / "cpu/besteffort";
  // The old directory stays beside, so that the new one cannot get its inode.
  std::filesystem::rename(group, host_.path() / "cpu/old");
  host_.write(kQuota, "88000\n");
  const auto report = full();
  EXPECT_EQ(quota(), "88000\n");
  EXPECT_EQ(outcome_of(report, quota_), Outcome::kGone);
  EXPECT_THAT(report.text(), testing::HasSubstr("made again"));
}

TEST_F(Restore, AVanishedCgroupIsNamedAndForgotten) {
  act();
  std::filesystem::remove_all(host_.path() / "cpu");
  const auto report = full();
  EXPECT_EQ(outcome_of(report, quota_), Outcome::kGone);
  EXPECT_TRUE(report.complete());
  EXPECT_EQ(state_.read("journal"), "");
}

TEST_F(Restore, WhatCannotBeWrittenStaysInTheJournal) {
  act();
  std::filesystem::remove(quota_);
  std::filesystem::create_directory(quota_);
  auto report = full();
  EXPECT_EQ(outcome_of(report, quota_), Outcome::kFailed);
  EXPECT_FALSE(report.complete());
  EXPECT_EQ(shares(), "1024") << "the others are put back all the same";
  std::filesystem::remove(quota_);
  host_.write(kQuota, "88000\n");
  report = full();
  EXPECT_EQ(outcome_of(report, quota_), Outcome::kRestored);
  EXPECT_EQ(quota(), "-1");
}

TEST_F(Restore, AnotherBootGetsNothing) {
  act();
  const auto report = restore_all(state_.str(), "another-boot");
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->items.empty());
  EXPECT_EQ(quota(), "88000");
}

TEST_F(Restore, AFileCutOffByAKillIsPutBack) {
  act();
  host_.write(kQuota, "");
  full();
  EXPECT_EQ(quota(), "-1");
}

}  // namespace
}  // namespace tideline::guard
