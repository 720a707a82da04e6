// kill -9 at random moments of a worker that writes without pause, on a fixture and on a real cgroup.

#include <cstdlib>
#include <filesystem>
#include <random>

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node-actor/guard/restore.h"
#include "test/node-actor/guard/fixture.h"
#include "test/support/temp_dir.h"

namespace tideline::guard {
namespace {

void kill_at_random_moments(const std::string& quota, int rounds, int must_count) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  const std::string worker = std::string(std::getenv("TIDELINE_BIN")) + "/guard_test_worker";
  const test::TempDir state;
  const auto value = [&] { return kernel::read_file(quota).value_or("unreadable"); };
  int changed = 0;
  for (int round = 0; round < rounds; ++round) {
    const int pid = ::fork();
    if (pid == 0) {
      ::execl(worker.c_str(), worker.c_str(), state.str().c_str(), quota.c_str(), "limit", nullptr);
      ::_exit(127);
    }
    // Half of the rounds die at any moment, start-up included; the others once the first write is done.
    if (round % 2 == 0) {
      while (value() == "-1" && ::waitpid(pid, nullptr, WNOHANG) == 0) {
      }
    }
    ::usleep(static_cast<useconds_t>(random() % 5'000));
    ::kill(pid, SIGKILL);
    int status = 0;
    ::waitpid(pid, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the worker ended by itself: " << WEXITSTATUS(status);
    if (value() != "-1") ++changed;
    const auto report = restore_all(state.str());
    ASSERT_TRUE(report) << report.error().message();
    ASSERT_EQ(value(), "-1") << "round " << round << "\n" << report->text();
    ASSERT_EQ(state.read("journal"), "");
  }
  EXPECT_GE(changed, must_count) << "only these rounds count";
}

TEST(KillMinusNine, TheOriginalComesBackWhereverTheWorkerDied) {
  const test::TempDir host;
  kill_at_random_moments(host.write("cpu/besteffort/cpu.cfs_quota_us", "-1"), 200, 50);
}

TEST(KillMinusNine, TheOriginalComesBackOnARealCgroup) {
  std::string hierarchy;
  for (const char* candidate : {"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"}) {
    if (std::filesystem::exists(std::string(candidate) + "/cpu.shares")) hierarchy = candidate;
  }
  if (hierarchy.empty()) GTEST_SKIP() << "no cgroup v1 cpu hierarchy is mounted here";
  const auto group = fmt::format("{}/tideline-guard-test-{}", hierarchy, ::getpid());
  if (::mkdir(group.c_str(), 0755) != 0) GTEST_SKIP() << "cannot make a cgroup in " << hierarchy << ": not root?";
  kill_at_random_moments(group + "/cpu.cfs_quota_us", 100, 30);
  EXPECT_EQ(::rmdir(group.c_str()), 0);
}

}  // namespace
}  // namespace tideline::guard
