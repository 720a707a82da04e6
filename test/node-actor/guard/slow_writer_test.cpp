// A helper that is a real process; a FIFO without a reader is the file whose writing blocks.

#include "node-actor/guard/slow_writer.h"

#include <chrono>
#include <filesystem>
#include <functional>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node-actor/guard/lease.h"
#include "node-actor/guard/state_lock.h"
#include "test/node-actor/guard/fixture.h"
#include "test/node-actor/guard/slow_fixture.h"
#include "test/support/process.h"
#include "test/support/temp_dir.h"

namespace tideline::guard {
namespace {

using namespace std::chrono_literals;
using model::ErrorCode;
using model::MonoTime;
using test::eventually;
using testing::HasSubstr;

constexpr MonoTime kStart{1'000'000'000};

class SlowWriterTest : public testing::Test {
 protected:
  SlowWriterConfig config(const std::string& mode = "serve") const {
    return slow_config(mode, state_.str(), lease_.epoch());
  }
  SlowRequest write(const std::string& path, const std::string& value) const {
    return {.kind = SlowRequest::Kind::kWrite, .file = identity_of(path), .value = value, .bytes = 0};
  }
  std::string blocking() const {
    const auto path = host_.str() + "/group/memory.high";
    std::filesystem::create_directories(host_.path() / "group");
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
    return path;
  }
  /// No process, and no zombie of one.
  static bool is_gone(int pid) { return ::kill(pid, 0) != 0; }

  test::TempDir state_;
  test::TempDir host_;
  Lease lease_ = std::move(*Lease::take(state_.str()));
};

TEST_F(SlowWriterTest, AWriteIsMadeByAProcessThatStaysForTheNext) {
  const auto path = host_.write("group/memory.high", "max\n");
  SlowWriter writer(config());
  EXPECT_EQ(writer.pid(), -1) << "nothing is started before the first request";
  for (const auto* value : {"104857600", "52428800"}) {
    const auto request = write(path, value);
    ASSERT_TRUE(writer.begin(request, kStart).ok());
    EXPECT_TRUE(writer.busy());
    const auto done = finish(writer, kStart);
    EXPECT_TRUE(done.result.ok()) << done.result.error().message();
    EXPECT_EQ(done.request, request);
    EXPECT_FALSE(writer.busy());
    EXPECT_EQ(host_.read("group/memory.high"), value);
  }
  const int pid = writer.pid();
  ASSERT_TRUE(writer.begin(write(path, "max"), kStart).ok());
  finish(writer, kStart);
  EXPECT_EQ(writer.pid(), pid);
}

TEST_F(SlowWriterTest, WhatTheKernelSaysComesBack) {
  const auto path = host_.write("group/memory.high", "max\n");
  auto request = write(path, "1");
  request.file.inode += 1;
  SlowWriter writer(config());
  ASSERT_TRUE(writer.begin(request, kStart).ok());
  const auto done = finish(writer, kStart);
  ASSERT_FALSE(done.result.ok());
  EXPECT_EQ(done.result.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(done.result.error().message(), HasSubstr("made again"));
}

TEST_F(SlowWriterTest, OneRequestAtATime) {
  SlowWriter writer(config());
  ASSERT_TRUE(writer.begin(write(blocking(), "1"), kStart).ok());
  const auto second = writer.begin(write(host_.write("other/memory.high", "max"), "1"), kStart);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code(), ErrorCode::kOverloaded);
  EXPECT_FALSE(writer.poll(kStart));
}

TEST_F(SlowWriterTest, AtItsDeadlineItIsKilledAndTheNextRequestStartsAnother) {
  SlowWriter writer(config());
  ASSERT_TRUE(writer.begin(write(blocking(), "1"), kStart).ok());
  const int pid = writer.pid();
  EXPECT_FALSE(writer.poll(kStart + 1999ms));
  EXPECT_FALSE(is_gone(pid));
  writer.poll(kStart + 2s);
  const auto done = finish(writer, kStart + 2s);
  ASSERT_FALSE(done.result.ok());
  EXPECT_EQ(done.result.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(done.result.error().message(), HasSubstr("deadline of 2000 ms"));
  EXPECT_TRUE(is_gone(pid)) << "reaped";
  EXPECT_FALSE(writer.busy());

  const auto path = host_.write("other/memory.high", "max\n");
  ASSERT_TRUE(writer.begin(write(path, "4096"), kStart + 3s).ok());
  EXPECT_NE(writer.pid(), pid);
  EXPECT_TRUE(finish(writer, kStart + 3s).result.ok());
  EXPECT_EQ(host_.read("other/memory.high"), "4096");
}

TEST_F(SlowWriterTest, TheHelperOfAFencedWorkerWritesNothing) {
  const auto path = host_.write("group/memory.high", "max\n");
  SlowWriter writer(config());
  ASSERT_TRUE(writer.begin(write(path, "max"), kStart).ok());
  ASSERT_TRUE(finish(writer, kStart).result.ok());
  const auto other = Lease::take(state_.str());
  ASSERT_TRUE(writer.begin(write(path, "4096"), kStart).ok());
  const auto done = finish(writer, kStart);
  ASSERT_FALSE(done.result.ok());
  EXPECT_EQ(done.result.error().code(), ErrorCode::kFenced);
  EXPECT_EQ(host_.read("group/memory.high"), "max");

  SlowWriter late(config());
  ASSERT_TRUE(late.begin(write(path, "4096"), kStart).ok());
  EXPECT_EQ(finish(late, kStart).result.error().code(), ErrorCode::kFenced) << "nor one that begins after it";
}

TEST_F(SlowWriterTest, AHelperThatEndsSaysHow) {
  SlowWriter writer(config("exit"));
  const auto path = host_.write("group/memory.high", "max\n");
  ASSERT_TRUE(writer.begin(write(path, "1"), kStart).ok());
  const auto done = finish(writer, kStart);
  ASSERT_FALSE(done.result.ok());
  EXPECT_EQ(done.result.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(done.result.error().message(), HasSubstr("exited with code 7"));
  EXPECT_EQ(writer.pid(), -1);
}

TEST_F(SlowWriterTest, AHelperThatTalksNonsenseIsEnded) {
  SlowWriter writer(config("garbage"));
  const auto path = host_.write("group/memory.high", "max\n");
  ASSERT_TRUE(writer.begin(write(path, "1"), kStart).ok());
  const int pid = writer.pid();
  const auto done = finish(writer, kStart);
  ASSERT_FALSE(done.result.ok());
  EXPECT_EQ(done.result.error().code(), ErrorCode::kMalformed);
  EXPECT_EQ(writer.pid(), -1);
  EXPECT_TRUE(eventually(20s, [&] {
    writer.poll(kStart);
    return is_gone(pid);
  }));
}

TEST_F(SlowWriterTest, AHelperThatTakesNoOrderIsKilledAtTheDeadline) {
  SlowWriter writer(config("deaf"));
  const auto path = host_.write("group/memory.high", "max\n");
  ASSERT_TRUE(writer.begin(write(path, "1"), kStart).ok());
  writer.poll(kStart + 2s);
  EXPECT_EQ(finish(writer, kStart + 2s).result.error().code(), ErrorCode::kUnavailable);
}

TEST_F(SlowWriterTest, WithoutAProgramNothingBegins) {
  auto missing = config();
  missing.argv = {"/no/such/program"};
  SlowWriter writer(missing);
  const auto path = host_.write("group/memory.high", "max\n");
  const auto begun = writer.begin(write(path, "1"), kStart);
  ASSERT_FALSE(begun.ok());
  EXPECT_EQ(begun.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(begun.error().message(), HasSubstr("/no/such/program"));
  EXPECT_FALSE(writer.busy());
}

TEST_F(SlowWriterTest, APathThatFitsNoMessageIsRefusedBeforeAnythingStarts) {
  SlowWriter writer(config());
  SlowRequest request{.kind = SlowRequest::Kind::kWrite,
                      .file = {.path = "/" + std::string(2000, 'x'), .device = 1, .inode = 1},
                      .value = "1",
                      .bytes = 0};
  EXPECT_EQ(writer.begin(request, kStart).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(writer.pid(), -1);
}

TEST_F(SlowWriterTest, StopEndsWhatIsUnderWayAndTheNextRequestIsServed) {
  SlowWriter writer(config());
  ASSERT_TRUE(writer.begin(write(blocking(), "1"), kStart).ok());
  const int pid = writer.pid();
  writer.stop();
  EXPECT_EQ(writer.pid(), -1);
  EXPECT_FALSE(writer.busy());
  EXPECT_FALSE(writer.poll(kStart));
  EXPECT_TRUE(eventually(20s, [&] { return writer.stop() && is_gone(pid); }));
  const auto path = host_.write("other/memory.high", "max\n");
  ASSERT_TRUE(writer.begin(write(path, "4096"), kStart).ok());
  EXPECT_TRUE(finish(writer, kStart).result.ok());
}

TEST_F(SlowWriterTest, AHelperThatNobodyNeedsIsEnded) {
  SlowWriter writer(config());
  const auto path = host_.write("group/memory.high", "max\n");
  ASSERT_TRUE(writer.begin(write(path, "4096"), kStart).ok());
  finish(writer, kStart);
  const int pid = writer.pid();
  writer.poll(kStart + SlowWriter::kIdle);
  EXPECT_EQ(writer.pid(), pid);
  writer.poll(kStart + SlowWriter::kIdle + 1ms);
  EXPECT_EQ(writer.pid(), -1);
  EXPECT_TRUE(eventually(20s, [&] {
    writer.poll(kStart + SlowWriter::kIdle + 1ms);
    return is_gone(pid);
  }));
}

/// A process that has a helper blocked in a write; it tells the helper's pid.
class Owner {
 public:
  explicit Owner(const std::function<int()>& begin) {
    // The helper comes to us when its parent is gone, so that its end can be seen.
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) {
      ::alarm(60);
      const int helper = begin();
      if (::write(ends[1], &helper, sizeof helper) != sizeof helper) ::_exit(1);
      while (true)
        ::pause();
    }
    ::close(ends[1]);
    if (::read(ends[0], &helper_, sizeof helper_) != sizeof helper_) helper_ = -1;
    ::close(ends[0]);
  }
  ~Owner() {
    kill();
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
  }
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;

  int helper() const { return helper_; }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  int pid_ = -1;
  int helper_ = -1;
};

TEST_F(SlowWriterTest, ItDiesWithItsParent) {
  const auto path = blocking();
  Owner owner([&] {
    auto* writer = new SlowWriter(config());
    return writer->begin(write(path, "1"), kStart).ok() ? writer->pid() : -1;
  });
  ASSERT_GT(owner.helper(), 0);
  owner.kill();
  int status = 0;
  EXPECT_TRUE(eventually(20s, [&] { return ::waitpid(owner.helper(), &status, WNOHANG) == owner.helper(); }));
  // Or by itself, where the parent was gone before the kernel was asked for the signal.
  EXPECT_TRUE((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) || (WIFEXITED(status) && WEXITSTATUS(status) != 0))
      << status;
}

TEST_F(SlowWriterTest, ItHoldsTheStateDirectorysLockUntilItIsGone) {
  const auto path = blocking();
  // Wherever the lock is, also where the helper's socket goes.
  for (const int place : {kSlowWriterSocket, 40}) {
    auto lock = StateLock::take(state_.str());
    ASSERT_TRUE(lock.ok()) << lock.error().message();
    Owner owner([&] {
      if (::dup2(lock->fd(), place) == place) ::fcntl(place, F_SETFD, 0);
      auto* writer = new SlowWriter(config());
      const int pid = writer->begin(write(path, "1"), kStart).ok() ? writer->pid() : -1;
      ::close(place);
      ::close(lock->fd());
      return pid;
    });
    ASSERT_GT(owner.helper(), 0);
    { const auto ours = std::move(*lock); }
    EXPECT_EQ(StateLock::take(state_.str()).error().code(), ErrorCode::kOverloaded) << "by the helper alone";
    owner.kill();
    EXPECT_TRUE(eventually(20s, [&] {
      ::waitpid(owner.helper(), nullptr, WNOHANG);
      return StateLock::take(state_.str()).ok();
    }));
  }
}

TEST(RunSlowWriter, ByHandItEndsAtOnce) {
  const test::TempDir state;
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  EXPECT_EQ(run_slow_writer(ends[0], state.str(), 1), kSlowWriterUsage);
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace tideline::guard
