// Evictions that the coordinator makes through the Kubernetes API.

#include <filesystem>
#include <memory>
#include <string>

#include <gmock/gmock.h>

#include "test/node-actor/actor/evictions_fixture.h"

namespace tideline::node::evictions_api_test {
namespace {

using namespace std::chrono_literals;
using decide::EvictTask;
using model::EvictionVerdict;
using model::Reason;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

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

}  // namespace
}  // namespace tideline::node::evictions_api_test
