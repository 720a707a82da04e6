#include "node-actor/decide/eviction_requests.h"

#include <array>
#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/node-actor/decide/evict_host.h"

namespace tideline::decide::eviction_requests_test {
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
  bool through_api = false;
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
                                                     .cpu = {decision.victims, decision.outcomes},
                                                     .pods = host.pods,
                                                     .verdicts = verdicts,
                                                     .held = held,
                                                     .leaving = leaving,
                                                     .through_api = through_api});
    verdicts.clear();
    state = std::move(step.state);
    for (const auto& dropped : step.decision.dropped) {
      if (dropped.reason == Reason::kEvictionWithdrawn) {
        forget(host.state, dropped.victim.uid);
      } else if (dropped.reason != Reason::kNone) {
        refuse(host.state, dropped.victim.uid);
      }
    }
    for (const auto& leaves : step.decision.leaves) {
      leaving.push_back(leaves.victim.uid);
      cool_down(host.state, host.now);
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
  void under_way(const std::string& uid, Reason reason = Reason::kApiEviction, model::Duration retry = 1s) {
    answer(uid, EvictionVerdict::Answer::kUnderWay, reason, retry);
  }
  void evicted_by_api(const std::string& uid) { answer(uid, EvictionVerdict::Answer::kEvicted, Reason::kApiEvicted); }
  /// Seconds until one of them is asked for again; 100: not within these.
  int seconds_to_the_next_ask() {
    for (int second = 1; second < 100; ++second) {
      if (!next().ask.empty()) return second;
    }
    return 100;
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

TEST(EvictionRequests, HoweverShortTheRoundsAsksAreFarEnoughApartToBeAnswered) {
  Node node;
  node.next();
  // One of them is due 200 ms after the other, again and again.
  node.defer("b", 2s);
  node.next(200ms);
  node.defer("c", 2s);
  std::optional<model::MonoTime> last;
  std::set<std::string> asked;
  for (int round = 0; round < 60; ++round) {
    const auto decision = node.next(200ms);
    if (decision.ask.empty()) continue;
    if (last) {
      EXPECT_GE(node.host.now - *last, kBetweenAsks);
    }
    last = node.host.now;
    for (const auto& uid : uids(decision.ask)) {
      asked.insert(uid);
      node.defer(uid, 2s);
    }
  }
  EXPECT_THAT(asked, ElementsAre("b", "c")) << "nobody is kept from asking";
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

TEST(EvictionRequests, ARefusedOneIsNoReasonToLetTheOthersStay) {
  Node node;
  // 15000 asked for and 3000 to be had: 4500 are to go. b goes first and is not enough, c is more than enough.
  node.host.pods = {test::batch_pod("b", 3000), test::batch_pod("c", 12'000), test::service_pod("ls", 20'000)};
  node.host.be_limit = MilliCpu(3000);
  node.host.be_cpu = MilliCpu(2900);
  ASSERT_THAT(uids(node.next().ask), ElementsAre("b", "c"));
  node.answer("c", EvictionVerdict::Answer::kRefused, Reason::kHandsOff);
  const auto decision = node.next();
  ASSERT_THAT(decision.dropped, SizeIs(1));
  EXPECT_EQ(decision.dropped[0].victim.uid.str(), "c");
  EXPECT_THAT(node.state.waiting, SizeIs(1)) << "c will not leave: b is needed all the more";
}

TEST(EvictionRequests, WordsOfAnEvictionThroughTheApiAreNoAnswerToANodeThatDoesItItself) {
  Node node;
  node.next();
  for (int i = 0; i < 30; ++i) {
    node.under_way("b");
    node.evicted_by_api("c");
    EXPECT_THAT(node.next().leaves, IsEmpty());
  }
  EXPECT_THAT(node.evicted, ElementsAre("b")) << "it goes alone, as without an answer";
}

/// The same node with its pods from Kubernetes.
struct ApiNode : Node {
  ApiNode() { through_api = true; }
};

std::vector<Reason> words(const RequestsDecision& decision) {
  std::vector<Reason> all;
  for (const auto& word : decision.words)
    all.push_back(word.reason);
  return all;
}

TEST(EvictionsThroughTheApi, APlainGrantIsNotActedOnAndToldOnce) {
  ApiNode node;
  EXPECT_THAT(uids(node.next().picked), ElementsAre("b", "c"));
  int asked = 0;
  std::vector<Reason> heard;
  for (int second = 0; second < 300; ++second) {
    node.grant("b");
    const auto decision = node.next();
    EXPECT_THAT(decision.go, IsEmpty());
    EXPECT_THAT(decision.leaves, IsEmpty());
    for (const auto& each : decision.ask)
      asked += each.uid.str() == "b" ? 1 : 0;
    for (const auto& word : decision.words) {
      if (word.victim.uid.str() == "b") heard.push_back(word.reason);
    }
  }
  EXPECT_THAT(heard, ElementsAre(Reason::kNoKubernetes));
  EXPECT_EQ(asked, 0) << "each answer puts the next ask off by a minute";
  EXPECT_EQ(node.seconds_to_the_next_ask(), 5) << "c, of which nothing was heard";
}

TEST(EvictionsThroughTheApi, WithoutAnAnswerItAsksOnAndNeverGoesAlone) {
  ApiNode node;
  int asked = 0;
  std::vector<int> told;
  for (int second = 1; second <= 300; ++second) {
    const auto decision = node.next();
    EXPECT_THAT(decision.go, IsEmpty()) << second;
    asked += static_cast<int>(decision.ask.size());
    for (const auto& word : decision.words) {
      told.push_back(second);
      EXPECT_EQ(word.reason, Reason::kNoArbiter);
      EXPECT_THAT(word.why, HasSubstr("no answer from the coordinator for 30 s"));
    }
  }
  EXPECT_THAT(told, ElementsAre(31, 31)) << "of b and of c, once each";
  EXPECT_EQ(asked, 2 * 60);
  EXPECT_THAT(node.state.waiting, SizeIs(2)) << "nobody else is picked instead";
  EXPECT_FALSE(node.state.last_alone);
}

TEST(EvictionsThroughTheApi, WhatIsUnderWayIsAskedForAgainAsItWasToldAndSoonEnoughToStayWanted) {
  for (const auto& [told, asked_after] :
       std::vector<std::pair<model::Duration, int>>{{0s, 1}, {2s, 2}, {3s, 3}, {60s, 5}}) {
    ApiNode node;
    node.next();
    node.under_way("b", Reason::kApiEviction, told);
    node.under_way("c", Reason::kApiEviction, told);
    EXPECT_THAT(node.next().ask, IsEmpty());
    EXPECT_EQ(node.seconds_to_the_next_ask(), asked_after) << model::to_ms(told) << " ms";
  }
}

TEST(EvictionsThroughTheApi, EachChangeOfTheCoordinatorsWordIsToldOnce) {
  ApiNode node;
  node.next();
  std::vector<Reason> heard;
  const auto say = [&](Reason reason) {
    for (int i = 0; i < 3; ++i) {
      node.under_way("b", reason);
      for (const auto word : words(node.next()))
        heard.push_back(word);
    }
  };
  node.defer("b", 1s);
  for (const auto word : words(node.next()))
    heard.push_back(word);
  say(Reason::kApiEviction);
  say(Reason::kDisruptionBudget);
  say(Reason::kApiEviction);
  EXPECT_THAT(heard,
              ElementsAre(Reason::kFleetRate, Reason::kApiEviction, Reason::kDisruptionBudget, Reason::kApiEviction));
}

TEST(EvictionsThroughTheApi, AnEvictedOneIsNeitherAskedForNorWithdrawnWhenTheNeedEnds) {
  ApiNode node;
  node.next();
  node.under_way("b");
  node.next();
  node.evicted_by_api("b");
  node.host.be_cpu = MilliCpu(100);
  const auto decision = node.next();
  ASSERT_THAT(decision.leaves, SizeIs(1));
  EXPECT_EQ(decision.leaves[0].victim.uid.str(), "b");
  EXPECT_THAT(decision.ask, IsEmpty());
  ASSERT_THAT(decision.dropped, SizeIs(1));
  EXPECT_EQ(decision.dropped[0].victim.uid.str(), "c") << "which was not evicted yet";
  EXPECT_THAT(node.state.waiting, IsEmpty());
}

TEST(EvictionsThroughTheApi, WhatLeavesIsReasonEnoughForTheOthersToStay) {
  ApiNode node;
  node.next();
  // 7000 are to go, which b alone releases.
  node.host.be_limit = MilliCpu(13'000);
  node.host.be_cpu = MilliCpu(12'500);
  node.host.policy->threshold.cpu_evict_be_satisfaction_lower_percent = 40;
  node.evicted_by_api("b");
  const auto decision = node.next();
  ASSERT_THAT(decision.dropped, SizeIs(1));
  EXPECT_EQ(decision.dropped[0].victim.uid.str(), "c");
  EXPECT_EQ(decision.dropped[0].reason, Reason::kEvictionWithdrawn);
}

TEST(EvictionsThroughTheApi, WhenTheNeedEndsItIsAskedForNoMoreAndOneUnderWayMayGoAllTheSame) {
  ApiNode node;
  node.next();
  node.under_way("b");
  node.next();
  node.host.be_cpu = MilliCpu(100);
  const auto decision = node.next();
  EXPECT_THAT(decision.ask, IsEmpty());
  ASSERT_THAT(decision.dropped, SizeIs(2));
  for (const auto& dropped : decision.dropped) {
    EXPECT_EQ(dropped.reason, Reason::kEvictionWithdrawn);
    EXPECT_EQ(dropped.under_way, dropped.victim.uid.str() == "b");
  }
}

TEST(EvictionsThroughTheApi, OneThatTheServerRefusedDoesNotGoAndOneOfWhichItSaidNothingMay) {
  for (const auto& [reason, may_go] : std::vector<std::pair<Reason, bool>>{{Reason::kDisruptionBudget, false},
                                                                           {Reason::kApiRefused, false},
                                                                           {Reason::kApiSilent, true},
                                                                           {Reason::kNotEvictable, true},
                                                                           {Reason::kHandsOff, true},
                                                                           {Reason::kDryRun, true}}) {
    ApiNode node;
    node.next();
    node.under_way("b");
    node.next();
    node.answer("b", EvictionVerdict::Answer::kRefused, reason);
    const auto decision = node.next();
    ASSERT_FALSE(decision.dropped.empty());
    EXPECT_EQ(decision.dropped[0].victim.uid.str(), "b");
    EXPECT_EQ(decision.dropped[0].under_way, may_go) << model::name_of(reason);
  }
}

TEST(EvictionsThroughTheApi, ARefusedOneMakesRoomForOthersAndIsAnotherEvictionWhenPickedAgain) {
  ApiNode node;
  // b alone: 8000 asked for, 2000 to be had.
  node.host.pods = {test::batch_pod("b", 8000), test::service_pod("ls", 20'000)};
  node.host.be_limit = MilliCpu(2000);
  node.host.be_cpu = MilliCpu(1900);
  const auto first = node.next().ask;
  ASSERT_THAT(first, SizeIs(1));
  node.answer("b", EvictionVerdict::Answer::kRefused, Reason::kDisruptionBudget);
  const auto decision = node.next();
  ASSERT_THAT(decision.dropped, SizeIs(1));
  EXPECT_EQ(decision.dropped[0].reason, Reason::kDisruptionBudget);
  EXPECT_THAT(words(decision), ElementsAre(Reason::kDisruptionBudget));
  int second = 0;
  std::vector<EvictVictim> again;
  for (; second < 300 && again.empty(); ++second)
    again = node.next().ask;
  ASSERT_THAT(again, SizeIs(1));
  EXPECT_GE(second, 118) << "not before two minutes are over";
  EXPECT_NE(again[0].id, first[0].id) << "the coordinator remembers what was refused by its id";
  const auto base = [](const std::string& id) { return id.substr(0, id.rfind('/')); };
  EXPECT_EQ(base(again[0].id), base(first[0].id)) << "it is the same trigger still";
}

TEST(EvictionsThroughTheApi, ACoordinatorWithoutKubernetesIsWaitedForForItWouldRefuseAllAlike) {
  ApiNode node;
  node.next();
  node.answer("b", EvictionVerdict::Answer::kRefused, Reason::kNoKubernetes);
  node.answer("c", EvictionVerdict::Answer::kRefused, Reason::kNoKubernetes);
  const auto decision = node.next();
  EXPECT_THAT(decision.dropped, IsEmpty());
  EXPECT_THAT(words(decision), ElementsAre(Reason::kNoKubernetes, Reason::kNoKubernetes));
  EXPECT_EQ(node.seconds_to_the_next_ask(), 60);
  EXPECT_THAT(node.state.waiting, SizeIs(2));
}

TEST(EvictionsThroughTheApi, TheListOfPodsTellsOfAnEvictionThatWasUnderWay) {
  ApiNode node;
  node.next();
  node.under_way("b");
  node.under_way("c");
  node.next();
  node.host.pod("b").eviction.terminating = true;
  std::erase_if(node.host.pods, [](const model::Pod& pod) { return pod.uid.str() == "c"; });
  const auto decision = node.next();
  EXPECT_THAT(decision.leaves, SizeIs(2));
  EXPECT_THAT(decision.dropped, IsEmpty());
  EXPECT_THAT(node.state.waiting, IsEmpty());
}

TEST(EvictionsThroughTheApi, WhoeverEndsByItselfOrBySomebodyElseWasNotEvicted) {
  ApiNode node;
  node.next();
  node.under_way("b");
  node.next();
  node.host.pod("b").phase = model::PodPhase::kSucceeded;
  node.host.pod("c").eviction.terminating = true;
  const auto decision = node.next();
  EXPECT_THAT(decision.leaves, IsEmpty());
  EXPECT_THAT(decision.dropped,
              testing::UnorderedElementsAre(testing::Field(&RequestsDecision::Dropped::reason, Reason::kNone),
                                            testing::Field(&RequestsDecision::Dropped::reason, Reason::kNone)))
      << "c was not under way: somebody deletes it";
}

TEST(EvictionsThroughTheApi, AnswerThatItIsGoneIsNoEvictionOfAPodThatEndedByItself) {
  ApiNode node;
  node.next();
  node.host.pod("b").phase = model::PodPhase::kSucceeded;
  node.evicted_by_api("b");
  const auto decision = node.next();
  EXPECT_THAT(decision.leaves, IsEmpty());
  ASSERT_FALSE(decision.dropped.empty());
  EXPECT_EQ(decision.dropped[0].reason, Reason::kNone);
}

TEST(EvictionsThroughTheApi, TheNewestOfSeveralAnswersCounts) {
  ApiNode node;
  node.next();
  node.under_way("b");
  node.evicted_by_api("b");
  EXPECT_THAT(node.next().leaves, SizeIs(1));
}

TEST(EvictionsThroughTheApi, MissingDataAskForNothingAndWhatIsEvictedIsTakenAllTheSame) {
  ApiNode node;
  node.next();
  node.under_way("b");
  node.host.be_cpu.reset();
  for (int i = 0; i < 100; ++i) {
    const auto blind = node.next();
    EXPECT_THAT(blind.ask, IsEmpty());
    EXPECT_THAT(blind.dropped, IsEmpty());
  }
  node.evicted_by_api("b");
  EXPECT_THAT(node.next().leaves, SizeIs(1));
}

TEST(EvictionsThroughTheApi, NoWalkOfAnswersAndLoadsLetsTheNodeGoByItself) {
  constexpr std::array kReasons = {Reason::kEvictionGranted,  Reason::kFleetRate,  Reason::kOldEpoch,
                                   Reason::kApiEviction,      Reason::kApiEvicted, Reason::kNoKubernetes,
                                   Reason::kDisruptionBudget, Reason::kApiRefused, Reason::kApiSilent,
                                   Reason::kNotEvictable,     Reason::kNoArbiter};
  int asked = 0;
  int left = 0;
  for (unsigned seed = 1; seed <= 100; ++seed) {
    std::mt19937 random(seed);
    const auto upto = [&](int most) { return std::uniform_int_distribution<int>(0, most)(random); };
    ApiNode node;
    for (int second = 0; second < 200; ++second) {
      for (const auto& waiting : std::vector(node.state.waiting)) {
        if (upto(3) != 0) continue;
        node.answer(waiting.victim.uid.str(), static_cast<EvictionVerdict::Answer>(upto(4)),
                    kReasons[static_cast<std::size_t>(upto(static_cast<int>(kReasons.size()) - 1))],
                    std::chrono::seconds(upto(20)));
      }
      if (upto(30) == 0) {
        const std::array<std::optional<MilliCpu>, 3> uses = {MilliCpu(9500), MilliCpu(100), std::nullopt};
        node.host.be_cpu = uses[static_cast<std::size_t>(upto(2))];
      }
      if (upto(40) == 0) {
        auto& pod = node.host.pods[static_cast<std::size_t>(upto(4))];
        pod.eviction.terminating = !pod.eviction.terminating;
      }
      const auto decision = node.next();
      ASSERT_THAT(decision.go, IsEmpty()) << "seed " << seed << ", second " << second;
      ASSERT_FALSE(node.state.last_alone);
      for (const auto& waiting : node.state.waiting)
        ASSERT_FALSE(waiting.granted);
      for (const auto& leaves : decision.leaves) {
        for (const auto& waiting : node.state.waiting)
          ASSERT_NE(waiting.victim.uid, leaves.victim.uid) << "it waits no longer";
      }
      asked += static_cast<int>(decision.ask.size());
      left += static_cast<int>(decision.leaves.size());
    }
  }
  EXPECT_GT(asked, 300) << "the walks are too calm to show anything";
  EXPECT_GT(left, 50);
}

TEST(EvictionRequests, AFullHostIsServicesNeed) {
  for (const auto task : {EvictTask::kNodeUsage, EvictTask::kBeMemory, EvictTask::kNodeMemory})
    EXPECT_EQ(urgency_of(task), model::EvictionUrgency::kServices);
  for (const auto task : {EvictTask::kBeSatisfaction, EvictTask::kBatchAllocatable, EvictTask::kCpuAllocatable,
                          EvictTask::kBatchMemoryAllocatable, EvictTask::kMemoryAllocatable})
    EXPECT_EQ(urgency_of(task), model::EvictionUrgency::kBatch);
}

}  // namespace
}  // namespace tideline::decide::eviction_requests_test
