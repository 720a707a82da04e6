// What cgroup v1 refuses of quotas and periods decides in which order they go back.

#include <memory>

#include <gtest/gtest.h>

#include "node-actor/guard/restore.h"
#include "test/node-actor/guard/fixture.h"
#include "test/support/scratch_cgroup.h"
#include "test/support/temp_dir.h"

namespace tideline::guard {
namespace {

constexpr const char* kQuota = "cpu.cfs_quota_us";
constexpr const char* kPeriod = "cpu.cfs_period_us";
constexpr const char* kRoot = "besteffort";
constexpr const char* kPod = "besteffort/pod1";

class RealQuota : public testing::Test {
 protected:
  void SetUp() override {
    TIDELINE_NEED_CGROUPS();
    tree_ = std::make_unique<test::ScratchCgroup>();
    if (!tree_->v1()) GTEST_SKIP() << "on cgroup v2 quota and period are one file";
    tree_->make(kPod);
    tree_->write(kPod, kQuota, "60000");
    // Batch is held to 800 millicores, and its pod to its own 600.
    put(kPeriod, "1000000", "100000");
    put(kQuota, "800000", "20000");
  }
  /// As the agent: on record first, with its safe value.
  void put(const char* name, const std::string& value, const std::string& safe) {
    declare(name, safe);
    const auto file = identity_of(tree_->path(kRoot, name));
    const auto current = *kernel::read_file(file.path);
    journal_.intend(file, current, value);
    ASSERT_TRUE(kernel::write_identified(file, value)) << name << " " << value;
  }
  void declare(const char* name, const std::string& safe) {
    const auto file = identity_of(tree_->path(kRoot, name));
    ASSERT_TRUE(journal_.record(file, *kernel::read_file(file.path), safe, RestoreClass::kRestore));
  }

  std::unique_ptr<test::ScratchCgroup> tree_;
  test::TempDir state_;
  Journal journal_{std::move(*Journal::open(state_.str(), "boot"))};
};

TEST_F(RealQuota, ABatchThatWasJustLiftedGetsTheWholeOfItsSafeLimitAndItsPodsAsMuch) {
  put(kQuota, "-1", "200000");
  // Killed before the shorter period was written, with all of it on record.
  declare(kQuota, "20000");
  declare(kPeriod, "100000");
  const auto report = restore(journal_, RestoreMode::kSafeState, false);
  EXPECT_TRUE(report.complete()) << report.text();
  EXPECT_EQ(tree_->read(kRoot, kQuota), "20000");
  EXPECT_EQ(tree_->read(kRoot, kPeriod), "100000");
  EXPECT_EQ(tree_->read(kPod, kQuota), "20000") << "no less than the root has:\n" << report.text();
}

TEST_F(RealQuota, ABatchThatIsLimitedIsNeverGivenMoreInBetween) {
  const auto report = restore(journal_, RestoreMode::kAllOriginals, false);
  EXPECT_TRUE(report.complete()) << report.text();
  EXPECT_EQ(report.items[0].file.path, tree_->path(kRoot, kQuota)) << report.text();
  EXPECT_EQ(tree_->read(kRoot, kQuota), "-1");
  EXPECT_EQ(tree_->read(kRoot, kPeriod), "100000");
  EXPECT_EQ(tree_->read(kPod, kQuota), "60000");
}

}  // namespace
}  // namespace tideline::guard
