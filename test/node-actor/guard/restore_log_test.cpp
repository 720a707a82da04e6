#include "node-actor/guard/restore_log.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "test/support/temp_dir.h"

namespace tideline::guard {
namespace {

RestoreItem item(RestoreItem::Outcome outcome, const std::string& wrote) {
  RestoreItem made;
  made.file.path = "/sys/fs/cgroup/cpu/kubepods/besteffort/cpu.cfs_quota_us";
  made.outcome = outcome;
  made.found = "160000";
  made.wrote = wrote;
  return made;
}

RestoreReport report(std::vector<RestoreItem> items) {
  RestoreReport made;
  made.items = std::move(items);
  return made;
}

TEST(RestoreLog, KeepsWhatWasWrittenForTheNextWorkerToTell) {
  const test::TempDir dir;
  log_restores(dir.str(),
               report({item(RestoreItem::Outcome::kRestored, "-1"), item(RestoreItem::Outcome::kAlreadyOriginal, ""),
                       item(RestoreItem::Outcome::kDrifted, ""), item(RestoreItem::Outcome::kFailed, "-1")}),
               model::Reason::kSafeState);
  log_restores(dir.str(), report({item(RestoreItem::Outcome::kRestored, "-1")}), model::Reason::kRelease);
  auto audit = AuditRing::open(dir.str());
  ASSERT_TRUE(audit.ok()) << audit.error().message();
  const auto untold = audit->take_untold(model::Incarnation(1), model::Seq(1));
  EXPECT_EQ(untold.lost, 0u);
  ASSERT_EQ(untold.records.size(), 2u);
  const auto& event = untold.records[0].event;
  EXPECT_EQ(event.reason, model::Reason::kSafeState);
  EXPECT_EQ(event.controller, model::Controller::kGuard);
  EXPECT_EQ(event.subject, item(RestoreItem::Outcome::kRestored, "").file.path);
  EXPECT_EQ(event.old_value, "160000");
  EXPECT_EQ(event.new_value, "-1");
  EXPECT_GT(event.at.ms, 0);
  EXPECT_EQ(untold.records[1].event.reason, model::Reason::kRelease);
}

TEST(RestoreLog, NothingWrittenLeavesNoFile) {
  const test::TempDir dir;
  log_restores(dir.str(), report({item(RestoreItem::Outcome::kAlreadyOriginal, "")}), model::Reason::kRestore);
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(RestoreLog, ADiskThatRefusesStopsNoRestore) {
  log_restores("/proc/no-such-place", report({item(RestoreItem::Outcome::kRestored, "-1")}), model::Reason::kSafeState);
}

}  // namespace
}  // namespace tideline::guard
