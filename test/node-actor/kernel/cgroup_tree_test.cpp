#include "node-actor/kernel/cgroup_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/kernel/trees.h"

namespace tideline::kernel::test::cgroup_tree_test {
namespace {

using model::ErrorCode;
using model::KubeQos;
using ::testing::Contains;
using ::testing::HasSubstr;

constexpr const char* kUid = "11a2-b3";

TEST(CgroupTree, KnowsCgroupfsPaths) {
  const FixtureTree fixture(v1_files());
  const auto tree = tree_of(fixture);
  EXPECT_EQ(tree.version(), CgroupVersion::kV1);
  EXPECT_EQ(tree.driver(), CgroupDriver::kCgroupfs);
  EXPECT_EQ(tree.kubepods(), "kubepods");
  EXPECT_EQ(tree.best_effort(), "kubepods/besteffort");
  EXPECT_EQ(tree.burstable(), "kubepods/burstable");
  EXPECT_EQ(tree.qos_group(KubeQos::kGuaranteed), "kubepods");
  EXPECT_EQ(tree.pod_group(pod_of(kUid, KubeQos::kBestEffort)), "kubepods/besteffort/pod11a2-b3");
  EXPECT_EQ(tree.pod_group(pod_of(kUid, KubeQos::kBurstable)), "kubepods/burstable/pod11a2-b3");
  EXPECT_EQ(tree.pod_group(pod_of(kUid, KubeQos::kGuaranteed)), "kubepods/pod11a2-b3");
}

TEST(CgroupTree, KnowsSystemdPaths) {
  const FixtureTree fixture(v2_files());
  const auto tree = tree_of(fixture);
  EXPECT_EQ(tree.version(), CgroupVersion::kV2);
  EXPECT_EQ(tree.driver(), CgroupDriver::kSystemd);
  EXPECT_EQ(tree.best_effort(), "kubepods.slice/kubepods-besteffort.slice");
  EXPECT_EQ(tree.pod_group(pod_of(kUid, KubeQos::kBestEffort)),
            "kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod11a2_b3.slice");
  EXPECT_EQ(tree.pod_group(pod_of(kUid, KubeQos::kBurstable)),
            "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod11a2_b3.slice");
  EXPECT_EQ(tree.pod_group(pod_of(kUid, KubeQos::kGuaranteed)), "kubepods.slice/kubepods-pod11a2_b3.slice");
}

TEST(CgroupTree, TakesTheConfiguredRootAndDriver) {
  const FixtureTree fixture(v1_files() +
                            FixtureTree::Files{{"sys/fs/cgroup/cpu/demo/kubepods/besteffort/cpu.shares", "2\n"}});
  const auto tree = tree_of(fixture, {.kubepods = "/demo/kubepods/", .driver = CgroupDriver::kSystemd});
  EXPECT_EQ(tree.best_effort(), "demo/kubepods/kubepods-besteffort.slice");
  EXPECT_EQ(tree_of(fixture, {.kubepods = "demo/kubepods", .driver = {}}).best_effort(), "demo/kubepods/besteffort");
}

TEST(CgroupTree, SystemdRootBelowAnotherSliceNamesItsChildrenAfterIt) {
  const FixtureTree fixture(v2_files() + FixtureTree::Files{{"sys/fs/cgroup/my.slice/my-kubepods.slice/", ""}});
  const auto tree = tree_of(fixture, {.kubepods = "my.slice/my-kubepods.slice", .driver = {}});
  EXPECT_EQ(tree.pod_group(pod_of(kUid)),
            "my.slice/my-kubepods.slice/my-kubepods-burstable.slice/my-kubepods-burstable-pod11a2_b3.slice");
}

TEST(CgroupTree, FindsContainersOfEachRuntime) {
  const std::string pod = "sys/fs/cgroup/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-poda_b.slice/";
  const FixtureTree fixture(v2_files() + FixtureTree::Files{{pod + "cri-containerd-11.scope/", ""},
                                                            {pod + "crio-22.scope/", ""},
                                                            {pod + "docker-33.scope/", ""}});
  const auto tree = tree_of(fixture);
  const auto with_id = [](const std::string& id) {
    return model::Container{.name = "c", .id = id, .requests = {}, .limits = {}};
  };
  const auto group_of = [&](const std::string& id) { return tree.container_group(pod_of("a-b"), with_id(id)); };
  EXPECT_THAT(group_of("11").value(), ::testing::EndsWith("-poda_b.slice/cri-containerd-11.scope"));
  EXPECT_THAT(group_of("22").value(), ::testing::EndsWith("-poda_b.slice/crio-22.scope"));
  EXPECT_THAT(group_of("33").value(), ::testing::EndsWith("-poda_b.slice/docker-33.scope"));
  EXPECT_EQ(group_of("44").error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(group_of("../44").error().code(), ErrorCode::kInvalidArgument);

  const FixtureTree plain(v1_files());
  EXPECT_EQ(tree_of(plain).container_group(pod_of("a"), with_id("c1")).value(), "kubepods/burstable/poda/c1");
}

TEST(CgroupTree, PicksTheV1ControllerByFileName) {
  const FixtureTree fixture(v1_files() + FixtureTree::Files{{"sys/fs/cgroup/cpuset/", ""}});
  const auto tree = tree_of(fixture);
  const auto at = [&](const std::string& file) { return tree.path("kubepods/besteffort", file).value(); };
  const auto base = fixture.path("sys/fs/cgroup/");
  EXPECT_EQ(at("cpu.cfs_quota_us"), base + "cpu/kubepods/besteffort/cpu.cfs_quota_us");
  EXPECT_EQ(at("cpuacct.usage"), base + "cpuacct/kubepods/besteffort/cpuacct.usage");
  EXPECT_EQ(at("memory.stat"), base + "memory/kubepods/besteffort/memory.stat");
  EXPECT_EQ(at("cpuset.cpus"), base + "cpuset/kubepods/besteffort/cpuset.cpus");
  EXPECT_EQ(at("tasks"), base + "cpu/kubepods/besteffort/tasks");
  EXPECT_EQ(tree.path("", "cpuacct.usage").value(), base + "cpuacct/cpuacct.usage");
  EXPECT_EQ(tree.path("kubepods", "blkio.weight").error().code(), ErrorCode::kUnsupported);
}

TEST(CgroupTree, UnderstandsCoMountedControllers) {
  const FixtureTree fixture(
      {{"proc/self/mountinfo", "30 1 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:11 - cgroup cgroup rw,cpu,cpuacct\n"},
       {"sys/fs/cgroup/cpu,cpuacct/kubepods/besteffort/cpu.shares", "2\n"}});
  const auto tree = tree_of(fixture);
  EXPECT_EQ(tree.path("kubepods", "cpuacct.usage").value(),
            fixture.path("sys/fs/cgroup/cpu,cpuacct/kubepods/cpuacct.usage"));
}

TEST(CgroupTree, EmptyUnifiedTreeBesideV1IsV1) {
  const FixtureTree fixture(v1_files() + FixtureTree::Files{{"sys/fs/cgroup/unified/cgroup.controllers", "\n"}});
  EXPECT_EQ(tree_of(fixture).version(), CgroupVersion::kV1);
}

TEST(CgroupTree, HybridTakesEachControllerWhereItIs) {
  const FixtureTree fixture({{"proc/self/mountinfo",
                              "30 1 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
                              "31 1 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"},
                             {"sys/fs/cgroup/unified/cgroup.controllers", "cpu\n"},
                             {"sys/fs/cgroup/memory/kubepods/", ""},
                             {"sys/fs/cgroup/unified/kubepods/besteffort/cpu.weight", "1\n"}});
  const auto tree = tree_of(fixture);
  EXPECT_EQ(tree.version(), CgroupVersion::kV2);
  EXPECT_TRUE(tree.is_unified("cpu.stat"));
  EXPECT_FALSE(tree.is_unified("memory.stat"));
  EXPECT_EQ(tree.path("kubepods", "memory.stat").value(), fixture.path("sys/fs/cgroup/memory/kubepods/memory.stat"));
}

TEST(CgroupTree, PrefersTheMountThatShowsMostAndHoldsThePods) {
  // A private cgroup namespace: its own view of the hierarchy, and the host's, which lies above it.
  const FixtureTree fixture({{"proc/self/mountinfo",
                              "30 1 0:29 / @ROOT@/sys/fs/cgroup/own rw - cgroup cgroup rw,cpu\n"
                              "31 1 0:29 /../.. @ROOT@/sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
                              "32 1 0:29 /.. @ROOT@/sys/fs/cgroup/middle rw - cgroup cgroup rw,cpu\n"},
                             {"sys/fs/cgroup/own/", ""},
                             {"sys/fs/cgroup/middle/", ""},
                             {"sys/fs/cgroup/cpu/kubepods/besteffort/cpu.shares", "2\n"}});
  EXPECT_EQ(tree_of(fixture).path("kubepods", "cpu.shares").value(),
            fixture.path("sys/fs/cgroup/cpu/kubepods/cpu.shares"));
}

TEST(CgroupTree, NamesGroupsAsTheHierarchyDoesWhenOnlyAPartIsMounted) {
  const FixtureTree fixture({{"proc/self/mountinfo", "30 1 0:29 /demo /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"},
                             {"sys/fs/cgroup/cpu/kubepods/besteffort/cpu.shares", "2\n"}});
  const auto tree = tree_of(fixture, {.kubepods = "demo/kubepods", .driver = {}});
  EXPECT_EQ(tree.best_effort(), "demo/kubepods/besteffort");
  EXPECT_EQ(tree.path(tree.best_effort(), "cpu.shares").value(),
            fixture.path("sys/fs/cgroup/cpu/kubepods/besteffort/cpu.shares"));
}

TEST(CgroupTree, IgnoresMountsOutsideItsRoot) {
  const FixtureTree fixture({{"proc/self/mountinfo",
                              "30 1 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
                              "31 1 0:29 / @ROOT@/sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"},
                             {"sys/fs/cgroup/cpu/kubepods/", ""}});
  const auto tree = tree_of(fixture);
  EXPECT_THAT(tree.path("kubepods", "cpu.shares").value(), ::testing::StartsWith(fixture.str()));
}

TEST(CgroupTree, SpacesInMountPointsAreEscapedInMountinfo) {
  const FixtureTree fixture({{"proc/self/mountinfo", "30 1 0:29 / /sys/fs/my\\040cgroup rw - cgroup2 cgroup2 rw\n"},
                             {"sys/fs/my cgroup/cgroup.controllers", "cpu\n"},
                             {"sys/fs/my cgroup/kubepods/", ""}});
  EXPECT_EQ(tree_of(fixture).path("kubepods", "cpu.max").value(), fixture.path("sys/fs/my cgroup/kubepods/cpu.max"));
}

TEST(CgroupTree, SaysWhatIsMissing) {
  const FixtureTree nothing(FixtureTree::Files{{"proc/self/mountinfo", "22 27 0:21 / /proc rw - proc proc rw\n"}});
  const auto none = CgroupTree::discover(KernelRoot::below(nothing.str()), {});
  EXPECT_EQ(none.error().code(), ErrorCode::kUnsupported);
  EXPECT_THAT(none.error().message(), HasSubstr("cpu controller"));

  const FixtureTree fixture(v1_files());
  const auto wrong = CgroupTree::discover(KernelRoot::below(fixture.str()), {.kubepods = "pods", .driver = {}});
  EXPECT_EQ(wrong.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(wrong.error().message(), HasSubstr("'pods'"));
  EXPECT_EQ(CgroupTree::discover(KernelRoot::below(fixture.str()), {.kubepods = "../x", .driver = {}}).error().code(),
            ErrorCode::kInvalidArgument);

  EXPECT_EQ(CgroupTree::discover(KernelRoot::below("/nowhere"), {}).error().code(), ErrorCode::kNotFound);
}

TEST(CgroupTree, NoNameLeadsOutOfTheHierarchy) {
  const FixtureTree fixture(v1_files());
  const auto tree = tree_of(fixture);
  for (const char* group : {"..", "kubepods/../../etc", "/etc", "kubepods//x", "kubepods/", "./kubepods"}) {
    EXPECT_EQ(tree.path(group, "cpu.shares").error().code(), ErrorCode::kInvalidArgument) << group;
  }
  for (const char* file : {"", "../cpu.shares", "cpu.x/../y", "..", ".hidden"}) {
    EXPECT_EQ(tree.path("kubepods", file).error().code(), ErrorCode::kInvalidArgument) << file;
  }
  EXPECT_FALSE(tree.path(tree.pod_group(pod_of("/../../../../etc")), "cpu.shares").ok());
}

TEST(CgroupTree, ReportsMissingKnobs) {
  const FixtureTree fixture(v1_files());
  const auto found = tree_of(fixture).capabilities();
  EXPECT_TRUE(found.quota);
  EXPECT_TRUE(found.idle);
  EXPECT_TRUE(found.weight);
  EXPECT_TRUE(found.node_pressure);
  EXPECT_TRUE(found.quota_writable);
  EXPECT_FALSE(found.burst);
  EXPECT_FALSE(found.group_pressure);
  EXPECT_THAT(found.missing, Contains("cpu.cfs_burst_us"));
  EXPECT_THAT(found.missing, Contains("cpu.pressure"));
}

}  // namespace
}  // namespace tideline::kernel::test::cgroup_tree_test
