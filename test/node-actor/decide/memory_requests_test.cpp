#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node-actor/decide/eviction_requests.h"
#include "test/node-actor/decide/memory_evict_host.h"

namespace tideline::decide::memory_requests_test {
namespace {

using namespace std::chrono_literals;
using model::Bytes;
using model::EvictionVerdict;
using model::PodUid;
using model::Reason;
using test::MemoryHost;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

/// The worked case under arbitration, second by second: e and b are picked, 500 and 2500 bytes.
struct Node {
  bool through_api = false;
  bool judged = true;
  MemoryHost host;
  std::vector<EvictVictim> cpu_victims;
  std::vector<EvictOutcome> cpu_outcomes;
  EvictionRequests state;
  std::vector<EvictionVerdict> verdicts;
  std::vector<PodUid> leaving;
  std::vector<std::string> evicted;

  /// As the actor does it: what waits or leaves is credited, what is dropped is forgotten or barred.
  RequestsDecision next() {
    const auto decision = host.next();
    const auto memory = judged ? EvictRound{decision.victims, decision.outcomes} : EvictRound{};
    auto step = eviction_requests(std::move(state), {.now = host.now,
                                                     .cpu = {cpu_victims, cpu_outcomes},
                                                     .memory = memory,
                                                     .pods = host.pods,
                                                     .verdicts = verdicts,
                                                     .held = {},
                                                     .leaving = leaving,
                                                     .through_api = through_api});
    verdicts.clear();
    cpu_victims.clear();
    state = std::move(step.state);
    EvictState books;
    books.asked = std::move(host.asked);
    for (const auto& dropped : step.decision.dropped) {
      if (dropped.reason == Reason::kEvictionWithdrawn) {
        forget(books, dropped.victim.uid);
      } else if (dropped.reason != Reason::kNone) {
        refuse(books, dropped.victim.uid);
      }
    }
    for (const auto& go : step.decision.go) {
      evicted.push_back(go.victim.uid.str());
      leaving.push_back(go.victim.uid);
    }
    for (const auto& uid : leaving)
      credit(books, uid, host.now);
    for (const auto& waiting : state.waiting)
      credit(books, waiting.victim.uid, host.now);
    host.asked = std::move(books.asked);
    return std::move(step.decision);
  }
  void answer(const std::string& uid, EvictionVerdict::Answer verdict, Reason reason, model::Duration retry = 0s) {
    for (const auto& waiting : state.waiting) {
      if (waiting.victim.uid.str() == uid) verdicts.push_back({waiting.victim.id, verdict, reason, "because", retry});
    }
  }
  void grant(const std::string& uid) { answer(uid, EvictionVerdict::Answer::kGranted, Reason::kEvictionGranted); }
  /// CPU eviction wants `uid` for what is promised too much.
  void pick_for_cpu(const std::string& uid) {
    EvictVictim victim;
    victim.id = "boot-1/cpuEvict.allocatable/1/" + uid;
    victim.uid = PodUid(uid);
    victim.task = EvictTask::kBatchAllocatable;
    victim.reason = Reason::kOverAllocated;
    victim.releases = model::MilliCpu(1000);
    victim.memory_used = Bytes(*host.uses[uid]);
    cpu_victims = {victim};
    EvictOutcome outcome;
    outcome.task = EvictTask::kBatchAllocatable;
    outcome.trigger = Reason::kOverAllocated;
    outcome.target = model::MilliCpu(1000);
    cpu_outcomes = {outcome};
  }
};

std::vector<std::string> uids(const std::vector<EvictVictim>& victims) {
  std::vector<std::string> all;
  for (const auto& victim : victims)
    all.push_back(victim.uid.str());
  return all;
}

TEST(MemoryRequests, AVictimIsAskedForAsServicesNeedAndGoesOnlyWhenItIsGranted) {
  Node node;
  const auto first = node.next();
  ASSERT_THAT(uids(first.ask), ElementsAre("e", "b"));
  EXPECT_EQ(urgency_of(first.ask[0].task), model::EvictionUrgency::kServices);
  EXPECT_THAT(first.go, IsEmpty());
  node.grant("b");
  const auto second = node.next();
  ASSERT_THAT(second.go, SizeIs(1));
  EXPECT_EQ(second.go[0].victim.uid, PodUid("b"));
}

TEST(MemoryRequests, WhileThoseWhoWaitAreEnoughNobodyIsWithdrawnAndNobodyElsePicked) {
  Node node;
  node.through_api = true;
  node.next();
  for (int second = 0; second < 300; ++second) {
    const auto decision = node.next();
    ASSERT_THAT(decision.dropped, IsEmpty()) << second;
    ASSERT_THAT(decision.picked, IsEmpty()) << second;
  }
  EXPECT_THAT(node.state.waiting, SizeIs(2));
}

TEST(MemoryRequests, AHogThatGrowsWhileItWaitsIsNotTakenForOthersThatLeave) {
  Node node;
  for (const auto* uid : {"a", "c", "d", "e"})
    node.host.remove(uid);
  ASSERT_THAT(uids(node.next().ask), ElementsAre("b"));
  node.host.uses["b"] = 9000;
  node.host.used = Bytes(73'000);
  EXPECT_THAT(node.next().dropped, IsEmpty()) << "5000 are missing, and the 9000 that are credited are its own";
  node.grant("b");
  EXPECT_THAT(node.next().go, SizeIs(1));
}

TEST(MemoryRequests, WhenFewerAreNeededTheLastPickedStay) {
  Node node;
  node.host.remove("e");
  ASSERT_THAT(uids(node.next().ask), ElementsAre("b", "c"));
  node.host.used = Bytes(69'000);
  const auto decision = node.next();
  ASSERT_THAT(decision.dropped, SizeIs(1));
  EXPECT_EQ(decision.dropped[0].victim.uid, PodUid("c"));
  EXPECT_EQ(decision.dropped[0].reason, Reason::kEvictionWithdrawn);
  node.host.used = Bytes(68'000);
  EXPECT_THAT(node.next().dropped, SizeIs(1)) << "nobody is needed any more";
}

TEST(MemoryRequests, WithoutAnAnswerItGoesAloneSoonerThanForCpu) {
  Node node;
  std::vector<int> went;
  for (int second = 1; second <= 60; ++second) {
    for (const auto& go : node.next().go) {
      went.push_back(second);
      EXPECT_EQ(go.by, Reason::kNoArbiter);
    }
  }
  EXPECT_THAT(went, ElementsAre(11, 21)) << "10 s after the first ask, then 10 s later";
  EXPECT_THAT(node.evicted, ElementsAre("e", "b"));
}

TEST(MemoryRequests, WhatIsOverAllocatedWaitsAsLongAsForCpu) {
  Node node;
  node.host.policy = MemoryHost::allocatable_policy(150, 100);
  std::vector<int> went;
  for (int second = 1; second <= 92; ++second) {
    if (!node.next().go.empty()) went.push_back(second);
  }
  EXPECT_THAT(went, ElementsAre(31, 91));
}

TEST(MemoryRequests, WhileMemoryIsNotJudgedWhoWaitsStaysAndDoesNotGo) {
  Node node;
  node.next();
  node.grant("b");
  node.judged = false;
  for (int second = 0; second < 60; ++second) {
    const auto decision = node.next();
    ASSERT_THAT(decision.go, IsEmpty());
    ASSERT_THAT(decision.ask, IsEmpty());
    ASSERT_THAT(decision.dropped, IsEmpty());
  }
  node.judged = true;
  EXPECT_THAT(node.next().go, SizeIs(1)) << "what was granted goes when it is seen to be needed";
}

TEST(MemoryRequests, WhoWaitsForBatchsNeedIsServicesNeedWhileMemoryIsFull) {
  Node node;
  node.host.used = Bytes(60'000);
  node.pick_for_cpu("c");
  ASSERT_THAT(uids(node.next().ask), ElementsAre("c"));
  node.answer("c", EvictionVerdict::Answer::kDeferred, Reason::kFleetRate, 5min);
  ASSERT_THAT(node.next().ask, IsEmpty());
  ASSERT_EQ(node.state.waiting[0].victim.task, EvictTask::kBatchAllocatable);

  node.host.used = Bytes(71'000);
  const auto decision = node.next();
  EXPECT_THAT(uids(decision.ask), ElementsAre("c")) << "its 2000 bytes are what keeps others from going";
  const auto& victim = node.state.waiting[0].victim;
  EXPECT_EQ(victim.task, EvictTask::kBeMemory);
  EXPECT_EQ(victim.reason, Reason::kNodeMemoryFull);
  EXPECT_EQ(victim.id, "boot-1/cpuEvict.allocatable/1/c") << "it is the same eviction";

  node.cpu_outcomes[0].trigger = Reason::kSatisfied;
  EXPECT_THAT(node.next().dropped, IsEmpty()) << "CPU needs it no more, memory does";
}

TEST(MemoryRequests, UnlessThePodForbidsIt) {
  Node node;
  node.host.pod("c").eviction.allowed_by = {{"CPUAllocatableEvict"}};
  node.pick_for_cpu("c");
  node.next();
  EXPECT_EQ(node.state.waiting.back().victim.uid, PodUid("c"));
  node.next();
  EXPECT_EQ(node.state.waiting.back().victim.task, EvictTask::kBatchAllocatable);
}

}  // namespace
}  // namespace tideline::decide::memory_requests_test
