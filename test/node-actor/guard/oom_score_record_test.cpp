#include "node-actor/guard/oom_score_record.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node-actor/guard/audit_ring.h"
#include "node-actor/guard/restore.h"
#include "node-actor/kernel/oom_score.h"
#include "test/node-actor/guard/score_host.h"
#include "test/node-actor/kernel/cookie_twin.h"
#include "test/node-actor/kernel/trees.h"
#include "test/support/temp_dir.h"

namespace tideline::guard {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(ProcOfScores, AContainersViewOfTheHostsIsReadOnlyAndItsOwnIsNot) {
  const test::TempDir host;
  std::filesystem::create_symlink("/proc", host.path() / "proc");
  EXPECT_EQ(kernel::proc_of_scores(host.str() + "/proc"), "/proc");
  EXPECT_EQ(kernel::proc_of_scores("/proc"), "/proc");
  EXPECT_EQ(kernel::proc_of_scores(host.str()), host.str()) << "a tree of files";
  EXPECT_EQ(kernel::proc_of_scores(host.str() + "/none"), host.str() + "/none");
}

class OomScoreRecordTest : public testing::Test {
 protected:
  OomScoreRecord open(const std::string& boot = "boot") { return OomScoreRecord::open(state_.str(), boot); }
  /// A process of ours, on record.
  void scored(int pid, std::uint64_t start, int original) {
    host_.run(pid, start, 1, 1000);
    auto record = open();
    auto known = record.known();
    known.push_back({.pid = pid, .start = start, .original = original, .ours = 1000, .pod = "p"});
    ASSERT_TRUE(record.replace(std::move(known)).ok());
  }
  std::string proc() const { return tree_.path("proc"); }

  test::TempDir state_;
  test::FixtureTree tree_{kernel::test::v1_files()};
  ScoreHost host_{tree_};
};

TEST_F(OomScoreRecordTest, WhatWasRecordedIsKnownToTheNextWorkerOfTheSameBoot) {
  auto record = open();
  const KnownScore known{.pid = 17, .start = 1ULL << 60, .original = -998, .ours = 1000, .pod = "\xff"};
  ASSERT_TRUE(record.replace({known}).ok());
  ASSERT_THAT(open().known(), testing::SizeIs(1));
  EXPECT_EQ(open().known()[0].start, known.start);
  EXPECT_EQ(open().known()[0].original, -998);
  EXPECT_THAT(open("another").known(), IsEmpty());
  EXPECT_EQ(open("another").problem(), "");
}

TEST_F(OomScoreRecordTest, ARecordThatIsNoneSaysSo) {
  const std::string head = R"({"boot_id": "boot", "scores": [)";
  for (const std::string& text :
       {std::string(), std::string("["), std::string("[]"), std::string(R"({"boot_id": "boot"})"), head + "1]}",
        head + R"({"pid": 0, "start": 1, "original": 1, "ours": 1, "pod": "p"}]})",
        head + R"({"pid": 1, "start": 1, "original": 5000, "ours": 1, "pod": "p"}]})",
        head + R"({"pid": 1, "start": -1, "original": 1, "ours": 1, "pod": "p"}]})",
        head + R"({"pid": 1, "start": 1, "original": 1, "ours": 1}]})"}) {
    state_.write("oom-scores", text);
    EXPECT_THAT(open().known(), IsEmpty()) << text;
    EXPECT_THAT(open().problem(), HasSubstr("not a record of oom scores")) << text;
  }
}

TEST_F(OomScoreRecordTest, AStateDirectoryThatIsGoneIsAnErrorAndNothingIsForgotten) {
  auto record = open();
  const KnownScore known{.pid = 7, .start = 1, .original = 0, .ours = 1000, .pod = "p"};
  ASSERT_TRUE(record.replace({known}).ok());
  std::filesystem::remove_all(state_.str());
  EXPECT_EQ(record.replace({}).error().code(), model::ErrorCode::kUnavailable);
  EXPECT_THAT(record.known(), ElementsAre(known));
}

TEST_F(OomScoreRecordTest, OriginalsComeBackToTheSameProcessesThatHoldOurs) {
  scored(10, 100, 500);
  scored(11, 110, -5);
  host_.run(11, 999, 1, 1000);  // the pid is another process'
  scored(12, 120, 7);
  host_.set(12, 300);  // somebody else's
  scored(13, 130, 8);
  host_.end(13);
  auto record = open();
  const auto count = restore_scores(record, proc());
  ASSERT_TRUE(count.ok()) << count.error().message();
  EXPECT_EQ(*count, 1u);
  EXPECT_EQ(host_.score(10), 500);
  EXPECT_EQ(host_.score(11), 1000);
  EXPECT_EQ(host_.score(12), 300);
  EXPECT_THAT(open().known(), IsEmpty());
}

TEST_F(OomScoreRecordTest, WhoeverWasBornSinceGetsBackWhatTheParentsDo) {
  scored(10, 100, 500);
  host_.run(14, 140, 10, 1000);
  host_.run(15, 150, 14, 1000);
  host_.run(16, 160, 10, 300);   // its own
  host_.run(17, 170, 16, 1000);  // of a parent that has no score of ours
  scored(11, 110, 400);
  host_.run(11, 999, 1, 1000);  // the pid is another process'
  host_.run(18, 1000, 11, 1000);
  auto record = open();
  const auto count = restore_scores(record, proc());
  ASSERT_TRUE(count.ok()) << count.error().message();
  EXPECT_EQ(*count, 3u);
  for (const int pid : {10, 14, 15})
    EXPECT_EQ(host_.score(pid), 500) << pid;
  EXPECT_EQ(host_.score(16), 300);
  for (const int pid : {11, 17, 18})
    EXPECT_EQ(host_.score(pid), 1000) << pid;
}

TEST_F(OomScoreRecordTest, ARefusedOneStaysOnRecordAndTheOthersGoBack) {
  scored(10, 100, 500);
  scored(11, 110, 400);
  // Nobody reads a directory as a file.
  tree_.remove("proc/10/oom_score_adj");
  tree_.write("proc/10/oom_score_adj/inside", "");
  auto record = open();
  const auto count = restore_scores(record, proc());
  ASSERT_FALSE(count.ok());
  EXPECT_EQ(host_.score(11), 400);
  ASSERT_THAT(open().known(), testing::SizeIs(1));
  EXPECT_EQ(open().known()[0].pid, 10);
}

TEST_F(OomScoreRecordTest, TheSafeStateKeepsThemAndReleasePutsThemBack) {
  scored(10, 100, 500);
  auto journal = Journal::open(state_.str(), "boot");
  ASSERT_TRUE(journal.ok());
  EXPECT_EQ(restore(*journal, RestoreMode::kSafeState, false).oom_scores, 0u);
  EXPECT_EQ(host_.score(10), 1000);

  kernel::test::CookieTwin twin;
  const auto report = restore_all(state_.str(), "boot", twin, proc());
  ASSERT_TRUE(report.ok()) << report.error().message();
  EXPECT_EQ(host_.score(10), 500);
  EXPECT_TRUE(report->complete());
  EXPECT_THAT(report->text(), HasSubstr("restored 1 processes: their own oom_score_adj"));
  const auto audit = read_audit(state_.str());
  ASSERT_TRUE(audit.ok()) << audit.error().message();
  ASSERT_EQ(audit->records.size(), 1u);
  EXPECT_EQ(audit->records[0].event.subject, "oom_score_adj");
  EXPECT_EQ(audit->records[0].event.reason, model::Reason::kRelease);
}

TEST_F(OomScoreRecordTest, AReleaseThatLeavesOneIsNotComplete) {
  scored(10, 100, 500);
  tree_.remove("proc/10/oom_score_adj");
  tree_.write("proc/10/oom_score_adj/inside", "");
  kernel::test::CookieTwin twin;
  const auto report = restore_all(state_.str(), "boot", twin, proc());
  ASSERT_TRUE(report.ok());
  EXPECT_FALSE(report->complete());
  EXPECT_THAT(report->text(), HasSubstr("failed oom_score_adj: 1 of 1 processes"));
}

}  // namespace
}  // namespace tideline::guard
