#include "node-actor/guard/restore_log.h"

#include <filesystem>
#include <fstream>

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

TEST(RestoreLog, TellsOnceWhatWasWritten) {
  const test::TempDir dir;
  EXPECT_TRUE(take_restores(dir.str()).empty());
  log_restores(dir.str(),
               report({item(RestoreItem::Outcome::kRestored, "-1"), item(RestoreItem::Outcome::kAlreadyOriginal, ""),
                       item(RestoreItem::Outcome::kDrifted, ""), item(RestoreItem::Outcome::kFailed, "-1")}),
               model::Reason::kSafeState);
  log_restores(dir.str(), report({item(RestoreItem::Outcome::kRestored, "-1")}), model::Reason::kRelease);
  const auto events = take_restores(dir.str());
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].reason, model::Reason::kSafeState);
  EXPECT_EQ(events[1].reason, model::Reason::kRelease);
  EXPECT_EQ(events[0].controller, model::Controller::kGuard);
  EXPECT_EQ(events[0].subject, item(RestoreItem::Outcome::kRestored, "").file.path);
  EXPECT_EQ(events[0].old_value, "160000");
  EXPECT_EQ(events[0].new_value, "-1");
  EXPECT_GT(events[0].at.ms, 0);
  EXPECT_TRUE(take_restores(dir.str()).empty());
}

TEST(RestoreLog, PassesOverWhatItDoesNotUnderstand) {
  const test::TempDir dir;
  std::ofstream(dir.str() + "/restores") << "garbage\n{}\n[1]\n{\"at_ms\": 1, \"reason\": 999, \"file\": \"f\"}\n"
                                         << "{\"at_ms\": 1.5, \"reason\": 20, \"file\": \"f\"}\n"
                                         << "{\"at_ms\": 1, \"reason\": 20, \"file\": \"f\"}\n{\"at_ms\": 1, \"rea";
  EXPECT_EQ(take_restores(dir.str()).size(), 1u);
}

TEST(RestoreLog, IsBounded) {
  const test::TempDir dir;
  for (int i = 0; i < 2000; ++i)
    log_restores(dir.str(), report({item(RestoreItem::Outcome::kRestored, "-1")}), model::Reason::kSafeState);
  EXPECT_LT(std::filesystem::file_size(dir.str() + "/restores"), kMaxRestoreLogBytes + 1000);
}

}  // namespace
}  // namespace tideline::guard
