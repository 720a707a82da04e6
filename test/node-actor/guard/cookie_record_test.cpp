#include "node-actor/guard/cookie_record.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node-actor/guard/audit_ring.h"
#include "node-actor/guard/restore.h"
#include "test/node-actor/kernel/cookie_twin.h"
#include "test/node-actor/kernel/trees.h"
#include "test/support/temp_dir.h"

namespace tideline::guard {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class CookieRecordTest : public testing::Test {
 protected:
  CookieRecord open(const std::string& boot = "boot") { return CookieRecord::open(state_.str(), boot); }
  /// A thread with a cookie that is on record.
  int marked() {
    const int tid = host_.start("kubepods/burstable/poda");
    auto record = open();
    const auto given = kernel::give_new_cookie(twin_, {tid}, [&](kernel::Cookie cookie) {
      return record.replace({{cookie, "g"}});
    });
    EXPECT_TRUE(given.ok());
    return tid;
  }
  test::TempDir state_;
  test::FixtureTree tree_{kernel::test::v1_files()};
  kernel::test::CookieTwin twin_;
  kernel::test::CookieHost host_{tree_, twin_};
};

TEST_F(CookieRecordTest, WhatWasRecordedIsKnownToTheNextWorkerOfTheSameBoot) {
  auto record = open();
  ASSERT_TRUE(record.replace({{0xffff'ffff'0000'1000, "\xff"}, {7, ""}}).ok());
  EXPECT_THAT(open().known(), testing::SizeIs(2));
  EXPECT_EQ(open().known()[0].cookie, 0xffff'ffff'0000'1000);
  EXPECT_THAT(open("another").known(), IsEmpty());
  EXPECT_EQ(open("another").problem(), "");
}

TEST_F(CookieRecordTest, ARecordThatIsNoneSaysSo) {
  for (const auto* text : {"", "[", "[]", "{}", R"({"boot_id": "boot"})", R"({"boot_id": "boot", "cookies": [1]})",
                           R"({"boot_id": "boot", "cookies": [{"cookie": -1, "group": "g"}]})"}) {
    state_.write("cookies", text);
    EXPECT_THAT(open().known(), IsEmpty()) << text;
    EXPECT_EQ(open().problem().empty(), std::string(text) == "{}") << text;
  }
}

TEST_F(CookieRecordTest, ARecordThatCannotBeLookedAtIsNotNone) {
  // A link to itself: the disk knows it, and nobody gets there.
  std::filesystem::create_symlink("cookies", state_.path() / "cookies");
  EXPECT_THAT(open().problem(), HasSubstr("not a record of cookies"));
}

TEST_F(CookieRecordTest, AStateDirectoryThatIsGoneIsAnErrorAndNothingIsForgotten) {
  auto record = open();
  ASSERT_TRUE(record.replace({{7, "g"}}).ok());
  std::filesystem::remove_all(state_.str());
  EXPECT_EQ(record.replace({}).error().code(), model::ErrorCode::kUnavailable);
  EXPECT_THAT(record.known(), ElementsAre(KnownCookie{7, "g"}));
}

TEST_F(CookieRecordTest, ClearingEmptiesTheRecordOnlyWhenNoThreadIsLeft) {
  const int tid = marked();
  twin_.out_of_reach(tid);
  auto record = open();
  ASSERT_TRUE(clear_cookies(record, twin_, tree_.path("proc")).ok());
  EXPECT_THAT(open().known(), testing::SizeIs(1));
  twin_.out_of_reach(tid, false);
  const auto done = clear_cookies(record, twin_, tree_.path("proc"));
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(done->threads, 1u);
  EXPECT_EQ(twin_.of(tid), 0u);
  EXPECT_THAT(open().known(), IsEmpty());
}

TEST_F(CookieRecordTest, WithSmtOffTheyStayOnRecordAndWithoutCoreSchedulingThereAreNone) {
  marked();
  auto record = open();
  twin_.smt = false;
  const auto off = clear_cookies(record, twin_, tree_.path("proc"));
  EXPECT_TRUE(!off.ok() || off->refused);
  EXPECT_THAT(open().known(), testing::SizeIs(1));
  twin_.built_in = false;
  EXPECT_TRUE(clear_cookies(record, twin_, tree_.path("proc")).ok());
  EXPECT_THAT(open().known(), IsEmpty());
}

TEST_F(CookieRecordTest, TheSafeStateKeepsCookiesAndReleaseTakesThem) {
  const int tid = marked();
  const auto cookie = twin_.of(tid);
  auto journal = Journal::open(state_.str(), "boot");
  ASSERT_TRUE(journal.ok());
  EXPECT_EQ(restore(*journal, RestoreMode::kSafeState, false).cookie_threads, 0u);
  EXPECT_EQ(twin_.of(tid), cookie);

  const auto report = restore_all(state_.str(), "boot", twin_, tree_.path("proc"));
  ASSERT_TRUE(report.ok()) << report.error().message();
  EXPECT_EQ(twin_.of(tid), 0u);
  EXPECT_TRUE(report->complete());
  EXPECT_THAT(report->text(), HasSubstr("1 threads: no core-sched cookie"));
  const auto audit = read_audit(state_.str());
  ASSERT_TRUE(audit.ok()) << audit.error().message();
  ASSERT_EQ(audit->records.size(), 1u);
  EXPECT_EQ(audit->records[0].event.subject, "core-sched cookies");
  EXPECT_EQ(audit->records[0].event.reason, model::Reason::kRelease);
}

TEST_F(CookieRecordTest, AReleaseThatLeavesACookieIsNotComplete) {
  const int tid = marked();
  twin_.out_of_reach(tid);
  const auto report = restore_all(state_.str(), "boot", twin_, tree_.path("proc"));
  ASSERT_TRUE(report.ok());
  EXPECT_FALSE(report->complete());
  EXPECT_THAT(report->text(), HasSubstr("failed core-sched cookies"));
}

}  // namespace
}  // namespace tideline::guard
