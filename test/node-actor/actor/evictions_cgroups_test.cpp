// Evictions carried out on real cgroups, also over a worker's death.

#include <csignal>
#include <memory>
#include <utility>

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/node-actor/actor/evictions_fixture.h"
#include "test/support/pod_tree.h"
#include "test/support/process.h"

namespace tideline::node::evictions_cgroups_test {
namespace {

using namespace std::chrono_literals;
using model::EvictionVerdict;
using model::PodUid;
using model::Reason;
using test::eventually;
using test::PodTree;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

/// Real cgroups: the pod has one spinning process.
class EvictionsOnRealCgroups : public EvictionsTest {
 protected:
  void SetUp() override {
    TIDELINE_NEED_CGROUPS();
    cgroups_ = std::make_unique<PodTree>();
    auto tree = kernel::CgroupTree::discover({}, {.kubepods = cgroups_->kubepods(), .driver = {}});
    ASSERT_TRUE(tree) << tree.error().message();
    tree_ = std::make_unique<kernel::CgroupTree>(std::move(*tree));
  }
  /// A process in the pod that ignores SIGTERM.
  pid_t stubborn() {
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::signal(SIGTERM, SIG_IGN);
      ::alarm(60);
      while (true)
        ::pause();
    }
    ::usleep(50'000);
    cgroups_->own_be(pid);
    return pid;
  }
  bool empty() const { return cgroups_->read(PodTree::kBe, "cgroup.procs", "cgroup.procs").empty(); }

  std::unique_ptr<PodTree> cgroups_;
};

TEST_F(EvictionsOnRealCgroups, AVictimIsAskedForWithItsOwnerAndCgroupAndEndsWhenGranted) {
  cgroups_->spin_be();
  auto evictions = worker();
  second(*evictions, true);
  EXPECT_THAT(evictions->maybe_leaving(), IsEmpty()) << "nobody but this node ends it";
  const auto asked = evictions->take_requests();
  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_EQ(asked[0].workload, "Job/job");
  EXPECT_EQ(asked[0].group, cgroups_->kubepods() + "/besteffort/podbe-uid");
  EXPECT_EQ(asked[0].urgency, model::EvictionUrgency::kServices);
  EXPECT_THAT(evictions->take_requests(), IsEmpty());
  EXPECT_FALSE(empty());
  grant(*evictions);
  second(*evictions);
  EXPECT_EQ(evictions->under_way(), 1u);
  EXPECT_TRUE(eventually(10s, [&] { return empty(); })) << "it obeys SIGTERM";
  const auto gone = second(*evictions);
  ASSERT_THAT(gone, SizeIs(1));
  EXPECT_EQ(gone[0].cpu_time, 3s);
  EXPECT_THAT(load_evictions(state_dir_.str(), "boot")->under_way, IsEmpty());
  EXPECT_THAT(told_, SizeIs(2));
  EXPECT_THAT(told_[0].after, HasSubstr("granted by the coordinator"));
}

TEST_F(EvictionsOnRealCgroups, AnEvictionUnderWayIsFinishedByTheNextWorker) {
  stubborn();
  {
    auto evictions = worker();
    second(*evictions, true);
    grant(*evictions);
    second(*evictions);
    ASSERT_EQ(evictions->under_way(), 1u);
  }
  state_ = {};
  told_.clear();
  auto evictions = worker();
  second(*evictions);
  EXPECT_EQ(evictions->under_way(), 1u);
  EXPECT_TRUE(credited()) << "the new worker does not pick another for it";
  ASSERT_THAT(told_, SizeIs(1));
  EXPECT_THAT(told_[0].after, HasSubstr("goes on, 29 s of grace left"));
  now_ = now_ + 27s;
  second(*evictions);
  EXPECT_FALSE(empty()) << "grace is grace";
  now_ = now_ + 2s;
  second(*evictions);
  EXPECT_TRUE(eventually(10s, [&] { return empty(); }));
  EXPECT_THAT(second(*evictions), SizeIs(1));
}

TEST_F(EvictionsOnRealCgroups, AMemoryVictimUnderWayIsFinishedByTheNextWorkerAsMemorys) {
  stubborn();
  {
    auto evictions = worker();
    second_of_memory(*evictions);
    grant(*evictions, memory_victim());
    second(*evictions);
    ASSERT_EQ(evictions->under_way(), 1u);
  }
  state_ = {};
  told_.clear();
  auto evictions = worker();
  second(*evictions);
  EXPECT_TRUE(credited());
  now_ = now_ + 29s;
  second(*evictions);
  EXPECT_TRUE(eventually(10s, [&] { return empty(); }));
  EXPECT_THAT(second(*evictions), SizeIs(1));
  ASSERT_THAT(told_, SizeIs(2));
  for (const auto& told : told_) {
    EXPECT_EQ(told.controller, model::Controller::kMemoryEvict);
    EXPECT_EQ(told.reason, Reason::kNodeMemoryFull);
  }
}

TEST_F(EvictionsOnRealCgroups, AnotherCgroupOfThatNameAndAnotherBootAreLeftAlone) {
  stubborn();
  {
    auto evictions = worker();
    second(*evictions, true);
    grant(*evictions);
    second(*evictions);
  }
  auto kept = *load_evictions(state_dir_.str(), "boot");
  ASSERT_THAT(kept.under_way, SizeIs(1));
  ++kept.under_way[0].place.inode;
  ASSERT_TRUE(keep_evictions(state_dir_.str(), "boot", kept));
  told_.clear();
  auto evictions = worker();
  now_ = now_ + 60s;
  second(*evictions);
  EXPECT_EQ(evictions->under_way(), 0u);
  ASSERT_THAT(told_, SizeIs(1));
  EXPECT_EQ(told_[0].after, "gone meanwhile");
  EXPECT_FALSE(empty());
  EXPECT_THAT(load_evictions(state_dir_.str(), "boot")->under_way, IsEmpty());

  --kept.under_way[0].place.inode;
  ASSERT_TRUE(keep_evictions(state_dir_.str(), "boot", kept));
  auto after_boot = worker("another boot");
  second(*after_boot);
  EXPECT_EQ(after_boot->under_way(), 0u);
}

TEST_F(EvictionsOnRealCgroups, APodThatCannotBeEvictedDoesNotCountAsLeaving) {
  pod_.uid = PodUid("nowhere");
  pods_ = {pod_};
  auto evictions = worker();
  second(*evictions, true);
  grant(*evictions);
  second(*evictions);
  EXPECT_EQ(evictions->under_way(), 0u);
  EXPECT_FALSE(credited());
  ASSERT_THAT(told_, SizeIs(1));
  EXPECT_THAT(told_[0].after, HasSubstr("not evicted: "));
  EXPECT_THAT(load_evictions(state_dir_.str(), "boot")->under_way, IsEmpty());
}

TEST_F(EvictionsOnRealCgroups, WithoutTheCoordinatorItGoesAloneAndSaysSoAndTheRateOutlivesTheWorker) {
  cgroups_->spin_be();
  auto evictions = worker();
  second(*evictions, true);
  for (int i = 0; i < 31 && evictions->under_way() == 0; ++i)
    second(*evictions);
  ASSERT_EQ(evictions->under_way(), 1u);
  ASSERT_THAT(told_, SizeIs(1));
  EXPECT_EQ(told_[0].reason, Reason::kNoArbiter);
  EXPECT_THAT(told_[0].after, HasSubstr("no answer from the coordinator for 30 s"));
  EXPECT_EQ(load_evictions(state_dir_.str(), "boot")->last_alone, now_);
}

TEST_F(EvictionsOnRealCgroups, WithItsPodsFromKubernetesItSignalsNobodyWhateverIsAnswered) {
  by_ = Evictions::By::kApi;
  cgroups_->spin_be();
  auto evictions = worker();
  second(*evictions, true);
  std::string id;
  for (int i = 0; i < 100; ++i) {
    for (const auto& request : evictions->take_requests())
      id = request.id;
    if (i < 50) {
      evictions->answered({model::Epoch(1),
                           {{id, EvictionVerdict::Answer::kGranted, Reason::kEvictionGranted, "ok", 0s},
                            {victim().id, EvictionVerdict::Answer::kGranted, Reason::kEvictionGranted, "ok", 0s}}});
    }
    second(*evictions);
    ASSERT_EQ(evictions->under_way(), 0u) << i;
  }
  EXPECT_FALSE(empty());
  for (const auto& told : told_)
    EXPECT_THAT(told.after, testing::Not(HasSubstr("asked to end")));
}

TEST_F(EvictionsOnRealCgroups, WhatANodeOfAPodsFileBeganIsLeftAloneOnceItsPodsAreKubernetes) {
  const auto process = stubborn();
  {
    auto evictions = worker();
    second(*evictions, true);
    grant(*evictions);
    second(*evictions);
    ASSERT_EQ(evictions->under_way(), 1u);
  }
  told_.clear();
  by_ = Evictions::By::kApi;
  auto evictions = worker();
  now_ = now_ + 60s;
  second(*evictions);
  EXPECT_EQ(evictions->under_way(), 0u);
  ASSERT_THAT(told_, SizeIs(1));
  EXPECT_THAT(told_[0].after, HasSubstr("left alone"));
  EXPECT_EQ(::kill(process, 0), 0);
  EXPECT_THAT(load_evictions(state_dir_.str(), "boot")->under_way, IsEmpty());
}

}  // namespace
}  // namespace tideline::node::evictions_cgroups_test
