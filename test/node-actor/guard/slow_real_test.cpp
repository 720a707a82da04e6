// The slow writer on the real kernel: groups of the test's own, of 128 MiB at most, whose page cache is that of a file
// on a disk.

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <random>

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node-actor/guard/reclaim.h"
#include "node-actor/guard/restore.h"
#include "node-actor/guard/supervisor.h"
#include "test/node-actor/guard/fixture.h"
#include "test/node-actor/guard/slow_fixture.h"
#include "test/support/process.h"
#include "test/support/scratch_cgroup.h"
#include "test/support/temp_dir.h"

namespace tideline::guard {
namespace {

using namespace std::chrono_literals;
using model::ErrorCode;
using model::MonoTime;
using test::eventually;
using testing::HasSubstr;

constexpr std::int64_t kMiB = 1 << 20;
constexpr MonoTime kStart{1'000'000'000};

/// A child in a group of its own that does something there and then waits; killed with the tree.
void run_in(test::ScratchCgroup& tree, const std::string& group, const std::function<bool()>& body) {
  int go[2];
  int ready[2];
  ASSERT_EQ(::pipe2(go, O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
  const int pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::close(go[1]);
    char byte = 0;
    if (::read(go[0], &byte, 1) != 1 || !body()) ::_exit(1);
    if (::write(ready[1], "x", 1) != 1) ::_exit(1);
    while (true)
      ::pause();
  }
  ::close(go[0]);
  ::close(ready[1]);
  tree.own(pid, group);
  char byte = 0;
  EXPECT_EQ(::write(go[1], "x", 1), 1);
  EXPECT_EQ(::read(ready[0], &byte, 1), 1) << "the child could not do its part";
  ::close(go[1]);
  ::close(ready[0]);
}

bool touch_anonymous(std::int64_t bytes) {
  auto* memory = static_cast<char*>(
      ::mmap(nullptr, static_cast<std::size_t>(bytes), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (memory == MAP_FAILED) return false;
  for (std::int64_t at = 0; at < bytes; at += 4096)
    memory[at] = 'x';
  return true;
}

class SlowReal : public testing::Test {
 protected:
  void SetUp() override {
    TIDELINE_NEED_CGROUPS();
    tree_ = std::make_unique<test::ScratchCgroup>();
    tree_->make("be");
  }
  std::string limit() const { return tree_->read("be", "memory.limit_in_bytes"); }
  std::int64_t usage(const char* file) const { return std::strtoll(tree_->read("be", file).c_str(), nullptr, 10); }
  kernel::FileIdentity file(const std::string& name) const { return identity_of(tree_->path("be", name)); }

  test::TempDir state_;
  std::unique_ptr<test::ScratchCgroup> tree_;
};

class ReclaimV1 : public SlowReal {
 protected:
  void SetUp() override {
    SlowReal::SetUp();
    if (!tree_) return;
    if (!tree_->v1()) GTEST_SKIP() << "needs a v1 memory hierarchy";
    struct statfs system {};
    ASSERT_EQ(::statfs(disk_.str().c_str(), &system), 0);
    if (system.f_type == TMPFS_MAGIC) GTEST_SKIP() << "needs a disk for temporary files";
  }
  /// Reads a file into the group's page cache; `again`: without end.
  void fill_cache(std::int64_t bytes, bool again = false) {
    const auto path = disk_.str() + "/file";
    {
      std::ofstream out(path, std::ios::binary);
      const std::string part(static_cast<std::size_t>(kMiB), 'x');
      for (std::int64_t done = 0; done < bytes; done += kMiB)
        out << part;
    }
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    ASSERT_GE(fd, 0);
    // What is clean and nobody's is charged to the next who reads it.
    ASSERT_EQ(::fsync(fd), 0);
    ASSERT_EQ(::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
    run_in(*tree_, "be", [fd, again] {
      std::string part(static_cast<std::size_t>(kMiB), '\0');
      const auto read_all = [&] {
        ::lseek(fd, 0, SEEK_SET);
        while (::read(fd, part.data(), part.size()) > 0) {
        }
      };
      read_all();
      if (!again || ::fork() != 0) return true;
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::alarm(120);
      while (true)
        read_all();
    });
    ::close(fd);
    ASSERT_GE(usage("memory.usage_in_bytes"), bytes / 4 * 3);
  }
  std::string below_usage(std::int64_t bytes) const {
    return std::to_string((usage("memory.usage_in_bytes") - bytes) / 4096 * 4096);
  }

  test::TempDir disk_;
};

TEST_F(ReclaimV1, FreesPageCacheAndRestoresTheLimit) {
  fill_cache(64 * kMiB);
  const auto before = limit();
  const auto used = usage("memory.usage_in_bytes");
  const auto done = reclaim_v1(file("memory.limit_in_bytes"), below_usage(16 * kMiB));
  EXPECT_TRUE(done.result.ok()) << done.result.error().message();
  EXPECT_GE(done.freed_bytes, 12 * kMiB);
  EXPECT_LE(usage("memory.usage_in_bytes"), used - 12 * kMiB);
  EXPECT_EQ(limit(), before);
  EXPECT_THAT(tree_->read("be", "memory.oom_control"), HasSubstr("oom_kill 0"));
}

TEST_F(ReclaimV1, AGroupOfProcessMemoryIsLeftAlone) {
  run_in(*tree_, "be", [] { return touch_anonymous(32 * kMiB); });
  const auto before = limit();
  const auto done = reclaim_v1(file("memory.limit_in_bytes"), below_usage(16 * kMiB));
  ASSERT_FALSE(done.result.ok());
  EXPECT_EQ(done.result.error().code(), ErrorCode::kOverloaded);
  EXPECT_EQ(limit(), before);
  EXPECT_THAT(tree_->read("be", "memory.oom_control"), HasSubstr("oom_kill 0"));
}

TEST_F(ReclaimV1, TheHelperDoesItChunkByChunk) {
  fill_cache(96 * kMiB);
  const auto before = limit();
  const auto lease = Lease::take(state_.str());
  ASSERT_TRUE(lease.ok());
  SlowWriter writer(slow_config("serve", state_.str(), lease->epoch()));
  const auto used = usage("memory.usage_in_bytes");
  for (int chunk = 0; chunk < 3; ++chunk) {
    ASSERT_TRUE(writer
                    .begin({.kind = SlowRequest::Kind::kReclaim,
                            .file = file("memory.limit_in_bytes"),
                            .value = below_usage(8 * kMiB),
                            .bytes = 8 * kMiB},
                           kStart)
                    .ok());
    const auto done = finish(writer, kStart);
    EXPECT_TRUE(done.result.ok()) << done.result.error().message();
    EXPECT_GT(done.freed_bytes, 4 * kMiB);
    EXPECT_EQ(limit(), before);
  }
  EXPECT_LE(usage("memory.usage_in_bytes"), used - 16 * kMiB);
}

TEST_F(ReclaimV1, AFencedHelperMovesNoLimit) {
  fill_cache(64 * kMiB);
  const auto before = limit();
  const auto lease = Lease::take(state_.str());
  ASSERT_TRUE(lease.ok());
  SlowWriter writer(slow_config("serve", state_.str(), lease->epoch()));
  const auto other = Lease::take(state_.str());
  ASSERT_TRUE(other.ok());
  const auto used = usage("memory.usage_in_bytes");
  ASSERT_TRUE(writer
                  .begin({.kind = SlowRequest::Kind::kReclaim,
                          .file = file("memory.limit_in_bytes"),
                          .value = below_usage(8 * kMiB),
                          .bytes = 8 * kMiB},
                         kStart)
                  .ok());
  EXPECT_EQ(finish(writer, kStart).result.error().code(), ErrorCode::kFenced);
  EXPECT_EQ(limit(), before);
  EXPECT_GE(usage("memory.usage_in_bytes"), used - kMiB);
}

TEST_F(ReclaimV1, AWorkerKilledInTheMiddleLeavesTheLimitToItsSupervisor) {
  fill_cache(96 * kMiB, true);
  const auto before = limit();
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  SupervisorConfig config;
  config.state_dir = state_.str();
  config.worker_argv = {test::program("guard_test_worker"), state_.str(), tree_->path("be", "memory.limit_in_bytes"),
                        "reclaim"};
  config.backoff_min = config.backoff_max = 10ms;
  config.ordering_verified = [] { return false; };
  const auto log = state_.str() + "/log";
  config.log = [log](bool, const std::string& text) { std::ofstream(log, std::ios::app) << text << std::endl; };
  const int supervisor = ::fork();
  ASSERT_GE(supervisor, 0);
  if (supervisor == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const auto code = run_supervisor(config);
    ::_exit(code ? *code : 99);
  }
  const auto last_worker = [&] {
    std::ifstream in(state_.path() / "pids");
    int last = 0;
    for (int pid = 0; in >> pid;)
      last = pid;
    return last;
  };
  int killed = 0;
  for (int round = 0; round < 10; ++round) {
    ASSERT_TRUE(eventually(20s, [&] { return last_worker() != killed; })) << state_.read("log");
    killed = last_worker();
    ::usleep(static_cast<useconds_t>(random() % 5'000));
    ::kill(killed, SIGKILL);
  }
  ::kill(supervisor, SIGTERM);
  int status = 0;
  ASSERT_EQ(::waitpid(supervisor, &status, 0), supervisor);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << state_.read("log");
  EXPECT_EQ(limit(), before) << state_.read("log");
  EXPECT_EQ(state_.read("journal"), "");
  EXPECT_THAT(tree_->read("be", "memory.oom_control"), HasSubstr("oom_kill 0"));
}

TEST_F(ReclaimV1, RestoringALimitBelowTheUseEndsSoonAndIsTold) {
  run_in(*tree_, "be", [] { return touch_anonymous(48 * kMiB); });
  const auto path = tree_->path("be", "memory.limit_in_bytes");
  auto lease = Lease::take(state_.str());
  auto journal = Journal::open(state_.str());
  ASSERT_TRUE(lease.ok() && journal.ok());
  // The agent found 16 MiB once and raised it, and the group has grown since.
  ASSERT_TRUE(journal
                  ->record(file("memory.limit_in_bytes"), std::to_string(16 * kMiB), std::to_string(16 * kMiB),
                           RestoreClass::kRestore)
                  .ok());
  journal->intend(file("memory.limit_in_bytes"), std::to_string(16 * kMiB), std::to_string(100 * kMiB));
  tree_->write("be", "memory.limit_in_bytes", std::to_string(100 * kMiB));
  const auto begun = std::chrono::steady_clock::now();
  const auto report = restore(*journal, RestoreMode::kAllOriginals, false);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 5s) << "half a second, on a busy machine";
  ASSERT_EQ(report.items.size(), 1u);
  EXPECT_EQ(report.items[0].outcome, RestoreItem::Outcome::kFailed) << report.text();
  EXPECT_EQ(limit(), std::to_string(100 * kMiB)) << "v1 takes none below the use";
  EXPECT_THAT(tree_->read("be", "memory.oom_control"), HasSubstr("oom_kill 0"));
}

/// A process in a frozen group of cgroup v1 does not end on SIGKILL: what one in D state looks like from outside.
class Stuck : public ReclaimV1 {
 protected:
  void SetUp() override {
    ReclaimV1::SetUp();
    if (IsSkipped() || !tree_) return;
    group_ = fmt::format("/sys/fs/cgroup/freezer/tideline-test-{}", ::getpid());
    if (!std::filesystem::exists("/sys/fs/cgroup/freezer/cgroup.procs") || ::mkdir(group_.c_str(), 0755) != 0) {
      group_.clear();
      GTEST_SKIP() << "needs a v1 freezer hierarchy";
    }
    std::filesystem::create_directories(disk_.path() / "g");
    fifo_ = disk_.str() + "/g/memory.high";
    ASSERT_EQ(::mkfifo(fifo_.c_str(), 0600), 0);
  }
  void TearDown() override {
    if (group_.empty()) return;
    thaw();
    // Killed processes leave the group a moment after they are reaped.
    eventually(10s, [&] { return ::rmdir(group_.c_str()) == 0; });
  }
  void freeze(int pid) const {
    std::ofstream(group_ + "/cgroup.procs") << pid << std::flush;
    std::ofstream(group_ + "/freezer.state") << "FROZEN" << std::flush;
    EXPECT_TRUE(eventually(10s, [&] {
      std::string state;
      std::ifstream(group_ + "/freezer.state") >> state;
      return state == "FROZEN";
    }));
  }
  void thaw() const { std::ofstream(group_ + "/freezer.state") << "THAWED" << std::flush; }
  SlowRequest blocking() const {
    return {.kind = SlowRequest::Kind::kWrite, .file = identity_of(fifo_), .value = "1", .bytes = 0};
  }

  std::string group_;
  std::string fifo_;
};

TEST_F(Stuck, AHelperThatDoesNotEndIsGivenUpAndOfFourNoMoreAreStarted) {
  const auto lease = Lease::take(state_.str());
  ASSERT_TRUE(lease.ok());
  SlowWriter writer(slow_config("serve", state_.str(), lease->epoch()));
  auto now = kStart;
  for (std::size_t stuck = 1; stuck <= SlowWriter::kMostStuck; ++stuck) {
    ASSERT_TRUE(writer.begin(blocking(), now).ok()) << stuck;
    freeze(writer.pid());
    now = now + 2s;
    EXPECT_FALSE(writer.poll(now)) << "killed";
    EXPECT_FALSE(writer.poll(now + 999ms));
    EXPECT_TRUE(writer.busy());
    now = now + 1s;
    const auto done = writer.poll(now);
    ASSERT_TRUE(done);
    EXPECT_EQ(done->result.error().code(), ErrorCode::kUnavailable);
    EXPECT_THAT(done->result.error().message(), HasSubstr("stuck in the kernel"));
    EXPECT_FALSE(writer.busy());
    EXPECT_EQ(writer.stuck(), stuck);
  }
  const auto refused = writer.begin(blocking(), now);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(refused.error().message(), HasSubstr("4 slow writers do not end"));
  EXPECT_FALSE(writer.stop()) << "they are there still";
  thaw();
  EXPECT_TRUE(eventually(10s, [&] { return writer.stop(); })) << "they are reaped";
  EXPECT_TRUE(writer.begin(blocking(), now).ok()) << "and there is room again";
}

/// On cgroup v2, of what cannot be reclaimed: no swap, no file.
TEST_F(SlowReal, OnCgroupV2AShortfallIsOverloadedAndAHighThatFallsIsInForce) {
  if (tree_->v1()) GTEST_SKIP() << "needs cgroup v2";
  run_in(*tree_, "be", [] { return touch_anonymous(32 * kMiB); });
  const auto lease = Lease::take(state_.str());
  ASSERT_TRUE(lease.ok());
  SlowWriter writer(slow_config("serve", state_.str(), lease->epoch()));
  ASSERT_TRUE(
      writer
          .begin({.kind = SlowRequest::Kind::kReclaim, .file = file("memory.reclaim"), .value = {}, .bytes = 16 * kMiB},
                 kStart)
          .ok());
  EXPECT_EQ(finish(writer, kStart).result.error().code(), ErrorCode::kOverloaded);
  ASSERT_TRUE(writer
                  .begin({.kind = SlowRequest::Kind::kWrite,
                          .file = file("memory.high"),
                          .value = std::to_string(16 * kMiB),
                          .bytes = 0},
                         kStart)
                  .ok());
  EXPECT_TRUE(finish(writer, kStart).result.ok());
  EXPECT_EQ(tree_->read("be", "memory.high"), std::to_string(16 * kMiB));
  EXPECT_TRUE(write_identified(file("memory.high"), "max").ok());
}

}  // namespace
}  // namespace tideline::guard
