#include "node-actor/actor/emergency_kills.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/node-actor/kernel/trees.h"
#include "test/support/pod_tree.h"
#include "test/support/process.h"

namespace tideline::node::emergency_kills_test {
namespace {

using namespace std::chrono_literals;
using kernel::test::FixtureTree;
using kernel::test::operator+;
using model::Bytes;
using model::PodUid;
using test::eventually;
using test::PodTree;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

struct Told {
  model::Controller controller;
  model::Reason reason;
  std::string subject;
  std::string before;
  std::string after;
};

model::Pod be_pod(const std::string& uid = "be-uid") {
  model::Pod pod;
  pod.uid = PodUid(uid);
  pod.name_space = "test";
  pod.name = "job";
  pod.qos = model::QosClass::kBe;
  pod.kube_qos = model::KubeQos::kBestEffort;
  return pod;
}

EmergencyKills::Tell into(std::vector<Told>& told) {
  return [&told](model::Controller controller, model::Reason reason, std::string subject, std::string before,
                 std::string after) {
    told.push_back({controller, reason, std::move(subject), std::move(before), std::move(after)});
  };
}

/// Its group is one of files, in which no process is.
class EmergencyKillsOnAFixtureTree : public testing::Test {
 protected:
  FixtureTree files_{kernel::test::v1_files() +
                     FixtureTree::Files{{"sys/fs/cgroup/cpu/kubepods/besteffort/podbe-uid/cgroup.procs", ""}}};
  kernel::CgroupTree tree_ = kernel::test::tree_of(files_);
  std::vector<Told> told_;
  EmergencyKills kills_{tree_, into(told_)};
  model::MonoTime now_{1'000'000'000'000};
};

TEST_F(EmergencyKillsOnAFixtureTree, EachIsToldOnceWhenItBeginsAndOnceWhenItIsThrough) {
  kills_.kill(be_pod(), Bytes(4096), "full within 1 s", now_);
  EXPECT_THAT(kills_.under_way(), ElementsAre(PodUid("be-uid")));
  kills_.kill(be_pod(), Bytes(4096), "full within 1 s", now_);
  ASSERT_THAT(told_, SizeIs(1)) << "it is being killed already";
  EXPECT_EQ(told_[0].controller, model::Controller::kMemoryRelief);
  EXPECT_EQ(told_[0].reason, model::Reason::kEmergencyKill);
  EXPECT_EQ(told_[0].subject, "pod test/job be-uid");
  EXPECT_EQ(told_[0].before, "running, 4096 bytes");
  EXPECT_EQ(told_[0].after, "killed: full within 1 s");
  kills_.step(now_ + 200ms);
  EXPECT_THAT(kills_.under_way(), IsEmpty());
  ASSERT_THAT(told_, SizeIs(2));
  EXPECT_EQ(told_[1].reason, model::Reason::kEmergencyKill);
  EXPECT_EQ(told_[1].after, "gone after 0.2 s with 4096 bytes, 0 SIGKILL");
  kills_.step(now_ + 300ms);
  EXPECT_THAT(told_, SizeIs(2));
}

TEST_F(EmergencyKillsOnAFixtureTree, OneThatIsGoneIsNotPickedAgainWhileItSeemsToUseWhatItDid) {
  kills_.kill(be_pod(), Bytes(4096), "full", now_);
  EXPECT_THAT(kills_.not_to_pick(), ElementsAre(PodUid("be-uid")));
  now_ = now_ + 100ms;
  kills_.step(now_);
  ASSERT_THAT(kills_.under_way(), IsEmpty());
  EXPECT_THAT(kills_.not_to_pick(), ElementsAre(PodUid("be-uid")));
  kills_.step(now_ + 5999ms);
  EXPECT_THAT(kills_.not_to_pick(), ElementsAre(PodUid("be-uid")));
  kills_.step(now_ + 6s);
  EXPECT_THAT(kills_.not_to_pick(), IsEmpty()) << "it may have come back";
}

TEST_F(EmergencyKillsOnAFixtureTree, OneThatCannotBeKilledLeavesTheNextTurnToOthers) {
  kills_.kill(be_pod("gone"), Bytes(4096), "full", now_);
  kills_.step(now_ + 9999ms);
  EXPECT_THAT(kills_.not_to_pick(), ElementsAre(PodUid("gone")));
  kills_.step(now_ + 10s);
  EXPECT_THAT(kills_.not_to_pick(), IsEmpty());
}

TEST_F(EmergencyKillsOnAFixtureTree, OneThatHasNoGroupIsToldAsNotKilled) {
  kills_.kill(be_pod("gone"), std::nullopt, "full", now_);
  EXPECT_THAT(kills_.under_way(), IsEmpty());
  ASSERT_THAT(told_, SizeIs(1));
  EXPECT_EQ(told_[0].before, "running, an unknown amount of memory");
  EXPECT_THAT(told_[0].after, HasSubstr("not killed: "));
}

/// Real cgroups and processes.
class EmergencyKillsOnRealCgroups : public testing::Test {
 protected:
  void SetUp() override {
    TIDELINE_NEED_CGROUPS();
    cgroups_ = std::make_unique<PodTree>();
    auto tree = kernel::CgroupTree::discover({}, {.kubepods = cgroups_->kubepods(), .driver = {}});
    ASSERT_TRUE(tree) << tree.error().message();
    tree_ = std::make_unique<kernel::CgroupTree>(std::move(*tree));
  }
  bool empty() const { return cgroups_->read(PodTree::kBe, "cgroup.procs", "cgroup.procs").empty(); }

  std::unique_ptr<PodTree> cgroups_;
  std::unique_ptr<kernel::CgroupTree> tree_;
  std::vector<Told> told_;
  model::MonoTime now_{1'000'000'000'000};
};

TEST_F(EmergencyKillsOnRealCgroups, AllOfThePodDiesAtOnceWithoutAGracePeriod) {
  cgroups_->spin_be();
  cgroups_->spin_be();
  EmergencyKills kills(*tree_, into(told_));
  kills.kill(be_pod(), Bytes(1), "full", now_);
  EXPECT_TRUE(eventually(10s, [&] { return empty(); })) << "and no step was made since";
  kills.step(now_ + 100ms);
  EXPECT_THAT(kills.under_way(), IsEmpty());
  ASSERT_THAT(told_, SizeIs(2));
  EXPECT_THAT(told_[1].after, HasSubstr("gone after 0.1 s with 1 bytes"));
  EXPECT_THAT(told_[1].after, testing::Not(HasSubstr(" 0 SIGKILL")));
}

TEST_F(EmergencyKillsOnRealCgroups, TheAgentsOwnPodIsNotKilled) {
  const pid_t agent = ::fork();
  ASSERT_GE(agent, 0);
  if (agent == 0) {
    cgroups_->attach(::getpid(), PodTree::kBe);
    EmergencyKills kills(*tree_, into(told_));
    kills.kill(be_pod(), Bytes(1), "full", now_);
    const bool refused = kills.under_way().empty() && told_.size() == 1 && told_[0].after.starts_with("not killed: ");
    ::_exit(refused ? 0 : 2);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(agent, &status, 0), agent);
  ASSERT_TRUE(WIFEXITED(status)) << "it was killed";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace tideline::node::emergency_kills_test
