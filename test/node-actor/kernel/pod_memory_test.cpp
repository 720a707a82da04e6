// The memory side of what the pod loop reads.

#include <filesystem>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node-actor/kernel/pod_reader.h"
#include "test/node-actor/kernel/trees.h"

namespace tideline::kernel::test::pod_memory_test {
namespace {

using model::Bytes;
using model::ErrorCode;
using model::StallTotals;
using std::chrono::microseconds;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::string kMemory = "sys/fs/cgroup/memory/";
const std::string kBe = kMemory + "kubepods/besteffort/";
const std::string kPod = kMemory + "kubepods/burstable/poda/";
const std::string kV2Be = "sys/fs/cgroup/kubepods.slice/kubepods-besteffort.slice/";
const std::string kV2Pod = "sys/fs/cgroup/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-poda_b.slice/";

/// memory.stat of v1 with this much of each.
std::string stat_v1(int anon, int file, int refaults) {
  return "total_rss " + std::to_string(anon) + "\ntotal_shmem 0\ntotal_inactive_anon 0\ntotal_active_anon " +
         std::to_string(anon) + "\ntotal_unevictable 0\ntotal_inactive_file 0\ntotal_active_file " +
         std::to_string(file) + "\ntotal_workingset_refault_anon 0\ntotal_workingset_refault_file " +
         std::to_string(refaults) + "\n";
}

class PodMemory : public ::testing::Test {
 protected:
  model::HostCounters read(PodReader& reader) {
    auto reading = reader.read(pods_);
    EXPECT_THAT(reading.errors, IsEmpty());
    return std::move(reading.counters);
  }
  model::HostCounters read() { return read(reader_); }
  FixtureTree fixture_{v1_files()};
  CgroupTree tree_ = tree_of(fixture_);
  PodReader reader_{tree_};
  std::vector<model::Pod> pods_ = {pod_of("a")};
};

TEST_F(PodMemory, OfTheHostIsRead) {
  const auto counters = read();
  EXPECT_EQ(counters.memory_host.total, counters.memory_total);
  EXPECT_EQ(counters.memory_host.available, counters.memory_available);
  EXPECT_EQ(counters.memory_host.free, Bytes(100 * 1024));
  EXPECT_EQ(counters.memory_host.alloc_stalls, 321);
  EXPECT_NE(counters.memory_host.low_watermark, std::nullopt);
}

TEST_F(PodMemory, OfTheBestEffortRootAndKubepodsIsReadWithLimits) {
  fixture_.write(kBe + "memory.limit_in_bytes", "65536\n");
  const auto counters = read();
  const auto& be = counters.best_effort.memory_side;
  EXPECT_EQ(be.stat_at, counters.at);
  EXPECT_EQ(be.usage, Bytes(5523));
  EXPECT_EQ(be.limit, Bytes(65536));
  EXPECT_EQ(be.anon, Bytes(123));
  EXPECT_EQ(be.reclaimable, Bytes(5400));
  EXPECT_EQ(be.refaults, 61);
  EXPECT_EQ(be.scanned, std::nullopt) << "v1 does not tell";
  EXPECT_EQ(be.memory_stall, std::nullopt) << "v1 has none for groups";
  EXPECT_EQ(counters.best_effort.memory, Bytes(123));
  const auto& all = counters.kubepods_memory;
  EXPECT_EQ(all.usage, Bytes(7630));
  EXPECT_EQ(all.limit, Bytes(819'200));
  EXPECT_EQ(all.reclaimable, Bytes(5600));
  EXPECT_EQ(all.refaults, std::nullopt) << "its memory.stat does not tell";
}

TEST_F(PodMemory, OfAPodIsReadWithoutALimit) {
  fixture_.write(kPod + "memory.limit_in_bytes", "65536\n");
  fixture_.write(kPod + "memory.stat", stat_v1(30, 500, 8));
  const auto counters = read();
  const auto& pod = counters.pods.at(0).group.memory_side;
  EXPECT_EQ(pod.stat_at, counters.at);
  EXPECT_EQ(pod.usage, Bytes(1300));
  EXPECT_EQ(pod.limit, std::nullopt);
  EXPECT_EQ(pod.anon, Bytes(30));
  EXPECT_EQ(pod.reclaimable, Bytes(500));
  EXPECT_EQ(pod.refaults, 8);
}

TEST_F(PodMemory, KillsBelowAV1GroupAreNotKnown) {
  fixture_.write(kPod + "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
  EXPECT_EQ(read().pods.at(0).group.memory_side.oom_kills, std::nullopt);
}

TEST_F(PodMemory, StandsBetweenItsReads) {
  PodReader reader(tree_, {.memory_every = 3});
  const auto first = read(reader);
  const auto first_at = first.pods.at(0).group.memory_side.stat_at;
  EXPECT_EQ(first_at, first.at);
  fixture_.write(kPod + "memory.usage_in_bytes", "77\n");
  fixture_.write(kPod + "memory.stat", stat_v1(30, 500, 8));
  fixture_.write(kBe + "memory.stat", stat_v1(1, 2, 3));
  fixture_.write(kMemory + "kubepods/memory.usage_in_bytes", "78\n");
  for (int i = 0; i < 2; ++i) {
    const auto counters = read(reader);
    const auto& pod = counters.pods.at(0).group;
    EXPECT_EQ(pod.memory_side.stat_at, first_at);
    EXPECT_EQ(pod.memory_side.usage, Bytes(1300));
    EXPECT_EQ(pod.memory, Bytes(1230));
    EXPECT_EQ(counters.best_effort.memory_side.reclaimable, Bytes(5400));
    EXPECT_EQ(counters.best_effort.memory_side.stat_at, first_at);
    EXPECT_EQ(counters.kubepods_memory.usage, Bytes(7630));
    EXPECT_EQ(counters.kubepods_memory.stat_at, first_at);
  }
  const auto counters = read(reader);
  EXPECT_EQ(counters.pods.at(0).group.memory_side.stat_at, counters.at);
  EXPECT_EQ(counters.pods.at(0).group.memory_side.usage, Bytes(77));
  EXPECT_EQ(counters.pods.at(0).group.memory_side.reclaimable, Bytes(500));
  EXPECT_EQ(counters.best_effort.memory_side.reclaimable, Bytes(2));
  EXPECT_EQ(counters.kubepods_memory.usage, Bytes(78));
}

TEST_F(PodMemory, OfTheRootsIsReadEachTimeForRelief) {
  PodReader reader(tree_, {.memory_every = 3});
  const auto first = read(reader);
  fixture_.write(kPod + "memory.usage_in_bytes", "77\n");
  fixture_.write(kBe + "memory.stat", stat_v1(1, 2, 3));
  fixture_.write(kMemory + "kubepods/memory.usage_in_bytes", "78\n");
  PodReading reading;
  reader.read(pods_, {.relief = true}, reading);
  const auto& counters = reading.counters;
  EXPECT_THAT(reading.errors, IsEmpty());
  EXPECT_EQ(counters.best_effort.memory_side.reclaimable, Bytes(2));
  EXPECT_EQ(counters.best_effort.memory_side.stat_at, counters.at);
  EXPECT_EQ(counters.kubepods_memory.usage, Bytes(78));
  EXPECT_EQ(counters.kubepods_memory.stat_at, counters.at);
  EXPECT_EQ(counters.pods.at(0).group.memory_side.stat_at, first.at) << "nothing of pods is asked for by it";
}

TEST_F(PodMemory, OfBatchPodsIsReadEachTimeWhereSomeHaveToGo) {
  auto batch = pods_;
  batch[0].qos = model::QosClass::kBe;
  for (const auto& [pods, usage] : {std::pair(pods_, Bytes(1300)), std::pair(batch, Bytes(77))}) {
    fixture_.write(kPod + "memory.usage_in_bytes", "1300\n");
    PodReader reader(tree_, {.memory_every = 3});
    PodReading reading;
    reader.read(pods, {}, reading);
    fixture_.write(kPod + "memory.usage_in_bytes", "77\n");
    reader.read(pods, {}, reading);
    EXPECT_EQ(reading.counters.pods.at(0).group.memory_side.usage, Bytes(1300));
    reader.read(pods, {.be_memory = true}, reading);
    EXPECT_EQ(reading.counters.pods.at(0).group.memory_side.usage, usage) << name_of(pods[0].qos);
  }
}

TEST_F(PodMemory, StallsOfTheHostAreReadTwiceInARowAndEachTimeForRelief) {
  for (const auto& [relief, expected] : {std::pair(false, "xx...xx"), std::pair(true, "xxxxxxx")}) {
    PodReader reader(tree_, {.detail_every = 5});
    PodReading reading;
    std::string found;
    for (int i = 0; i < 7; ++i) {
      reader.read(pods_, {.relief = relief}, reading);
      found += reading.counters.memory_host.alloc_stalls ? 'x' : '.';
      EXPECT_NE(reading.counters.memory_host.available, std::nullopt);
    }
    EXPECT_EQ(found, expected);
  }
}

TEST_F(PodMemory, OfAPodThatComesLaterIsReadAtOnceAndThenWithTheOthers) {
  PodReader reader(tree_, {.memory_every = 4});
  read(reader);
  read(reader);
  const std::string group = "kubepods/burstable/podb/";
  fixture_.write("sys/fs/cgroup/cpuacct/" + group + "cpuacct.usage", "20\n");
  fixture_.write("sys/fs/cgroup/cpu/" + group + "tasks", "");
  fixture_.write(kMemory + group + "memory.stat", stat_v1(1, 2, 3));
  pods_.push_back(pod_of("b"));
  const auto came = read(reader);
  EXPECT_EQ(came.pods.at(1).group.memory_side.stat_at, came.at);
  EXPECT_EQ(read(reader).pods.at(1).group.memory_side.stat_at, came.at);
  const auto together = read(reader);
  EXPECT_EQ(together.pods.at(0).group.memory_side.stat_at, together.at);
  EXPECT_EQ(together.pods.at(1).group.memory_side.stat_at, together.at);
}

TEST_F(PodMemory, OfAGroupMadeAgainIsItsOwn) {
  PodReader reader(tree_, {.memory_every = 100});
  read(reader);
  const std::string acct = "sys/fs/cgroup/cpuacct/kubepods/burstable/poda";
  // The old directory is kept, so that the new one cannot have its inode.
  fixture_.remove(acct + "/cpuacct.usage");
  std::filesystem::rename(fixture_.path(acct), fixture_.path("kept"));
  fixture_.write(acct + "/cpuacct.usage", "77\n");
  fixture_.write(kPod + "memory.usage_in_bytes", "9\n");
  const auto counters = read(reader);
  EXPECT_EQ(counters.pods.at(0).group.memory_side.usage, Bytes(9));
  EXPECT_EQ(counters.pods.at(0).group.memory_side.stat_at, counters.at) << "at once";
}

TEST_F(PodMemory, FilesThatVanishAreUnknownAndNoError) {
  fixture_.remove(kPod);
  fixture_.remove(kMemory + "kubepods/memory.stat");
  const auto counters = read();
  EXPECT_EQ(counters.pods.at(0).group.memory_side.usage, std::nullopt);
  EXPECT_EQ(counters.pods.at(0).group.memory_side.reclaimable, std::nullopt);
  EXPECT_EQ(counters.kubepods_memory.reclaimable, std::nullopt);
  EXPECT_EQ(counters.kubepods_memory.usage, Bytes(7630));
}

TEST_F(PodMemory, NamesGarbageAndKeepsTheRest) {
  fixture_.write(kPod + "memory.usage_in_bytes", "much\n");
  fixture_.write(kBe + "memory.limit_in_bytes", "lots\n");
  fixture_.write(kBe + "memory.stat",
                 "total_active_anon 1\ntotal_inactive_anon 1\ntotal_unevictable 1\ntotal_active_file -2\n");
  const auto reading = reader_.read(pods_);
  ASSERT_THAT(reading.errors, SizeIs(3));
  for (const auto& error : reading.errors)
    EXPECT_EQ(error.code(), ErrorCode::kMalformed);
  EXPECT_THAT(reading.errors[0].message(), HasSubstr("besteffort/memory.stat"));
  EXPECT_THAT(reading.errors[1].message(), HasSubstr("besteffort/memory.limit_in_bytes: unexpected text 'lots"));
  EXPECT_THAT(reading.errors[2].message(), HasSubstr("poda/memory.usage_in_bytes: unexpected text 'much"));
  EXPECT_EQ(reading.counters.best_effort.memory_side.usage, Bytes(5523));
  EXPECT_EQ(reading.counters.best_effort.memory_side.limit, std::nullopt);
  EXPECT_EQ(reading.counters.pods[0].group.memory, Bytes(1230));
}

TEST_F(PodMemory, ATreeWithoutAMemoryHierarchyIsNamedEachTime) {
  auto mounts = FixtureTree::mountinfo_v1();
  const auto from = mounts.find("35 31");
  mounts.erase(from, mounts.find('\n', from) - from + 1);
  fixture_.write("proc/self/mountinfo", mounts);
  const auto tree = tree_of(fixture_);
  PodReader reader(tree, {.memory_every = 5});
  for (int i = 0; i < 2; ++i) {
    const auto reading = reader.read(pods_);
    ASSERT_THAT(reading.errors, SizeIs(2)) << "the besteffort root and the pod";
    EXPECT_EQ(reading.errors[0].code(), ErrorCode::kUnsupported);
    EXPECT_EQ(reading.counters.pods[0].group.memory_side, model::MemoryCounters{});
    EXPECT_EQ(reading.counters.kubepods_memory, model::MemoryCounters{});
  }
}

class PodMemoryV2 : public ::testing::Test {
 protected:
  model::HostCounters read(PodReader& reader) {
    auto reading = reader.read({pod_of("a-b")});
    EXPECT_THAT(reading.errors, IsEmpty());
    return std::move(reading.counters);
  }
  FixtureTree fixture_{v2_files()};
  CgroupTree tree_ = tree_of(fixture_);
  PodReader reader_{tree_};
};

TEST_F(PodMemoryV2, IsReadWithEventsAndStalls) {
  const auto counters = read(reader_);
  const auto& be = counters.best_effort.memory_side;
  EXPECT_EQ(be.usage, Bytes(5530));
  EXPECT_EQ(be.limit, std::nullopt);
  EXPECT_EQ(be.anon, Bytes(123));
  EXPECT_EQ(be.reclaimable, Bytes(5407));
  EXPECT_EQ(be.refaults, 61);
  EXPECT_EQ(be.scanned, 800);
  EXPECT_EQ(be.oom_kills, 2);
  EXPECT_EQ(be.memory_stall, (StallTotals{microseconds(50), microseconds(5)}));
  EXPECT_EQ(be.io_stall, (StallTotals{microseconds(40), microseconds(4)}));
  EXPECT_EQ(counters.kubepods_memory.limit, Bytes(819'200));
  EXPECT_EQ(counters.kubepods_memory.reclaimable, Bytes(5670));
  EXPECT_EQ(counters.kubepods_memory.memory_stall, (StallTotals{microseconds(90), microseconds(9)}));
  const auto& pod = counters.pods.at(0).group.memory_side;
  EXPECT_EQ(pod.usage, Bytes(1300));
  EXPECT_EQ(pod.oom_kills, 1);
  EXPECT_EQ(pod.memory_stall, (StallTotals{microseconds(700), microseconds(70)}));
  EXPECT_EQ(pod.io_stall, std::nullopt) << "this kernel has none";
}

TEST_F(PodMemoryV2, StallsOfPodsAreReadTwiceInARowAndOfTheRootEachTime) {
  PodReader reader(tree_, {.detail_every = 5});
  std::string of_pod;
  std::string of_root;
  for (int i = 0; i < 7; ++i) {
    const auto counters = read(reader);
    of_pod += counters.pods.at(0).group.memory_side.memory_stall ? 'x' : '.';
    of_root += counters.best_effort.memory_side.memory_stall ? 'x' : '.';
  }
  EXPECT_EQ(of_pod, "xx...xx");
  EXPECT_EQ(of_root, "xxxxxxx");
}

TEST_F(PodMemoryV2, StallsOfServicesAreReadEachTimeWhereThatIsAskedFor) {
  auto batch = pod_of("a-b");
  batch.qos = model::QosClass::kBe;
  for (const auto& [pod, expected] : {std::pair(pod_of("a-b"), "xxxx"), std::pair(batch, "xx..")}) {
    PodReader asked(tree_, {.detail_every = 5});
    PodReading reading;
    std::string found;
    for (int i = 0; i < 4; ++i) {
      asked.read({pod}, {.relief = true}, reading);
      found += reading.counters.pods.at(0).group.memory_side.memory_stall ? 'x' : '.';
    }
    EXPECT_EQ(found, expected) << name_of(pod.qos);
  }
}

TEST_F(PodMemoryV2, AKernelWithoutStallsOfGroupsIsNotAskedAgain) {
  fixture_.remove(kV2Be + "memory.pressure");
  EXPECT_EQ(read(reader_).best_effort.memory_side.memory_stall, std::nullopt);
  fixture_.write(kV2Be + "memory.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n");
  const auto counters = read(reader_);
  EXPECT_EQ(counters.best_effort.memory_side.memory_stall, std::nullopt);
  EXPECT_NE(counters.best_effort.memory_side.io_stall, std::nullopt);
}

TEST_F(PodMemoryV2, GarbageIsNamed) {
  fixture_.write(kV2Be + "io.pressure", "none\n");
  fixture_.write(kV2Pod + "memory.events", "oom_kill many\n");
  const auto reading = reader_.read({pod_of("a-b")});
  ASSERT_THAT(reading.errors, SizeIs(2));
  EXPECT_THAT(reading.errors[0].message(), HasSubstr("io.pressure: unexpected text 'none"));
  EXPECT_THAT(reading.errors[1].message(), HasSubstr("memory.events: unexpected text 'oom_kill many"));
  EXPECT_EQ(reading.counters.pods[0].group.memory_side.oom_kills, std::nullopt);
  EXPECT_EQ(reading.counters.pods[0].group.memory_side.usage, Bytes(1300));
}

TEST(PodMemoryHybrid, IsReadWhereTheMemoryHierarchyIs) {
  // The CPU on v1, memory alone on v2.
  auto mounts = FixtureTree::mountinfo_v1();
  const auto from = mounts.find("35 31");
  mounts.erase(from, mounts.find('\n', from) - from + 1);
  const std::string unified = "sys/fs/cgroup/unified/";
  const FixtureTree fixture(
      v1_files() +
      FixtureTree::Files{
          {"proc/self/mountinfo", mounts},
          {unified + "cgroup.controllers", "memory\n"},
          {unified + "kubepods/memory.current", "9\n"},
          {unified + "kubepods/besteffort/memory.stat",
           "anon 1\nshmem 2\nactive_anon 3\ninactive_anon 0\nunevictable 0\nactive_file 4\ninactive_file 5\n"},
          {unified + "kubepods/besteffort/memory.current", "12\n"},
          {unified + "kubepods/besteffort/memory.max", "65536\n"}});
  const auto tree = tree_of(fixture);
  PodReader reader(tree);
  const auto reading = reader.read({});
  EXPECT_THAT(reading.errors, IsEmpty());
  const auto& be = reading.counters.best_effort;
  EXPECT_EQ(be.cpu, std::chrono::seconds(2));
  EXPECT_EQ(be.memory, Bytes(3));
  EXPECT_EQ(be.memory_side.usage, Bytes(12));
  EXPECT_EQ(be.memory_side.limit, Bytes(65536));
  EXPECT_EQ(be.memory_side.reclaimable, Bytes(9));
  EXPECT_EQ(reading.counters.kubepods_memory.usage, Bytes(9));
}

}  // namespace
}  // namespace tideline::kernel::test::pod_memory_test
