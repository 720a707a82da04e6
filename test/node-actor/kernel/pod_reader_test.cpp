#include "node-actor/kernel/pod_reader.h"

#include <algorithm>
#include <filesystem>
#include <initializer_list>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/kernel/trees.h"

namespace tideline::kernel::test::pod_reader_test {
namespace {

using model::Bytes;
using model::ErrorCode;
using model::KubeQos;
using model::MilliCpu;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::string kBeCpu = "sys/fs/cgroup/cpu/kubepods/besteffort/";
const std::string kPodCpu = "sys/fs/cgroup/cpu/kubepods/burstable/poda/";
const std::string kPodAcct = "sys/fs/cgroup/cpuacct/kubepods/burstable/poda/";
const std::string kPodMemory = "sys/fs/cgroup/memory/kubepods/burstable/poda/";

class PodReaderV1 : public ::testing::Test {
 protected:
  PodReading read() { return reader_.read(pods_); }
  model::GroupCounters pod() {
    const auto reading = read();
    EXPECT_THAT(reading.errors, IsEmpty());
    return reading.counters.pods.at(0).group;
  }
  FixtureTree fixture_{v1_files()};
  CgroupTree tree_ = tree_of(fixture_);
  PodReader reader_{tree_};
  std::vector<model::Pod> pods_ = {pod_of("a")};
};

TEST_F(PodReaderV1, ReadsTheHost) {
  const auto reading = read();
  EXPECT_THAT(reading.errors, IsEmpty());
  const auto& counters = reading.counters;
  EXPECT_EQ(counters.node_cpu, seconds(5));
  EXPECT_EQ(counters.memory_total, Bytes(1000 * 1024));
  EXPECT_EQ(counters.memory_available, Bytes(600 * 1024));
  EXPECT_EQ(counters.cpu_stall->some, microseconds(1000));
  EXPECT_EQ(counters.memory_stall->full, microseconds(500));
  EXPECT_EQ(counters.io_stall->some, microseconds(0));
  EXPECT_EQ(counters.best_effort.cpu, seconds(2));
  EXPECT_EQ(counters.best_effort.memory, Bytes(123));
  EXPECT_TRUE(counters.be_limit_known);
  EXPECT_EQ(counters.be_limit, std::nullopt);
  EXPECT_GT(counters.wall.ms, 0);
}

TEST_F(PodReaderV1, ReadsAPod) {
  const auto group = pod();
  EXPECT_NE(group.inode, 0U);
  EXPECT_EQ(group.cpu, seconds(3));
  EXPECT_EQ(group.memory, Bytes(1230));
  EXPECT_EQ(group.nr_periods, 10);
  EXPECT_EQ(group.nr_throttled, 4);
  EXPECT_EQ(group.cpu_stall, std::nullopt);
  EXPECT_EQ(group.run_delay, nanoseconds(0));  // what its threads waited before is not ours
}

TEST_F(PodReaderV1, ReadsTheBestEffortLimit) {
  fixture_.write(kBeCpu + "cpu.cfs_quota_us", "30000\n");
  EXPECT_EQ(read().counters.be_limit, MilliCpu(300));
  fixture_.write(kBeCpu + "cpu.cfs_quota_us", "lots\n");
  const auto garbled = read();
  EXPECT_FALSE(garbled.counters.be_limit_known);
  ASSERT_THAT(garbled.errors, SizeIs(1));
  EXPECT_THAT(garbled.errors[0].message(), HasSubstr("cpu.cfs_quota_us: unexpected text 'lots"));
  fixture_.remove(kBeCpu + "cpu.cfs_quota_us");
}

TEST_F(PodReaderV1, PodWithoutGroupIsEmptyAndNoError) {
  pods_.push_back(pod_of("later"));
  const auto reading = read();
  EXPECT_THAT(reading.errors, IsEmpty());
  ASSERT_THAT(reading.counters.pods, SizeIs(2));
  EXPECT_EQ(reading.counters.pods[1].uid, model::PodUid("later"));
  EXPECT_EQ(reading.counters.pods[1].group, model::GroupCounters{});
}

TEST_F(PodReaderV1, PodThatVanishesBetweenReadsIsEmptyAndNoError) {
  EXPECT_EQ(pod().cpu, seconds(3));
  for (const auto& directory : {kPodCpu, kPodAcct, kPodMemory})
    fixture_.remove(directory);
  EXPECT_EQ(pod(), model::GroupCounters{});
}

TEST_F(PodReaderV1, FilesThatVanishBeforeTheGroupDoesAreUnknownAndNoError) {
  fixture_.remove(kPodMemory);
  fixture_.remove(kPodCpu);
  const auto group = pod();
  EXPECT_EQ(group.cpu, seconds(3));
  EXPECT_EQ(group.memory, std::nullopt);
  EXPECT_EQ(group.nr_periods, std::nullopt);
  EXPECT_EQ(group.run_delay, std::nullopt);
}

TEST_F(PodReaderV1, GroupMadeAgainHasAnotherInodeAndItsOwnCounters) {
  const auto before = pod();
  fixture_.remove(kPodAcct + "cpuacct.usage");
  // The old directory is kept, so that the new one cannot have its inode.
  std::filesystem::rename(fixture_.path(kPodAcct.substr(0, kPodAcct.size() - 1)), fixture_.path("kept"));
  fixture_.write(kPodAcct + "cpuacct.usage", "77\n");
  const auto now = pod();
  EXPECT_NE(now.inode, before.inode);
  EXPECT_EQ(now.cpu, nanoseconds(77));
}

TEST_F(PodReaderV1, NamesGarbageAndKeepsTheRest) {
  fixture_.write(kPodAcct + "cpuacct.usage", "a lot\n");
  fixture_.write(kPodMemory + "memory.stat", "total_active_anon 5\n");
  fixture_.write(kPodCpu + "cpu.stat", "nr_periods ten\n");
  fixture_.write("proc/pressure/cpu", "none\n");
  const auto reading = read();
  ASSERT_THAT(reading.errors, SizeIs(4));
  for (const auto& error : reading.errors)
    EXPECT_EQ(error.code(), ErrorCode::kMalformed);
  EXPECT_THAT(reading.errors[0].message(), HasSubstr(fixture_.path("proc/pressure/cpu")));
  EXPECT_THAT(reading.errors[1].message(), HasSubstr("cpuacct.usage: unexpected text 'a lot"));
  EXPECT_THAT(reading.errors[2].message(), HasSubstr("cpu.stat"));
  EXPECT_THAT(reading.errors[3].message(), HasSubstr("memory.stat"));
  EXPECT_EQ(reading.counters.pods[0].group.cpu, std::nullopt);
  EXPECT_EQ(reading.counters.best_effort.cpu, seconds(2));
}

TEST_F(PodReaderV1, KernelWithoutPressureInformationIsNoError) {
  fixture_.remove("proc/pressure");
  const auto reading = read();
  EXPECT_THAT(reading.errors, IsEmpty());
  EXPECT_EQ(reading.counters.cpu_stall, std::nullopt);
}

TEST_F(PodReaderV1, UidThatLeadsOutOfTheTreeIsRefused) {
  pods_ = {pod_of("/../../../etc")};
  const auto reading = read();
  ASSERT_THAT(reading.errors, SizeIs(1));
  EXPECT_EQ(reading.errors[0].code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(reading.counters.pods[0].group.inode, 0U);
}

TEST_F(PodReaderV1, CountsWhatThreadsWaitFromTheFirstReadOn) {
  pod();
  fixture_.write("proc/101/schedstat", "500 7250000 4\n");
  EXPECT_EQ(pod().run_delay, nanoseconds(250000));
  fixture_.write("proc/101/schedstat", "500 7260000 4\n");
  EXPECT_EQ(pod().run_delay, nanoseconds(260000));
}

TEST_F(PodReaderV1, WaitingNeverFallsWhenThreadsExit) {
  pod();
  fixture_.write("proc/101/schedstat", "500 7250000 4\n");
  EXPECT_EQ(pod().run_delay, nanoseconds(250000));
  fixture_.remove("proc/101");
  fixture_.write(kPodCpu + "c1/tasks", "");
  EXPECT_EQ(pod().run_delay, nanoseconds(250000));
}

TEST_F(PodReaderV1, ThreadBornBetweenReadsBringsAllItWaited) {
  pod();
  fixture_.write("proc/102/schedstat", "100 40000 1\n");
  fixture_.write(kPodCpu + "c1/tasks", "101\n102\n");
  EXPECT_EQ(pod().run_delay, nanoseconds(40000));
}

TEST_F(PodReaderV1, ThreadThatMovesInBringsNothingFromBefore) {
  pod();
  fixture_.write("proc/102/schedstat", "900000000000 1000 1\n");  // ran for long
  fixture_.write("proc/103/schedstat", "1000 500000000000 1\n");  // waited for long
  fixture_.write(kPodCpu + "c1/tasks", "101\n102\n103\n");
  EXPECT_EQ(pod().run_delay, nanoseconds(0));
  fixture_.write("proc/103/schedstat", "1000 500000000009 1\n");
  EXPECT_EQ(pod().run_delay, nanoseconds(9));
}

TEST_F(PodReaderV1, NumberGivenToAnotherThreadIsNotADifference) {
  pod();
  fixture_.write("proc/101/schedstat", "10 3000 1\n");
  EXPECT_EQ(pod().run_delay, nanoseconds(3000));
}

TEST_F(PodReaderV1, SeesThreadsOfContainersThatComeLater) {
  pod();
  fixture_.write("proc/103/schedstat", "5 70 1\n");
  fixture_.write(kPodCpu + "c2/tasks", "103\n");
  EXPECT_EQ(pod().run_delay, nanoseconds(70));
}

TEST_F(PodReaderV1, ThreadsBesideThePodsContainersAreFoundWithinTenReads) {
  fixture_.write(kPodCpu + "tasks", "");
  pod();
  fixture_.write("proc/103/schedstat", "5 70 1\n");
  fixture_.write(kPodCpu + "tasks", "103\n");
  int reads = 1;
  while (pod().run_delay != nanoseconds(70) && reads < 20)
    ++reads;
  EXPECT_LE(reads, 10);
  fixture_.write("proc/103/schedstat", "6 90 1\n");
  EXPECT_EQ(pod().run_delay, nanoseconds(90)) << "once there, at each";
}

TEST_F(PodReaderV1, CpuUsedByThreadsItCannotSeeMakesWaitingUnknown) {
  fixture_.write(kPodCpu + "c1/tasks", "");
  pod();
  fixture_.write(kPodAcct + "cpuacct.usage", "3900000000\n");
  EXPECT_EQ(pod().run_delay, std::nullopt);
}

TEST_F(PodReaderV1, WaitingIsUnknownBeyondTheBoundOnThreads) {
  PodReader bounded(tree_, {.max_threads = 1});
  EXPECT_EQ(bounded.read(pods_).counters.pods[0].group.run_delay, nanoseconds(0));
  fixture_.write("proc/102/schedstat", "5 70 1\n");
  fixture_.write(kPodCpu + "c1/tasks", "101\n102\n");
  const auto reading = bounded.read(pods_);
  EXPECT_EQ(reading.counters.pods[0].group.run_delay, std::nullopt);
  ASSERT_THAT(reading.errors, SizeIs(1));
  EXPECT_EQ(reading.errors[0].code(), ErrorCode::kOverloaded);
  fixture_.write(kPodCpu + "c1/tasks", "101\n");
  EXPECT_EQ(bounded.read(pods_).counters.pods[0].group.run_delay, nanoseconds(0));
}

TEST_F(PodReaderV1, WaitingIsUnknownWhereTheKernelDoesNotCountIt) {
  fixture_.write("proc/self/schedstat", "0 0 0\n");
  PodReader reader(tree_);
  EXPECT_EQ(reader.read(pods_).counters.pods[0].group.run_delay, std::nullopt);
}

TEST_F(PodReaderV1, WaitingOfBatchPodsIsNotRead) {
  pods_[0].qos = model::QosClass::kBe;
  EXPECT_EQ(pod().run_delay, std::nullopt);
  EXPECT_EQ(pod().cpu, seconds(3));
}

TEST_F(PodReaderV1, MemoryStandsBetweenItsReads) {
  PodReader reader(tree_, {.memory_every = 3});
  const auto memory = [&] { return reader.read(pods_).counters.pods[0].group.memory; };
  EXPECT_EQ(memory(), Bytes(1230));
  fixture_.write(kPodMemory + "memory.stat", "total_inactive_anon 5\ntotal_active_anon 0\ntotal_unevictable 0\n");
  EXPECT_EQ(memory(), Bytes(1230));
  EXPECT_EQ(memory(), Bytes(1230));
  EXPECT_EQ(memory(), Bytes(5));
}

TEST_F(PodReaderV1, DetailIsReadTwiceInARowSoThatThereIsADifference) {
  PodReader reader(tree_, {.detail_every = 5});
  std::string throttling;
  std::string waiting;
  for (int i = 0; i < 12; ++i) {
    const auto group = reader.read(pods_, i >= 9).counters.pods[0].group;
    throttling += group.nr_throttled ? 'x' : '.';
    waiting += group.run_delay ? 'x' : '.';
    EXPECT_TRUE(group.cpu && group.memory);
  }
  EXPECT_EQ(throttling, "xx...xx...xx");
  EXPECT_EQ(waiting, "xx...xx..xxx") << "at last it is asked for each time";
}

TEST_F(PodReaderV1, ThrottlingOfAPodIsReadEachTimeWhereItsContainersAre) {
  auto pods = pods_;
  pods[0].containers.resize(1);
  pods[0].containers[0].id = "c";
  const auto throttling = [&](PodReader& reader, bool containers) {
    std::string seen;
    for (int i = 0; i < 6; ++i) {
      PodReading reading;
      reader.read(pods, {}, reading, containers);
      seen += reading.counters.pods[0].group.nr_throttled ? 'x' : '.';
    }
    return seen;
  };
  PodReader without_limit(tree_, {.detail_every = 5});
  EXPECT_EQ(throttling(without_limit, true), "xx...x") << "it has none that is read";
  pods[0].containers[0].limits.cpu = model::MilliCpu(500);
  PodReader with_limit(tree_, {.detail_every = 5});
  EXPECT_EQ(throttling(with_limit, true), "xxxxxx");
  PodReader not_asked(tree_, {.detail_every = 5});
  EXPECT_EQ(throttling(not_asked, false), "xx...x");
}

TEST_F(PodReaderV1, ForgetsPodsThatAreNoLongerListed) {
  pod();
  fixture_.write("proc/101/schedstat", "500 7250000 4\n");
  reader_.read({});
  EXPECT_EQ(pod().run_delay, nanoseconds(0));
}

TEST_F(PodReaderV1, PodsAreFollowedWhereverTheyAreInTheList) {
  for (const std::string uid : {"b", "c"}) {
    const std::string group = "kubepods/burstable/pod" + uid + "/";
    fixture_.write("sys/fs/cgroup/cpuacct/" + group + "cpuacct.usage", uid == "b" ? "20\n" : "30\n");
    fixture_.write("sys/fs/cgroup/cpu/" + group + "tasks", "");
  }
  const auto list = [](std::initializer_list<const char*> uids) {
    std::vector<model::Pod> pods;
    for (const auto* uid : uids)
      pods.push_back(pod_of(uid));
    return pods;
  };
  const auto check = [](const PodReading& reading, const std::vector<model::Pod>& pods) {
    EXPECT_EQ(reading.counters.pods.size(), pods.size());
    for (std::size_t i = 0; i < pods.size(); ++i) {
      const auto& read = reading.counters.pods.at(i);
      EXPECT_EQ(read.uid, pods[i].uid);
      EXPECT_EQ(read.group.cpu, read.uid.str() == "a"   ? nanoseconds(seconds(3))
                                : read.uid.str() == "b" ? nanoseconds(20)
                                                        : nanoseconds(30));
    }
  };
  reader_.read(list({"a"}));
  fixture_.write("proc/101/schedstat", "500 7250000 4\n");
  for (const auto& pods : {list({"a", "b", "c"}), list({"c", "a", "b"}), list({"b", "a"}), list({"a"})}) {
    const auto reading = reader_.read(pods);
    check(reading, pods);
    const auto a = std::find_if(reading.counters.pods.begin(), reading.counters.pods.end(),
                                [](const auto& pod) { return pod.uid.str() == "a"; });
    ASSERT_NE(a, reading.counters.pods.end());
    EXPECT_EQ(a->group.run_delay, nanoseconds(250'000)) << "what its threads waited stays counted";
  }
}

TEST_F(PodReaderV1, APodOfAnotherClassIsReadFromItsOtherGroup) {
  EXPECT_EQ(pod().cpu, seconds(3));
  fixture_.write("sys/fs/cgroup/cpuacct/kubepods/poda/cpuacct.usage", "77\n");
  pods_[0].kube_qos = KubeQos::kGuaranteed;
  EXPECT_EQ(read().counters.pods[0].group.cpu, nanoseconds(77));
  pods_[0].kube_qos = KubeQos::kBurstable;
  EXPECT_EQ(pod().cpu, seconds(3));
  EXPECT_NE(pod().run_delay, std::nullopt);
  pods_[0].qos = model::QosClass::kBe;
  EXPECT_EQ(pod().run_delay, std::nullopt) << "batch is not asked how long it waits";
}

TEST_F(PodReaderV1, NothingOfAnOlderReadingStaysInItsMemory) {
  auto limited = pods_;
  limited[0].containers.push_back({.name = "c", .id = "c1", .requests = {}, .limits = {}});
  limited[0].containers[0].limits.cpu = MilliCpu(500);
  fixture_.write(kBeCpu + "cpu.cfs_quota_us", "30000\n");
  fixture_.write("proc/pressure/cpu", "none\n");
  PodReading reading;
  limited.push_back(pod_of("gone"));
  reader_.read(limited, {}, reading);
  ASSERT_THAT(reading.errors, SizeIs(1));
  ASSERT_THAT(reading.counters.pods, SizeIs(2));
  ASSERT_THAT(reading.counters.pods[0].containers, SizeIs(1));

  fixture_.write("proc/pressure/cpu", "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n");
  fixture_.write(kBeCpu + "cpu.cfs_quota_us", "-1\n");
  const std::vector<model::Pod> turned = {pod_of("gone"), limited[0]};
  for (const auto& pods : {turned, pods_, std::vector<model::Pod>()}) {
    reader_.read(pods, {}, reading);
    const auto fresh = reader_.read(pods);
    EXPECT_THAT(reading.errors, IsEmpty());
    reading.counters.at = fresh.counters.at;
    reading.counters.wall = fresh.counters.wall;
    reading.counters.kubepods_memory.stat_at = fresh.counters.kubepods_memory.stat_at;
    reading.counters.best_effort.memory_side.stat_at = fresh.counters.best_effort.memory_side.stat_at;
    for (std::size_t i = 0; i < pods.size(); ++i) {
      reading.counters.pods[i].group.memory_side.stat_at = fresh.counters.pods.at(i).group.memory_side.stat_at;
    }
    EXPECT_EQ(reading.counters, fresh.counters) << pods.size() << " pods";
  }
}

TEST(PodReaderV2, ReadsHostAndPodWithItsOwnPressure) {
  const FixtureTree fixture(v2_files());
  const auto tree = tree_of(fixture);
  PodReader reader(tree);
  const auto reading = reader.read({pod_of("a-b")});
  EXPECT_THAT(reading.errors, IsEmpty());
  EXPECT_EQ(reading.counters.node_cpu, seconds(5));
  EXPECT_EQ(reading.counters.best_effort.memory, Bytes(123));
  EXPECT_TRUE(reading.counters.be_limit_known);
  const auto& group = reading.counters.pods[0].group;
  EXPECT_EQ(group.cpu, seconds(3));
  EXPECT_EQ(group.memory, Bytes(1230));
  EXPECT_EQ(group.nr_throttled, 4);
  EXPECT_EQ(group.cpu_stall, (model::StallTotals{milliseconds(7), microseconds(10)}));
  EXPECT_EQ(group.run_delay, std::nullopt);
}

TEST(PodReaderV2, GroupWithoutCpuControllerHasNoThrottling) {
  const FixtureTree fixture(v2_files());
  fixture.write("sys/fs/cgroup/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-poda_b.slice/cpu.stat",
                "usage_usec 1\nuser_usec 1\nsystem_usec 0\n");
  const auto tree = tree_of(fixture);
  const auto reading = PodReader(tree).read({pod_of("a-b")});
  EXPECT_THAT(reading.errors, IsEmpty());
  EXPECT_EQ(reading.counters.pods[0].group.nr_periods, std::nullopt);
}

TEST(PodReaderV2, AsksTheThreadsWherePressureIsSwitchedOff) {
  const std::string pod = "sys/fs/cgroup/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-poda_b.slice/";
  const FixtureTree fixture(v2_files() +
                            FixtureTree::Files{{pod + "cgroup.threads", "7\n0\n"}, {"proc/7/schedstat", "1 100 1\n"}});
  fixture.remove(pod + "cpu.pressure");
  const auto tree = tree_of(fixture);
  PodReader reader(tree);
  reader.read({pod_of("a-b")});
  fixture.write("proc/7/schedstat", "1 150 1\n");
  const auto reading = reader.read({pod_of("a-b")});
  EXPECT_THAT(reading.errors, IsEmpty());
  EXPECT_EQ(reading.counters.pods[0].group.cpu_stall, std::nullopt);
  EXPECT_EQ(reading.counters.pods[0].group.run_delay, nanoseconds(50));
}

}  // namespace
}  // namespace tideline::kernel::test::pod_reader_test
