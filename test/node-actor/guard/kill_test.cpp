// kill -9 at random moments of a worker that writes without pause.

#include <cstdlib>
#include <random>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node-actor/guard/restore.h"
#include "test/node-actor/guard/fixture.h"
#include "test/support/temp_dir.h"

namespace tideline::guard {
namespace {

TEST(KillMinusNine, TheOriginalComesBackWhereverTheWorkerDied) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  const std::string worker = std::string(std::getenv("TIDELINE_BIN")) + "/guard_test_worker";
  const test::TempDir host;
  const test::TempDir state;
  const auto quota = host.write("cpu/besteffort/cpu.cfs_quota_us", "-1");
  int changed = 0;
  for (int round = 0; round < 200; ++round) {
    const int pid = ::fork();
    if (pid == 0) {
      ::execl(worker.c_str(), worker.c_str(), state.str().c_str(), quota.c_str(), "limit", nullptr);
      ::_exit(127);
    }
    // Half of the rounds die at any moment, start-up included; the others once the first write is done.
    if (round % 2 == 0) {
      while (host.read("cpu/besteffort/cpu.cfs_quota_us") == "-1" && ::waitpid(pid, nullptr, WNOHANG) == 0) {
      }
    }
    ::usleep(static_cast<useconds_t>(random() % 5'000));
    ::kill(pid, SIGKILL);
    int status = 0;
    ::waitpid(pid, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the worker ended by itself: " << WEXITSTATUS(status);
    if (host.read("cpu/besteffort/cpu.cfs_quota_us") != "-1") ++changed;
    const auto report = restore_all(state.str());
    ASSERT_TRUE(report) << report.error().message();
    ASSERT_EQ(host.read("cpu/besteffort/cpu.cfs_quota_us"), "-1") << "round " << round << "\n" << report->text();
    ASSERT_EQ(state.read("journal"), "");
  }
  EXPECT_GE(changed, 50) << "only these rounds count";
}

}  // namespace
}  // namespace tideline::guard
