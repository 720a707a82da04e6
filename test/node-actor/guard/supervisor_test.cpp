#include "node-actor/guard/supervisor.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node-actor/guard/cookie_record.h"
#include "node-actor/guard/oom_score_record.h"
#include "node-actor/guard/state_lock.h"
#include "test/node-actor/guard/fixture.h"
#include "test/node-actor/guard/score_host.h"
#include "test/node-actor/kernel/cookie_twin.h"
#include "test/node-actor/kernel/trees.h"
#include "test/support/temp_dir.h"

namespace tideline::guard {
namespace {

using namespace std::chrono_literals;
using test::TempDir;

constexpr const char* kQuota = "cpu/besteffort/cpu.cfs_quota_us";

class SupervisorTest : public testing::Test {
 protected:
  SupervisorTest() : quota_(host_.write(kQuota, "-1\n")) {}
  ~SupervisorTest() override {
    for (const int pid : {supervisor_, second_}) {
      if (pid <= 0) continue;
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
    }
    // A worker whose supervisor was killed gets SIGTERM from the kernel; one that ignores it is killed here.
    for (const int pid : pids()) {
      if (start_of(pid)) ::kill(pid, SIGKILL);
    }
  }

  SupervisorConfig config(const std::string& mode) const {
    SupervisorConfig config;
    config.state_dir = state_.str();
    config.worker_argv = {std::string(std::getenv("TIDELINE_BIN")) + "/guard_test_worker", state_.str(), quota_, mode};
    config.lease = 2s;
    config.start_patience = 20s;
    config.kill_patience = 10s;
    config.stop_patience = 2s;
    config.backoff_min = 10ms;
    config.backoff_max = 50ms;
    config.ordering_verified = [] { return true; };
    const std::string log = state_.str() + "/log";
    config.log = [log](bool, const std::string& text) { std::ofstream(log, std::ios::app) << text << std::endl; };
    return config;
  }
  static int start(const SupervisorConfig& config) {
    const int pid = ::fork();
    if (pid == 0) {
      const auto code = run_supervisor(config);
      if (!code) std::ofstream(config.state_dir + "/error") << code.error().message();
      ::_exit(code ? *code : 99);
    }
    return pid;
  }
  std::vector<int> pids() const {
    std::vector<int> result;
    std::ifstream in(state_.path() / "pids");
    for (int pid = 0; in >> pid;)
      result.push_back(pid);
    return result;
  }
  static bool start_of(int pid) { return ::kill(pid, 0) == 0; }
  static bool eventually(const std::function<bool()>& holds, std::chrono::milliseconds patience = 20s) {
    const auto until = std::chrono::steady_clock::now() + patience;
    while (!holds()) {
      if (std::chrono::steady_clock::now() > until) return false;
      ::usleep(2000);
    }
    return true;
  }
  bool workers_started(std::size_t count) const {
    return eventually([&] { return pids().size() >= count; });
  }
  static int wait_exit(int& pid) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  std::string quota() const { return host_.read(kQuota); }
  std::string log() const { return state_.read("log"); }

  TempDir host_;
  TempDir state_;
  std::string quota_;
  int supervisor_ = 0;
  int second_ = 0;
};

TEST_F(SupervisorTest, SigtermStopsTheWorkerAndPutsEveryOriginalBack) {
  supervisor_ = start(config("once"));
  ASSERT_TRUE(workers_started(1));
  EXPECT_EQ(quota(), "88000");
  ::kill(supervisor_, SIGTERM);
  EXPECT_EQ(wait_exit(supervisor_), 0) << log();
  EXPECT_EQ(quota(), "-1");
  EXPECT_EQ(state_.read("journal"), "");
  EXPECT_FALSE(start_of(pids()[0]));
}

TEST_F(SupervisorTest, CookiesStayOverStartAndDeathOfAWorkerAndEndWithTheStop) {
  const test::FixtureTree tree({});
  kernel::test::CookieTwin twin;
  kernel::test::CookieHost host(tree, twin);
  const int tid = host.start("pod");
  auto record = CookieRecord::open(state_.str(), "boot");
  ASSERT_TRUE(kernel::give_new_cookie(twin, {tid}, [&](kernel::Cookie cookie) {
                return record.replace({{cookie, "g"}});
              }).ok());
  // The supervisor is a process of its own, and so is its twin: what it did is in record and log.
  const auto known = [&] { return CookieRecord::open(state_.str(), "boot").known().size(); };
  auto with_cookies = config("once");
  with_cookies.boot_id = "boot";
  with_cookies.cookies = &twin;
  with_cookies.proc = tree.path("proc");
  supervisor_ = start(with_cookies);
  ASSERT_TRUE(workers_started(1));
  EXPECT_EQ(known(), 1u);
  ::kill(pids()[0], SIGKILL);
  ASSERT_TRUE(workers_started(2));
  EXPECT_EQ(known(), 1u);
  ::kill(supervisor_, SIGTERM);
  EXPECT_EQ(wait_exit(supervisor_), 0) << log();
  EXPECT_EQ(known(), 0u);
  EXPECT_THAT(log(), testing::HasSubstr("core-sched cookies taken from 1 threads"));
}

TEST_F(SupervisorTest, AWorkerThatIgnoresSigtermIsKilledAndTheOriginalsComeBack) {
  auto patient = config("hang");
  patient.lease = 60s;
  patient.stop_patience = 200ms;
  supervisor_ = start(patient);
  ASSERT_TRUE(workers_started(1));
  ::kill(supervisor_, SIGTERM);
  EXPECT_EQ(wait_exit(supervisor_), 0) << log();
  EXPECT_EQ(quota(), "-1");
  EXPECT_THAT(log(), testing::HasSubstr("did not stop"));
}

TEST_F(SupervisorTest, AKilledWorkerLeavesTheSafeStateAndIsStartedAgain) {
  auto slow = config("once");
  slow.backoff_min = slow.backoff_max = 60s;
  supervisor_ = start(slow);
  ASSERT_TRUE(workers_started(1));
  ::kill(pids()[0], SIGKILL);
  EXPECT_TRUE(eventually([&] { return quota() == "-1"; })) << log();
  ::kill(supervisor_, SIGTERM);
  EXPECT_EQ(wait_exit(supervisor_), 0) << "a stop does not wait for the back-off";
}

TEST_F(SupervisorTest, WithoutVerifiedOrderingTheSafeStateIsTheSafeValue) {
  auto unverified = config("crash");
  unverified.ordering_verified = [] { return false; };
  unverified.backoff_min = unverified.backoff_max = 60s;
  supervisor_ = start(unverified);
  EXPECT_TRUE(eventually([&] { return quota() == "2000"; })) << log();
  ::kill(supervisor_, SIGTERM);
  EXPECT_EQ(wait_exit(supervisor_), 0);
  EXPECT_EQ(quota(), "-1");
}

TEST_F(SupervisorTest, ACrashingWorkerComesBackAgainAndAgain) {
  supervisor_ = start(config("crash"));
  EXPECT_TRUE(workers_started(4)) << log();
}

TEST_F(SupervisorTest, WhatAWorkerLeavesBehindIsEndedAndReaped) {
  auto slow = config("litter");
  slow.backoff_min = slow.backoff_max = 60s;
  supervisor_ = start(slow);
  const auto litter = [&] {
    std::ifstream in(state_.path() / "litter");
    int pid = 0;
    in >> pid;
    return pid;
  };
  ASSERT_TRUE(eventually([&] { return litter() > 0; })) << log();
  EXPECT_TRUE(eventually([&] { return !start_of(litter()); })) << log();
  EXPECT_TRUE(eventually([&] { return quota() == "-1"; })) << log();
  ::kill(supervisor_, SIGTERM);
  EXPECT_EQ(wait_exit(supervisor_), 0) << log();
}

TEST_F(SupervisorTest, OomScoresStayOverADeathAndGoBackWithTheStop) {
  const test::FixtureTree tree(kernel::test::v1_files());
  const ScoreHost host(tree);
  host.run(7'000'001, 100, 1, 1000);
  auto record = OomScoreRecord::open(state_.str(), "boot");
  ASSERT_TRUE(record.replace({{.pid = 7'000'001, .start = 100, .original = 500, .ours = 1000, .pod = "p"}}).ok());
  kernel::test::CookieTwin twin;
  auto with_scores = config("once");
  with_scores.boot_id = "boot";
  with_scores.cookies = &twin;
  with_scores.proc = tree.path("proc");
  supervisor_ = start(with_scores);
  ASSERT_TRUE(workers_started(1));
  ::kill(pids()[0], SIGKILL);
  ASSERT_TRUE(workers_started(2));
  EXPECT_EQ(host.score(7'000'001), 1000) << "they only say whom the OOM killer picks";
  ::kill(supervisor_, SIGTERM);
  EXPECT_EQ(wait_exit(supervisor_), 0) << log();
  EXPECT_EQ(host.score(7'000'001), 500);
  EXPECT_THAT(log(), testing::HasSubstr("oom_score_adj of 1 processes put back"));
}

TEST_F(SupervisorTest, AStoppedWorkerIsKilledWithinTheLeaseAndNeverWritesAgain) {
  auto slow = config("limit");
  slow.lease = 400ms;
  slow.backoff_min = slow.backoff_max = 60s;
  supervisor_ = start(slow);
  ASSERT_TRUE(workers_started(1));
  const int worker = pids()[0];
  ::kill(worker, SIGSTOP);
  const auto stopped = std::chrono::steady_clock::now();
  EXPECT_TRUE(eventually([&] { return quota() == "-1"; })) << log();
  EXPECT_LT(std::chrono::steady_clock::now() - stopped, 8s) << "by its lease, and no other patience is as short";
  ::kill(worker, SIGCONT);
  EXPECT_TRUE(eventually([&] { return !start_of(worker); }));
  EXPECT_EQ(quota(), "-1");
  EXPECT_THAT(log(), testing::HasSubstr("hangs"));
}

TEST_F(SupervisorTest, AWorkerThatBeatsIsLeftAlone) {
  auto short_lease = config("once");
  short_lease.lease = 3s;
  supervisor_ = start(short_lease);
  ASSERT_TRUE(workers_started(1));
  std::this_thread::sleep_for(7500ms);
  EXPECT_EQ(pids().size(), 1u) << log();
  EXPECT_EQ(quota(), "88000");
}

TEST_F(SupervisorTest, AWorkerThatRefusesItsConfigurationIsNotStartedAgain) {
  supervisor_ = start(config("refuse"));
  EXPECT_EQ(wait_exit(supervisor_), 78);
  EXPECT_EQ(pids().size(), 1u);
  EXPECT_EQ(quota(), "-1");
}

TEST_F(SupervisorTest, AMissingProgramIsToldNotSwallowed) {
  auto missing = config("once");
  missing.worker_argv[0] = "/no/such/worker";
  supervisor_ = start(missing);
  EXPECT_TRUE(eventually([&] { return log().find("exited with code 127") != std::string::npos; }));
}

TEST_F(SupervisorTest, BothKilledTheNextStartPutsEverythingRight) {
  supervisor_ = start(config("once"));
  ASSERT_TRUE(workers_started(1));
  const int worker = pids()[0];
  ::kill(supervisor_, SIGKILL);
  ::kill(worker, SIGKILL);
  wait_exit(supervisor_);
  ASSERT_EQ(quota(), "88000");
  second_ = start(config("hang"));
  ASSERT_TRUE(workers_started(2)) << state_.read("error");
  EXPECT_THAT(log(), testing::HasSubstr("restored " + quota_));
}

TEST_F(SupervisorTest, BothKilledReleasePutsEverythingRight) {
  supervisor_ = start(config("once"));
  ASSERT_TRUE(workers_started(1));
  ::kill(supervisor_, SIGKILL);
  ::kill(pids()[0], SIGKILL);
  wait_exit(supervisor_);
  const auto report = restore_all(state_.str());
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(quota(), "-1");
}

TEST_F(SupervisorTest, AnOrphanedWorkerRestoresByItself) {
  supervisor_ = start(config("orphan"));
  ASSERT_TRUE(workers_started(1));
  ::kill(supervisor_, SIGKILL);
  wait_exit(supervisor_);
  EXPECT_TRUE(eventually([&] { return quota() == "-1"; }));
}

TEST_F(SupervisorTest, AWorkerIsOnRecordBeforeItRuns) {
  supervisor_ = start(config("once"));
  ASSERT_TRUE(workers_started(1));
  const auto worker = "\"worker\":{\"pid\":" + std::to_string(pids()[0]) + ",";
  EXPECT_THAT(state_.read("recorded"), testing::HasSubstr(worker)) << "else it is not found when both are killed now";
  EXPECT_THAT(state_.read("lock"), testing::HasSubstr(worker));
}

TEST_F(SupervisorTest, AnOrphanThatDoesNotLeaveIsKilledByTheNextStart) {
  auto patient = config("hang");
  patient.lease = 60s;
  supervisor_ = start(patient);
  ASSERT_TRUE(workers_started(1));
  const int orphan = pids()[0];
  ::kill(supervisor_, SIGKILL);
  wait_exit(supervisor_);
  ASSERT_TRUE(start_of(orphan)) << "it ignores SIGTERM";
  const auto report = restore_all(state_.str());
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(quota(), "-1");
  EXPECT_TRUE(eventually([&] { return !start_of(orphan); }));
}

TEST_F(SupervisorTest, ReleaseBesideALiveAgentSaysWhatToDo) {
  supervisor_ = start(config("once"));
  ASSERT_TRUE(workers_started(1));
  const auto report = restore_all(state_.str());
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code(), model::ErrorCode::kOverloaded);
  EXPECT_THAT(report.error().message(), testing::HasSubstr("supervisor pid " + std::to_string(supervisor_)));
  EXPECT_THAT(report.error().message(), testing::HasSubstr("stop it first"));
  EXPECT_EQ(quota(), "88000");
}

TEST_F(SupervisorTest, ASecondAgentOnOneStateDirectoryIsRefused) {
  supervisor_ = start(config("once"));
  ASSERT_TRUE(workers_started(1));
  second_ = start(config("once"));
  EXPECT_EQ(wait_exit(second_), 99);
  EXPECT_THAT(state_.read("error"), testing::HasSubstr("in use"));
  EXPECT_EQ(pids().size(), 1u);
}

TEST_F(SupervisorTest, WhereTheDiskRefusesTheLeaseItIsInMemoryAndAHungWorkerIsMissedAllTheSame) {
  std::filesystem::create_directory(state_.path() / "lease");
  auto short_lease = config("hang");
  short_lease.lease = 200ms;
  supervisor_ = start(short_lease);
  ASSERT_TRUE(workers_started(2));
  EXPECT_THAT(log(), testing::HasSubstr("the lease is in memory, not on disk: "));
  EXPECT_THAT(log(), testing::HasSubstr("hangs: no beat for"));
  EXPECT_THAT(log(), testing::HasSubstr("restored " + quota_));
}

TEST_F(SupervisorTest, ALeaseTooShortIsRefused) {
  auto bad = config("once");
  bad.lease = 100ms;
  const auto result = run_supervisor(bad);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), model::ErrorCode::kInvalidArgument);
  bad = config("once");
  bad.worker_argv.clear();
  EXPECT_FALSE(run_supervisor(bad));
}

}  // namespace
}  // namespace tideline::guard
