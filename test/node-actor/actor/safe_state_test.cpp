#include "node-actor/actor/safe_state.h"

#include <gtest/gtest.h>

#include "test/node-actor/kernel/trees.h"

namespace tideline::node::safe_state_test {
namespace {

using guard::RestoreClass;
using kernel::test::FixtureTree;
using kernel::test::operator+;
using model::MilliCpu;

const std::string kRoot = "kubepods/besteffort";
const std::string kPod = "kubepods/besteffort/podj";
const std::string kPodFiles = "sys/fs/cgroup/cpu/kubepods/besteffort/podj/";

/// cgroup v1 with a batch pod "j", whose period is not the root's.
class SafeState : public testing::Test {
 protected:
  /// For a write of "9000" to `file` of `group`.
  guard::Declaration declared(const std::string& group, const std::string& file, const std::string& original) const {
    return safe_state_of(tree_, MilliCpu(80),
                         {group, file, "9000", model::Controller::kCpuSuppress, model::Reason::kBatchLimit}, original);
  }
  std::string safe_quota_of_pod(const std::string& original) const {
    const auto quota = declared(kPod, "cpu.cfs_quota_us", original);
    EXPECT_EQ(quota.restore_class, RestoreClass::kRestore);
    return quota.safe_value;
  }

  FixtureTree files_{kernel::test::v1_files() + FixtureTree::Files{{kPodFiles + "cpu.cfs_quota_us", "30000\n"},
                                                                   {kPodFiles + "cpu.cfs_period_us", "50000\n"}}};
  kernel::CgroupTree tree_ = kernel::test::tree_of(files_);
};

TEST_F(SafeState, TheRootIsHeldToTheSafeLimit) {
  EXPECT_EQ(declared(kRoot, "cpu.cfs_quota_us", "-1").safe_value, "8000");
}

TEST_F(SafeState, APodsQuotaComesBackNoWiderThanTheRootsSafeLimit) {
  EXPECT_EQ(safe_quota_of_pod("40000"), "4000") << "80 millicores in its own period";
  EXPECT_EQ(safe_quota_of_pod("4001"), "4000");
}

TEST_F(SafeState, APodsQuotaThatIsNarrowerThanTheRootsSafeLimitIsItsOwn) {
  EXPECT_EQ(safe_quota_of_pod("4000"), "4000");
  EXPECT_EQ(safe_quota_of_pod("3000"), "3000");
}

TEST_F(SafeState, ReliefsLimitOnTheRootGoesBackAndALimitOfAPodStays) {
  for (const auto* file : {"memory.limit_in_bytes", "memory.max", "memory.high"}) {
    const auto root = declared(kRoot, file, "9223372036854771712");
    EXPECT_EQ(root.restore_class, RestoreClass::kRestore) << file;
    EXPECT_EQ(root.safe_value, "9223372036854771712") << file << ": nobody would loosen it, protected host or not";
  }
  for (const auto& group : {kPod, std::string("kubepods/burstable/poda")}) {
    EXPECT_EQ(declared(group, "memory.limit_in_bytes", "-1").restore_class, RestoreClass::kKeep) << group;
    const auto high = declared(group, "memory.high", "max");
    EXPECT_EQ(high.restore_class, RestoreClass::kRestore) << group;
    EXPECT_EQ(high.safe_value, "max") << group;
  }
}

TEST_F(SafeState, WhatOnlySaysWhoseMemoryGoesFirstStays) {
  for (const auto* file : {"memory.min", "memory.low", "memory.soft_limit_in_bytes", "memory.priority"})
    EXPECT_EQ(declared(kRoot, file, "0").restore_class, RestoreClass::kKeep) << file;
}

TEST_F(SafeState, APodWithoutQuotaOfItsOwnHasNoneAgain) {
  EXPECT_EQ(safe_quota_of_pod("-1"), "-1") << "the root's holds it";
}

}  // namespace
}  // namespace tideline::node::safe_state_test
