#include "node-actor/actor/evictions.h"

#include <csignal>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/node-actor/kernel/trees.h"
#include "test/support/pod_tree.h"
#include "test/support/process.h"
#include "test/support/temp_dir.h"

namespace tideline::node {
namespace {

using namespace std::chrono_literals;
using decide::EvictTask;
using kernel::test::FixtureTree;
using kernel::test::operator+;
using model::EvictionVerdict;
using model::MonoTime;
using model::PodUid;
using model::Reason;
using test::eventually;
using test::PodTree;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

struct Told {
  Reason reason;
  std::string before;
  std::string after;
  model::Controller controller;
};

std::vector<Reason> reasons(const std::vector<Told>& told) {
  std::vector<Reason> all;
  for (const auto& each : told)
    all.push_back(each.reason);
  return all;
}

/// Virtual time: a batch pod that is picked for node-cpu-full.
class EvictionsTest : public testing::Test {
 protected:
  EvictionsTest() {
    pod_.uid = PodUid("be-uid");
    pod_.name_space = "test";
    pod_.name = "job";
    pod_.qos = model::QosClass::kBe;
    pod_.kube_qos = model::KubeQos::kBestEffort;
    pod_.workload = "Job/job";
    auto& outcome = decision_.outcomes[static_cast<std::size_t>(EvictTask::kNodeUsage)];
    outcome.task = EvictTask::kNodeUsage;
    outcome.trigger = Reason::kNodeCpuFull;
    outcome.target = model::MilliCpu(1000);
    pods_ = {pod_};
    auto& full = memory_.outcomes[place_of(EvictTask::kBeMemory)];
    full.task = EvictTask::kBeMemory;
    full.trigger = Reason::kNodeMemoryFull;
    full.target = model::Bytes(1000);
  }
  std::unique_ptr<Evictions> worker(const std::string& boot = "boot") {
    return std::make_unique<Evictions>(*tree_, state_dir_.str(), boot, by_,
                                       [this](model::Controller controller, Reason reason, const std::string&,
                                              const std::string& before, const std::string& after) {
                                         told_.push_back({reason, before, after, controller});
                                       });
  }
  decide::EvictVictim victim() const {
    return {.id = "boot/cpuEvict.nodeUsage/1/be-uid",
            .uid = pod_.uid,
            .name_space = pod_.name_space,
            .name = pod_.name,
            .task = EvictTask::kNodeUsage,
            .reason = Reason::kNodeCpuFull,
            .releases = model::MilliCpu(1000),
            .used = {},
            .cpu_time_used = 3s};
  }
  decide::EvictVictim memory_victim() const {
    auto made = victim();
    made.id = "boot/memoryEvict.beUsage/1/be-uid";
    made.task = EvictTask::kBeMemory;
    made.reason = Reason::kNodeMemoryFull;
    made.releases = model::Bytes(1000);
    made.memory_used = model::Bytes(1000);
    return made;
  }
  std::vector<Evictions::Gone> second(Evictions& evictions, bool picked = false, bool picked_for_memory = false) {
    now_ = now_ + 1s;
    auto gone = evictions.step(state_, now_, &pods_);
    decision_.victims.clear();
    memory_.victims.clear();
    if (picked) decision_.victims = {victim()};
    if (picked_for_memory) memory_.victims = {memory_victim()};
    if (picked || picked_for_memory) state_.asked.push_back({pod_.uid, now_, false});
    evictions.round(state_, {.now = now_,
                             .decision = decision_,
                             .pods = pods_,
                             .held = {},
                             .dry_run = dry_run_,
                             .memory = &memory_,
                             .memory_dry_run = memory_dry_run_});
    return gone;
  }
  std::vector<Evictions::Gone> second_of_memory(Evictions& evictions) { return second(evictions, false, true); }
  void grant(Evictions& evictions) const { grant(evictions, victim()); }
  static void grant(Evictions& evictions, const decide::EvictVictim& victim) {
    evictions.answered(
        {model::Epoch(1), {{victim.id, EvictionVerdict::Answer::kGranted, Reason::kEvictionGranted, "ok", 0s}}});
  }
  bool credited() const {
    return std::any_of(state_.asked.begin(), state_.asked.end(), [](const auto& asked) { return !asked.refused; });
  }

  std::unique_ptr<kernel::CgroupTree> tree_;
  test::TempDir state_dir_;
  model::Pod pod_;
  std::vector<model::Pod> pods_;
  Evictions::By by_ = Evictions::By::kNode;
  decide::EvictDecision decision_;
  decide::MemoryEvictDecision memory_;  // memory is full all the time
  decide::EvictState state_;
  bool dry_run_ = false;
  bool memory_dry_run_ = false;
  MonoTime now_{1'000'000'000'000};
  std::vector<Told> told_;
};

/// Its group is one of files, in which no process is.
class EvictionsOnAFixtureTree : public EvictionsTest {
 protected:
  EvictionsOnAFixtureTree() { tree_ = std::make_unique<kernel::CgroupTree>(kernel::test::tree_of(files_)); }

  FixtureTree files_{kernel::test::v1_files() +
                     FixtureTree::Files{{"sys/fs/cgroup/cpu/kubepods/besteffort/podbe-uid/cgroup.procs", ""}}};
};

TEST_F(EvictionsOnAFixtureTree, InDryRunItTellsWhoWouldGoAndEvictsNobody) {
  dry_run_ = true;
  auto evictions = worker();
  second(*evictions, true);
  ASSERT_THAT(told_, SizeIs(1));
  EXPECT_EQ(told_[0].reason, Reason::kDryRun);
  EXPECT_THAT(told_[0].after, HasSubstr("would be evicted: "));
  EXPECT_THAT(evictions->take_requests(), IsEmpty()) << "nor asks for any";
  grant(*evictions);
  for (int i = 0; i < 40; ++i)
    second(*evictions);
  EXPECT_EQ(evictions->under_way(), 0u);
  EXPECT_THAT(told_, SizeIs(1));
}

TEST_F(EvictionsOnAFixtureTree, WhoWasAskedForBeforeADryRunStays) {
  auto evictions = worker();
  second(*evictions, true);
  ASSERT_THAT(evictions->waiting(), SizeIs(1));
  grant(*evictions);
  dry_run_ = true;
  second(*evictions);
  EXPECT_THAT(evictions->waiting(), IsEmpty());
  EXPECT_FALSE(credited());
  dry_run_ = false;
  second(*evictions);
  EXPECT_EQ(evictions->under_way(), 0u);
}

TEST_F(EvictionsOnAFixtureTree, ADryRunOfMemoryEvictionLeavesThatOfCpuGoing) {
  memory_dry_run_ = true;
  auto evictions = worker();
  second_of_memory(*evictions);
  ASSERT_THAT(told_, SizeIs(1));
  EXPECT_EQ(told_[0].reason, Reason::kDryRun);
  EXPECT_EQ(told_[0].controller, model::Controller::kMemoryEvict);
  EXPECT_EQ(told_[0].after, "would be evicted: node-memory-full");
  EXPECT_THAT(evictions->take_requests(), IsEmpty());
  second(*evictions, true);
  EXPECT_THAT(evictions->take_requests(), SizeIs(1));
  grant(*evictions);
  second(*evictions);
  EXPECT_EQ(evictions->under_way(), 1u);
}

TEST_F(EvictionsOnAFixtureTree, ADryRunOfCpuEvictionLeavesThatOfMemoryGoing) {
  dry_run_ = true;
  auto evictions = worker();
  second_of_memory(*evictions);
  ASSERT_THAT(evictions->waiting(), SizeIs(1));
  grant(*evictions, memory_victim());
  second(*evictions);
  EXPECT_EQ(evictions->under_way(), 1u);
}

TEST_F(EvictionsOnAFixtureTree, AMemoryVictimIsAskedForAsServicesNeedAndToldAsMemorys) {
  auto evictions = worker();
  second_of_memory(*evictions);
  const auto asked = evictions->take_requests();
  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_EQ(asked[0].id, memory_victim().id);
  EXPECT_EQ(asked[0].reason, Reason::kNodeMemoryFull);
  EXPECT_EQ(asked[0].urgency, model::EvictionUrgency::kServices);
  grant(*evictions, memory_victim());
  second(*evictions);
  second(*evictions);
  ASSERT_THAT(told_, SizeIs(2));
  for (const auto& told : told_) {
    EXPECT_EQ(told.controller, model::Controller::kMemoryEvict);
    EXPECT_EQ(told.reason, Reason::kNodeMemoryFull);
  }
  EXPECT_EQ(told_[0].before, "running, 1000 bytes, 3.0 s of CPU used so far");
  EXPECT_THAT(told_[0].after, HasSubstr("asked to end, 30 s of grace; granted by the coordinator"));
  EXPECT_THAT(told_[1].after, HasSubstr("it had 1000 bytes when it was picked"));
}

TEST_F(EvictionsOnAFixtureTree, AnEvictionForMemoryDoesNotCoolCpuEvictionDown) {
  auto evictions = worker();
  second_of_memory(*evictions);
  grant(*evictions, memory_victim());
  second(*evictions);
  EXPECT_FALSE(state_.quiet_until);
  EXPECT_TRUE(credited()) << "but is on its account";
}

TEST_F(EvictionsOnAFixtureTree, WithoutTheCoordinatorAMemoryVictimGoesAfterTenSeconds) {
  auto evictions = worker();
  second_of_memory(*evictions);
  for (int i = 1; i < 10; ++i)
    second(*evictions);
  EXPECT_THAT(told_, IsEmpty());
  second(*evictions);
  ASSERT_THAT(told_, SizeIs(1));
  EXPECT_EQ(told_[0].reason, Reason::kNoArbiter);
  EXPECT_THAT(told_[0].before, HasSubstr("node-memory-full, running"));
}

TEST_F(EvictionsOnAFixtureTree, WhileMemoryIsNotJudgedItsVictimWaits) {
  auto evictions = worker();
  second_of_memory(*evictions);
  grant(*evictions, memory_victim());
  for (int i = 0; i < 40; ++i) {
    now_ = now_ + 1s;
    evictions->round(state_, {.now = now_, .decision = decision_, .pods = pods_, .held = {}});
    ASSERT_EQ(evictions->under_way(), 0u);
  }
  second(*evictions);
  EXPECT_EQ(evictions->under_way(), 1u);
}

TEST_F(EvictionsOnAFixtureTree, TheNextWorkerKeepsTheRateOfEvictionsWithoutTheCoordinator) {
  ASSERT_TRUE(keep_evictions(state_dir_.str(), "boot", {.under_way = {}, .last_alone = now_}));
  auto evictions = worker();
  second(*evictions, true);
  for (int i = 1; i < 59; ++i)
    second(*evictions);
  EXPECT_THAT(told_, IsEmpty()) << "a minute has not passed since the earlier worker's";
  second(*evictions);
  ASSERT_THAT(told_, SizeIs(1));
  EXPECT_EQ(told_[0].reason, Reason::kNoArbiter);
  EXPECT_EQ(evictions->under_way(), 1u);
}

/// Its pods are Kubernetes', and the coordinator evicts.
class EvictionsThroughTheApi : public EvictionsOnAFixtureTree {
 protected:
  EvictionsThroughTheApi() { by_ = Evictions::By::kApi; }
  /// The id that the last round asked for; "" = for none.
  static std::string asked(Evictions& evictions) {
    const auto requests = evictions.take_requests();
    return requests.empty() ? std::string() : requests[0].id;
  }
  static void say(Evictions& evictions, const std::string& id, EvictionVerdict::Answer answer, Reason reason) {
    evictions.answered({model::Epoch(1), {{id, answer, reason, "as it is", 1s}}});
  }
  static void under_way(Evictions& evictions, const std::string& id, Reason reason = Reason::kApiEviction) {
    say(evictions, id, EvictionVerdict::Answer::kUnderWay, reason);
  }
  static void evicted(Evictions& evictions, const std::string& id) {
    say(evictions, id, EvictionVerdict::Answer::kEvicted, Reason::kApiEvicted);
  }
  /// Picked, asked for and evicted.
  std::unique_ptr<Evictions> worker_after_an_eviction() {
    auto evictions = worker();
    second(*evictions, true);
    evicted(*evictions, asked(*evictions));
    second(*evictions);
    return evictions;
  }
};

TEST_F(EvictionsThroughTheApi, ItIsAskedForEachSecondAndEachWordIsToldOnce) {
  auto evictions = worker();
  second(*evictions, true);
  const auto id = asked(*evictions);
  EXPECT_THAT(id, HasSubstr(victim().id + "/"));
  ASSERT_THAT(told_, SizeIs(1));
  EXPECT_EQ(told_[0].reason, Reason::kNodeCpuFull);
  EXPECT_THAT(told_[0].after, HasSubstr("asked for through the API; " + id));
  for (const auto word : {Reason::kApiEviction, Reason::kDisruptionBudget}) {
    for (int i = 0; i < 5; ++i) {
      under_way(*evictions, id, word);
      second(*evictions);
      EXPECT_EQ(asked(*evictions), "") << "not before a second is over";
      second(*evictions);
      EXPECT_EQ(asked(*evictions), id);
      EXPECT_TRUE(credited());
    }
  }
  EXPECT_THAT(reasons(told_),
              testing::ElementsAre(Reason::kNodeCpuFull, Reason::kApiEviction, Reason::kDisruptionBudget));
  EXPECT_EQ(told_[2].after, "as it is");
  EXPECT_EQ(evictions->under_way(), 0u);
}

TEST_F(EvictionsThroughTheApi, AnEvictedPodIsCreditedKeptAndGoneWhenItIsListedNoMore) {
  auto evictions = worker_after_an_eviction();
  EXPECT_THAT(evictions->leaving(), Contains(pod_.uid));
  EXPECT_THAT(evictions->waiting(), IsEmpty());
  EXPECT_THAT(load_evictions(state_dir_.str(), "boot")->through_api, SizeIs(1));
  pods_[0].eviction.terminating = true;
  for (int i = 0; i < 60; ++i) {
    EXPECT_THAT(second(*evictions), IsEmpty());
    EXPECT_EQ(asked(*evictions), "");
    EXPECT_TRUE(credited());
  }
  pods_.clear();
  const auto gone = second(*evictions);
  ASSERT_THAT(gone, SizeIs(1));
  EXPECT_EQ(gone[0].uid, pod_.uid);
  EXPECT_EQ(gone[0].cpu_time, 3s);
  EXPECT_THAT(load_evictions(state_dir_.str(), "boot")->through_api, IsEmpty());
  ASSERT_THAT(reasons(told_), testing::ElementsAre(Reason::kNodeCpuFull, Reason::kApiEvicted, Reason::kApiEvicted));
  EXPECT_THAT(told_[1].before, HasSubstr("node-cpu-full, running")) << "why, and what it costs";
  EXPECT_THAT(told_[1].after, HasSubstr("evicted through the API: as it is"));
  EXPECT_THAT(told_[2].after, HasSubstr("gone after 61.0 s"));
}

TEST_F(EvictionsThroughTheApi, AMemoryVictimIsToldAsMemorysToItsEndAlsoByTheNextWorker) {
  {
    auto evictions = worker();
    second_of_memory(*evictions);
    evicted(*evictions, asked(*evictions));
    second(*evictions);
  }
  auto evictions = worker();
  second(*evictions);
  pods_.clear();
  EXPECT_THAT(second(*evictions), SizeIs(1));
  EXPECT_THAT(reasons(told_), testing::ElementsAre(Reason::kNodeMemoryFull, Reason::kApiEvicted, Reason::kApiEvicted));
  for (const auto& told : told_)
    EXPECT_EQ(told.controller, model::Controller::kMemoryEvict);
  EXPECT_THAT(told_[2].after, HasSubstr("it had 1000 bytes when it was picked"));
}

TEST_F(EvictionsThroughTheApi, ACgroupThatIsGoneSaysSoBeforeKubernetesDoes) {
  auto evictions = worker_after_an_eviction();
  std::filesystem::remove_all(files_.path("sys/fs/cgroup/cpu/kubepods/besteffort/podbe-uid"));
  EXPECT_THAT(second(*evictions), SizeIs(1));
}

TEST_F(EvictionsThroughTheApi, WhileThePodsAreNotKnownNobodyIsGone) {
  auto evictions = worker_after_an_eviction();
  EXPECT_THAT(evictions->step(state_, now_ + 1s, nullptr), IsEmpty());
  EXPECT_THAT(evictions->leaving(), SizeIs(1));
}

TEST_F(EvictionsThroughTheApi, TheNextWorkerSeesOffWhatWasEvicted) {
  worker_after_an_eviction();
  state_ = {};
  told_.clear();
  auto evictions = worker();
  EXPECT_THAT(second(*evictions), IsEmpty());
  EXPECT_THAT(evictions->leaving(), Contains(pod_.uid));
  EXPECT_TRUE(credited()) << "the new worker does not pick another for it";
  pods_.clear();
  const auto gone = second(*evictions);
  ASSERT_THAT(gone, SizeIs(1));
  EXPECT_EQ(gone[0].cpu_time, 3s) << "work that is lost";
  EXPECT_THAT(reasons(told_), testing::ElementsAre(Reason::kApiEvicted));
}

TEST_F(EvictionsThroughTheApi, OneThatKubernetesShowsRunningAfterHalfAMinuteIsNotWaitedForAnyMore) {
  auto evictions = worker_after_an_eviction();
  for (int i = 0; i < 30; ++i)
    EXPECT_THAT(second(*evictions), IsEmpty());
  EXPECT_THAT(evictions->leaving(), IsEmpty());
  EXPECT_FALSE(credited());
  EXPECT_THAT(told_.back().after, HasSubstr("Kubernetes shows it running 30 s after it was evicted"));
  EXPECT_THAT(load_evictions(state_dir_.str(), "boot")->through_api, IsEmpty());
}

TEST_F(EvictionsThroughTheApi, WhatWasWithdrawnTooLateIsSeenOffAllTheSame) {
  auto evictions = worker();
  second(*evictions, true);
  under_way(*evictions, asked(*evictions));
  second(*evictions);
  EXPECT_THAT(evictions->maybe_leaving(), Contains(pod_.uid)) << "its end may be an eviction";
  auto& outcome = decision_.outcomes[static_cast<std::size_t>(EvictTask::kNodeUsage)];
  outcome.trigger = Reason::kSatisfied;
  second(*evictions);
  EXPECT_EQ(told_.back().reason, Reason::kEvictionWithdrawn);
  EXPECT_FALSE(credited());
  EXPECT_THAT(evictions->leaving(), IsEmpty());
  EXPECT_THAT(evictions->maybe_leaving(), Contains(pod_.uid));
  pods_[0].eviction.terminating = true;
  EXPECT_THAT(second(*evictions), IsEmpty());
  EXPECT_THAT(told_.back().after, HasSubstr("although it was not asked for any more"));
  pods_.clear();
  EXPECT_THAT(second(*evictions), SizeIs(1)) << "its work is lost, whoever asked";
}

/// Lost work is looked for before a round takes its verdicts.
TEST_F(EvictionsThroughTheApi, OneThatIsAskedForMayBeEvictedBeforeTheAnswerIsTaken) {
  auto evictions = worker();
  second(*evictions, true);
  const auto id = asked(*evictions);
  EXPECT_THAT(evictions->maybe_leaving(), Contains(pod_.uid));
  say(*evictions, id, EvictionVerdict::Answer::kDeferred, Reason::kFleetRate);
  second(*evictions);
  EXPECT_THAT(evictions->maybe_leaving(), IsEmpty()) << "its end is its own";
}

TEST_F(EvictionsThroughTheApi, SoIsWhatWasUnderWayWhenADryRunBegan) {
  auto evictions = worker();
  second(*evictions, true);
  under_way(*evictions, asked(*evictions));
  second(*evictions);
  dry_run_ = true;
  second(*evictions);
  EXPECT_THAT(evictions->waiting(), IsEmpty());
  EXPECT_THAT(evictions->maybe_leaving(), Contains(pod_.uid));
}

TEST_F(EvictionsThroughTheApi, ARefusedOneIsNotCredited) {
  auto evictions = worker();
  second(*evictions, true);
  say(*evictions, asked(*evictions), EvictionVerdict::Answer::kRefused, Reason::kApiRefused);
  second(*evictions);
  EXPECT_THAT(evictions->waiting(), IsEmpty());
  EXPECT_FALSE(credited());
  EXPECT_EQ(told_.back().reason, Reason::kApiRefused);
}

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

TEST(EvictionFile, EvictionsThroughTheApiComeBackAndAFileOfBeforeThemIsRead) {
  test::TempDir dir;
  decide::EvictVictim victim;
  victim.id = "boot/cpuEvict.nodeUsage/1/u1/2";
  victim.uid = PodUid("u1");
  victim.name_space = "batch";
  victim.name = "etl-1";
  victim.reason = Reason::kNodeCpuFull;
  victim.cpu_time_used = 3s;
  ASSERT_TRUE(
      keep_evictions(dir.str(), "boot", {.under_way = {}, .through_api = {{victim, MonoTime{5}}}, .last_alone = {}}));
  const auto kept = load_evictions(dir.str(), "boot");
  ASSERT_TRUE(kept) << kept.error().message();
  ASSERT_THAT(kept->through_api, SizeIs(1));
  EXPECT_EQ(kept->through_api[0].victim, victim);
  EXPECT_EQ(kept->through_api[0].since, MonoTime{5});
  EXPECT_THAT(load_evictions(dir.str(), "another boot")->through_api, IsEmpty());
  std::ofstream(dir.path() / "evictions") << R"({"bootId": "boot", "lastAloneNs": null, "underWay": []})";
  EXPECT_THAT(load_evictions(dir.str(), "boot")->through_api, IsEmpty());
  std::ofstream(dir.path() / "evictions")
      << R"({"bootId": "boot", "lastAloneNs": null, "underWay": [], "throughApi": [{"id": 1}]})";
  EXPECT_FALSE(load_evictions(dir.str(), "boot"));
}

TEST(EvictionFile, TheTaskAndTheMemoryComeBackAndATaskOfALaterAgentIsReadAsTheFirst) {
  test::TempDir dir;
  decide::EvictVictim victim;
  victim.uid = PodUid("u1");
  victim.task = EvictTask::kMemoryAllocatable;
  victim.memory_used = model::Bytes(5);
  ASSERT_TRUE(
      keep_evictions(dir.str(), "boot", {.under_way = {}, .through_api = {{victim, MonoTime{5}}}, .last_alone = {}}));
  const auto kept = load_evictions(dir.str(), "boot");
  ASSERT_TRUE(kept) << kept.error().message();
  ASSERT_THAT(kept->through_api, SizeIs(1));
  EXPECT_EQ(kept->through_api[0].victim, victim);
  const auto file = [](const std::string& task) {
    const std::string begin = R"({"bootId": "boot", "lastAloneNs": null, "underWay": [], "throughApi": [{"id": "i",)";
    return begin + R"("uid": "u", "namespace": "n", "name": "m", "reason": 140, "sinceNs": 1)" + task + "}]}";
  };
  for (const auto* task : {"", R"(, "task": 8)", R"(, "task": -1)"}) {
    std::ofstream(dir.path() / "evictions") << file(task);
    const auto read = load_evictions(dir.str(), "boot");
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_EQ(read->through_api[0].victim.task, EvictTask::kBeSatisfaction);
  }
  std::ofstream(dir.path() / "evictions") << file(R"(, "task": "memory")");
  EXPECT_FALSE(load_evictions(dir.str(), "boot"));
}

TEST(EvictionFile, WhatIsNotItsOwnIsAnErrorThatNamesIt) {
  test::TempDir dir;
  EXPECT_THAT(load_evictions(dir.str(), "boot")->under_way, IsEmpty());
  for (const auto* text :
       {"", "[]", R"({"bootId": "boot"})", R"({"bootId": "boot", "lastAloneNs": null, "underWay": [{"id": 1}]})"}) {
    std::ofstream(dir.path() / "evictions") << text;
    const auto loaded = load_evictions(dir.str(), "boot");
    ASSERT_FALSE(loaded) << text;
    EXPECT_THAT(loaded.error().message(), HasSubstr("/evictions"));
  }
}

TEST(EvictionFile, SumsOfWorkComeBack) {
  test::TempDir dir;
  EXPECT_EQ(*load_be_work(dir.str()), model::BeWork{});
  const model::BeWork work{{3, 1500ms}, {1, 2s}, {2, 4s}};
  ASSERT_TRUE(keep_be_work(dir.str(), work));
  EXPECT_EQ(*load_be_work(dir.str()), work);
  std::ofstream(dir.path() / "be-work") << "{";
  EXPECT_FALSE(load_be_work(dir.str()));
}

}  // namespace
}  // namespace tideline::node
