#include "node-actor/actor/zones.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node-actor/kernel/clock.h"
#include "test/node-actor/kernel/trees.h"

namespace tideline::node::zones_test {
namespace {

using kernel::test::FixtureTree;
using kernel::test::operator+;
using model::Bytes;
using model::MilliCpu;
using std::chrono::seconds;
using testing::IsEmpty;
using testing::SizeIs;

constexpr seconds kInterval{10};

FixtureTree::Files zone_files() {
  const auto meminfo = [](const std::string& node) {
    std::string text;
    for (const auto* line :
         {"MemTotal: 1000", "MemFree: 400", "Active(file): 0", "Inactive(file): 0", "SReclaimable: 0"})
      text += fmt::format("Node {} {} kB\n", node, line);
    return text;
  };
  return {{"sys/devices/system/node/node0/meminfo", meminfo("0")},
          {"sys/devices/system/node/node1/meminfo", meminfo("1")},
          {"sys/fs/cgroup/memory/kubepods/besteffort/memory.numa_stat",
           "hierarchical_anon=3 N0=1 N1=2\nhierarchical_unevictable=0 N0=0 N1=0\n"},
          {"proc/stat",
           "cpu  0 0 0 0 0 0 0\ncpu0 100 0 0 0 0 0 0\ncpu1 100 0 0 0 0 0 0\ncpu2 100 0 0 0 0 0 0\n"
           "cpu3 100 0 0 0 0 0 0\nintr 1\n"}};
}

model::Topology two_zones() {
  model::Topology topology;
  for (int cpu = 0; cpu < 4; ++cpu)
    topology.cpus.push_back({.id = cpu, .core = cpu, .l3 = 0, .numa = cpu / 2, .package = 0});
  topology.numa_nodes = 2;
  return topology;
}

model::Pod bound(const std::string& uid, model::QosClass qos, int cpu) {
  auto pod = kernel::test::pod_of(uid, model::KubeQos::kGuaranteed);
  pod.qos = qos;
  pod.bound_cpus = model::CpuSet{cpu};
  return pod;
}

/// A host on which nothing runs, and its zones. A reading has the time of the real clock; rounds are told to be later.
class ZonesTest : public testing::Test {
 protected:
  std::vector<model::ZoneUse> round(model::Duration later, const std::vector<model::Pod>& pods = {},
                                    const std::vector<model::ApplicationCounters>& applications = {}) {
    auto uses = zones_.round(pods, applications, kernel::monotonic_now() + later, errors_);
    EXPECT_THAT(errors_, IsEmpty());
    return uses;
  }

  const FixtureTree host_{kernel::test::v1_files() + zone_files()};
  const kernel::CgroupTree tree_ = kernel::test::tree_of(host_);
  Zones zones_{tree_, two_zones(), kInterval};
  std::vector<model::Error> errors_;
};

TEST_F(ZonesTest, AreToldWhereAReadingIsDueAndThereIsOneBefore) {
  EXPECT_EQ(zones_.count(), 2u);
  EXPECT_THAT(round(seconds(0)), IsEmpty()) << "the first";
  EXPECT_THAT(round(seconds(0)), IsEmpty()) << "none is due";
  const auto uses = round(kInterval);
  ASSERT_THAT(uses, SizeIs(2));
  for (const auto& use : uses) {
    EXPECT_EQ(use.cpu_capacity, MilliCpu(2'000));
    EXPECT_EQ(use.cpu_used, MilliCpu(0));
    EXPECT_EQ(use.cpu_bound_idle, MilliCpu(0));
    EXPECT_EQ(use.memory_used, Bytes(600 * 1024));
    EXPECT_TRUE(use.be_memory);
  }
}

TEST_F(ZonesTest, IdleCpusOfRunningLsePodsAreNobodys) {
  auto ended = bound("ended", model::QosClass::kLse, 2);
  ended.phase = model::PodPhase::kSucceeded;
  const std::vector<model::Pod> pods = {bound("lse", model::QosClass::kLse, 1), bound("lsr", model::QosClass::kLsr, 0),
                                        ended};
  round(seconds(0), pods);
  const auto uses = round(kInterval, pods);
  ASSERT_THAT(uses, SizeIs(2));
  EXPECT_EQ(uses[0].cpu_bound_idle, MilliCpu(1'000)) << "CPU 1; an LSR pod's is shared";
  EXPECT_EQ(uses[1].cpu_bound_idle, MilliCpu(0)) << "who has ended holds none";
}

TEST_F(ZonesTest, BestEffortsPartIsNotToldWhereAServiceRanBelowItsRootSinceTheLastReading) {
  model::ApplicationCounters service;
  service.below_besteffort = true;
  service.qos = model::QosClass::kLs;
  service.group.inode = 7;
  round(seconds(0));
  EXPECT_THAT(round(seconds(0), {}, {service}), IsEmpty());
  auto uses = round(kInterval);
  ASSERT_THAT(uses, SizeIs(2));
  EXPECT_EQ(uses[1].be_memory, std::nullopt) << "it ended, its use is in the counters";
  EXPECT_TRUE(uses[1].memory_used && uses[1].cpu_used);
  uses = round(kInterval);
  ASSERT_THAT(uses, SizeIs(2));
  EXPECT_TRUE(uses[1].be_memory) << "no service any more";
  round(kInterval, {}, {service});
  EXPECT_EQ(round(kInterval).at(1).be_memory, std::nullopt) << "it ran at the reading before";
}

}  // namespace
}  // namespace tideline::node::zones_test
