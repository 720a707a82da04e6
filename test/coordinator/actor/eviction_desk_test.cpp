#include "coordinator/actor/eviction_desk.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/actor/fleet_actor.h"
#include "test/coordinator/actor/actor_fixture.h"

namespace tideline::coordinator::eviction_desk_test {
namespace {

using namespace std::chrono_literals;
using model::NodeName;
using model::Reason;
using Answer = model::EvictionVerdict::Answer;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

fleet::Arrival after(model::Duration duration) {
  return {model::MonoTime{1'000'000'000'000} + duration,
          {1'700'000'000'000 + std::chrono::duration_cast<std::chrono::milliseconds>(duration).count()}};
}

link::ArrivedEvictionAsk asked(const std::string& node, const std::string& id, std::uint64_t slot = 1) {
  model::EvictionRequest request;
  request.id = id;
  request.uid = model::PodUid("u-" + id);
  request.name_space = "batch";
  request.name = id;
  return {{link::SessionId(1), slot}, NodeName(node), {model::Epoch(3), false, {request}}};
}

link::ArrivedEvictionAsk asked_through_api(const std::string& node, const std::string& id) {
  auto ask = asked(node, id);
  ask.ask.through_api = true;
  return ask;
}

model::EvictionVerdict verdict(const std::string& id, Answer answer, Reason reason) {
  return {.id = id, .answer = answer, .reason = reason, .why = "so", .retry_after = model::kZeroDuration};
}

class EvictionsDesk : public testing::Test {
 protected:
  EvictionDesk::Out out() {
    EvictionDesk::Out made;
    made.keep = [this](std::string text, std::uint64_t change) {
      text_ = std::move(text);
      if (change != 0) changes_.push_back(change);
    };
    made.note = [this](const NodeName&, std::vector<model::Event> events) {
      events_.insert(events_.end(), events.begin(), events.end());
    };
    made.answer = [this](link::EvictionTicket, model::EvictionAnswer answer) { answers_.push_back(std::move(answer)); };
    made.refuse = [this](link::EvictionTicket, model::Error why) { refused_.push_back(std::move(why)); };
    return made;
  }
  EvictionDesk::Out out_with_kubernetes() {
    auto made = out();
    made.evict = [this](const NodeName& node, const model::EvictionRequest& request, bool again) {
      through_api_.push_back(node.str() + " " + request.id + (again ? " again" : ""));
    };
    made.withdraw = [this](const NodeName& node, const std::string& id) {
      withdrawn_.push_back(node.str() + " " + id);
    };
    return made;
  }
  const model::EvictionVerdict& newest_verdict() const { return answers_.back().verdicts.at(0); }
  std::string text_;
  std::vector<std::uint64_t> changes_;
  std::vector<model::Event> events_;
  std::vector<model::EvictionAnswer> answers_;
  std::vector<model::Error> refused_;
  std::vector<std::string> through_api_;
  std::vector<std::string> withdrawn_;
  EvictionDesk desk_{fleet::EvictionArbiter(model::Epoch(3)), out()};
  EvictionDesk kubernetes_desk_{fleet::EvictionArbiter(model::Epoch(3)), out_with_kubernetes()};
};

TEST(EvictionStandingOf, HasTheDryRunsOfItsPolicyAndEachHold) {
  EXPECT_FALSE(eviction_standing(std::nullopt, {}).dry_run) << "no policy was loaded";
  model::NodePolicy policy;
  policy.dry_run.memory_evict = true;
  const model::HandsOff hold{"kubepods/besteffort", 1h, false, "ann", "tuning"};
  const auto standing = eviction_standing(policy, {{NodeName("n1"), hold, true, ""}});
  EXPECT_FALSE(standing.dry_run);
  EXPECT_TRUE(standing.memory_dry_run);
  EXPECT_THAT(standing.holds, ElementsAre(hold));
  policy.dry_run.cpu_evict = true;
  EXPECT_TRUE(eviction_standing(policy, {}).dry_run);
}

TEST_F(EvictionsDesk, WhileAGrantIsBeingKeptItsNodeIsNotAnsweredAndOthersAre) {
  desk_.asked(asked("n1", "a"), {}, after(0s));
  desk_.asked(asked("n1", "a"), {}, after(2s));
  EXPECT_THAT(answers_, IsEmpty()) << "it would be told of a grant that may be taken back";
  ASSERT_THAT(refused_, SizeIs(1));
  EXPECT_EQ(refused_[0].code(), model::ErrorCode::kOverloaded);
  desk_.asked(asked("n2", "b"), {}, after(2s));
  ASSERT_THAT(changes_, SizeIs(2));
  desk_.kept(changes_[0], {});
  EXPECT_THAT(answers_, SizeIs(1));
  desk_.asked(asked("n1", "a"), {}, after(4s));
  EXPECT_THAT(answers_, SizeIs(2));
}

TEST_F(EvictionsDesk, AGrantGoesOutOnlyWhenItIsDurable) {
  desk_.asked(asked("n1", "a"), {}, after(0s));
  EXPECT_THAT(answers_, IsEmpty());
  EXPECT_THAT(events_, IsEmpty());
  ASSERT_THAT(changes_, SizeIs(1));
  EXPECT_THAT(text_, HasSubstr(R"("id":"a")"));
  desk_.kept(changes_[0], {});
  ASSERT_THAT(answers_, SizeIs(1));
  EXPECT_EQ(answers_[0].verdicts.at(0).answer, Answer::kGranted);
  EXPECT_THAT(events_, SizeIs(1));
}

TEST_F(EvictionsDesk, AGrantThatCouldNotBeKeptIsNoGrant) {
  desk_.set_rates({.per_minute = 1, .per_minute_per_workload = 1});
  desk_.asked(asked("n1", "a"), {}, after(0s));
  desk_.kept(changes_.at(0), model::Error(model::ErrorCode::kUnavailable, "disk full"));
  EXPECT_THAT(answers_, IsEmpty());
  EXPECT_THAT(events_, IsEmpty());
  ASSERT_THAT(refused_, SizeIs(1));
  EXPECT_THAT(refused_[0].message(), HasSubstr("disk full"));
  desk_.asked(asked("n2", "b"), {}, after(1s));
  desk_.kept(changes_.at(1), {});
  EXPECT_EQ(answers_.at(0).verdicts.at(0).answer, Answer::kGranted) << "the rate is not used up";
}

TEST_F(EvictionsDesk, AGrantThatIsTakenBackDoesNotStayInWhatIsKeptBehindIt) {
  desk_.asked(asked("n1", "a"), {}, after(0s));
  desk_.asked(asked("n2", "b"), {}, after(5s));
  ASSERT_THAT(changes_, SizeIs(2));
  desk_.kept(changes_[0], model::Error(model::ErrorCode::kUnavailable, "disk full"));
  desk_.kept(changes_[1], {});
  auto kept = fleet::EvictionArbiter::from_text(model::Epoch(4), text_, after(6s));
  ASSERT_TRUE(kept) << kept.error().message();
  EXPECT_EQ(kept->remembered(), 1u) << "a restart would bring the other back, \"granted before\"";
  EXPECT_THAT(text_, HasSubstr(R"("id":"b")"));
  EXPECT_THAT(text_, HasSubstr(fmt::format(R"("wallMs":{})", after(5s).wall.ms)));
}

TEST_F(EvictionsDesk, WhatIsNotGrantedIsAnsweredAtOnce) {
  desk_.set_rates({.per_minute = 0, .per_minute_per_workload = 1});
  desk_.asked(asked("n1", "a"), {}, after(0s));
  EXPECT_THAT(changes_, IsEmpty());
  ASSERT_THAT(answers_, SizeIs(1));
  EXPECT_EQ(answers_[0].verdicts.at(0).reason, Reason::kFleetRate);
  EXPECT_THAT(events_, SizeIs(1));
}

TEST_F(EvictionsDesk, ANodeThatAsksWithoutEndLeavesNoEventsWithoutEnd) {
  desk_.set_rates({.per_minute = 0, .per_minute_per_workload = 1});
  for (int i = 0; i < 100; ++i)
    desk_.asked(asked("n1", std::to_string(i)), {}, after(std::chrono::milliseconds(10 * i)));
  EXPECT_THAT(answers_, SizeIs(2));
  EXPECT_THAT(refused_, SizeIs(98));
  EXPECT_THAT(events_, SizeIs(2));
  desk_.asked(asked("n2", "a"), {}, after(1s));
  EXPECT_THAT(answers_, SizeIs(3)) << "another node is not kept waiting";
}

TEST_F(EvictionsDesk, ThroughTheApiAGrantIsCarriedOutOnlyWhenItIsDurableAndIsUnderWay) {
  kubernetes_desk_.asked(asked_through_api("n1", "a"), {}, after(0s));
  EXPECT_THAT(through_api_, IsEmpty());
  kubernetes_desk_.kept(changes_.at(0), {});
  EXPECT_THAT(through_api_, ElementsAre("n1 a"));
  EXPECT_EQ(newest_verdict().answer, Answer::kUnderWay);
  EXPECT_EQ(newest_verdict().reason, Reason::kApiEviction);
  ASSERT_THAT(events_, SizeIs(1));
  EXPECT_EQ(events_[0].reason, Reason::kEvictionGranted);
}

TEST_F(EvictionsDesk, AGrantThatCouldNotBeKeptIsNotCarriedOut) {
  kubernetes_desk_.asked(asked_through_api("n1", "a"), {}, after(0s));
  kubernetes_desk_.kept(changes_.at(0), model::Error(model::ErrorCode::kUnavailable, "disk full"));
  EXPECT_THAT(through_api_, IsEmpty());
  EXPECT_THAT(refused_, SizeIs(1));
}

TEST_F(EvictionsDesk, ANodeThatAsksAgainHasItCarriedOutAgainUntilItIsThrough) {
  kubernetes_desk_.asked(asked_through_api("n1", "a"), {}, after(0s));
  kubernetes_desk_.kept(changes_.at(0), {});
  kubernetes_desk_.asked(asked_through_api("n1", "a"), {}, after(1s));
  EXPECT_THAT(through_api_, ElementsAre("n1 a", "n1 a"));
  EXPECT_THAT(changes_, SizeIs(1)) << "what was granted needs no keeping";

  kubernetes_desk_.changed(NodeName("n1"), verdict("a", Answer::kUnderWay, Reason::kDisruptionBudget), after(2s));
  EXPECT_THAT(events_, SizeIs(1));
  kubernetes_desk_.asked(asked_through_api("n1", "a"), {}, after(3s));
  EXPECT_EQ(newest_verdict().reason, Reason::kDisruptionBudget);

  kubernetes_desk_.changed(NodeName("n1"), verdict("a", Answer::kEvicted, Reason::kApiEvicted), after(4s));
  kubernetes_desk_.asked(asked_through_api("n1", "a"), {}, after(5s));
  EXPECT_EQ(newest_verdict().answer, Answer::kEvicted);
  EXPECT_THAT(through_api_, SizeIs(3)) << "it is through";
  ASSERT_THAT(events_, SizeIs(2));
  EXPECT_EQ(events_[1].reason, Reason::kApiEvicted);
  EXPECT_EQ(events_[1].subject, "pod batch/a u-a");
}

TEST_F(EvictionsDesk, OneThatEvictedNobodyUsesUpNoRateUnlessNobodyKnowsWhetherItDid) {
  kubernetes_desk_.set_rates({.per_minute = 1, .per_minute_per_workload = 1});
  kubernetes_desk_.asked(asked_through_api("n1", "a"), {}, after(0s));
  kubernetes_desk_.kept(changes_.at(0), {});
  kubernetes_desk_.changed(NodeName("n1"), verdict("a", Answer::kRefused, Reason::kDisruptionBudget), after(1s));
  kubernetes_desk_.asked(asked_through_api("n2", "b"), {}, after(2s));
  ASSERT_THAT(changes_, SizeIs(2));
  kubernetes_desk_.kept(changes_.at(1), {});
  EXPECT_EQ(newest_verdict().answer, Answer::kUnderWay);
  kubernetes_desk_.changed(NodeName("n2"), verdict("b", Answer::kRefused, Reason::kApiSilent), after(3s));
  kubernetes_desk_.asked(asked_through_api("n3", "c"), {}, after(4s));
  EXPECT_EQ(newest_verdict().reason, Reason::kFleetRate);
}

TEST_F(EvictionsDesk, AfterARestartAnOldGrantIsCarriedOutAsOneThatMayHaveBeenAlready) {
  kubernetes_desk_.asked(asked_through_api("n1", "a"), {}, after(0s));
  kubernetes_desk_.kept(changes_.at(0), {});
  auto kept = fleet::EvictionArbiter::from_text(model::Epoch(4), text_, after(1s));
  ASSERT_TRUE(kept) << kept.error().message();
  EvictionDesk restarted(std::move(*kept), out_with_kubernetes());
  for (const auto later : {2s, 3s})
    restarted.asked(asked_through_api("n1", "a"), {}, after(later));
  EXPECT_THAT(through_api_, ElementsAre("n1 a", "n1 a again", "n1 a again"));
}

TEST_F(EvictionsDesk, WhatIsRefusedOrHeldUpWhileItIsUnderWayIsWithdrawn) {
  for (const auto* node : {"n1", "n2"}) {
    kubernetes_desk_.asked(asked_through_api(node, "a"), {}, after(0s));
    kubernetes_desk_.kept(changes_.back(), {});
  }
  kubernetes_desk_.asked(asked_through_api("n1", "a"), {.dry_run = true, .holds = {}}, after(1s));
  EXPECT_EQ(newest_verdict().reason, Reason::kDryRun);
  EXPECT_THAT(withdrawn_, ElementsAre("n1 a"));
  kubernetes_desk_.set_rates({.per_minute = 0, .per_minute_per_workload = 1});
  kubernetes_desk_.asked(asked_through_api("n2", "a"), {}, after(1s));
  EXPECT_EQ(newest_verdict().reason, Reason::kFleetRate);
  EXPECT_THAT(withdrawn_, ElementsAre("n1 a", "n2 a"));
  EXPECT_THAT(through_api_, SizeIs(2));
}

TEST_F(EvictionsDesk, AHoldADryRunAndTheBrakeWithdrawWhatIsUnderWayBeforeItsNodeAsksAgain) {
  for (const auto* node : {"n1", "n2"}) {
    auto ask = asked_through_api(node, "a");
    ask.ask.requests[0].group = "kubepods/besteffort/poda";
    kubernetes_desk_.asked(ask, {}, after(0s));
    kubernetes_desk_.kept(changes_.back(), {});
  }
  kubernetes_desk_.look_again([](const NodeName&) { return fleet::EvictionStanding{}; });
  EXPECT_THAT(withdrawn_, IsEmpty());
  const auto look = [&](const fleet::EvictionStanding& of_first) {
    withdrawn_.clear();
    kubernetes_desk_.look_again(
        [&](const NodeName& node) { return node == NodeName("n1") ? of_first : fleet::EvictionStanding{}; });
    return withdrawn_;
  };
  EXPECT_THAT(look({.dry_run = true, .holds = {}}), ElementsAre("n1 a"));
  EXPECT_THAT(look({.dry_run = false, .holds = {}, .memory_dry_run = true}), IsEmpty()) << "it is for CPU";
  const auto hold_on = [](const std::string& group) {
    return fleet::EvictionStanding{.dry_run = false, .holds = {{group, std::nullopt, false, "ann", "tuning"}}};
  };
  EXPECT_THAT(look(hold_on("kubepods/besteffort")), ElementsAre("n1 a"));
  EXPECT_THAT(look(hold_on("kubepods/burstable")), IsEmpty());
  kubernetes_desk_.set_rates({.per_minute = 0, .per_minute_per_workload = 1});
  EXPECT_THAT(look({}), ElementsAre("n1 a", "n2 a"));
  kubernetes_desk_.changed(NodeName("n1"), verdict("a", Answer::kEvicted, Reason::kApiEvicted), after(1s));
  EXPECT_THAT(look({}), ElementsAre("n2 a")) << "what was evicted cannot be had back";
}

TEST_F(EvictionsDesk, WhatIsStoppedWhileItsGrantIsBeingKeptIsNotCarriedOut) {
  kubernetes_desk_.asked(asked_through_api("n1", "a"), {}, after(0s));
  kubernetes_desk_.asked(asked_through_api("n2", "b"), {}, after(0s));
  ASSERT_THAT(changes_, SizeIs(2));
  kubernetes_desk_.look_again(
      [](const NodeName& node) { return fleet::EvictionStanding{.dry_run = node == NodeName("n1"), .holds = {}}; });
  kubernetes_desk_.kept(changes_[0], {});
  EXPECT_EQ(newest_verdict().answer, Answer::kDeferred);
  EXPECT_EQ(newest_verdict().reason, Reason::kDryRun);
  kubernetes_desk_.set_rates({.per_minute = 0, .per_minute_per_workload = 1});
  kubernetes_desk_.look_again([](const NodeName&) { return fleet::EvictionStanding{}; });
  kubernetes_desk_.kept(changes_[1], {});
  EXPECT_EQ(newest_verdict().reason, Reason::kFleetRate);
  EXPECT_THAT(through_api_, IsEmpty());
}

TEST_F(EvictionsDesk, WhatIsNotGrantedIsNotCarriedOut) {
  kubernetes_desk_.set_rates({.per_minute = 0, .per_minute_per_workload = 1});
  kubernetes_desk_.asked(asked_through_api("n1", "a"), {}, after(0s));
  EXPECT_EQ(newest_verdict().answer, Answer::kDeferred);
  kubernetes_desk_.asked(asked_through_api("n2", "b"), {.dry_run = true, .holds = {}}, after(0s));
  EXPECT_EQ(newest_verdict().reason, Reason::kDryRun);
  EXPECT_THAT(through_api_, IsEmpty());
}

TEST_F(EvictionsDesk, ANodeThatCarriesOutByItselfDoesSoBesideKubernetes) {
  kubernetes_desk_.asked(asked("n1", "a"), {}, after(0s));
  kubernetes_desk_.kept(changes_.at(0), {});
  EXPECT_EQ(newest_verdict().answer, Answer::kGranted);
  EXPECT_THAT(through_api_, IsEmpty());
}

TEST_F(EvictionsDesk, WithoutKubernetesNothingIsGrantedThroughTheApiAndTheRateIsNotUsedUp) {
  desk_.set_rates({.per_minute = 1, .per_minute_per_workload = 1});
  desk_.asked(asked_through_api("n1", "a"), {}, after(0s));
  ASSERT_THAT(answers_, SizeIs(1));
  EXPECT_EQ(answers_[0].epoch, model::Epoch(3));
  EXPECT_EQ(newest_verdict().answer, Answer::kRefused);
  EXPECT_EQ(newest_verdict().reason, Reason::kNoKubernetes);
  EXPECT_THAT(newest_verdict().why, HasSubstr("--policy-source"));
  ASSERT_THAT(events_, SizeIs(1));
  EXPECT_EQ(events_[0].reason, Reason::kNoKubernetes);
  desk_.asked(asked("n2", "b"), {}, after(0s));
  EXPECT_THAT(changes_, SizeIs(1));
}

TEST_F(EvictionsDesk, ANodeThatIsForgottenIsNotTheOneThatComesUnderItsName) {
  kubernetes_desk_.asked(asked_through_api("n1", "a"), {}, after(0s));
  kubernetes_desk_.kept(changes_.at(0), {});
  kubernetes_desk_.changed(NodeName("n1"), verdict("a", Answer::kEvicted, Reason::kApiEvicted), after(1s));
  kubernetes_desk_.forget(NodeName("n1"));
  kubernetes_desk_.asked(asked_through_api("n1", "a"), {}, after(2s));
  EXPECT_EQ(newest_verdict().answer, Answer::kUnderWay);
}

/// The fleet actor keeps a grant in the store under this name, and tells of it in the node's history.
TEST_F(Actors, AnAskReachesTheStoreAndHistory) {
  const auto fleet = spawn<FleetActor>(model::Epoch(3), fleet::FleetOptions{}, probe(), std::make_shared<LinkPort>());
  caf::anon_send(fleet, EvictionAsked{asked("n1", "a")});
  const auto setting = next<KeepSetting>();
  ASSERT_TRUE(setting);
  EXPECT_EQ(setting->key, kEvictionsSetting);
  setting->kept({});
  const auto events = next<KeepEvents>();
  ASSERT_TRUE(events);
  ASSERT_THAT(events->events, SizeIs(1));
  EXPECT_EQ(events->events[0].node, NodeName("n1"));
  EXPECT_EQ(events->events[0].event.reason, Reason::kEvictionGranted);
}

TEST_F(Actors, AnAskThroughTheApiReachesTheBridgeAndItsEndHistory) {
  const auto fleet = spawn<FleetActor>(model::Epoch(3), fleet::FleetOptions{}, probe(), std::make_shared<LinkPort>(),
                                       fleet::HandsOffBook{}, std::optional<fleet::EvictionArbiter>(),
                                       profile::ProfileBook{}, std::vector<RememberedNode>{}, probe());
  caf::anon_send(fleet, EvictionAsked{asked_through_api("n1", "a")});
  const auto setting = next<KeepSetting>();
  ASSERT_TRUE(setting);
  setting->kept({});
  const auto order = next<EvictThroughApi>();
  ASSERT_TRUE(order);
  EXPECT_EQ(order->node, NodeName("n1"));
  EXPECT_EQ(order->request.uid, model::PodUid("u-a"));
  ASSERT_TRUE(next<KeepEvents>());
  caf::anon_send(fleet, ApiEvictionChanged{NodeName("n1"), verdict("a", Answer::kEvicted, Reason::kApiEvicted)});
  const auto events = next<KeepEvents>();
  ASSERT_TRUE(events);
  ASSERT_THAT(events->events, SizeIs(1));
  EXPECT_EQ(events->events[0].event.reason, Reason::kApiEvicted);
}

class EvictionsUnderWay : public Actors {
 protected:
  void SetUp() override {
    fleet_ = spawn<FleetActor>(model::Epoch(3), fleet::FleetOptions{}, probe(), std::make_shared<LinkPort>(),
                               fleet::HandsOffBook{}, std::optional<fleet::EvictionArbiter>(), profile::ProfileBook{},
                               std::vector<RememberedNode>{}, probe());
    caf::anon_send(fleet_, Enrolled{session_of("n1", 1)});
    caf::anon_send(fleet_, EvictionAsked{asked_through_api("n1", "a")});
    const auto setting = next<KeepSetting>();
    ASSERT_TRUE(setting);
    setting->kept({});
    ASSERT_TRUE(next<EvictThroughApi>());
  }
  void TearDown() override {
    fleet_ = nullptr;
    Actors::TearDown();
  }
  void load(const std::string& config) {
    auto parsed = policy::parse({{"tideline-config", config}});
    ASSERT_TRUE(parsed.ok()) << parsed.error().message();
    caf::anon_send(fleet_,
                   PolicyLoaded{std::make_shared<const policy::ClusterPolicy>(*parsed), model::PolicyVersion(1)});
  }
  void expect_withdrawn() {
    const auto order = next<EvictNoMore>();
    ASSERT_TRUE(order);
    EXPECT_EQ(order->node, NodeName("n1"));
    EXPECT_EQ(order->id, "a");
  }
  caf::actor fleet_ = {};
};

TEST_F(EvictionsUnderWay, AreWithdrawnByTheBrake) {
  load(R"({"clusterStrategy": {"eviction": {"maxPerMinute": 0}}})");
  expect_withdrawn();
}

TEST_F(EvictionsUnderWay, AreWithdrawnByADryRun) {
  load(R"({"clusterStrategy": {"dryRun": {"cpuEvict": true}}})");
  expect_withdrawn();
}

TEST_F(EvictionsUnderWay, AreWithdrawnByARelease) {
  const model::HandsOff release{"", std::nullopt, true, "ann", "tuning"};
  caf::anon_send(fleet_, AskHandsOffBegin{NodeName("n1"), release, [](const model::Result<void>&) {}});
  const auto setting = next<KeepSetting>();
  ASSERT_TRUE(setting);
  setting->kept({});
  expect_withdrawn();
}

}  // namespace
}  // namespace tideline::coordinator::eviction_desk_test
