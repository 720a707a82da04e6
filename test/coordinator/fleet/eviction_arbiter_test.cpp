#include "coordinator/fleet/eviction_arbiter.h"

#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tideline::fleet::eviction_arbiter_test {
namespace {

using namespace std::chrono_literals;
using model::EvictionRequest;
using model::EvictionUrgency;
using model::NodeName;
using model::Reason;
using Answer = model::EvictionVerdict::Answer;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const NodeName kNode("n1");

Arrival at(model::Duration after) {
  return {model::MonoTime{1'000'000'000'000} + after,
          {1'700'000'000'000 + std::chrono::duration_cast<std::chrono::milliseconds>(after).count()}};
}

EvictionRequest request(const std::string& id, const std::string& workload = "",
                        EvictionUrgency urgency = EvictionUrgency::kBatch) {
  return {.id = id,
          .uid = model::PodUid("uid-" + id),
          .name_space = "batch",
          .name = "job-" + id,
          .workload = workload,
          .group = "kubepods/besteffort/pod" + id,
          .reason = Reason::kBeStarved,
          .urgency = urgency};
}

struct Court {
  EvictionArbiter arbiter{model::Epoch(5)};
  model::EvictionRates rates{.per_minute = 1, .per_minute_per_workload = 5};
  EvictionStanding standing;
  Arbitration last;

  model::EvictionVerdict ask(const EvictionRequest& wanted, model::Duration when, const NodeName& node = kNode) {
    last = arbiter.decide(node, {model::Epoch(5), false, {wanted}}, standing, rates, at(when));
    return last.answer.verdicts.at(0);
  }
};

TEST(EvictionArbiter, GrantsUpToTheFleetsRateAndDefersTheRestUntilItIsFree) {
  Court court;
  EXPECT_EQ(court.ask(request("a"), 0s).answer, Answer::kGranted);
  EXPECT_THAT(court.last.granted, ElementsAre("a"));
  EXPECT_EQ(court.last.answer.epoch, model::Epoch(5));
  const auto later = court.ask(request("b"), 18s, NodeName("n2"));
  EXPECT_EQ(later.answer, Answer::kDeferred);
  EXPECT_EQ(later.reason, Reason::kFleetRate);
  EXPECT_EQ(later.retry_after, 42s);
  EXPECT_THAT(later.why, HasSubstr("deferred for 42 s"));
  EXPECT_THAT(court.last.granted, IsEmpty());
  EXPECT_EQ(court.ask(request("b"), 18s + later.retry_after, NodeName("n2")).answer, Answer::kGranted);
}

TEST(EvictionArbiter, WhatWasGrantedIsGrantedAgainAndCountsOnce) {
  Court court;
  court.rates.per_minute = 2;
  court.ask(request("a"), 0s);
  EXPECT_EQ(court.ask(request("a"), 1s).answer, Answer::kGranted);
  EXPECT_THAT(court.last.granted, IsEmpty());
  EXPECT_THAT(court.last.events, IsEmpty()) << "it is no news";
  EXPECT_EQ(court.ask(request("b"), 2s).answer, Answer::kGranted);
  EXPECT_EQ(court.ask(request("a"), 3s, NodeName("n2")).answer, Answer::kDeferred) << "another node's id is another";
}

TEST(EvictionArbiter, ARestartRemembersWhatWasGrantedAndWhen) {
  Court court;
  court.ask(request("a"), 0s);
  const auto text = court.arbiter.to_text(at(10s));
  // Another process, whose monotonic clock began somewhere else.
  const Arrival now{model::MonoTime{5}, at(20s).wall};
  auto restarted = EvictionArbiter::from_text(model::Epoch(6), text, now);
  ASSERT_TRUE(restarted) << restarted.error().message();
  const auto decide = [&](const std::string& id) {
    return restarted->decide(kNode, {model::Epoch(5), false, {request(id)}}, {}, court.rates, now).answer.verdicts[0];
  };
  EXPECT_EQ(decide("a").answer, Answer::kGranted);
  EXPECT_EQ(decide("b").answer, Answer::kDeferred);
  EXPECT_EQ(decide("b").retry_after, 40s);
}

TEST(EvictionArbiter, AGrantIsOfOnePodAlsoAfterARestart) {
  Court court;
  court.rates.per_minute = 10;
  court.ask(request("a"), 0s);
  auto another = request("b");
  another.id = "a";
  EXPECT_EQ(court.ask(another, 1s).reason, Reason::kNotEvictable);
  EXPECT_EQ(court.arbiter.remembered(), 1u);
  auto restarted = EvictionArbiter::from_text(model::Epoch(5), court.arbiter.to_text(at(1s)), at(1s));
  ASSERT_TRUE(restarted);
  court.arbiter = std::move(*restarted);
  EXPECT_EQ(court.ask(another, 2s).reason, Reason::kNotEvictable);
  EXPECT_EQ(court.ask(request("a"), 3s).answer, Answer::kGranted);
}

TEST(EvictionArbiter, AGrantOfACoordinatorThatKeptNoUidsHolds) {
  const std::string text = R"({"grants": [{"node": "n1", "id": "a", "workload": "", "wallMs": 1700000000000}]})";
  auto arbiter = EvictionArbiter::from_text(model::Epoch(5), text, at(1s));
  ASSERT_TRUE(arbiter) << arbiter.error().message();
  Court court;
  court.arbiter = std::move(*arbiter);
  EXPECT_EQ(court.ask(request("a"), 2s).answer, Answer::kGranted);
  EXPECT_THAT(court.last.granted, IsEmpty());
}

TEST(EvictionArbiter, AWallClockThatWentBackMakesNoGrantOlderThanItIs) {
  Court court;
  court.ask(request("a"), 0s);
  const Arrival now{model::MonoTime{5}, {at(0s).wall.ms - 3'600'000}};
  auto restarted = EvictionArbiter::from_text(model::Epoch(6), court.arbiter.to_text(at(0s)), now);
  ASSERT_TRUE(restarted);
  const auto verdict = restarted->decide(kNode, {{}, false, {request("b")}}, {}, court.rates, now).answer.verdicts[0];
  EXPECT_EQ(verdict.retry_after, 60s);
}

TEST(EvictionArbiter, StoredTextThatIsNotItsOwnIsAnError) {
  for (const auto* text : {"", "{}", "[]", R"({"grants": [{"node": 1}]})", R"({"grants": [{"node": "n"}]})"})
    EXPECT_FALSE(EvictionArbiter::from_text(model::Epoch(1), text, at(0s))) << text;
}

TEST(EvictionArbiter, AWorkloadHasARateOfItsOwnAndPodsWithoutAnOwnerHaveNone) {
  Court court;
  court.rates = {.per_minute = 100, .per_minute_per_workload = 2};
  EXPECT_EQ(court.ask(request("a", "Job/etl"), 0s).answer, Answer::kGranted);
  EXPECT_EQ(court.ask(request("b", "Job/etl"), 5s, NodeName("n2")).answer, Answer::kGranted);
  const auto third = court.ask(request("c", "Job/etl"), 10s, NodeName("n3"));
  EXPECT_EQ(third.reason, Reason::kWorkloadRate);
  EXPECT_EQ(third.retry_after, 50s);
  EXPECT_EQ(court.ask(request("d", "Job/other"), 10s).answer, Answer::kGranted);
  auto elsewhere = request("e", "Job/etl");
  elsewhere.name_space = "other";
  EXPECT_EQ(court.ask(elsewhere, 10s).answer, Answer::kGranted) << "an owner is one within its namespace";
  for (const auto* id : {"x", "y", "z"})
    EXPECT_EQ(court.ask(request(id), 11s).answer, Answer::kGranted);
}

TEST(EvictionArbiter, ARateOfNoneIsABrake) {
  Court court;
  court.rates.per_minute = 0;
  EXPECT_EQ(court.ask(request("a"), 0s).answer, Answer::kDeferred);
  EXPECT_EQ(court.ask(request("a"), 1h).answer, Answer::kDeferred);
}

TEST(EvictionArbiter, TheBrakeHoldsAlsoWhatWasGrantedAndIsNotDoneAndThatTakesNobodysPlace) {
  Court court;
  court.rates.per_minute = 2;
  court.ask(request("a"), 0s);
  court.rates.per_minute = 0;
  EXPECT_EQ(court.ask(request("a"), 1s).reason, Reason::kFleetRate);
  court.rates.per_minute = 2;
  EXPECT_EQ(court.ask(request("b"), 2s, NodeName("n2")).answer, Answer::kGranted);
  EXPECT_EQ(court.ask(request("a"), 3s).answer, Answer::kGranted);
  EXPECT_THAT(court.last.granted, IsEmpty());
}

TEST(EvictionArbiter, ServicesGoBeforeBatchAndThenWhoWaitsLongest) {
  Court court;
  court.ask(request("a"), 0s);
  court.ask(request("old"), 10s, NodeName("n2"));
  court.ask(request("young"), 20s, NodeName("n3"));
  const auto urgent = request("urgent", "", EvictionUrgency::kServices);
  EXPECT_EQ(court.ask(urgent, 55s, NodeName("n4")).retry_after, 5s);
  // At 60 s one is free. The others ask first, and must leave it to the urgent one.
  EXPECT_EQ(court.ask(request("young"), 60s, NodeName("n3")).answer, Answer::kDeferred);
  EXPECT_EQ(court.ask(request("old"), 60s, NodeName("n2")).answer, Answer::kDeferred);
  EXPECT_EQ(court.ask(urgent, 61s, NodeName("n4")).answer, Answer::kGranted);
  EXPECT_EQ(court.ask(request("young"), 121s, NodeName("n3")).answer, Answer::kDeferred) << "old waits longer";
  EXPECT_EQ(court.ask(request("old"), 121s, NodeName("n2")).answer, Answer::kGranted);
}

TEST(EvictionArbiter, ANodeThatHasHadItsShareStandsBackForOthersThatWait) {
  Court court;
  court.rates.per_minute = 4;
  EXPECT_EQ(EvictionArbiter::node_share(court.rates), 1u);
  EXPECT_EQ(EvictionArbiter::node_share({.per_minute = 60, .per_minute_per_workload = 5}), 15u);
  // Nobody else wants any.
  for (const auto* id : {"a", "b", "c", "d"})
    EXPECT_EQ(court.ask(request(id), 0s).answer, Answer::kGranted);
  EXPECT_EQ(court.ask(request("theirs"), 50s, NodeName("n2")).answer, Answer::kDeferred);
  for (const auto* id : {"e", "f", "g"})
    EXPECT_EQ(court.ask(request(id), 60s).answer, Answer::kGranted) << "three of four, for one waits";
  EXPECT_EQ(court.ask(request("h", "", EvictionUrgency::kServices), 60s).reason, Reason::kFleetRate)
      << "more urgent, but its node has had three";
  EXPECT_EQ(court.ask(request("theirs"), 60s, NodeName("n2")).answer, Answer::kGranted);
}

TEST(EvictionArbiter, AGrantThatEvictedNobodyUsesUpNoRateAndStaysKnownAlsoAfterARestart) {
  Court court;
  court.rates = {.per_minute = 1, .per_minute_per_workload = 1};
  court.ask(request("a", "Job/etl"), 0s);
  court.arbiter.evicted_nobody(kNode, "a");
  auto restarted = EvictionArbiter::from_text(model::Epoch(5), court.arbiter.to_text(at(1s)), at(1s));
  ASSERT_TRUE(restarted);
  court.arbiter = std::move(*restarted);
  EXPECT_EQ(court.ask(request("a", "Job/etl"), 2s).answer, Answer::kGranted);
  EXPECT_THAT(court.last.granted, IsEmpty()) << "it was before";
  EXPECT_EQ(court.ask(request("b", "Job/etl"), 3s).answer, Answer::kGranted);
  EXPECT_EQ(court.ask(request("c", "Job/etl"), 4s).answer, Answer::kDeferred);
}

TEST(EvictionArbiter, WhoDoesNotComeBackLosesItsPlace) {
  Court court;
  court.ask(request("a"), 0s);
  court.ask(request("lost"), 50s, NodeName("n2"));
  EXPECT_EQ(court.arbiter.waiting(), 1u);
  EXPECT_EQ(court.ask(request("b"), 61s).answer, Answer::kDeferred);
  EXPECT_EQ(court.ask(request("b"), 50s + 10s + EvictionArbiter::kPatience).answer, Answer::kGranted);
}

TEST(EvictionArbiter, DryRunOfEvictionsForCpuSaysNothingOfThoseForMemory) {
  Court court;
  court.rates.per_minute = 60;
  auto for_memory = request("m");
  for_memory.reason = Reason::kNodeMemoryFull;
  auto over_allocated = request("o");
  over_allocated.reason = Reason::kMemoryOverAllocated;
  court.standing.dry_run = true;
  EXPECT_EQ(court.ask(request("a"), 0s).reason, Reason::kDryRun);
  EXPECT_EQ(court.ask(for_memory, 0s).answer, Answer::kGranted);
  EXPECT_EQ(court.ask(over_allocated, 0s).answer, Answer::kGranted);
  court.standing = {.dry_run = false, .holds = {}, .memory_dry_run = true};
  EXPECT_EQ(court.ask(request("a"), 1s).answer, Answer::kGranted);
  EXPECT_EQ(court.ask(for_memory, 1s).reason, Reason::kDryRun);
  EXPECT_EQ(court.ask(over_allocated, 1s).reason, Reason::kDryRun);
}

TEST(EvictionArbiter, NobodyIsEvictedInDryRunOrWhereAnOperatorKeepsTheAgentOff) {
  Court court;
  court.standing.dry_run = true;
  EXPECT_EQ(court.ask(request("a"), 0s).reason, Reason::kDryRun);
  court.standing.dry_run = false;
  const auto refused_by = [&](const std::string& group, bool release) {
    court.standing.holds = {{group, std::nullopt, release, "ann", "tuning"}};
    const auto verdict = court.ask(request("a"), 1s);
    return verdict.answer == Answer::kRefused && verdict.reason == Reason::kHandsOff;
  };
  EXPECT_TRUE(refused_by("kubepods/besteffort", false)) << "above it";
  EXPECT_TRUE(refused_by("kubepods/besteffort/poda/c1", false)) << "in it";
  EXPECT_TRUE(refused_by("", true));
  EXPECT_THAT(court.last.answer.verdicts[0].why, HasSubstr("released by ann: tuning"));
  EXPECT_FALSE(refused_by("kubepods/burstable", false));
}

TEST(EvictionArbiter, AHoldBindsAlsoWhatWasGrantedAndNotDone) {
  Court court;
  court.ask(request("a"), 0s);
  court.standing.holds = {{"", std::nullopt, true, "ann", "tuning"}};
  EXPECT_EQ(court.ask(request("a"), 1s).answer, Answer::kRefused);
}

TEST(EvictionArbiter, ANodeThatHasSeenALaterCoordinatorIsRefused) {
  Court court;
  const auto result = court.arbiter.decide(kNode, {model::Epoch(6), false, {request("a")}}, {}, court.rates, at(0s));
  EXPECT_EQ(result.answer.verdicts[0].answer, Answer::kRefused);
  EXPECT_EQ(result.answer.verdicts[0].reason, Reason::kOldEpoch);
  EXPECT_THAT(result.granted, IsEmpty());
}

TEST(EvictionArbiter, EachDecisionIsAnEventAndADeferralOnce) {
  Court court;
  court.ask(request("a"), 0s);
  ASSERT_THAT(court.last.events, SizeIs(1));
  const auto& granted = court.last.events[0];
  EXPECT_EQ(granted.controller, model::Controller::kCoordinator);
  EXPECT_EQ(granted.reason, Reason::kEvictionGranted);
  EXPECT_EQ(granted.subject, "pod batch/job-a uid-a");
  EXPECT_EQ(granted.old_value, "be-starved, for batch");
  EXPECT_THAT(granted.new_value, HasSubstr("1 of 1"));
  court.ask(request("b"), 1s);
  ASSERT_THAT(court.last.events, SizeIs(1));
  EXPECT_EQ(court.last.events[0].reason, Reason::kFleetRate);
  court.ask(request("b"), 2s);
  EXPECT_THAT(court.last.events, IsEmpty());
  court.ask(request("b"), 61s);
  ASSERT_THAT(court.last.events, SizeIs(1));
  EXPECT_EQ(court.last.events[0].reason, Reason::kEvictionGranted);
}

TEST(EvictionArbiter, AGrantThatIsTakenBackWasNeverGiven) {
  Court court;
  court.ask(request("a"), 0s);
  court.arbiter.take_back(kNode, court.last.granted);
  EXPECT_EQ(court.arbiter.remembered(), 0u);
  EXPECT_EQ(court.ask(request("b"), 1s).answer, Answer::kGranted);
}

TEST(EvictionArbiter, WhatIsRememberedIsBoundedAndTheLastMinuteAlwaysIs) {
  Court court;
  court.rates = {.per_minute = 600, .per_minute_per_workload = 600};
  const std::string padding(500, '\x01');
  const auto request_of = [&](int number) {
    auto made = request(std::to_string(number) + padding);
    made.uid = model::PodUid("u");
    return made;
  };
  std::size_t granted = 0;
  for (int second = 0; second < 300; ++second) {
    for (int i = 0; i < 4; ++i) {
      const auto verdict = court.ask(request_of(second * 4 + i), std::chrono::seconds(second));
      granted += verdict.answer == Answer::kGranted;
    }
  }
  EXPECT_EQ(granted, 1200u) << "240 a minute of 600 bytes have room";
  EXPECT_LT(court.arbiter.remembered(), 1200u);
  EXPECT_GE(court.arbiter.remembered(), 240u);
  EXPECT_LE(court.arbiter.to_text(at(300s)).size(), kMaxEvictionTextBytes);
  Court full;
  full.rates = court.rates;
  Reason reason = Reason::kNone;
  for (int i = 0; i < 600 && reason != Reason::kEvictionBooksFull; ++i)
    reason = full.ask(request_of(i), 0s).reason;
  EXPECT_EQ(reason, Reason::kEvictionBooksFull);
}

TEST(EvictionArbiter, NoMinuteEverHasMoreThanTheRateOverRandomAsksAndRestarts) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  Court court;
  court.rates = {.per_minute = 7, .per_minute_per_workload = 3};
  std::multiset<std::int64_t> grants;  // ns
  std::map<std::string, std::multiset<std::int64_t>> of_workload;
  std::set<std::string> ids;
  model::Duration now = 0s;
  for (int round = 0; round < 5000; ++round) {
    now += std::chrono::milliseconds(random() % 2000);
    if (random() % 50 == 0) {
      auto restarted = EvictionArbiter::from_text(model::Epoch(5), court.arbiter.to_text(at(now)), at(now));
      ASSERT_TRUE(restarted);
      court.arbiter = std::move(*restarted);
    }
    const std::string workload = random() % 4 == 0 ? "" : "Job/" + std::to_string(random() % 3);
    const auto id = std::to_string(random() % 2000);
    const auto urgency = random() % 2 == 0 ? EvictionUrgency::kBatch : EvictionUrgency::kServices;
    court.ask(request(id, workload, urgency), now, NodeName("n" + std::to_string(random() % 5)));
    if (court.last.granted.empty()) continue;
    const auto ns = at(now).mono.ns;
    const auto within = [&](const std::multiset<std::int64_t>& all) {
      return std::distance(all.upper_bound(ns - model::Duration(EvictionArbiter::kWindow).count()), all.end());
    };
    grants.insert(ns);
    ASSERT_LE(within(grants), 7);
    if (workload.empty()) continue;
    of_workload[workload].insert(ns);
    ASSERT_LE(within(of_workload[workload]), 3);
  }
  EXPECT_GT(grants.size(), 100u);
}

}  // namespace
}  // namespace tideline::fleet::eviction_arbiter_test
