// Core scheduling as this kernel has it.

#include <csignal>
#include <cstdlib>
#include <functional>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node-actor/kernel/core_sched.h"

namespace tideline::kernel::test::real_core_sched_test {
namespace {

/// A process that waits to be ended, and does `first` before.
class Sleeper {
 public:
  explicit Sleeper(const std::function<void()>& first = {}) : pid_(::fork()) {
    if (pid_ != 0) return;
    if (first) first();
    for (;;)
      ::pause();
  }
  ~Sleeper() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;
  int pid() const { return pid_; }

 private:
  int pid_;
};

class RealCoreSched : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto found = probe_core_sched(this_kernel());
    ASSERT_EQ(found.supported, found.why.empty()) << found.why;
    // Where it is known to be there (test/vm), its absence is a failure.
    ASSERT_TRUE(found.supported || std::getenv("TIDELINE_CORE_SCHED") == nullptr) << found.why;
    if (!found.supported) GTEST_SKIP() << "core scheduling: " << found.why;
    if (::geteuid() != 0) GTEST_SKIP() << "core scheduling: not root";
  }
};

TEST(RealCoreSchedProbe, ThisKernelSaysWhetherItHasCoreScheduling) {
  const auto found = probe_core_sched(this_kernel());
  EXPECT_EQ(found.supported, found.why.empty()) << found.why;
  RecordProperty("core_sched", found.supported ? "supported" : found.why);
}

TEST_F(RealCoreSched, CookiesAreGivenSharedInheritedAndTaken) {
  auto& kernel = this_kernel();
  const auto a = std::make_unique<Sleeper>();
  const Sleeper b;
  EXPECT_EQ(*cookie_of(kernel, a->pid()), 0u);
  Cookie announced = 0;
  const auto given = give_new_cookie(kernel, {a->pid()}, [&](Cookie cookie) -> model::Result<void> {
    announced = cookie;
    EXPECT_EQ(*cookie_of(kernel, a->pid()), 0u);
    return {};
  });
  ASSERT_TRUE(given.ok()) << given.error().message();
  EXPECT_EQ(given->threads, 1u);
  EXPECT_EQ(*cookie_of(kernel, a->pid()), announced);
  EXPECT_EQ(*cookie_of(kernel, 0), 0u) << "the caller has none";

  const auto shared = give_cookie(kernel, announced, a->pid(), {b.pid()});
  ASSERT_TRUE(shared.ok()) << shared.error().message();
  EXPECT_EQ(*cookie_of(kernel, b.pid()), announced);
  // One that was made by a process with a cookie begins with it.
  kernel.in_new_thread([&] {
    ASSERT_EQ(kernel.call(CookieKernel::Command::kShareFrom, b.pid(), nullptr), 0);
    const Sleeper child;
    EXPECT_EQ(*cookie_of(kernel, child.pid()), announced);
  });

  const auto cleared = clear_cookies(kernel, "/proc", {announced}, {});
  ASSERT_TRUE(cleared.ok()) << cleared.error().message();
  EXPECT_EQ(cleared->threads, 2u);
  EXPECT_EQ(cleared->left, 0u);
  EXPECT_EQ(*cookie_of(kernel, a->pid()), 0u);
  EXPECT_EQ(*cookie_of(kernel, b.pid()), 0u);
}

TEST_F(RealCoreSched, AThreadThatIsGoneIsNotFound) {
  int gone = 0;
  {
    const Sleeper sleeper;
    gone = sleeper.pid();
  }
  EXPECT_EQ(cookie_of(this_kernel(), gone).error().code(), model::ErrorCode::kNotFound);
}

}  // namespace
}  // namespace tideline::kernel::test::real_core_sched_test
