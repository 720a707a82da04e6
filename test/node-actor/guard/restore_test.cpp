#include "node-actor/guard/restore.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/guard/fixture.h"
#include "test/support/file_size_limit.h"
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

TEST_F(Restore, WhereTheDiskRefusesTheJournalToBeWrittenItIsReadAndPutBackAllTheSame) {
  act();
  // A file of its own has no room for it any more.
  std::filesystem::remove(state_.path() / "written");
  auto journal = [&] {
    const test::FileSizeLimit nothing(0);
    return journal_to_restore(state_.str(), {});
  }();
  ASSERT_TRUE(journal.ok()) << journal.error().message();
  auto report = restore(*journal, RestoreMode::kAllOriginals, false);
  settle(*journal, report);
  EXPECT_EQ(quota(), "-1");
  EXPECT_EQ(shares(), "1024");
  EXPECT_TRUE(report.complete());
  EXPECT_THAT(report.notes, testing::Contains(testing::HasSubstr(state_.str() + "/written")));
  EXPECT_THAT(report.notes, testing::Contains(testing::HasSubstr("the journal could not be emptied")));
  EXPECT_NE(state_.read("journal"), "");
}

TEST_F(Restore, AKnobOfMemoryThatIsNoNumberOfBytesComesBackToo) {
  const auto group = host_.write("memory/podb/memory.oom.group", "0\n");
  ASSERT_TRUE(write_gated(gate_, group, "1"));
  EXPECT_EQ(outcome_of(full(), group), Outcome::kRestored);
  EXPECT_EQ(host_.read("memory/podb/memory.oom.group"), "0");
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

TEST_F(Restore, ATreeThatIsNotTheRecordsSaysNothingOfItsGroups) {
  auto there = identity_of(quota_);
  ++there.device;
  auto missing = there;
  missing.path = (host_.path() / "cpu/unmounted/besteffort/cpu.cfs_quota_us").string();
  for (const auto& file : {there, missing})
    ASSERT_TRUE(journal_.record(file, "-1", "2000", RestoreClass::kRestore));
  const auto report = full();
  for (const auto& file : {there, missing})
    EXPECT_EQ(outcome_of(report, file.path), Outcome::kFailed) << report.text();
  EXPECT_THAT(report.text(), testing::HasSubstr("not the tree of the record"));
  EXPECT_EQ(quota(), "-1\n");
  EXPECT_EQ(Journal::open(state_.str())->records().size(), 2u) << "the originals are not forgotten";
}

TEST_F(Restore, AGroupThatCannotBeOpenedIsNotGone) {
  act();
  const auto group = host_.path() / "cpu/besteffort";
  std::filesystem::rename(group, host_.path() / "cpu/kept");
  std::filesystem::create_directory_symlink(group, group);
  EXPECT_EQ(outcome_of(full(), quota_), Outcome::kFailed);
  std::filesystem::remove(group);
  std::filesystem::rename(host_.path() / "cpu/kept", group);
  EXPECT_EQ(outcome_of(full(), quota_), Outcome::kRestored);
  EXPECT_EQ(quota(), "-1");
}

class RestoreV1Quota : public Restore {
 protected:
  /// A quota of somebody else stood there, so that ours was written before our period.
  RestoreV1Quota() : period_(host_.write("cpu/besteffort/cpu.cfs_period_us", "100000\n")) {
    host_.write(kQuota, "50000\n");
    EXPECT_TRUE(write_gated(gate_, quota_, "880000"));
    EXPECT_TRUE(write_gated(gate_, period_, "1000000"));
  }
  std::string period() const { return host_.read("cpu/besteffort/cpu.cfs_period_us"); }
  std::string period_;
};

TEST_F(RestoreV1Quota, TheQuotaComesBackBeforeThePeriodItWasReckonedBy) {
  const auto report = full();
  ASSERT_EQ(report.items.size(), 2u);
  EXPECT_EQ(report.items[0].file.path, quota_);
  EXPECT_EQ(report.items[1].file.path, period_);
  EXPECT_EQ(quota(), "50000");
  EXPECT_EQ(period(), "100000");
}

TEST_F(RestoreV1Quota, WhereTheQuotaIsLiftedThePeriodComesBackFirst) {
  // Killed between the two writes of lifting: in the longer period the safe quota, which is declared for the shorter
  // one, would be a tenth of it.
  ASSERT_TRUE(write_gated(gate_, quota_, "-1"));
  const auto report = restore(journal_, RestoreMode::kAllOriginals, false);
  ASSERT_EQ(report.items.size(), 2u);
  EXPECT_EQ(report.items[0].file.path, period_);
  EXPECT_EQ(report.items[1].file.path, quota_);
  EXPECT_TRUE(report.complete()) << report.text();
  EXPECT_EQ(quota(), "50000");
  EXPECT_EQ(period(), "100000");
}

TEST_F(RestoreV1Quota, ALiftedQuotaComesBackWhereItsPeriodCannot) {
  ASSERT_TRUE(write_gated(gate_, quota_, "-1"));
  std::filesystem::remove(period_);
  std::filesystem::create_directory(period_);
  const auto report = restore(journal_, RestoreMode::kAllOriginals, false);
  EXPECT_EQ(outcome_of(report, period_), Outcome::kFailed);
  EXPECT_EQ(quota(), "50000");
}

TEST_F(RestoreV1Quota, ThePeriodStaysWhereTheQuotaCannotComeBack) {
  std::filesystem::remove(quota_);
  std::filesystem::create_directory(quota_);
  auto report = full();
  EXPECT_EQ(outcome_of(report, quota_), Outcome::kFailed);
  EXPECT_EQ(outcome_of(report, period_), Outcome::kFailed);
  EXPECT_EQ(period(), "1000000");
  std::filesystem::remove(quota_);
  host_.write(kQuota, "880000\n");
  report = full();
  EXPECT_TRUE(report.complete()) << report.text();
  EXPECT_EQ(quota(), "50000");
  EXPECT_EQ(period(), "100000");
}

/// cgroup v2's besteffort with a pod that has a process and no CPUs of its own; narrowed from the top.
class RestoreV2Cpusets : public Restore {
 protected:
  RestoreV2Cpusets()
      : root_(host_.write("cgroup/besteffort/cpuset.cpus", "0-3\n")),
        pod_(host_.write("cgroup/besteffort/podj/cpuset.cpus", "\n")) {
    host_.write("cgroup/besteffort/podj/cgroup.events", "populated 1\nfrozen 0\n");
    // What the root has in effect is always its own set.
    std::filesystem::create_symlink("cpuset.cpus", host_.path() / "cgroup/besteffort/cpuset.cpus.effective");
    EXPECT_TRUE(write_gated(gate_, root_, "3"));
    EXPECT_TRUE(write_gated(gate_, pod_, "3"));
  }
  std::string root_;
  std::string pod_;
};

TEST_F(RestoreV2Cpusets, AParentsCpusComeBackBeforeThoseOfAChildThatHadNone) {
  const auto report = full();
  ASSERT_EQ(report.items.size(), 2u);
  EXPECT_EQ(report.items[0].file.path, root_) << "although the pod was written last";
  EXPECT_EQ(report.items[1].file.path, pod_);
  EXPECT_TRUE(report.complete()) << report.text();
  EXPECT_EQ(host_.read("cgroup/besteffort/cpuset.cpus"), "0-3");
  EXPECT_EQ(host_.read("cgroup/besteffort/podj/cpuset.cpus"), "0-3") << "a group in use gets what its parent has now";
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
