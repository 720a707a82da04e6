#include "node-actor/kernel/core_sched.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/kernel/cookie_twin.h"
#include "test/node-actor/kernel/trees.h"

namespace tideline::kernel::test::core_sched_test {
namespace {

using Command = CookieKernel::Command;
using model::ErrorCode;
using model::Result;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Result<void> agreed(Cookie) {
  return {};
}

class CoreSched : public ::testing::Test {
 protected:
  void TearDown() override { EXPECT_EQ(twin_.of(CookieTwin::kAgent), own_) << "what the caller has is never touched"; }
  Cookie given(const std::vector<int>& tids) {
    const auto outcome = give_new_cookie(twin_, tids, agreed);
    EXPECT_TRUE(outcome.ok());
    return twin_.of(tids.front());
  }
  CookieTwin twin_;
  Cookie own_ = 0;
  int a_ = twin_.start();
  int b_ = twin_.start();
};

TEST_F(CoreSched, ProbingSaysWhatIsMissing) {
  EXPECT_TRUE(probe_core_sched(twin_).supported);
  twin_.smt = false;
  EXPECT_THAT(probe_core_sched(twin_).why, HasSubstr("SMT"));
  twin_.built_in = false;
  const auto none = probe_core_sched(twin_);
  EXPECT_FALSE(none.supported);
  EXPECT_THAT(none.why, HasSubstr("CONFIG_SCHED_CORE"));
  EXPECT_EQ(none.knob, model::Knob::kCoreSched);
}

TEST_F(CoreSched, ANewCookieIsAnnouncedBeforeAnyThreadHasIt) {
  Cookie announced = 0;
  const auto outcome = give_new_cookie(twin_, {a_, b_}, [&](Cookie cookie) -> Result<void> {
    announced = cookie;
    EXPECT_EQ(twin_.of(a_), 0u);
    EXPECT_EQ(twin_.of(b_), 0u);
    return {};
  });
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->threads, 2u);
  EXPECT_NE(announced, 0u);
  EXPECT_EQ(twin_.of(a_), announced);
  EXPECT_EQ(twin_.of(b_), announced);
}

TEST_F(CoreSched, ACookieThatCannotBeAnnouncedIsGivenToNobody) {
  const auto outcome = give_new_cookie(
      twin_, {a_}, [](Cookie) -> Result<void> { return model::Error(ErrorCode::kUnavailable, "disk full"); });
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().message(), "disk full");
  EXPECT_EQ(twin_.of(a_), 0u);
  EXPECT_EQ(twin_.threads().size(), 4u) << "and who had it is gone";
}

TEST_F(CoreSched, AThreadThatWentIsPassedOverAndOneOutOfReachIsTold) {
  twin_.exit(a_);
  const int c = twin_.start();
  twin_.out_of_reach(b_);
  const auto outcome = give_new_cookie(twin_, {a_, b_, c}, agreed);
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->threads, 1u);
  ASSERT_TRUE(outcome->refused);
  EXPECT_EQ(outcome->refused->code(), ErrorCode::kPermissionDenied);
  EXPECT_THAT(outcome->refused->message(), HasSubstr("CAP_SYS_PTRACE"));
  EXPECT_NE(twin_.of(c), 0u);
}

TEST_F(CoreSched, AnothersCookieIsSharedAsLongAsTheDonorHasIt) {
  const auto cookie = given({a_});
  const auto outcome = give_cookie(twin_, cookie, a_, {b_});
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(twin_.of(b_), cookie);
  const int c = twin_.start();
  twin_.set(a_, 77);
  EXPECT_EQ(give_cookie(twin_, cookie, a_, {c}).error().code(), ErrorCode::kNotFound);
  twin_.exit(a_);
  EXPECT_EQ(give_cookie(twin_, cookie, a_, {c}).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(twin_.of(c), 0u);
}

TEST_F(CoreSched, ACookieIsTakenByOneWhoHasNone) {
  given({a_, b_});
  const auto outcome = take_cookies(twin_, {a_, b_});
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->threads, 2u);
  EXPECT_EQ(twin_.of(a_), 0u);
  EXPECT_EQ(twin_.of(b_), 0u);
}

TEST_F(CoreSched, AnAgentThatHasACookieItselfLearnsFromInitHowToHaveNone) {
  given({a_});
  own_ = 99;
  twin_.set(CookieTwin::kAgent, own_);
  ASSERT_TRUE(take_cookies(twin_, {a_}).ok());
  EXPECT_EQ(twin_.of(a_), 0u);
  twin_.set(CookieTwin::kInit, 98);
  twin_.set(a_, 5);
  EXPECT_EQ(take_cookies(twin_, {a_}).error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(twin_.of(a_), 5u);
}

TEST_F(CoreSched, SmtSwitchedOffIsNoVanishedThread) {
  twin_.smt = false;
  EXPECT_EQ(cookie_of(twin_, a_).error().code(), ErrorCode::kUnsupported);
}

TEST_F(CoreSched, ThreadsOfAGroupAreThoseOfAllGroupsBelowIt) {
  const FixtureTree v1(v1_files());
  v1.write("sys/fs/cgroup/cpu/kubepods/burstable/poda/tasks", "103\n101\n");
  EXPECT_THAT(*threads_below(tree_of(v1), "kubepods/burstable/poda"), ElementsAre(101, 103));
  const FixtureTree v2(v2_files());
  const std::string pod = "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-poda_b.slice";
  v2.write("sys/fs/cgroup/" + pod + "/cgroup.threads", "");
  v2.write("sys/fs/cgroup/" + pod + "/cri-containerd-c1.scope/cgroup.threads", "7\n0\n");
  EXPECT_THAT(*threads_below(tree_of(v2), pod), ElementsAre(7)) << "0 is a thread of another pid namespace";
  EXPECT_EQ(threads_below(tree_of(v2), pod + "/gone").error().code(), ErrorCode::kNotFound);
}

TEST_F(CoreSched, AListThatCannotBeReadIsNoEmptyOne) {
  const FixtureTree tree(v1_files());
  // Reading a directory is an error, as of a list that the kernel does not give.
  std::filesystem::create_directories(tree.path("sys/fs/cgroup/cpu/kubepods/burstable/poda/c9/tasks"));
  EXPECT_FALSE(threads_below(tree_of(tree), "kubepods/burstable/poda").ok());
}

TEST_F(CoreSched, ClearingReachesEveryThreadThatHasOneOfTheCookies) {
  const FixtureTree tree(v1_files());
  CookieHost host(tree, twin_);
  for (const int tid : {a_, b_})
    host.place(tid, "kubepods/burstable/poda");
  const int moved = host.start("elsewhere");
  const int foreign = host.start("elsewhere");
  const auto cookie = given({a_, b_, moved});
  const auto other = given({foreign});
  const auto done = clear_cookies(twin_, tree.path("proc"), {cookie}, {b_});
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(done->threads, 2u);
  EXPECT_EQ(done->left, 1u) << "the excepted one";
  EXPECT_EQ(twin_.of(a_), 0u);
  EXPECT_EQ(twin_.of(moved), 0u);
  EXPECT_EQ(twin_.of(b_), cookie);
  EXPECT_EQ(twin_.of(foreign), other);
}

TEST_F(CoreSched, ClearingCatchesAThreadThatWasBornMeanwhile) {
  const FixtureTree tree(v1_files());
  CookieHost host(tree, twin_);
  host.place(a_, "kubepods/burstable/poda");
  const auto cookie = given({a_});
  int born = 0;
  twin_.before_call = [&](Command command, int) {
    if (command != Command::kShareTo || born != 0) return;
    born = host.place(twin_.fork(a_), "kubepods/burstable/poda");
  };
  const auto done = clear_cookies(twin_, tree.path("proc"), {cookie}, {});
  ASSERT_TRUE(done.ok());
  ASSERT_NE(born, 0);
  EXPECT_EQ(twin_.of(born), 0u);
  EXPECT_EQ(done->left, 0u);
}

TEST_F(CoreSched, ClearingTellsWhatItMayNotReach) {
  const FixtureTree tree(v1_files());
  CookieHost host(tree, twin_);
  host.place(a_, "kubepods/burstable/poda");
  const auto cookie = given({a_});
  twin_.out_of_reach(a_);
  const auto done = clear_cookies(twin_, tree.path("proc"), {cookie}, {});
  ASSERT_TRUE(done.ok());
  ASSERT_TRUE(done->refused);
  EXPECT_EQ(done->refused->code(), ErrorCode::kPermissionDenied);
}

}  // namespace
}  // namespace tideline::kernel::test::core_sched_test
