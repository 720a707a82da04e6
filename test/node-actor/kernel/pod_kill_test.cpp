#include "node-actor/kernel/pod_kill.h"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/support/process.h"
#include "test/support/scratch_cgroup.h"
#include "test/support/temp_dir.h"

namespace tideline::kernel::test::pod_kill_test {
namespace {

using namespace std::chrono_literals;
using model::ErrorCode;
using model::MonoTime;
using Phase = PodKillProgress::Phase;
using tideline::test::eventually;
using tideline::test::ScratchCgroup;

constexpr MonoTime kStart{1'000'000'000};

/// A child of ours that runs `body` once it is told to, and that ends by itself should the test forget it.
class Child {
 public:
  explicit Child(const std::function<void()>& body) {
    int ready[2];
    if (::pipe2(go_, O_CLOEXEC) != 0 || ::pipe2(ready, O_CLOEXEC) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) {
      ::alarm(60);
      char byte = 0;
      ::close(go_[1]);
      if (::read(go_[0], &byte, 1) != 1) ::_exit(1);
      body();
      if (::write(ready[1], "x", 1) != 1) ::_exit(1);
      while (true)
        ::pause();
    }
    ::close(go_[0]);
    ::close(ready[1]);
    ready_ = ready[0];
  }
  ~Child() {
    if (pid_ > 0 && !status_) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    ::close(ready_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void go() {
    char byte = 0;
    ASSERT_EQ(::write(go_[1], "x", 1), 1);
    ::close(go_[1]);
    ASSERT_EQ(::read(ready_, &byte, 1), 1);
  }
  pid_t pid() const { return pid_; }
  /// The signal that ended it, 0: it runs.
  int ended_by() {
    int status = 0;
    if (!status_ && ::waitpid(pid_, &status, WNOHANG) == pid_) status_ = WIFSIGNALED(status) ? WTERMSIG(status) : -1;
    return status_.value_or(0);
  }

 private:
  int go_[2] = {-1, -1};
  int ready_ = -1;
  pid_t pid_ = -1;
  std::optional<int> status_;
};

void obey() {}
void ignore_term() {
  ::signal(SIGTERM, SIG_IGN);
}
/// Has twenty children, and goes on to fork one after another.
void fork_on() {
  ::signal(SIGTERM, SIG_IGN);
  for (int i = 0; i < 20; ++i) {
    if (::fork() == 0) {
      ::alarm(30);
      for (int turn = 0; turn < 1000; ++turn) {
        if (const pid_t next = ::fork(); next != 0) ::_exit(0);
        ::alarm(30);
        ::usleep(1000);
      }
      while (true)
        ::pause();
    }
  }
}

class PodKillOnRealCgroups : public ::testing::Test {
 protected:
  void SetUp() override {
    TIDELINE_NEED_CGROUPS();
    scratch_ = std::make_unique<ScratchCgroup>();
    scratch_->make("kubepods/burstable");
    scratch_->make("kubepods/besteffort/podbe/c1");
    scratch_->make("kubepods/besteffort/podother/c1");
  }
  std::unique_ptr<Child> start(const std::function<void()>& body, const std::string& relative) {
    auto child = std::make_unique<Child>(body);
    scratch_->attach(child->pid(), relative);
    child->go();
    return child;
  }
  PodKillPlace place() const {
    const auto tree = CgroupTree::discover({}, {.kubepods = scratch_->group() + "/kubepods", .driver = {}});
    model::Pod pod;
    pod.uid = model::PodUid("be");
    pod.kube_qos = model::KubeQos::kBestEffort;
    auto found = pod_kill_place(*tree, pod);
    EXPECT_TRUE(found.ok());
    return *found;
  }
  static bool done_at(PodKill& pod, MonoTime now) {
    return eventually(10s, [&] {
      const auto progress = pod.step(now);
      return progress && progress->done();
    });
  }
  std::unique_ptr<ScratchCgroup> scratch_;
};

TEST_F(PodKillOnRealCgroups, WhoObeysEndsWithinTheGrace) {
  auto child = start(obey, "kubepods/besteffort/podbe/c1");
  auto other = start(obey, "kubepods/besteffort/podother/c1");
  auto pod = PodKill::begin(place(), 30s, kStart);
  ASSERT_TRUE(pod.ok()) << pod.error().message();
  EXPECT_EQ(pod->progress().terms, 1U);
  EXPECT_TRUE(eventually(10s, [&] { return child->ended_by() == SIGTERM; }));
  EXPECT_TRUE(done_at(*pod, kStart + 1s));
  EXPECT_EQ(pod->progress().kills, 0U);
  EXPECT_EQ(pod->progress().failures, 0U) << pod->progress().last_failure;
  EXPECT_EQ(other->ended_by(), 0) << "another pod's process is left alone";
}

TEST_F(PodKillOnRealCgroups, WhoIgnoresSigtermIsKilledAfterTheGrace) {
  auto child = start(ignore_term, "kubepods/besteffort/podbe/c1");
  auto other = start(obey, "kubepods/besteffort/podother/c1");
  auto pod = PodKill::begin(place(), 30s, kStart);
  ASSERT_TRUE(pod.ok()) << pod.error().message();
  ASSERT_TRUE(pod->step(kStart + 29s).ok());
  EXPECT_EQ(pod->progress().phase, Phase::kTerminating);
  EXPECT_EQ(pod->progress().terms, 1U) << "one SIGTERM each";
  EXPECT_EQ(pod->progress().kills, 0U);
  EXPECT_EQ(child->ended_by(), 0);
  ASSERT_TRUE(pod->step(kStart + 30s).ok());
  EXPECT_EQ(pod->progress().phase, Phase::kKilling);
  EXPECT_TRUE(eventually(10s, [&] { return child->ended_by() == SIGKILL; }));
  EXPECT_TRUE(done_at(*pod, kStart + 31s));
  EXPECT_EQ(other->ended_by(), 0);
}

TEST_F(PodKillOnRealCgroups, WhoForksDoesNotGetAway) {
  auto child = start(fork_on, "kubepods/besteffort/podbe/c1");
  auto pod = PodKill::begin(place(), 0s, kStart);
  ASSERT_TRUE(pod.ok()) << pod.error().message();
  EXPECT_TRUE(done_at(*pod, kStart));
  EXPECT_EQ(pod->progress().terms, 0U) << "there was no grace";
  EXPECT_GT(pod->progress().kills, 1U);
  EXPECT_EQ(scratch_->read("kubepods/besteffort/podbe/c1", "cgroup.procs"), "");
}

TEST_F(PodKillOnRealCgroups, TheAgentIsNeverSignalled) {
  const auto where = place();
  auto neighbour = start(obey, "kubepods/besteffort/podbe/c1");
  // cgroup v2 takes processes at the leaves only.
  scratch_->make("kubepods/besteffort/podbe/agent");
  const pid_t agent = ::fork();
  ASSERT_GE(agent, 0);
  if (agent == 0) {
    const bool before = PodKill::holds_agent(where).value_or(true);
    scratch_->attach(::getpid(), "kubepods/besteffort/podbe/agent");
    if (before || !PodKill::holds_agent(where).value_or(false)) ::_exit(2);
    const auto refused = PodKill::begin(where, 0s, kStart);
    ::_exit(!refused.ok() && refused.error().code() == ErrorCode::kInvalidArgument ? 7 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(agent, &status, 0), agent);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7) << status;
  EXPECT_EQ(neighbour->ended_by(), 0) << "nor anybody else, then";
}

TEST_F(PodKillOnRealCgroups, AGroupMadeAgainIsAnotherPods) {
  auto child = start(obey, "kubepods/besteffort/podbe/c1");
  auto pod = PodKill::begin(place(), 30s, kStart);
  ASSERT_TRUE(pod.ok()) << pod.error().message();
  ASSERT_TRUE(eventually(10s, [&] { return child->ended_by() == SIGTERM; }));
  scratch_->remove("kubepods/besteffort/podbe/c1");
  scratch_->remove("kubepods/besteffort/podbe");
  scratch_->make("kubepods/besteffort/podbe/c1");
  auto successor = start(obey, "kubepods/besteffort/podbe/c1");
  const auto progress = pod->step(kStart + 60s);
  ASSERT_TRUE(progress.ok()) << progress.error().message();
  EXPECT_TRUE(progress->done());
  EXPECT_EQ(successor->ended_by(), 0);
}

TEST_F(PodKillOnRealCgroups, APodThatIsGoneIsNotFound) {
  const auto where = place();
  scratch_->remove("kubepods/besteffort/podbe/c1");
  scratch_->remove("kubepods/besteffort/podbe");
  const auto pod = PodKill::begin(where, 0s, kStart);
  ASSERT_FALSE(pod.ok());
  EXPECT_EQ(pod.error().code(), ErrorCode::kNotFound);
}

TEST(PodKillOnFiles, AGroupThatCannotBeReadIsNotTakenForEmpty) {
  const tideline::test::TempDir directory;
  directory.write("cgroup.procs", "");
  std::filesystem::create_directories(directory.path() / "c1" / "cgroup.procs");
  const auto pod = PodKill::begin({.directory = directory.str(), .freezer_directory = {}}, 30s, kStart);
  ASSERT_FALSE(pod.ok());
  EXPECT_NE(pod.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(pod.error().message(), testing::HasSubstr(directory.str()));
}

TEST(PodKillOnFiles, APodOfMoreGroupsThanAreLookedIntoIsDoneOnlyWhereTheKernelSaysSo) {
  const tideline::test::TempDir directory;
  directory.write("cgroup.procs", "");
  for (std::size_t i = 0; i < kMaxPodGroups; ++i)
    directory.write("c" + std::to_string(i) + "/cgroup.procs", "");
  auto pod = PodKill::begin({.directory = directory.str(), .freezer_directory = {}}, 30s, kStart);
  ASSERT_TRUE(pod.ok()) << pod.error().message();
  EXPECT_FALSE(pod->progress().done()) << "as on v1";
  EXPECT_THAT(pod->progress().last_failure, testing::HasSubstr(std::to_string(kMaxPodGroups)));
  directory.write("cgroup.events", "populated 1\nfrozen 0\n");
  EXPECT_FALSE(pod->step(kStart).value_or(PodKillProgress{}).done());
  directory.write("cgroup.events", "populated 0\nfrozen 0\n");
  EXPECT_TRUE(pod->step(kStart).value_or(PodKillProgress{}).done());
}

TEST(PodKillOnFiles, APodOfNoProcessIsDone) {
  const tideline::test::TempDir directory;
  directory.write("cgroup.procs", "");
  directory.write("c1/cgroup.procs", "");
  const auto pod = PodKill::begin({.directory = directory.str(), .freezer_directory = {}}, 30s, kStart);
  ASSERT_TRUE(pod.ok()) << pod.error().message();
  EXPECT_TRUE(pod->progress().done());
}

/// A group of its own in one hierarchy.
class LoneGroup {
 public:
  explicit LoneGroup(const std::string& hierarchy)
      : path_(hierarchy + "/tideline-test-kill-" + std::to_string(::getpid())),
        made_(::mkdir(path_.c_str(), 0755) == 0) {}
  ~LoneGroup() {
    for (int tries = 0; made_ && ::rmdir(path_.c_str()) != 0 && tries < 200; ++tries)
      ::usleep(5000);
  }
  LoneGroup(const LoneGroup&) = delete;
  LoneGroup& operator=(const LoneGroup&) = delete;
  bool made() const { return made_; }
  const std::string& path() const { return path_; }
  bool attach(pid_t pid) const {
    std::ofstream out(path_ + "/cgroup.procs");
    out << pid << std::flush;
    return out.good();
  }

 private:
  std::string path_;
  bool made_;
};

TEST_F(PodKillOnRealCgroups, AFrozenGroupIsThawedSoThatItDies) {
  const LoneGroup freezer("/sys/fs/cgroup/freezer");
  if (!freezer.made()) GTEST_SKIP() << "needs a writable v1 freezer hierarchy";
  auto child = start(ignore_term, "kubepods/besteffort/podbe/c1");
  ASSERT_TRUE(freezer.attach(child->pid()));
  auto where = place();
  where.freezer_directory = freezer.path();
  auto pod = PodKill::begin(where, 0s, kStart);
  ASSERT_TRUE(pod.ok()) << pod.error().message();
  EXPECT_TRUE(eventually(10s, [&] { return child->ended_by() == SIGKILL; }));
  EXPECT_TRUE(done_at(*pod, kStart));
  EXPECT_EQ(pod->progress().failures, 0U) << pod->progress().last_failure;
}

TEST(PodKillOnV2, CgroupKillEndsAllAtOnce) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const LoneGroup group(::access("/sys/fs/cgroup/unified", F_OK) == 0 ? "/sys/fs/cgroup/unified" : "/sys/fs/cgroup");
  if (!group.made() || ::access((group.path() + "/cgroup.kill").c_str(), W_OK) != 0) {
    GTEST_SKIP() << "needs a v2 hierarchy with cgroup.kill";
  }
  Child child(fork_on);
  ASSERT_TRUE(group.attach(child.pid()));
  child.go();
  auto pod = PodKill::begin({.directory = group.path(), .freezer_directory = {}}, 0s, kStart);
  ASSERT_TRUE(pod.ok()) << pod.error().message();
  EXPECT_TRUE(eventually(10s, [&] { return child.ended_by() == SIGKILL; }));
  EXPECT_TRUE(eventually(10s, [&] { return pod->step(kStart).value_or(PodKillProgress{}).done(); }));
  EXPECT_EQ(pod->progress().failures, 0U) << pod->progress().last_failure;
}

}  // namespace
}  // namespace tideline::kernel::test::pod_kill_test
