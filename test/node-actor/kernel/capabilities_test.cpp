#include "node-actor/kernel/capabilities.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/fsuid.h>

#include "test/node-actor/kernel/trees.h"

namespace tideline::kernel::test::capabilities_test {
namespace {

using model::Knob;
using ::testing::AllOf;
using ::testing::HasSubstr;

const std::string kV1Be = "sys/fs/cgroup/cpu/kubepods/besteffort/";
const std::string kV1BeSet = "sys/fs/cgroup/cpuset/kubepods/besteffort/";
const std::string kV1BeMemory = "sys/fs/cgroup/memory/kubepods/besteffort/";
const std::string kV2Root = "sys/fs/cgroup/";
const std::string kV2Be = kV2Root + "kubepods.slice/kubepods-besteffort.slice/";

/// What Alibaba Cloud Linux has beside a stock kernel's files, in either version.
FixtureTree::Files alibabas(const std::string& group) {
  return {{group + "memory.min", "0\n"},
          {group + "memory.low", "0\n"},
          {group + "memory.high", "max\n"},
          {group + "memory.oom.group", "0\n"},
          {group + "memory.wmark_ratio", "0\n"},
          {group + "memory.wmark_scale_factor", "50\n"},
          {group + "memory.wmark_min_adj", "-25\n"},
          {group + "memory.priority", "0\n"},
          {group + "memory.use_priority_oom", "0\n"},
          {group + "memory.pagecache_limit.enable", "0\n"},
          {group + "memory.pagecache_limit.size", "0\n"},
          {group + "memory.pagecache_limit.sync", "0\n"}};
}

TEST(Knobs, AllThatAreThereAreSupported) {
  const FixtureTree v1(v1_files() + alibabas(kV1BeMemory) +
                       FixtureTree::Files{{kV1Be + "cpu.cfs_burst_us", "0\n"},
                                          {kV1Be + "cpu.bvt_warp_ns", "0\n"},
                                          {kV1BeSet + "cpuset.cpus", "0-1\n"}});
  const auto found = probe_knobs(tree_of(v1));
  EXPECT_EQ(found.knobs.size(), 20U) << "every knob with a file";
  for (const auto& support : found.knobs) {
    EXPECT_TRUE(support.supported) << support.file << support.why;
    EXPECT_TRUE(found.has(support.knob));
    EXPECT_NE(support.file, "");
  }
  EXPECT_EQ(found.knobs[1].file, "cpu.cfs_burst_us");
}

TEST(Knobs, AKernelWithoutAKnobIsNamedWithThePlaceLookedAt) {
  const FixtureTree v1(v1_files());
  const auto why = probe_knobs(tree_of(v1)).why_not(Knob::kCpuBurst);
  EXPECT_THAT(why, AllOf(HasSubstr("this kernel has no cpu.cfs_burst_us"), HasSubstr("kubepods/besteffort")));

  const FixtureTree v2(v2_files());
  const auto found = probe_knobs(tree_of(v2));
  EXPECT_TRUE(found.has(Knob::kCpuQuota)) << found.why_not(Knob::kCpuQuota);
  EXPECT_TRUE(found.has(Knob::kCpuWeight));
  EXPECT_THAT(found.why_not(Knob::kCpuBurst), HasSubstr("this kernel has no cpu.max.burst"));
  EXPECT_THAT(found.why_not(Knob::kBvtWarp), HasSubstr("this kernel has no cpu.bvt_warp_ns"));
}

TEST(Knobs, WhatOnlyAlibabaCloudLinuxHasIsCalledSo) {
  const FixtureTree v1(v1_files());
  const auto of_v1 = probe_knobs(tree_of(v1));
  EXPECT_TRUE(of_v1.has(Knob::kMemoryLimit)) << of_v1.why_not(Knob::kMemoryLimit);
  EXPECT_TRUE(of_v1.has(Knob::kSoftLimit)) << of_v1.why_not(Knob::kSoftLimit);
  EXPECT_EQ(of_v1.why_not(Knob::kMemoryHigh),
            "only Alibaba Cloud Linux has memory.high on cgroup v1 (looked for it in " +
                v1.path("sys/fs/cgroup/memory/kubepods/besteffort") + ")");
  EXPECT_EQ(of_v1.why_not(Knob::kWmarkRatio), "only Alibaba Cloud Linux has memory.wmark_ratio (looked for it in " +
                                                  v1.path("sys/fs/cgroup/memory/kubepods/besteffort") + ")");

  const FixtureTree v2(v2_files());
  const auto of_v2 = probe_knobs(tree_of(v2));
  for (const auto knob : {Knob::kMemoryMin, Knob::kMemoryLow, Knob::kMemoryHigh, Knob::kMemoryLimit, Knob::kOomGroup})
    EXPECT_TRUE(of_v2.has(knob)) << of_v2.why_not(knob);
  EXPECT_EQ(of_v2.why_not(Knob::kSoftLimit), "cgroup v2 has no soft-limit");
  EXPECT_THAT(of_v2.why_not(Knob::kPageCacheSync),
              HasSubstr("only Alibaba Cloud Linux has memory.pagecache_limit.sync ("));
  v2.remove(kV2Be + "memory.oom.group");
  EXPECT_THAT(probe_knobs(tree_of(v2)).why_not(Knob::kOomGroup), HasSubstr("this kernel has no memory.oom.group"));
}

TEST(Knobs, InAHybridTreeMemoryIsProbedWhereItIs) {
  // The CPU on v1, memory alone on v2.
  auto mounts = FixtureTree::mountinfo_v1();
  const auto from = mounts.find("35 31");
  mounts.erase(from, mounts.find('\n', from) - from + 1);
  const std::string unified = "sys/fs/cgroup/unified/";
  const FixtureTree hybrid(v1_files() + FixtureTree::Files{{"proc/self/mountinfo", mounts},
                                                           {unified + "cgroup.controllers", "memory\n"},
                                                           {unified + "kubepods/besteffort/memory.max", "max\n"}});
  const auto found = probe_knobs(tree_of(hybrid));
  EXPECT_TRUE(found.has(Knob::kMemoryLimit)) << found.why_not(Knob::kMemoryLimit);
  EXPECT_EQ(found.why_not(Knob::kSoftLimit), "cgroup v2 has no soft-limit");
  EXPECT_TRUE(found.has(Knob::kCpuQuota)) << found.why_not(Knob::kCpuQuota);
  EXPECT_THAT(found.why_not(Knob::kMemoryHigh), HasSubstr("this kernel has no memory.high"));
}

TEST(Knobs, AControllerThatIsNotEnabledIsNamedWhereEnablingItBegins) {
  const FixtureTree v2(v2_files());
  v2.write(kV2Root + "cgroup.subtree_control", "cpuset cpu memory\n");
  v2.write(kV2Root + "kubepods.slice/cgroup.subtree_control", "cpu memory\n");
  EXPECT_THAT(probe_knobs(tree_of(v2)).why_not(Knob::kCpuset),
              HasSubstr("the cpuset controller is not enabled in " +
                        v2.path(kV2Root + "kubepods.slice/cgroup.subtree_control")));
  v2.write(kV2Root + "cgroup.subtree_control", "cpu memory\n");
  EXPECT_THAT(probe_knobs(tree_of(v2)).why_not(Knob::kCpuset),
              HasSubstr("is not enabled in " + v2.path(kV2Root + "cgroup.subtree_control")));
  EXPECT_THAT(probe_knobs(tree_of(v2)).why_not(Knob::kCpuBurst), HasSubstr("this kernel has no"))
      << "the cpu controller is enabled";
  v2.write(kV2Root + "cgroup.subtree_control", "cpu\n");
  EXPECT_THAT(probe_knobs(tree_of(v2)).why_not(Knob::kWmarkRatio),
              HasSubstr("the memory controller is not enabled in"));
}

TEST(Knobs, AHierarchyThatIsNotMountedIsNamed) {
  const FixtureTree v1(v1_files());
  auto mounts = FixtureTree::mountinfo_v1();
  const auto from = mounts.find("34 31");
  mounts.erase(from, mounts.find('\n', from) - from + 1);
  v1.write("proc/self/mountinfo", mounts);
  EXPECT_EQ(probe_knobs(tree_of(v1)).why_not(Knob::kCpuset),
            "cpuset.cpus: no mounted cgroup hierarchy has the cpuset controller");
}

TEST(Knobs, AHierarchyWithoutTheGroupIsNamed) {
  const FixtureTree v1(v1_files() + FixtureTree::Files{{"sys/fs/cgroup/cpuset/", ""}});
  EXPECT_THAT(probe_knobs(tree_of(v1)).why_not(Knob::kCpuset),
              AllOf(HasSubstr(v1.path("sys/fs/cgroup/cpuset/kubepods/besteffort")), HasSubstr("No such file")));
}

TEST(Knobs, AFileThatDoesNotReadAsItsKnobIsNotSupported) {
  const FixtureTree v1(v1_files());
  v1.write(kV1Be + "cpu.shares", "lots\n");
  EXPECT_THAT(probe_knobs(tree_of(v1)).why_not(Knob::kCpuWeight), HasSubstr("unexpected text 'lots"));
}

TEST(Knobs, AFileThatCannotBeOpenedForWritingIsNotSupported) {
  const FixtureTree v1(v1_files());
  const auto tree = tree_of(v1);
  std::filesystem::permissions(v1.str(), std::filesystem::perms{0755});
  std::filesystem::permissions(v1.path(kV1Be + "cpu.shares"), std::filesystem::perms{0444});
  // Root may write to any file: this thread meets files as somebody else for a while.
  constexpr uid_t kNobody = 65534;
  const auto before = ::setfsuid(kNobody);
  const auto found = probe_knobs(tree);
  ::setfsuid(static_cast<uid_t>(before));
  EXPECT_THAT(found.why_not(Knob::kCpuWeight), AllOf(HasSubstr("open for writing"), HasSubstr("Permission denied")));
}

TEST(Knobs, BvtThatIsSwitchedOffAsAWholeIsNotSupported) {
  const std::string enabled = "proc/sys/kernel/sched_group_identity_enabled";
  const FixtureTree v1(v1_files() + FixtureTree::Files{{kV1Be + "cpu.bvt_warp_ns", "0\n"}, {enabled, "0\n"}});
  const auto tree = tree_of(v1);
  EXPECT_EQ(probe_knobs(tree).why_not(Knob::kBvtWarp), v1.path(enabled) + " is 0");
  v1.write(enabled, "1\n");
  EXPECT_TRUE(probe_knobs(tree).has(Knob::kBvtWarp));
  EXPECT_EQ(v1.read(enabled), "1\n");
  v1.remove(enabled);
  EXPECT_TRUE(probe_knobs(tree).has(Knob::kBvtWarp)) << "a kernel without the switch";
}

TEST(Knobs, ProbingChangesNothing) {
  const FixtureTree v1(v1_files());
  probe_knobs(tree_of(v1));
  EXPECT_EQ(v1.read(kV1BeMemory + "memory.soft_limit_in_bytes"), "9223372036854771712\n");
  EXPECT_EQ(v1.read(kV1BeMemory + "memory.limit_in_bytes"), "9223372036854771712\n");
  EXPECT_EQ(v1.read(kV1Be + "cpu.shares"), "2\n");
  EXPECT_EQ(v1.read(kV1Be + "cpu.cfs_quota_us"), "-1\n");
}

TEST(KernelOrder, V1BindsChildrenToTheirParents) {
  const FixtureTree v1(v1_files());
  const auto order = kernel_order(tree_of(v1), "6.18.44");
  EXPECT_TRUE(order.quota_within_parent && order.cpuset_within_parent && order.burst_within_quota);
  const FixtureTree v2(v2_files());
  const auto unified = kernel_order(tree_of(v2), "6.1.0-40-cloud-amd64");
  EXPECT_FALSE(unified.quota_within_parent || unified.cpuset_within_parent);
  EXPECT_TRUE(unified.burst_within_quota);
}

TEST(KernelOrder, IsToldWithTheKnobsThatAreSupported) {
  const FixtureTree v1(v1_files() + FixtureTree::Files{{kV1Be + "cpu.bvt_warp_ns", "0\n"}});
  const auto told = [](const FixtureTree& fixture, const char* release, Knob knob) {
    const auto tree = tree_of(fixture);
    auto found = probe_knobs(tree);
    tell(kernel_order(tree, release), found);
    for (const auto& support : found.knobs) {
      if (support.knob == knob) return support.why;
    }
    return std::string("not probed");
  };
  EXPECT_EQ(told(v1, "6.18.44", Knob::kCpuQuota), "at most that of each group above");
  EXPECT_EQ(told(v1, "6.18.44", Knob::kCpuWeight), "refused while cpu.idle is 1");
  EXPECT_EQ(told(v1, "6.18.44", Knob::kBvtWarp), "its effect is not verified");
  EXPECT_THAT(told(v1, "6.18.44", Knob::kCpuBurst), HasSubstr("this kernel has no")) << "why it is missing stays";
  const FixtureTree v2(v2_files() + FixtureTree::Files{{kV2Be + "cpu.max.burst", "0\n"}});
  EXPECT_EQ(told(v2, "6.18.44", Knob::kCpuQuota), "");
  EXPECT_EQ(told(v1, "6.18.44", Knob::kMemoryLimit), "refused below what cannot be reclaimed");
  EXPECT_EQ(told(v2, "6.18.44", Knob::kMemoryLimit), "below what is used the kernel reclaims, then kills");
  EXPECT_EQ(told(v2, "6.18.44", Knob::kOomGroup), "");
  EXPECT_EQ(told(v2, "6.18.44", Knob::kCpuBurst), "at most the group's quota");
  EXPECT_EQ(told(v2, "5.10.134-16.al8.x86_64", Knob::kCpuBurst), "");
}

TEST(KernelOrder, OnlyAlibabaCloudLinuxTakesABurstAboveTheQuota) {
  const FixtureTree v1(v1_files());
  const auto tree = tree_of(v1);
  for (const auto* release : {"5.10.134-16.al8.x86_64", "4.19.91-26.al7.x86_64"})
    EXPECT_FALSE(kernel_order(tree, release).burst_within_quota) << release;
  for (const auto* release : {"5.14.0", "6.8.0-alpha", "6.1.0.alpine", "", "6.1.al"})
    EXPECT_TRUE(kernel_order(tree, release).burst_within_quota) << release;
}

}  // namespace
}  // namespace tideline::kernel::test::capabilities_test
