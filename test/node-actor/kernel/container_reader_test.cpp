#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node-actor/kernel/pod_reader.h"
#include "test/node-actor/kernel/trees.h"

namespace tideline::kernel::test::container_reader_test {
namespace {

using model::ErrorCode;
using model::MilliCpu;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::string kPod = "kubepods/burstable/poda/";
const std::string kCpu = "sys/fs/cgroup/cpu/";
const std::string kAcct = "sys/fs/cgroup/cpuacct/";
const std::string kSets = "sys/fs/cgroup/cpuset/";

model::Container container(const std::string& id, std::optional<MilliCpu> limit) {
  model::Container made;
  made.name = "of-" + id;
  made.id = id;
  made.limits.cpu = limit;
  return made;
}

class ContainerReader : public ::testing::Test {
 protected:
  ContainerReader() {
    pods_[0].containers = {container("c1", MilliCpu(500))};
    add("c1", 7, 3);
  }
  void add(const std::string& id, int periods, int throttled) const {
    fixture_.write(kAcct + kPod + id + "/cpuacct.usage", "1000000\n");
    fixture_.write(kCpu + kPod + id + "/cpu.stat", "nr_periods " + std::to_string(periods) + "\nnr_throttled " +
                                                       std::to_string(throttled) + "\nthrottled_time 1\n");
  }
  void remove(const std::string& id) const {
    fixture_.remove(kAcct + kPod + id);
    fixture_.remove(kCpu + kPod + id);
  }
  std::vector<model::ContainerCounters> read() {
    auto reading = reader_.read(pods_);
    EXPECT_THAT(reading.errors, IsEmpty());
    return reading.counters.pods.at(0).containers;
  }
  FixtureTree fixture_{v1_files() + FixtureTree::Files{{kSets, ""}}};
  CgroupTree tree_ = tree_of(fixture_);
  PodReader reader_{tree_, {.look_every = seconds(0)}};
  std::vector<model::Pod> pods_ = {pod_of("a")};
};

TEST_F(ContainerReader, ReadsCpuAndThrottlingOfContainersWithALimit) {
  add("c2", 1, 1);
  pods_[0].containers.push_back(container("c2", std::nullopt));
  const auto read_now = read();
  ASSERT_THAT(read_now, SizeIs(1));
  EXPECT_EQ(read_now[0].id, "c1");
  EXPECT_NE(read_now[0].group.inode, 0U);
  EXPECT_EQ(read_now[0].group.cpu, milliseconds(1));
  EXPECT_EQ(read_now[0].group.nr_periods, 7);
  EXPECT_EQ(read_now[0].group.nr_throttled, 3);
  EXPECT_EQ(read_now[0].group.memory, std::nullopt);
  EXPECT_EQ(read_now[0].group.run_delay, std::nullopt);
}

TEST_F(ContainerReader, ContainersOfBatchAreNotRead) {
  EXPECT_THAT(read(), SizeIs(1));
  pods_[0].qos = model::QosClass::kBe;
  EXPECT_THAT(read(), IsEmpty());
}

TEST_F(ContainerReader, NoneIsListedWhereNobodyAsksForThem) {
  PodReading reading;
  reader_.read(pods_, {}, reading);
  EXPECT_THAT(reading.counters.pods.at(0).containers, SizeIs(1));
  reader_.read(pods_, {}, reading, false);
  EXPECT_THAT(reading.counters.pods.at(0).containers, IsEmpty());
  add("c1", 9, 5);
  reader_.read(pods_, {}, reading, true);
  ASSERT_THAT(reading.counters.pods.at(0).containers, SizeIs(1));
  EXPECT_EQ(reading.counters.pods[0].containers[0].group.nr_periods, 9);
}

TEST_F(ContainerReader, FollowsTheKeptFiles) {
  read();
  add("c1", 9, 5);
  const auto now = read();
  EXPECT_EQ(now[0].group.nr_periods, 9);
  EXPECT_EQ(now[0].group.nr_throttled, 5);
}

/// What is read of "c1" and of its pod, by a reader that reads of a quiet pod each third time.
struct Throttled {
  std::optional<std::int64_t> container;
  std::optional<std::int64_t> pod;
  friend bool operator==(const Throttled&, const Throttled&) = default;
};

class QuietPod : public ContainerReader {
 protected:
  void throttle(int times) const {
    add("c1", 10 * times, times);
    fixture_.write(kCpu + kPod + "cpu.stat", "nr_periods 90\nnr_throttled " + std::to_string(times) + "\n");
  }
  void use(seconds cpu) const {
    fixture_.write(kAcct + kPod + "cpuacct.usage", std::to_string(nanoseconds(cpu).count()) + "\n");
  }
  Throttled next() {
    const auto reading = patient_.read(pods_);
    EXPECT_THAT(reading.errors, IsEmpty());
    const auto& pod = reading.counters.pods.at(0);
    return {pod.containers.at(0).group.nr_throttled, pod.group.nr_throttled};
  }
  PodReader patient_{tree_, {.quiet_every = 3, .look_every = seconds(0)}};
};

TEST_F(QuietPod, ContainersAndThrottlingOfOneThatUsesNextToNothingAreReadNowAndThen) {
  EXPECT_EQ(next(), (Throttled{3, 4})) << "the first time";
  throttle(5);
  EXPECT_EQ(next(), (Throttled{3, 4}));
  EXPECT_EQ(next(), (Throttled{5, 5})) << "the third time";
  throttle(6);
  EXPECT_EQ(next(), (Throttled{5, 5}));
}

TEST_F(QuietPod, IsReadAtOnceWhenItIsQuietNoMore) {
  next();
  throttle(5);
  use(seconds(4));
  EXPECT_EQ(next(), (Throttled{5, 5}));
}

TEST_F(QuietPod, IsNotOneWhoseCpuTimeSaysWhatCannotBe) {
  next();
  throttle(5);
  use(seconds(1));
  EXPECT_EQ(next(), (Throttled{5, 5})) << "less than before";
  throttle(6);
  fixture_.write(kAcct + kPod + "cpuacct.usage", "9223372036854775807\n");
  EXPECT_EQ(next(), (Throttled{6, 6}));
}

TEST_F(QuietPod, AContainerThatComesIsReadAtOnce) {
  next();
  add("c2", 8, 2);
  pods_[0].containers = {container("c2", MilliCpu(500))};
  EXPECT_EQ(next(), (Throttled{2, 4}));
}

TEST_F(ContainerReader, AContainerThatVanishesIsUnknownAndNoErrorAndComesBackAsAnother) {
  const auto before = read();
  // The old directories are kept, so that the new ones cannot have their inodes.
  std::filesystem::rename(fixture_.path(kAcct + kPod + "c1"), fixture_.path("kept-acct"));
  std::filesystem::rename(fixture_.path(kCpu + kPod + "c1"), fixture_.path("kept-cpu"));
  std::filesystem::remove(fixture_.path("kept-acct/cpuacct.usage"));
  const auto gone = read();
  ASSERT_THAT(gone, SizeIs(1));
  EXPECT_EQ(gone[0].id, "c1");
  EXPECT_EQ(gone[0].group, model::GroupCounters{});
  add("c1", 0, 0);
  const auto again = read();
  EXPECT_NE(again[0].group.inode, before[0].group.inode);
  EXPECT_EQ(again[0].group.nr_periods, 0);
}

TEST_F(ContainerReader, LooksForAGroupThatIsNotThereNotAtEveryRead) {
  remove("c1");
  PodReader patient(tree_, {.look_every = hours(1)});
  EXPECT_EQ(patient.read(pods_).counters.pods[0].containers[0].group, model::GroupCounters{});
  EXPECT_EQ(read()[0].group, model::GroupCounters{});
  add("c1", 7, 3);
  EXPECT_EQ(patient.read(pods_).counters.pods[0].containers[0].group, model::GroupCounters{});
  EXPECT_EQ(read()[0].group.nr_periods, 7);
}

TEST_F(ContainerReader, KeepsContainersApartWhenTheirListChanges) {
  add("c2", 20, 2);
  add("c3", 30, 3);
  pods_[0].containers = {container("c1", MilliCpu(1)), container("c2", MilliCpu(1)), container("c3", MilliCpu(1))};
  read();
  pods_[0].containers = {container("c3", MilliCpu(1)), container("c4", MilliCpu(1)), container("c1", MilliCpu(1))};
  const auto now = read();
  ASSERT_THAT(now, SizeIs(3));
  EXPECT_EQ(now[0].group.nr_periods, 30);
  EXPECT_EQ(now[1].id, "c4");
  EXPECT_EQ(now[1].group, model::GroupCounters{});
  EXPECT_EQ(now[2].group.nr_periods, 7);
  pods_[0].containers.clear();
  EXPECT_THAT(read(), IsEmpty());
}

TEST_F(ContainerReader, AContainerWithoutAnIdHasNotStartedAndIsNoError) {
  pods_[0].containers = {container("", MilliCpu(1))};
  const auto now = read();
  ASSERT_THAT(now, SizeIs(1));
  EXPECT_EQ(now[0].group, model::GroupCounters{});
}

TEST_F(ContainerReader, AnIdThatLeadsElsewhereIsRefused) {
  pods_[0].containers = {container("..", MilliCpu(1))};
  const auto reading = reader_.read(pods_);
  ASSERT_THAT(reading.errors, SizeIs(1));
  EXPECT_EQ(reading.errors[0].code(), ErrorCode::kInvalidArgument);
}

TEST_F(ContainerReader, GarbageIsNamedAndTheRestKept) {
  fixture_.write(kCpu + kPod + "c1/cpu.stat", "nr_periods ten\n");
  const auto reading = reader_.read(pods_);
  ASSERT_THAT(reading.errors, SizeIs(1));
  EXPECT_THAT(reading.errors[0].message(), HasSubstr("c1/cpu.stat: unexpected text"));
  EXPECT_EQ(reading.counters.pods[0].containers[0].group.cpu, milliseconds(1));
  EXPECT_EQ(reading.counters.pods[0].containers[0].group.nr_periods, std::nullopt);
}

TEST(ContainerReaderV2, FindsTheScopeOfItsRuntime) {
  const std::string scope =
      "sys/fs/cgroup/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-poda_b.slice/cri-containerd-c1.scope/";
  const FixtureTree fixture(v2_files() + FixtureTree::Files{{scope + "cpu.stat",
                                                             "usage_usec 40\nuser_usec 1\nsystem_usec 1\nnr_periods 9\n"
                                                             "nr_throttled 2\nthrottled_usec 1\n"}});
  const auto tree = tree_of(fixture);
  auto pod = pod_of("a-b");
  pod.containers = {container("c1", MilliCpu(500))};
  const auto reading = PodReader(tree).read({pod});
  EXPECT_THAT(reading.errors, IsEmpty());
  const auto& group = reading.counters.pods[0].containers.at(0).group;
  EXPECT_EQ(group.cpu, microseconds(40));
  EXPECT_EQ(group.nr_periods, 9);
  EXPECT_EQ(group.nr_throttled, 2);
}

TEST(ContainerReaderV2, APodThatWasThrottledIsNotQuiet) {
  const std::string pod_group =
      "sys/fs/cgroup/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-poda_b.slice/";
  const auto stat = [](int throttled) {
    return "usage_usec 40\nuser_usec 1\nsystem_usec 1\nnr_periods 9\nnr_throttled " + std::to_string(throttled) +
           "\nthrottled_usec 1\n";
  };
  const FixtureTree fixture(v2_files() + FixtureTree::Files{{pod_group + "cri-containerd-c1.scope/cpu.stat", stat(2)}});
  const auto tree = tree_of(fixture);
  auto pod = pod_of("a-b");
  pod.containers = {container("c1", MilliCpu(500))};
  PodReader reader(tree, {.quiet_every = 100});
  const auto throttled = [&] { return reader.read({pod}).counters.pods[0].containers.at(0).group.nr_throttled; };
  fixture.write(pod_group + "cpu.stat", stat(2));
  EXPECT_EQ(throttled(), 2);
  fixture.write(pod_group + "cri-containerd-c1.scope/cpu.stat", stat(3));
  EXPECT_EQ(throttled(), 2) << "nothing says that it is throttled";
  fixture.write(pod_group + "cpu.stat", stat(3));
  EXPECT_EQ(throttled(), 3);
}

TEST_F(ContainerReader, CountsTheCpusOfTheBestEffortRoot) {
  fixture_.write(kSets + "kubepods/besteffort/cpuset.effective_cpus", "0-2,7\n");
  EXPECT_EQ(reader_.read({}).counters.be_cpus, 4);
  fixture_.write(kSets + "kubepods/besteffort/cpuset.effective_cpus", "1\n");
  EXPECT_EQ(reader_.read({}).counters.be_cpus, 1);
  fixture_.write(kSets + "kubepods/besteffort/cpuset.effective_cpus", "some\n");
  const auto garbled = reader_.read({});
  EXPECT_EQ(garbled.counters.be_cpus, std::nullopt);
  EXPECT_THAT(garbled.errors, SizeIs(1));
  fixture_.write(kSets + "kubepods/besteffort/cpuset.effective_cpus", "\n");
  EXPECT_EQ(reader_.read({}).counters.be_cpus, std::nullopt);
}

TEST_F(ContainerReader, ABestEffortRootThatIsGoneHasNoCpus) {
  fixture_.write("sys/devices/system/cpu/online", "0-7\n");
  EXPECT_EQ(reader_.read({}).counters.be_cpus, 8);
  fixture_.remove(kAcct + "kubepods/besteffort");
  EXPECT_EQ(reader_.read({}).counters.be_cpus, std::nullopt);
}

TEST(ContainerReaderV2, CpusOfARootWithoutCpusetAreThoseOfTheGroupAbove) {
  const FixtureTree fixture(v2_files());
  const auto tree = tree_of(fixture);
  PodReader reader(tree);
  EXPECT_EQ(reader.read({}).counters.be_cpus, std::nullopt);
  fixture.write("sys/devices/system/cpu/online", "0-7\n");
  EXPECT_EQ(reader.read({}).counters.be_cpus, 8);
  fixture.write("sys/fs/cgroup/kubepods.slice/cpuset.cpus.effective", "0-3\n");
  EXPECT_EQ(reader.read({}).counters.be_cpus, 4);
  fixture.write("sys/fs/cgroup/kubepods.slice/kubepods-besteffort.slice/cpuset.cpus.effective", "2\n");
  EXPECT_EQ(reader.read({}).counters.be_cpus, 1);
}

}  // namespace
}  // namespace tideline::kernel::test::container_reader_test
