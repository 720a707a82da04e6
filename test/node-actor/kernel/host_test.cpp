#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hwloc.h>

#include "node-actor/kernel/host_facts.h"
#include "node-actor/kernel/online_cpus.h"
#include "node-actor/kernel/topology.h"
#include "test/node-actor/kernel/trees.h"

namespace tideline::kernel::test::host_test {
namespace {

using model::Bytes;
using model::ErrorCode;
using model::MilliCpu;
using ::testing::HasSubstr;

TEST(HostFacts, ReadsBootReleaseAndName) {
  const FixtureTree fixture({{"proc/sys/kernel/random/boot_id", "0a1b\n"},
                             {"proc/sys/kernel/osrelease", "6.1.0-x\n"},
                             {"proc/sys/kernel/hostname", "n1\n"}});
  const auto facts = read_host_facts(KernelRoot::below(fixture.str()));
  ASSERT_TRUE(facts.ok());
  EXPECT_EQ(facts->boot_id, "0a1b");
  EXPECT_EQ(facts->kernel_release, "6.1.0-x");
  EXPECT_EQ(facts->hostname, "n1");
  fixture.remove("proc/sys/kernel/osrelease");
  EXPECT_THAT(read_host_facts(KernelRoot::below(fixture.str())).error().message(), HasSubstr("osrelease"));
}

TEST(HostFacts, MemoryComesFromMeminfo) {
  const FixtureTree fixture({{"proc/meminfo", "MemTotal:  2048 kB\n"},
                             {"sys/devices/system/node/node0/meminfo", "Node 0 MemTotal:  7 kB\n"}});
  const auto root = KernelRoot::below(fixture.str());
  EXPECT_EQ(read_memory_capacity(root).value(), Bytes(2048 * 1024));
  fixture.write("proc/meminfo", "MemTotal:  0 kB\n");
  EXPECT_EQ(read_memory_capacity(root).error().code(), ErrorCode::kMalformed);
}

TEST(OnlineCpusOfTheHost, AreToldWhenTheyAreOthersAndStayWhenTheyCannotBeRead) {
  const std::string list = "sys/devices/system/cpu/online";
  const FixtureTree fixture({{list, "0-1,4-5\n"}});
  OnlineCpus online(KernelRoot::below(fixture.str()));
  const auto others = [&] {
    const auto looked = online.look();
    EXPECT_TRUE(looked.ok()) << looked.error().message();
    return looked.ok() && *looked;
  };
  EXPECT_TRUE(others()) << "the first look";
  EXPECT_EQ(online.cpus(), (model::CpuSet{0, 1, 4, 5}));
  EXPECT_EQ(online.capacity(), MilliCpu(4000));
  EXPECT_FALSE(others());
  fixture.write(list, "0-1,4\n");
  EXPECT_TRUE(others());
  EXPECT_EQ(online.capacity(), MilliCpu(3000));
  for (const auto* text : {"all\n", "\n", ""}) {
    fixture.write(list, text);
    const auto garbled = online.look();
    ASSERT_FALSE(garbled.ok()) << text;
    EXPECT_EQ(garbled.error().code(), ErrorCode::kMalformed);
    EXPECT_THAT(garbled.error().message(), HasSubstr(fixture.path(list)));
  }
  EXPECT_EQ(online.cpus(), (model::CpuSet{0, 1, 4}));
  fixture.write(list, "0-1,4-5\n");
  EXPECT_TRUE(others());
  EXPECT_EQ(online.capacity(), MilliCpu(4000));
  EXPECT_FALSE(OnlineCpus(KernelRoot::below(fixture.str() + "/nowhere")).look().ok());
}

TEST(CpuKindOfTheHost, IsWhatTheKernelTells) {
  const FixtureTree fixture({{"proc/cpuinfo",
                              "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel\t\t: 85\n"
                              "model name\t: Intel(R) Xeon(R) Platinum 8269CY CPU @ 2.50GHz\nstepping\t: 7\n\n"
                              "processor\t: 1\nmodel name\t: another\n"},
                             {"sys/devices/system/cpu/smt/active", "1\n"},
                             {"sys/devices/system/cpu/intel_pstate/no_turbo", "0\n"},
                             {"sys/devices/system/cpu/cpufreq/boost", "0\n"}});
  const auto root = KernelRoot::below(fixture.str());
  EXPECT_EQ(read_cpu_kind(root), (model::CpuKind{"Intel(R) Xeon(R) Platinum 8269CY CPU @ 2.50GHz", true, true}));
  fixture.write("sys/devices/system/cpu/smt/active", "0\n");
  fixture.write("sys/devices/system/cpu/intel_pstate/no_turbo", "1\n");
  EXPECT_EQ(read_cpu_kind(root).hyper_threads, false);
  EXPECT_EQ(read_cpu_kind(root).turbo, false);
  fixture.remove("sys/devices/system/cpu/intel_pstate/no_turbo");
  EXPECT_EQ(read_cpu_kind(root).turbo, false) << "boost";
  fixture.write("sys/devices/system/cpu/cpufreq/boost", "1\n");
  EXPECT_EQ(read_cpu_kind(root).turbo, true);
}

TEST(CpuKindOfTheHost, IsKnownOnAHostOfManyCpus) {
  std::string cpuinfo;
  for (int cpu = 0; cpu < 128; ++cpu) {
    cpuinfo += fmt::format("processor\t: {}\nmodel name\t: AMD EPYC 7K83 64-Core Processor\nflags\t\t: {}\n\n", cpu,
                           std::string(1400, 'f'));
  }
  ASSERT_GT(cpuinfo.size(), 128u * 1024);
  const FixtureTree fixture({{"proc/cpuinfo", cpuinfo}});
  EXPECT_EQ(read_cpu_kind(KernelRoot::below(fixture.str())).model, "AMD EPYC 7K83 64-Core Processor");
}

TEST(CpuKindOfTheHost, WhatIsNotToldIsNotKnown) {
  const FixtureTree fixture({{"proc/cpuinfo", "processor\t: 0\nCPU implementer\t: 0x41\nno colon here\n"},
                             {"sys/devices/system/cpu/smt/active", "maybe\n"},
                             {"sys/devices/system/cpu/cpufreq/boost", "7\n"}});
  EXPECT_EQ(read_cpu_kind(KernelRoot::below(fixture.str())), model::CpuKind{});
  EXPECT_EQ(read_cpu_kind(KernelRoot::below(fixture.str() + "/nowhere")), model::CpuKind{});
}

TEST(HostFacts, ThisHostHasAll) {
  EXPECT_TRUE(read_host_facts({}).ok());
  EXPECT_GT(read_memory_capacity({})->value(), 0);
  OnlineCpus online({});
  ASSERT_TRUE(online.look().ok());
  EXPECT_GE(online.capacity().value(), 1000);
}

TEST(Topology, LargeHostWithSmtNumaAndTwoCachesAPackage) {
  const auto found = topology_from_synthetic("Package:2 [NUMANode(memory=64GB)] L3:2 Core:8 PU:2");
  ASSERT_TRUE(found.ok()) << found.error().message();
  EXPECT_EQ(found->cpus.size(), 64U);
  EXPECT_EQ(found->cores, 32);
  EXPECT_EQ(found->l3_domains, 4);
  EXPECT_EQ(found->numa_nodes, 2);
  EXPECT_EQ(found->packages, 2);
  EXPECT_TRUE(found->smt());
  EXPECT_EQ(found->cpus[0], (Topology::Cpu{.id = 0, .core = 0, .l3 = 0, .numa = 0, .package = 0}));
  EXPECT_EQ(found->cpus[1].core, 0);
  EXPECT_EQ(found->cpus[63], (Topology::Cpu{.id = 63, .core = 31, .l3 = 3, .numa = 1, .package = 1}));
}

TEST(Topology, SiblingsAreKnownByCoreNotByNumber) {
  const auto found = topology_from_synthetic("Core:4 PU:2(indexes=0,4,1,5,2,6,3,7)");
  ASSERT_TRUE(found.ok()) << found.error().message();
  for (int cpu = 0; cpu < 8; ++cpu) {
    EXPECT_EQ(found->cpus[static_cast<std::size_t>(cpu)].id, cpu);
    EXPECT_EQ(found->cpus[static_cast<std::size_t>(cpu)].core, cpu % 4);
  }
}

TEST(Topology, SmallHostWithoutSmtOrSharedCache) {
  const auto found = topology_from_synthetic("Core:2 PU:1");
  ASSERT_TRUE(found.ok());
  EXPECT_FALSE(found->smt());
  EXPECT_EQ(found->l3_domains, 0);
  EXPECT_EQ(found->cpus[1].l3, 0);
}

TEST(Topology, XmlSaysTheSameAsWhatItWasMadeOf) {
  const std::string description = "Package:2 L3:1 Core:3 PU:2";
  const tideline::test::TempDir directory;
  const std::string file = directory.str() + "/host.xml";
  hwloc_topology_t raw = nullptr;
  ASSERT_EQ(hwloc_topology_init(&raw), 0);
  ASSERT_EQ(hwloc_topology_set_synthetic(raw, description.c_str()), 0);
  ASSERT_EQ(hwloc_topology_load(raw), 0);
  ASSERT_EQ(hwloc_topology_export_xml(raw, file.c_str(), 0), 0);
  hwloc_topology_destroy(raw);
  const auto found = topology_from_xml(file);
  ASSERT_TRUE(found.ok()) << found.error().message();
  EXPECT_EQ(*found, *topology_from_synthetic(description));
}

TEST(Topology, NamesWhatDescribesNoHost) {
  const auto wrong = topology_from_synthetic("Teapot:3");
  ASSERT_FALSE(wrong.ok());
  EXPECT_THAT(wrong.error().message(), HasSubstr("Teapot:3"));
  const auto missing = topology_from_xml("/nowhere/host.xml");
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.error().message(), HasSubstr("/nowhere/host.xml"));
}

TEST(Topology, ThisHostHasAsManyCpusAsAreOnline) {
  const auto found = load_topology({});
  ASSERT_TRUE(found.ok()) << found.error().message();
  OnlineCpus online({});
  ASSERT_TRUE(online.look().ok());
  EXPECT_EQ(static_cast<int>(found->cpus.size()), online.cpus().size());
}

TEST(Topology, ReadsTheTreeBelowItsRoot) {
  FixtureTree::Files files = {{"sys/devices/system/cpu/online", "0-2\n"},
                              {"sys/devices/system/cpu/possible", "0-2\n"},
                              {"proc/cpuinfo", "processor\t: 0\n\nprocessor\t: 1\n\nprocessor\t: 2\n\n"}};
  for (const char* cpu : {"0", "1", "2"}) {
    const std::string base = std::string("sys/devices/system/cpu/cpu") + cpu;
    const std::string mask = std::string(cpu) == "0" ? "1\n" : std::string(cpu) == "1" ? "2\n" : "4\n";
    files.emplace_back(base + "/topology/core_id", std::string(cpu) + "\n");
    files.emplace_back(base + "/topology/physical_package_id", "0\n");
    files.emplace_back(base + "/topology/thread_siblings", mask);
    files.emplace_back(base + "/topology/core_cpus", mask);
    files.emplace_back(base + "/topology/core_siblings", "7\n");
    files.emplace_back(base + "/topology/package_cpus", "7\n");
  }
  const FixtureTree fixture(files);
  const auto found = load_topology(KernelRoot::below(fixture.str()));
  ASSERT_TRUE(found.ok()) << found.error().message();
  EXPECT_EQ(found->cpus.size(), 3U);
  EXPECT_EQ(found->cores, 3);
  EXPECT_EQ(found->l3_domains, 0) << "those of this machine are not that tree's";
  fixture.write("sys/devices/system/cpu/online", "0,2\n");
  const auto fewer = load_topology(KernelRoot::below(fixture.str()));
  ASSERT_TRUE(fewer.ok()) << fewer.error().message();
  ASSERT_EQ(fewer->cpus.size(), 2U);
  EXPECT_EQ(fewer->cpus[1].id, 2) << "who is offline is not there";
}

TEST(Topology, CpusOfWhichNoCoreIsToldAreNoSiblings) {
  const FixtureTree fixture(FixtureTree::Files{{"sys/devices/system/cpu/online", "0-1\n"}});
  const auto found = load_topology(KernelRoot::below(fixture.str()));
  ASSERT_TRUE(found.ok()) << found.error().message();
  std::set<int> cores;
  for (const auto& cpu : found->cpus)
    cores.insert(cpu.core);
  EXPECT_EQ(cores.size(), found->cpus.size());
  EXPECT_FALSE(found->smt());
}

}  // namespace
}  // namespace tideline::kernel::test::host_test
