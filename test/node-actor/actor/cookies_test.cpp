#include "node-actor/actor/cookies.h"

#include <filesystem>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/kernel/cookie_twin.h"
#include "test/node-actor/kernel/trees.h"
#include "test/support/temp_dir.h"

namespace tideline::node::cookies_test {
namespace {

using decide::CookieGroup;
using kernel::Cookie;
using kernel::test::CookieTwin;
using testing::HasSubstr;
using testing::IsEmpty;

const CookieGroup kLs{.id = "", .exclusive = {}, .expeller = true};
const CookieGroup kBe{.id = "", .exclusive = {}, .expeller = false};

/// Pods "a" and "b" below burstable, each with a container "c1".
class CookiesTest : public testing::Test {
 protected:
  CookiesTest() { begin(); }
  /// A new worker on the same host.
  void begin() {
    cookies_ = std::make_unique<Cookies>(
        *cgroups_, twin_, guard::CookieRecord::open(state_.str(), "boot"), [this] { return may_act_; },
        [this](model::Controller, model::Reason, const std::string& subject, const std::string&,
               const std::string& after) { told_.push_back(subject + ": " + after); });
  }
  model::Pod pod(const std::string& uid, const std::string& container = "c1") {
    auto made = kernel::test::pod_of(uid);
    made.containers.push_back({.name = "main", .id = container, .requests = {}, .limits = {}});
    return made;
  }
  static std::string group(const std::string& uid) { return "kubepods/burstable/pod" + uid; }
  int start(const std::string& uid, const std::string& container = "c1") {
    return host_.start(group(uid) + "/" + container);
  }
  model::Result<void> round(std::vector<std::pair<model::Pod, std::optional<CookieGroup>>> wanted) {
    std::vector<model::Pod> pods;
    std::vector<decide::CookieWant> wants;
    for (auto& [pod, cookie] : wanted) {
      wants.push_back({model::group_of(pod), cookie});
      pods.push_back(pod);
    }
    return run(wants, pods);
  }
  model::Result<void> run(const std::vector<decide::CookieWant>& wants, const std::vector<model::Pod>& pods) {
    return cookies_->round({.wants = wants,
                            .pods = pods,
                            .held = [this](const model::PodUid& uid) { return held_.contains(uid.str()); },
                            .now = now_});
  }
  void pass(model::Duration time) { now_ = now_ + time; }

  test::TempDir state_;
  test::FixtureTree tree_{kernel::test::v1_files()};
  std::unique_ptr<kernel::CgroupTree> cgroups_ = std::make_unique<kernel::CgroupTree>(kernel::test::tree_of(tree_));
  CookieTwin twin_;
  kernel::test::CookieHost host_{tree_, twin_};
  std::unique_ptr<Cookies> cookies_;
  model::MonoTime now_{1'000'000'000'000};
  bool may_act_ = true;
  std::set<std::string> held_;
  std::vector<std::string> told_;
  int a_ = start("a");
  int sandbox_ = start("a", "pause");
  int b_ = start("b");
};

TEST_F(CookiesTest, PodsOfOneGroupShareACookieSandboxIncludedAndOthersHaveAnother) {
  const int c = start("c");
  ASSERT_TRUE(round({{pod("a"), kLs}, {pod("b"), kLs}, {pod("c"), kBe}}).ok());
  EXPECT_NE(twin_.of(a_), 0u);
  EXPECT_EQ(twin_.of(sandbox_), twin_.of(a_));
  EXPECT_EQ(twin_.of(b_), twin_.of(a_));
  EXPECT_NE(twin_.of(c), 0u);
  EXPECT_NE(twin_.of(c), twin_.of(a_));
  EXPECT_EQ(twin_.of(CookieTwin::kAgent), 0u);
  EXPECT_EQ(cookies_->owned(), 2u);
  EXPECT_THAT(told_, testing::Contains(HasSubstr(group("a") + " core-sched cookies: group '', expeller")));
}

TEST_F(CookiesTest, AHostAtRestIsNotAskedAboutItsThreads) {
  const auto wanted = [&] { return round({{pod("a"), kLs}, {pod("b"), kBe}}); };
  ASSERT_TRUE(wanted().ok());
  const int calls = twin_.calls;
  for (int i = 0; i < 29; ++i) {
    pass(std::chrono::seconds(1));
    ASSERT_TRUE(wanted().ok());
  }
  EXPECT_EQ(twin_.calls, calls);
  pass(std::chrono::seconds(1));
  ASSERT_TRUE(wanted().ok());
  EXPECT_EQ(twin_.calls, calls + 3) << "one look at each thread";
}

TEST_F(CookiesTest, WithoutWantsAndCookiesNothingIsAskedAtAll) {
  ASSERT_TRUE(run({}, {pod("a"), pod("b")}).ok());
  ASSERT_TRUE(round({{pod("a"), std::nullopt}}).ok());
  EXPECT_EQ(twin_.calls, 0);
}

TEST_F(CookiesTest, ARestartedContainerGetsTheCookieOfItsGroup) {
  ASSERT_TRUE(round({{pod("a"), kLs}, {pod("b"), kLs}}).ok());
  const auto cookie = twin_.of(b_);
  host_.exit(a_);
  tree_.remove("sys/fs/cgroup/cpu/" + group("a") + "/c1");
  const int again = start("a", "c2");
  ASSERT_TRUE(round({{pod("a", "c2"), kLs}, {pod("b"), kLs}}).ok());
  EXPECT_EQ(twin_.of(again), cookie);
  const int unlisted = start("a", "debug");
  ASSERT_TRUE(round({{pod("a", "c2"), kLs}, {pod("b"), kLs}}).ok());
  EXPECT_EQ(twin_.of(unlisted), cookie) << "a group more below the pod is seen at once";
}

TEST_F(CookiesTest, AThreadThatIsBornWhileItLooksIsNotMissed) {
  int born = 0;
  twin_.before_call = [&](CookieTwin::Command command, int tid) {
    if (command == CookieTwin::Command::kShareTo && tid == a_ && born == 0) {
      born = host_.place(twin_.fork(a_), group("a") + "/c1");
    }
  };
  ASSERT_TRUE(round({{pod("a"), kLs}}).ok());
  ASSERT_NE(born, 0);
  EXPECT_EQ(twin_.of(born), twin_.of(a_));
}

TEST_F(CookiesTest, AThreadThatVanishesWhileItLooksIsNoTrouble) {
  twin_.before_call = [&](CookieTwin::Command command, int tid) {
    if (command == CookieTwin::Command::kShareTo && tid == a_) host_.exit(a_);
  };
  ASSERT_TRUE(round({{pod("a"), kLs}}).ok());
  EXPECT_NE(twin_.of(sandbox_), 0u);
  EXPECT_FALSE(cookies_->problem());
}

TEST_F(CookiesTest, AGroupWhoseThreadsAllEndedGetsANewCookieAndTheOldOneIsForgotten) {
  ASSERT_TRUE(round({{pod("b"), kLs}}).ok());
  const auto old = twin_.of(b_);
  host_.exit(b_);
  const int again = start("b", "c2");
  ASSERT_TRUE(round({{pod("b", "c2"), kLs}}).ok());
  EXPECT_NE(twin_.of(again), 0u);
  EXPECT_NE(twin_.of(again), old);
  EXPECT_EQ(cookies_->owned(), 1u);
}

TEST_F(CookiesTest, TheNextWorkerTakesCookiesOverWithoutChangingOne) {
  ASSERT_TRUE(round({{pod("a"), kLs}, {pod("b"), kBe}}).ok());
  twin_.changes.clear();
  begin();
  ASSERT_TRUE(round({{pod("a"), kLs}, {pod("b"), kBe}}).ok());
  EXPECT_THAT(twin_.changes, IsEmpty());
  const int late = start("b", "c2");
  ASSERT_TRUE(round({{pod("a"), kLs}, {pod("b"), kBe}}).ok());
  EXPECT_EQ(twin_.of(late), twin_.of(b_));
}

TEST_F(CookiesTest, TheNextWorkerThatFindsThemUnwantedTakesThemAway) {
  ASSERT_TRUE(round({{pod("a"), kLs}, {pod("b"), kBe}}).ok());
  begin();
  ASSERT_TRUE(run({}, {pod("a"), pod("b")}).ok());
  EXPECT_EQ(twin_.of(a_), 0u);
  EXPECT_EQ(twin_.of(b_), 0u);
  EXPECT_EQ(cookies_->owned(), 0u);
}

TEST_F(CookiesTest, AnotherGroupIsANewCookieAndNoneTakesItAway) {
  ASSERT_TRUE(round({{pod("a"), kLs}, {pod("b"), kLs}}).ok());
  const auto shared = twin_.of(a_);
  const CookieGroup alone{.id = {}, .exclusive = model::PodUid("a"), .expeller = true};
  ASSERT_TRUE(round({{pod("a"), alone}, {pod("b"), kLs}}).ok());
  EXPECT_NE(twin_.of(a_), shared);
  EXPECT_NE(twin_.of(a_), 0u);
  EXPECT_EQ(twin_.of(b_), shared);
  ASSERT_TRUE(round({{pod("a"), std::nullopt}, {pod("b"), kLs}}).ok());
  EXPECT_EQ(twin_.of(a_), 0u);
  EXPECT_EQ(twin_.of(sandbox_), 0u);
  EXPECT_EQ(twin_.of(b_), shared);
}

TEST_F(CookiesTest, APodThatIsNotListedAnyMoreLosesItsCookie) {
  ASSERT_TRUE(round({{pod("a"), kLs}, {pod("b"), kLs}}).ok());
  ASSERT_TRUE(round({{pod("b"), kLs}}).ok());
  EXPECT_EQ(twin_.of(a_), 0u);
  EXPECT_NE(twin_.of(b_), 0u);
}

TEST_F(CookiesTest, ACookieOfSomebodyElseIsLeftAloneAndCounted) {
  twin_.set(a_, 0xabc);
  ASSERT_TRUE(round({{pod("a"), kLs}, {pod("b"), kLs}}).ok());
  EXPECT_EQ(twin_.of(a_), 0xabcu);
  EXPECT_EQ(cookies_->foreign(), 1u);
  ASSERT_TRUE(run({}, {pod("a"), pod("b")}).ok());
  EXPECT_EQ(twin_.of(a_), 0xabcu);
  EXPECT_EQ(twin_.of(b_), 0u);
}

TEST_F(CookiesTest, AThreadOutOfReachIsAProblemUntilItIsReached) {
  twin_.out_of_reach(a_);
  ASSERT_TRUE(round({{pod("a"), kLs}}).ok());
  ASSERT_TRUE(cookies_->problem());
  EXPECT_THAT(cookies_->problem()->message(), HasSubstr("CAP_SYS_PTRACE"));
  EXPECT_NE(twin_.of(sandbox_), 0u) << "the others have theirs";
  twin_.out_of_reach(a_, false);
  pass(Cookies::kRetry);
  ASSERT_TRUE(round({{pod("a"), kLs}}).ok());
  EXPECT_FALSE(cookies_->problem());
  EXPECT_EQ(twin_.of(a_), twin_.of(sandbox_));
}

TEST_F(CookiesTest, APodWithoutACgroupIsLookedForAgain) {
  ASSERT_TRUE(round({{pod("late"), kLs}}).ok());
  EXPECT_FALSE(cookies_->problem());
  const int tid = start("late");
  pass(Cookies::kSoon);
  ASSERT_TRUE(round({{pod("late"), kLs}}).ok());
  EXPECT_NE(twin_.of(tid), 0u);
}

TEST_F(CookiesTest, UnderAHoldAPodKeepsWhatItHas) {
  ASSERT_TRUE(round({{pod("a"), kLs}, {pod("b"), kLs}}).ok());
  const auto cookie = twin_.of(a_);
  held_ = {"a"};
  ASSERT_TRUE(run({}, {pod("a"), pod("b")}).ok());
  EXPECT_EQ(twin_.of(a_), cookie);
  EXPECT_EQ(twin_.of(b_), 0u);
  held_.clear();
  pass(Cookies::kRetry);
  ASSERT_TRUE(run({}, {pod("a"), pod("b")}).ok());
  EXPECT_EQ(twin_.of(a_), 0u);
  EXPECT_EQ(cookies_->owned(), 0u);
}

TEST_F(CookiesTest, AHeldPodGetsNoneUntilTheHoldEnds) {
  held_ = {"a"};
  ASSERT_TRUE(round({{pod("a"), kLs}}).ok());
  EXPECT_EQ(twin_.of(a_), 0u);
  held_.clear();
  ASSERT_TRUE(round({{pod("a"), kLs}}).ok());
  EXPECT_NE(twin_.of(a_), 0u);
}

TEST_F(CookiesTest, AFencedWorkerGivesNone) {
  may_act_ = false;
  const auto done = round({{pod("a"), kLs}});
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().code(), model::ErrorCode::kFenced);
  EXPECT_THAT(twin_.changes, IsEmpty());
}

TEST_F(CookiesTest, NoCookieIsGivenThatCannotBeRecorded) {
  std::filesystem::remove_all(state_.str());
  ASSERT_TRUE(round({{pod("a"), kLs}}).ok());
  EXPECT_EQ(twin_.of(a_), 0u);
  ASSERT_TRUE(cookies_->problem());
  EXPECT_THAT(cookies_->problem()->message(), HasSubstr(state_.str()));
}

TEST_F(CookiesTest, ReleaseTakesAllAway) {
  ASSERT_TRUE(round({{pod("a"), kLs}, {pod("b"), kBe}}).ok());
  ASSERT_TRUE(cookies_->release().ok());
  for (const int tid : {a_, sandbox_, b_})
    EXPECT_EQ(twin_.of(tid), 0u);
  EXPECT_EQ(cookies_->owned(), 0u);
}

}  // namespace
}  // namespace tideline::node::cookies_test
