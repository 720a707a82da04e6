#include "test/node-actor/kernel/real_cgroup.h"

#include <chrono>
#include <filesystem>
#include <functional>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node-actor/kernel/fast_reader.h"
#include "node-actor/kernel/pod_reader.h"
#include "node-actor/kernel/protection.h"
#include "node-actor/kernel/quota.h"
#include "node-actor/kernel/writer.h"
#include "node-actor/sense/judge_protection.h"
#include "node-actor/sense/sample.h"
#include "test/support/process.h"
#include "test/support/temp_dir.h"

namespace tideline::kernel::test::real_cgroup_test {
namespace {

using model::Controller;
using model::ErrorCode;
using model::MilliCpu;
using model::Reason;
using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(RealCgroup, SeesTheCpuOfASpinningBatchPod) {
  scratch_->spin("kubepods/besteffort/podbe/c1");
  FastReader fast(*tree_);
  PodReader pods(*tree_);
  const auto fast_before = fast.read();
  const auto before = pods.read(pods_);
  std::this_thread::sleep_for(milliseconds(600));
  const auto fast_now = fast.read();
  const auto now = pods.read(pods_);
  ASSERT_TRUE(fast_before.ok() && fast_now.ok());
  EXPECT_THAT(now.errors, IsEmpty());

  const auto quick = sense::fast_sample(*fast_before, *fast_now);
  const auto sample = sense::node_sample(before.counters, now.counters);
  // Others share this machine's CPUs: it gets a fair part of one, and never more than one.
  ASSERT_TRUE(quick.be_cpu && quick.node_cpu && sample.be_cpu && sample.system_cpu);
  EXPECT_GT(quick.be_cpu->value(), 150);
  EXPECT_LT(quick.be_cpu->value(), 1050);
  // v2 counts the whole host by sampling at each tick, and the group exactly.
  EXPECT_GE(quick.node_cpu->value() + (scratch_->v1() ? 50 : 400), quick.be_cpu->value());
  EXPECT_NEAR(static_cast<double>(sample.be_cpu->value()), static_cast<double>(quick.be_cpu->value()), 100);
  EXPECT_NEAR(static_cast<double>(sample.pods[1].cpu->value()), static_cast<double>(sample.be_cpu->value()), 150);
  EXPECT_EQ(sample.ls_cpu, MilliCpu(0));
  EXPECT_EQ(sample.ls_delay_per_cpu, std::nullopt);
  // The kernel sums memory.stat up every two seconds where little changed.
  EXPECT_TRUE(tideline::test::eventually(std::chrono::seconds(10), [&] {
    const auto memory = pods.read(pods_).counters.best_effort.memory;
    return memory && memory->value() > 4 << 20;
  }));
  EXPECT_TRUE(sample.cpu_pressure.has_value() || !tree_->capabilities().node_pressure);
}

TEST_F(RealCgroup, SeesLsWaitForACpuThatOthersHold) {
  // One CPU with a spinning LS thread and three of its batch neighbours, all of one weight.
  weights(scratch_->v1() ? "1024" : "100", scratch_->v1() ? "1024" : "100");
  for (const char* group : {"burstable/podls/c1", "burstable/podls", "burstable", "besteffort/podbe/c1",
                            "besteffort/podbe", "besteffort"}) {
    scratch_->write(std::string("kubepods/") + group, "cpuset.cpus", "0");
  }
  scratch_->spin("kubepods/burstable/podls/c1");
  scratch_->spin("kubepods/besteffort/podbe/c1", 3);
  PodReader reader(*tree_);
  const auto before = reader.read(pods_);
  std::this_thread::sleep_for(milliseconds(1000));
  const auto now = reader.read(pods_);
  EXPECT_THAT(now.errors, IsEmpty());
  const auto sample = sense::node_sample(before.counters, now.counters);
  ASSERT_TRUE(sample.ls_delay_per_cpu.has_value());
  EXPECT_GT(*sample.ls_delay_per_cpu, 0.4);
  ASSERT_TRUE(sample.ls_cpu.has_value());
  EXPECT_GT(sample.ls_cpu->value(), 100);
}

TEST_F(RealCgroup, QuotaHoldsBatchAndComesOffAgain) {
  Writer writer(*tree_, gate_);
  const auto limit =
      quota_write(*tree_, tree_->best_effort(), MilliCpu(200), Controller::kCpuSuppress, Reason::kThresholdFormula);
  ASSERT_TRUE(limit.ok());
  const auto written = writer.perform(*limit);
  ASSERT_TRUE(written.ok()) << written.error().message();
  EXPECT_EQ(read_quota(*tree_, tree_->best_effort())->limit, MilliCpu(200));

  scratch_->spin("kubepods/besteffort/podbe/c1", 2);
  PodReader reader(*tree_);
  const auto before = reader.read(pods_);
  std::this_thread::sleep_for(milliseconds(1000));
  const auto now = reader.read(pods_);
  const auto sample = sense::node_sample(before.counters, now.counters);
  EXPECT_EQ(sample.be_limit, MilliCpu(200));
  // Each CPU may overrun by a tick per period.
  EXPECT_LT(sample.be_cpu->value(), 600);
  EXPECT_GT(*now.counters.best_effort.nr_throttled, *before.counters.best_effort.nr_throttled);

  ASSERT_TRUE(write_identified(gate_.last, written->old_value).ok());
  EXPECT_EQ(read_quota(*tree_, tree_->best_effort())->limit, std::nullopt);
  EXPECT_EQ(read_quota(*tree_, tree_->best_effort())->raw, written->old_value);
}

TEST_F(RealCgroup, NeverWritesOldValuesIntoAGroupMadeAgain) {
  Writer writer(*tree_, gate_);
  const auto group = tree_->pod_group(pods_[1]);
  ASSERT_TRUE(
      writer.perform(*quota_write(*tree_, group, MilliCpu(500), Controller::kCpuSuppress, Reason::kPressed)).ok());
  scratch_->remove("kubepods/besteffort/podbe/c1");
  scratch_->remove("kubepods/besteffort/podbe");
  EXPECT_EQ(write_identified(gate_.last, "1").error().code(), ErrorCode::kNotFound);
  scratch_->make("kubepods/besteffort/podbe");
  const auto refused = write_identified(gate_.last, scratch_->v1() ? "70000" : "70000 100000");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(refused.error().message(), HasSubstr("made again"));
  EXPECT_EQ(read_quota(*tree_, group)->limit, std::nullopt);
}

TEST_F(RealCgroup, PodMadeAgainIsReadAnewAndGivesNoRate) {
  PodReader reader(*tree_);
  const auto spinning = scratch_->spin("kubepods/besteffort/podbe/c1");
  std::this_thread::sleep_for(milliseconds(200));
  const auto before = reader.read(pods_);
  EXPECT_GT(before.counters.pods[1].group.cpu->count(), 0);

  // Its files stay open in the reader while the group goes.
  scratch_->kill(spinning);
  scratch_->remove("kubepods/besteffort/podbe/c1");
  scratch_->remove("kubepods/besteffort/podbe");
  const auto gone = reader.read(pods_);
  EXPECT_THAT(gone.errors, IsEmpty());
  EXPECT_EQ(gone.counters.pods[1].group, model::GroupCounters{});

  scratch_->make("kubepods/besteffort/podbe");
  const auto anew = reader.read(pods_);
  EXPECT_THAT(anew.errors, IsEmpty());
  EXPECT_NE(anew.counters.pods[1].group.inode, before.counters.pods[1].group.inode);
  EXPECT_EQ(anew.counters.pods[1].group.cpu, std::chrono::nanoseconds(0));
  EXPECT_EQ(sense::node_sample(before.counters, anew.counters).pods[1].cpu, std::nullopt);
}

TEST_F(RealCgroup, KernelRefusesWithPathAndValue) {
  Writer writer(*tree_, gate_);
  model::KernelWrite write =
      *quota_write(*tree_, tree_->best_effort(), MilliCpu(100), Controller::kCpuSuppress, Reason::kPressed);
  write.value = "7";  // below the kernel's own smallest quota
  const auto refused = writer.perform(write);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.error().message(), HasSubstr("write '7' to " + tree_->path(write.group, write.file).value()));

  write.file = "cpu.no_such_knob";
  EXPECT_EQ(writer.perform(write).error().code(), ErrorCode::kUnsupported);
}

TEST_F(RealCgroup, KubeletsWeightsProtectAndEqualOnesDoNot) {
  weights(scratch_->v1() ? "1024" : "39", scratch_->v1() ? "2" : "1");
  auto judged = sense::judge_protection(read_sibling_weights(*tree_));
  EXPECT_TRUE(judged.verified) << judged.why;

  weights(scratch_->v1() ? "1024" : "39", scratch_->v1() ? "1024" : "39");
  judged = sense::judge_protection(read_sibling_weights(*tree_));
  EXPECT_FALSE(judged.verified);
  EXPECT_THAT(judged.why, HasSubstr("50.0 %"));
  EXPECT_THAT(judged.why, HasSubstr(tree_->best_effort()));

  SiblingWeightReader reader(*tree_);
  EXPECT_EQ(reader.read(), read_sibling_weights(*tree_));
  // As many groups as before, and another one.
  scratch_->make("kubepods/podx");
  EXPECT_EQ(reader.read(), read_sibling_weights(*tree_));
  scratch_->remove("kubepods/podx");
  scratch_->make("kubepods/pody");
  EXPECT_EQ(reader.read(), read_sibling_weights(*tree_));

  if (!tree_->capabilities().idle) return;
  scratch_->write("kubepods/besteffort", "cpu.idle", "1");
  judged = sense::judge_protection(read_sibling_weights(*tree_));
  EXPECT_TRUE(judged.verified) << judged.why;
}

/// Runs `body` in a child process; what it returns, or throws, is the result. "" = well.
std::string in_child(const std::function<std::string()>& body) {
  int pipe_ends[2];
  if (::pipe2(pipe_ends, O_CLOEXEC) != 0) return "pipe2";
  const pid_t pid = ::fork();
  if (pid < 0) return "fork";
  if (pid == 0) {
    std::string answer;
    try {
      answer = body();
    } catch (const std::exception& error) {
      answer = error.what();
    }
    const bool told = ::write(pipe_ends[1], answer.data(), answer.size()) == static_cast<ssize_t>(answer.size());
    ::_exit(told ? 0 : 1);
  }
  ::close(pipe_ends[1]);
  std::string answer;
  char buffer[512];
  for (ssize_t got = 0; (got = ::read(pipe_ends[0], buffer, sizeof buffer)) > 0;) {
    answer.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(pipe_ends[0]);
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? answer : answer + " (the child died)";
}

/// Reads and writes the tree through `root` as an agent would; "" when all of it works.
std::string work_through(const KernelRoot& root, const std::string& kubepods, const std::vector<model::Pod>& pods) {
  const auto tree = CgroupTree::discover(root, {.kubepods = kubepods, .driver = {}});
  if (!tree) return tree.error().message();
  auto fast = FastReader(*tree).read();
  if (!fast) return fast.error().message();
  if (!fast->be_cpu || !fast->node_cpu || *fast->be_cpu > *fast->node_cpu) return "the fast loop's counters";
  const auto reading = PodReader(*tree).read(pods);
  if (!reading.errors.empty()) return reading.errors[0].message();
  if (reading.counters.pods[0].group.inode == 0) return "the LS pod is not seen";
  OpenGate gate;
  Writer writer(*tree, gate);
  const auto write = quota_write(*tree, tree->best_effort(), MilliCpu(700), Controller::kCpuSuppress, Reason::kPressed);
  if (!write) return write.error().message();
  const auto written = writer.perform(*write);
  return written ? "" : written.error().message();
}

TEST_F(RealCgroup, WorksOnSystemdsSlicesAndScopes) {
  const std::string be_root = "kubepods.slice/kubepods-besteffort.slice";
  const std::string be = be_root + "/kubepods-besteffort-podbe_1.slice/cri-containerd-c2.scope";
  const std::string ls = "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podls_1.slice/crio-c1.scope";
  scratch_->make(ls);
  scratch_->make(be);
  const std::vector<model::Pod> pods = {pod("ls-1", model::KubeQos::kBurstable),
                                        pod("be-1", model::KubeQos::kBestEffort)};
  const std::string kubepods = scratch_->group() + "/kubepods.slice";
  const auto tree = CgroupTree::discover({}, {.kubepods = kubepods, .driver = {}});
  ASSERT_TRUE(tree.ok()) << tree.error().message();
  EXPECT_EQ(tree->driver(), CgroupDriver::kSystemd);
  EXPECT_EQ(tree->container_group(pods[0].kube_qos, pods[0].uid, "c1").value(), scratch_->group() + "/" + ls);
  EXPECT_EQ(tree->container_group(pods[1].kube_qos, pods[1].uid, "c2").value(), scratch_->group() + "/" + be);

  scratch_->spin(be);
  PodReader reader(*tree);
  const auto before = reader.read(pods);
  std::this_thread::sleep_for(milliseconds(600));
  const auto now = reader.read(pods);
  EXPECT_THAT(now.errors, IsEmpty());
  const auto sample = sense::node_sample(before.counters, now.counters);
  ASSERT_TRUE(sample.be_cpu && sample.pods[1].cpu);
  EXPECT_GT(sample.be_cpu->value(), 150);
  EXPECT_GT(sample.pods[1].cpu->value(), 150);
  EXPECT_EQ(sample.ls_cpu, MilliCpu(0));

  EXPECT_EQ(work_through({}, kubepods, pods), "");
  const bool v1 = scratch_->v1();
  EXPECT_EQ(scratch_->read(be_root, v1 ? "cpu.cfs_quota_us" : "cpu.max"), v1 ? "70000" : "70000 100000");
}

TEST_F(RealCgroup, WorksInAPrivateCgroupAndMountNamespace) {
  scratch_->make("agent");
  const std::string kubepods = scratch_->group() + "/kubepods";
  const auto answer = in_child([&]() -> std::string {
    scratch_->attach(::getpid(), "agent");  // from here on it sees itself at "/"
    if (::unshare(CLONE_NEWCGROUP | CLONE_NEWNS) != 0) return "unshare";
    return work_through({}, kubepods, pods_);
  });
  EXPECT_EQ(answer, "");
  EXPECT_EQ(read_quota(*tree_, tree_->best_effort())->limit, MilliCpu(700));
}

TEST_F(RealCgroup, WorksThroughAHostTreeMountedElsewhere) {
  if (!scratch_->v1()) GTEST_SKIP() << "needs a v1 cpu hierarchy";
  scratch_->make("agent");
  const std::string kubepods = scratch_->group() + "/kubepods";
  const tideline::test::TempDir host;
  std::filesystem::create_directories(host.path() / "sys");
  const auto answer = in_child([&]() -> std::string {
    scratch_->attach(::getpid(), "agent");
    if (::unshare(CLONE_NEWCGROUP | CLONE_NEWNS) != 0) return "unshare";
    if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return "make mounts private";
    const std::string sys = host.str() + "/sys";
    if (::mount("/sys", sys.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0) return "bind /sys";
    // As a container runtime does: the container's own /sys/fs/cgroup shows its own group only.
    if (::mount("none", "/sys/fs/cgroup", "tmpfs", 0, nullptr) != 0) return "hide the host's view";
    for (const char* controller : {"cpu", "cpuacct"}) {
      const std::string point = std::string("/sys/fs/cgroup/") + controller;
      std::filesystem::create_directory(point);
      if (::mount("cgroup", point.c_str(), "cgroup", 0, controller) != 0) return "mount " + point;
    }
    if (CgroupTree::discover({.sys = "/sys/fs/cgroup", .proc = "/proc"}, {.kubepods = kubepods, .driver = {}})) {
      return "the container's own view shows the host's pods";
    }
    return work_through({.sys = sys, .proc = "/proc"}, kubepods, pods_);
  });
  EXPECT_EQ(answer, "");
  EXPECT_EQ(read_quota(*tree_, tree_->best_effort())->limit, MilliCpu(700));
}

}  // namespace
}  // namespace tideline::kernel::test::real_cgroup_test
