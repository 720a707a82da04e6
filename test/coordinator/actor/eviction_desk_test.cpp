#include "coordinator/actor/eviction_desk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/actor/fleet_actor.h"
#include "test/coordinator/actor/actor_fixture.h"

namespace tideline::coordinator {
namespace {

using namespace std::chrono_literals;
using model::NodeName;
using model::Reason;
using Answer = model::EvictionVerdict::Answer;
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
  return {{link::SessionId(1), slot}, NodeName(node), {model::Epoch(3), {request}}};
}

class EvictionsDesk : public testing::Test {
 protected:
  EvictionDesk::Out out() {
    EvictionDesk::Out made;
    made.keep = [this](std::string text, std::uint64_t change) {
      text_ = std::move(text);
      changes_.push_back(change);
    };
    made.note = [this](const NodeName&, std::vector<model::Event> events) {
      events_.insert(events_.end(), events.begin(), events.end());
    };
    made.answer = [this](link::EvictionTicket, model::EvictionAnswer answer) { answers_.push_back(std::move(answer)); };
    made.refuse = [this](link::EvictionTicket, model::Error why) { refused_.push_back(std::move(why)); };
    return made;
  }
  std::string text_;
  std::vector<std::uint64_t> changes_;
  std::vector<model::Event> events_;
  std::vector<model::EvictionAnswer> answers_;
  std::vector<model::Error> refused_;
  EvictionDesk desk_{fleet::EvictionArbiter(model::Epoch(3)), out()};
};

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

}  // namespace
}  // namespace tideline::coordinator
