#include "node-actor/decide/eviction_requests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/evict_host.h"

namespace tideline::decide {
namespace {

using namespace std::chrono_literals;
using model::EvictionVerdict;
using model::MilliCpu;
using model::PodUid;
using model::Reason;
using test::EvictHost;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

/// The worked case under arbitration, second by second: b and c are picked, 8000 millicores of request each.
struct Node {
  EvictHost host;
  EvictionRequests state;
  std::vector<EvictionVerdict> verdicts;
  std::vector<PodUid> held;
  std::vector<PodUid> leaving;
  std::vector<std::string> evicted;

  /// As the actor does it: what waits or leaves is credited, what is dropped is forgotten or barred.
  RequestsDecision next(model::Duration later = 1s) {
    const auto decision = host.next(later);
    auto step = eviction_requests(std::move(state), {.now = host.now,
                                                     .decision = decision,
                                                     .pods = host.pods,
                                                     .verdicts = verdicts,
                                                     .held = held,
                                                     .leaving = leaving});
    verdicts.clear();
    state = std::move(step.state);
    for (const auto& dropped : step.decision.dropped) {
      if (dropped.reason == Reason::kEvictionWithdrawn) forget(host.state, dropped.victim.uid);
      if (dropped.reason == Reason::kHandsOff) refuse(host.state, dropped.victim.uid);
    }
    for (const auto& go : step.decision.go) {
      evicted.push_back(go.victim.uid.str());
      leaving.push_back(go.victim.uid);
      cool_down(host.state, host.now);
    }
    for (const auto& uid : leaving)
      credit(host.state, uid, host.now);
    for (const auto& waiting : state.waiting)
      credit(host.state, waiting.victim.uid, host.now);
    return std::move(step.decision);
  }
  void answer(const std::string& uid, EvictionVerdict::Answer verdict, Reason reason, model::Duration retry = 0s) {
    for (const auto& waiting : state.waiting) {
      if (waiting.victim.uid.str() == uid) verdicts.push_back({waiting.victim.id, verdict, reason, "because", retry});
    }
  }
  void grant(const std::string& uid) { answer(uid, EvictionVerdict::Answer::kGranted, Reason::kEvictionGranted); }
  void defer(const std::string& uid, model::Duration retry) {
    answer(uid, EvictionVerdict::Answer::kDeferred, Reason::kFleetRate, retry);
  }
};

std::vector<std::string> uids(const std::vector<EvictVictim>& victims) {
  std::vector<std::string> all;
  for (const auto& victim : victims)
    all.push_back(victim.uid.str());
  return all;
}

TEST(EvictionRequests, AVictimIsAskedForAndGoesOnlyWhenItIsGranted) {
  Node node;
  const auto first = node.next();
  EXPECT_THAT(uids(first.ask), ElementsAre("b", "c"));
  EXPECT_THAT(first.go, IsEmpty());
  node.grant("b");
  const auto second = node.next();
  ASSERT_THAT(second.go, SizeIs(1));
  EXPECT_EQ(second.go[0].victim.id, first.ask[0].id);
  EXPECT_EQ(second.go[0].by, Reason::kEvictionGranted);
  EXPECT_THAT(second.ask, IsEmpty()) << "c has been asked for a second ago";
  for (int i = 0; i < 100; ++i)
    EXPECT_THAT(node.next().go, testing::Each(testing::Field(&RequestsDecision::Go::by, Reason::kNoArbiter)));
  EXPECT_THAT(node.evicted, ElementsAre("b", "c")) << "and nobody else, for these two are enough";
}

TEST(EvictionRequests, ADeferredOneAsksAgainWhenItWasTold) {
  Node node;
  node.next();
  node.grant("b");
  node.defer("c", 42s);
  for (int second = 0; second < 42; ++second)
    EXPECT_THAT(node.next().ask, IsEmpty()) << second;
  EXPECT_THAT(uids(node.next().ask), ElementsAre("c"));
  EXPECT_THAT(node.evicted, ElementsAre("b")) << "waiting for leave is not being without an answer";
}

TEST(EvictionRequests, WithoutAnAnswerItAsksAgainAndThenGoesAloneAtItsOwnRate) {
  Node node;
  int asked = 0;
  std::vector<int> went;
  for (int second = 1; second <= 100; ++second) {
    const auto decision = node.next();
    asked += static_cast<int>(decision.ask.size());
    for (const auto& go : decision.go) {
      went.push_back(second);
      EXPECT_EQ(go.by, Reason::kNoArbiter);
      EXPECT_THAT(go.why, HasSubstr("no answer from the coordinator for"));
    }
  }
  EXPECT_THAT(went, ElementsAre(31, 91)) << "30 s after the first ask, then a minute later";
  EXPECT_THAT(node.evicted, ElementsAre("b", "c"));
  EXPECT_LE(asked, 6 + 18);
}

TEST(EvictionRequests, AGrantThatComesAfterItWentAloneEvictsNobodyElse) {
  Node node;
  node.next();
  const auto id = node.state.waiting[0].victim.id;
  for (int i = 0; i < 31; ++i)
    node.next();
  ASSERT_THAT(node.evicted, ElementsAre("b"));
  node.verdicts = {{id, EvictionVerdict::Answer::kGranted, Reason::kEvictionGranted, "", 0s}};
  EXPECT_THAT(node.next().go, IsEmpty());
}

TEST(EvictionRequests, ARefusedOneIsDroppedAndAnOldCoordinatorsRefusalIsNoAnswer) {
  Node node;
  node.next();
  node.answer("b", EvictionVerdict::Answer::kRefused, Reason::kHandsOff);
  node.answer("c", EvictionVerdict::Answer::kRefused, Reason::kOldEpoch);
  const auto decision = node.next();
  ASSERT_THAT(decision.dropped, SizeIs(1));
  EXPECT_EQ(decision.dropped[0].victim.uid.str(), "b");
  EXPECT_EQ(decision.dropped[0].reason, Reason::kHandsOff);
  ASSERT_THAT(node.state.waiting, SizeIs(1));
  EXPECT_TRUE(node.state.waiting[0].unanswered_since);
}

TEST(EvictionRequests, WhenTheNeedEndsNobodyGoesThoughItWasGranted) {
  Node node;
  node.next();
  node.grant("b");
  node.host.be_cpu = MilliCpu(100);
  const auto decision = node.next();
  EXPECT_THAT(decision.go, IsEmpty());
  EXPECT_THAT(decision.dropped, SizeIs(2));
  EXPECT_EQ(decision.dropped[0].reason, Reason::kEvictionWithdrawn);
  EXPECT_THAT(node.state.waiting, IsEmpty());
}

TEST(EvictionRequests, MissingDataNeitherEvictNorDrop) {
  Node node;
  node.next();
  node.grant("b");
  const auto cpu = std::exchange(node.host.be_cpu, std::nullopt);
  for (int i = 0; i < 100; ++i) {
    const auto blind = node.next();
    EXPECT_THAT(blind.go, IsEmpty());
    EXPECT_THAT(blind.ask, IsEmpty());
    EXPECT_THAT(blind.dropped, IsEmpty());
  }
  node.host.be_cpu = cpu;
  EXPECT_EQ(node.next().go.size(), 1u) << "what was granted goes when it is seen to be needed";
}

TEST(EvictionRequests, APodThatEndsByItselfIsNotEvictedAndMakesTheOthersNoMoreNeeded) {
  Node node;
  node.next();
  node.host.pod("b").phase = model::PodPhase::kSucceeded;
  const auto decision = node.next();
  ASSERT_FALSE(decision.dropped.empty());
  EXPECT_EQ(decision.dropped[0].victim.uid.str(), "b");
  EXPECT_EQ(decision.dropped[0].reason, Reason::kNone);
}

TEST(EvictionRequests, WhenFewerAreNeededTheLastPickedStay) {
  Node node;
  node.next();
  // 40000 asked for and 13000 to be had: 7000 are to go, which b alone releases.
  node.host.be_limit = MilliCpu(13'000);
  node.host.be_cpu = MilliCpu(12'500);
  node.host.policy->threshold.cpu_evict_be_satisfaction_lower_percent = 40;
  const auto decision = node.next();
  ASSERT_THAT(decision.dropped, SizeIs(1));
  EXPECT_EQ(decision.dropped[0].victim.uid.str(), "c");
  EXPECT_EQ(decision.dropped[0].reason, Reason::kEvictionWithdrawn);
  EXPECT_THAT(node.state.waiting, SizeIs(1));
}

TEST(EvictionRequests, AnOperatorsHoldDropsWhatWaits) {
  Node node;
  node.next();
  node.grant("b");
  node.held = {PodUid("b")};
  const auto decision = node.next();
  EXPECT_THAT(decision.go, IsEmpty());
  ASSERT_THAT(decision.dropped, SizeIs(1));
  EXPECT_EQ(decision.dropped[0].reason, Reason::kHandsOff);
}

TEST(EvictionRequests, AFullHostIsServicesNeed) {
  EXPECT_EQ(urgency_of(EvictTask::kNodeUsage), model::EvictionUrgency::kServices);
  for (const auto task : {EvictTask::kBeSatisfaction, EvictTask::kBatchAllocatable, EvictTask::kCpuAllocatable})
    EXPECT_EQ(urgency_of(task), model::EvictionUrgency::kBatch);
}

}  // namespace
}  // namespace tideline::decide
