#include "node-actor/kernel/zone_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "node-actor/kernel/parse_zones.h"
#include "test/node-actor/kernel/trees.h"

namespace tideline::kernel::test::zone_reader_test {
namespace {

using model::Bytes;
using model::Duration;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr std::int64_t kKi = 1024;

std::string meminfo(int node, int total, int free, int active_file, int inactive_file, int slab) {
  const auto line = [&](const std::string& key, int kilobytes) {
    return "Node " + std::to_string(node) + " " + key + ":       " + std::to_string(kilobytes) + " kB\n";
  };
  return line("MemTotal", total) + line("MemFree", free) + line("MemUsed", total - free) +
         line("Active", 2 * active_file) + line("Active(file)", active_file) + line("Inactive(file)", inactive_file) +
         line("SReclaimable", slab);
}

/// Four CPUs in two zones and a third of memory alone; the first two have memory of very different sizes.
FixtureTree::Files zone_files() {
  const std::string nodes = "sys/devices/system/node/";
  return {{nodes + "has_memory", "0-1,4\n"},
          {nodes + "node0/meminfo", meminfo(0, 1000, 400, 100, 50, 30)},
          {nodes + "node1/meminfo", meminfo(1, 9000, 8000, 0, 0, 0)},
          {nodes + "node4/meminfo", meminfo(4, 500, 500, 0, 0, 0)},
          {"proc/stat",
           "cpu  0 0 0 0 0 0 0 0 0 0\n"
           "cpu0 100 1 10 9999 888 2 3 777 66 6\n"
           "cpu1 200 0 0 0 0 0 0 0 0 0\n"
           "cpu2 300 0 0 0 0 0 0 0 0 0\n"
           "cpu3 400 0 0 0 0 0 0 0 0 0\n"
           "intr 12345 0 0\n"}};
}

model::Topology two_zones() {
  model::Topology topology;
  for (int cpu = 0; cpu < 4; ++cpu)
    topology.cpus.push_back({.id = cpu, .core = cpu, .l3 = 0, .numa = cpu % 2, .package = 0});
  topology.numa_nodes = 2;
  return topology;
}

Duration ticks(std::int64_t count) {
  return milliseconds(count * 1000 / ::sysconf(_SC_CLK_TCK));
}

const std::string kBeAcct = "sys/fs/cgroup/cpuacct/kubepods/besteffort/";
const std::string kBeMemory = "sys/fs/cgroup/memory/kubepods/besteffort/";
const std::string kBeV2 = "sys/fs/cgroup/kubepods.slice/kubepods-besteffort.slice/";

TEST(ZoneReaderV1, ReadsWhatEachZoneAndBestEffortInItUses) {
  FixtureTree fixture(v1_files() + zone_files());
  fixture.write(kBeAcct + "cpuacct.usage_percpu", "11 22 33 44 0 0 \n");
  fixture.write(kBeMemory + "memory.numa_stat",
                "total=9 N0=9 N1=0\nanon=1 N0=1 N1=0\nunevictable=0 N0=0 N1=0\n"
                "hierarchical_total=99 N0=9 N1=90\nhierarchical_anon=5 N0=2 N1=3\n"
                "hierarchical_unevictable=1 N0=0 N1=1\n");
  const CgroupTree tree = tree_of(fixture);
  ZoneReader reader(tree, two_zones());
  ASSERT_EQ(reader.count(), 3u);
  std::vector<model::Error> errors;
  const auto reading = reader.read(errors);
  EXPECT_THAT(errors, IsEmpty());
  EXPECT_GT(reading.at.ns, 0);
  ASSERT_THAT(reading.zones, SizeIs(3));
  const auto& first = reading.zones[0];
  EXPECT_EQ(first.id, 0);
  EXPECT_EQ(first.memory_total, Bytes(1000 * kKi));
  EXPECT_EQ(first.memory_used, Bytes((1000 - 400 - 100 - 50 - 30) * kKi)) << "page cache and slab can be had back";
  ASSERT_THAT(first.cpus, SizeIs(2));
  EXPECT_EQ(first.cpus[0].id, 0);
  EXPECT_EQ(first.cpus[0].used, ticks(100 + 1 + 10 + 2 + 3)) << "without idle, iowait, steal and guests";
  EXPECT_EQ(first.cpus[1].id, 2);
  EXPECT_EQ(first.cpus[1].used, ticks(300));
  EXPECT_EQ(first.be_cpu, nanoseconds(11 + 33));
  EXPECT_EQ(first.be_memory, Bytes(2 * ::sysconf(_SC_PAGESIZE))) << "pages, of all groups below";
  const auto& second = reading.zones[1];
  EXPECT_EQ(second.memory_used, Bytes(1000 * kKi));
  EXPECT_EQ(second.be_cpu, nanoseconds(22 + 44));
  EXPECT_EQ(second.be_memory, Bytes(4 * ::sysconf(_SC_PAGESIZE)));
  const auto& third = reading.zones[2];
  EXPECT_EQ(third.id, 4);
  EXPECT_THAT(third.cpus, IsEmpty());
  EXPECT_EQ(third.memory_total, Bytes(500 * kKi));
  EXPECT_EQ(third.memory_used, Bytes(0));
  EXPECT_EQ(third.be_memory, std::nullopt) << "the kernel does not tell of it";
}

TEST(ZoneReaderV2, KnowsBestEffortsMemoryAndNotItsCpu) {
  FixtureTree fixture(v2_files() + zone_files());
  fixture.write(kBeV2 + "memory.numa_stat", "anon N0=4096 N1=8192\nfile N0=7 N1=7\nunevictable N0=1 N1=0\n");
  const CgroupTree tree = tree_of(fixture);
  ZoneReader reader(tree, two_zones());
  std::vector<model::Error> errors;
  const auto reading = reader.read(errors);
  EXPECT_THAT(errors, IsEmpty());
  EXPECT_EQ(reading.zones[0].be_memory, Bytes(4097));
  EXPECT_EQ(reading.zones[1].be_memory, Bytes(8192));
  EXPECT_EQ(reading.zones[0].be_cpu, std::nullopt);
  EXPECT_EQ(reading.zones[1].cpus[1].used, ticks(400));
}

TEST(ZoneReader, WhatCannotBeReadIsUnknownAndNamedAndTheRestIsThere) {
  FixtureTree fixture(v1_files() + zone_files());
  fixture.write("sys/devices/system/node/node0/meminfo", "Node 0 MemTotal: much\n");
  fixture.write("proc/stat", "cpu  1 1 1 1 1 1 1\ncpu0 1 1 1 1 1 1 1\ncpu1 1 1");
  const CgroupTree tree = tree_of(fixture);
  ZoneReader reader(tree, two_zones());
  std::vector<model::Error> errors;
  const auto reading = reader.read(errors);
  ASSERT_THAT(errors, SizeIs(2)) << "a besteffort root without these files has nothing wrong with it";
  EXPECT_THAT(errors[0].message(), HasSubstr("node0/meminfo"));
  EXPECT_THAT(errors[1].message(), HasSubstr("proc/stat"));
  EXPECT_EQ(reading.zones[0].memory_used, std::nullopt);
  EXPECT_EQ(reading.zones[1].memory_used, Bytes(1000 * kKi));
  EXPECT_EQ(reading.zones[0].cpus[0].used, std::nullopt);
  EXPECT_EQ(reading.zones[0].be_memory, std::nullopt);
}

TEST(ZoneReader, NumbersBeyondTheKernelsAreNoZonesAndTooManyAreNamed) {
  FixtureTree fixture(v1_files() + zone_files());
  fixture.write("sys/devices/system/node/has_memory", "0-1,4,1023-2000\n");
  const CgroupTree tree = tree_of(fixture);
  ZoneReader reader(tree, two_zones());
  EXPECT_EQ(reader.count(), 4u) << "0, 1, 4 and 1023";

  fixture.write("sys/devices/system/node/has_memory", "0-2000\n");
  ZoneReader crowded(tree, two_zones());
  EXPECT_EQ(crowded.count(), 1024u);
  for (int i = 0; i < 2; ++i) {
    std::vector<model::Error> errors;
    EXPECT_THAT(crowded.read(errors).zones, IsEmpty());
    ASSERT_THAT(errors, SizeIs(1));
    EXPECT_THAT(errors[0].message(), HasSubstr("1024 NUMA nodes, more than 64"));
  }
}

TEST(ZoneReader, ZonesOfMemoryThatCannotBeToldAreNamedAndThoseOfCpusAreThere) {
  FixtureTree fixture(v1_files() + zone_files());
  fixture.write("sys/devices/system/node/has_memory", "0,one\n");
  const CgroupTree tree = tree_of(fixture);
  ZoneReader reader(tree, two_zones());
  std::vector<model::Error> errors;
  EXPECT_THAT(reader.read(errors).zones, SizeIs(2));
  ASSERT_THAT(errors, SizeIs(1));
  EXPECT_EQ(errors[0].code(), model::ErrorCode::kMalformed);
  EXPECT_THAT(errors[0].message(), AllOf(HasSubstr("has_memory"), HasSubstr("0,one")));
}

TEST(ZoneReader, CpuTimesWhoseSumDoesNotFitAreUnknown) {
  FixtureTree fixture(v1_files() + zone_files());
  fixture.write(kBeAcct + "cpuacct.usage_percpu", "9223372036854775807 22 1 44\n");
  const CgroupTree tree = tree_of(fixture);
  ZoneReader reader(tree, two_zones());
  std::vector<model::Error> errors;
  const auto reading = reader.read(errors);
  EXPECT_EQ(reading.zones[0].be_cpu, std::nullopt);
  EXPECT_EQ(reading.zones[1].be_cpu, nanoseconds(22 + 44));
}

TEST(ZoneReader, ACpuThatIsOfflineIsUnknown) {
  FixtureTree fixture(v1_files() + zone_files());
  fixture.write("proc/stat", "cpu  1 1 1 1 1 1 1\ncpu0 1 1 1 1 1 1 1\nintr 1\n");
  const CgroupTree tree = tree_of(fixture);
  ZoneReader reader(tree, two_zones());
  std::vector<model::Error> errors;
  const auto reading = reader.read(errors);
  EXPECT_TRUE(reading.zones[0].cpus[0].used);
  EXPECT_EQ(reading.zones[0].cpus[1].used, std::nullopt);
}

TEST(ZoneReader, AHostOfOneZoneOrOfNoneKnownReadsNothing) {
  FixtureTree fixture(v1_files());
  fixture.remove("proc/stat");
  const CgroupTree tree = tree_of(fixture);
  model::Topology one;
  one.cpus = {{.id = 0, .core = 0, .l3 = 0, .numa = 0, .package = 0}};
  std::vector<model::Error> errors;
  ZoneReader single(tree, one);
  EXPECT_EQ(single.count(), 1u);
  EXPECT_THAT(single.read(errors).zones, IsEmpty());
  ZoneReader unknown(tree, model::Topology{});
  EXPECT_EQ(unknown.count(), 0u);
  EXPECT_THAT(unknown.read(errors).zones, IsEmpty());
  EXPECT_THAT(errors, IsEmpty());
}

TEST(ParseZones, CpuLinesEndBeforeTheOthersOrAreCut) {
  EXPECT_THAT(parse_stat_cpus("cpu  9 9 9 9 9 9 9\ncpu0 1 2 3 4 5 6 7 8\ncpu12 1 0 0 0 0 0 0\nintr 5\n").value(),
              ElementsAre(Pair(0, 1 + 2 + 3 + 6 + 7), Pair(12, 1)));
  for (const char* text : {"", "cpu 1\ncpu0 1 2 3 4 5 6 7\n", "cpu0 1 2 3\nintr 1\n", "cpux 1 2 3 4 5 6 7\nintr 1\n",
                           "cpu0 1 2 3 4 5 -6 7\nintr 1\n", "cpu0 9223372036854775807 1 0 0 0 0 0\nintr 1\n"}) {
    EXPECT_EQ(parse_stat_cpus(text), std::nullopt) << text;
  }
}

TEST(ParseZones, NodeMeminfoMatchesWholeKeys) {
  const std::string text = "Node 0 MemTotal:  10 kB\nNode 0 Active:  1 kB\nNode 0 Active(file):  2 kB\n";
  EXPECT_EQ(parse_node_meminfo(text, "MemTotal"), Bytes(10 * kKi));
  EXPECT_EQ(parse_node_meminfo(text, "Active(file)"), Bytes(2 * kKi));
  EXPECT_EQ(parse_node_meminfo(text, "MemFree"), std::nullopt);
  EXPECT_EQ(parse_node_meminfo("Node 0 MemTotal: x kB\n", "MemTotal"), std::nullopt);
}

TEST(ParseZones, NumaStatIsByNode) {
  EXPECT_THAT(parse_numa_stat("anon_thp N0=1\nanon N0=2 N1=3\n", "anon").value(), ElementsAre(Pair(0, 2), Pair(1, 3)));
  EXPECT_THAT(parse_numa_stat("anon=5 N0=2 N3=3\n", "anon").value(), ElementsAre(Pair(0, 2), Pair(3, 3)));
  for (const char* text : {"", "file N0=1\n", "anon X0=1\n", "anon N0\n", "anon N0=-1\n", "anon Nx=1\n"})
    EXPECT_EQ(parse_numa_stat(text, "anon"), std::nullopt) << text;
}

TEST(ParseZones, UsageOfEachCpu) {
  EXPECT_THAT(parse_usage_percpu("1 22 333 \n").value(),
              ElementsAre(nanoseconds(1), nanoseconds(22), nanoseconds(333)));
  for (const char* text : {"", "\n", "1 x\n", "1 -2\n"})
    EXPECT_EQ(parse_usage_percpu(text), std::nullopt) << text;
}

}  // namespace
}  // namespace tideline::kernel::test::zone_reader_test
