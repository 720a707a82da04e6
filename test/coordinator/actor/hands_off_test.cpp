#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/actor/fleet_actor.h"
#include "coordinator/actor/hands_off_desk.h"
#include "test/coordinator/actor/actor_fixture.h"

namespace tideline::coordinator::hands_off_test {
namespace {

using model::NodeName;
using std::chrono::hours;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const NodeName kNode("n1");

model::HandsOff order(const std::string& who = "ann") {
  return {"kubepods/besteffort", hours(2), false, who, "tuning"};
}
fleet::Arrival after(model::Duration duration) {
  return {model::MonoTime{1'000} + duration,
          {1'700'000'000'000 + std::chrono::duration_cast<std::chrono::milliseconds>(duration).count()}};
}

class Desk : public testing::Test {
 protected:
  HandsOffDesk::Out out() {
    HandsOffDesk::Out made;
    made.keep = [this](std::string text, std::uint64_t change) {
      text_ = std::move(text);
      changes_.push_back(change);
    };
    made.note = [this](const NodeName&, model::Event event) { events_.push_back(std::move(event)); };
    made.push = [this](const NodeName&, model::HandsOffOrder pushed) { pushed_.push_back(std::move(pushed)); };
    return made;
  }
  admin::Reply<void> reply() {
    return [this](model::Result<void> result) { answers_.push_back(std::move(result)); };
  }
  void begin(const model::HandsOff& hands_off, bool kept = true) {
    desk_.begin(kNode, hands_off, after({}), reply());
    if (kept) desk_.kept(changes_.back(), {}, after({}));
  }

  std::string text_;
  std::vector<std::uint64_t> changes_;
  std::vector<model::Event> events_;
  std::vector<model::HandsOffOrder> pushed_;
  std::vector<model::Result<void>> answers_;
  HandsOffDesk desk_{model::Epoch(3), {}, out()};
};

TEST_F(Desk, AnswersAndTellsTheNodeOnlyWhenTheOrderIsDurable) {
  begin(order(), false);
  EXPECT_THAT(answers_, IsEmpty());
  EXPECT_THAT(pushed_, IsEmpty());
  desk_.kept(changes_.at(0), {}, after({}));
  ASSERT_THAT(answers_, SizeIs(1));
  EXPECT_TRUE(answers_[0].ok());
  ASSERT_THAT(pushed_, SizeIs(1));
  EXPECT_EQ(pushed_[0].epoch, model::Epoch(3));
  ASSERT_THAT(pushed_[0].entries, SizeIs(1));
  EXPECT_EQ(pushed_[0].entries[0], order());
  ASSERT_THAT(events_, SizeIs(1));
  EXPECT_EQ(events_[0].controller, model::Controller::kCoordinator);
  EXPECT_EQ(events_[0].new_value, "hands off by ann: tuning");
}

TEST_F(Desk, OrderThatCouldNotBeKeptIsTakenBack) {
  begin(order("ann"));
  begin(order("bob"), false);
  desk_.kept(changes_.back(), model::Error(model::ErrorCode::kUnavailable, "disk full"), after({}));
  ASSERT_THAT(answers_, SizeIs(2));
  ASSERT_FALSE(answers_[1].ok());
  EXPECT_THAT(answers_[1].error().message(), HasSubstr("not in force: disk full"));
  ASSERT_THAT(desk_.rows(kNode, after({}).mono), SizeIs(1));
  EXPECT_EQ(desk_.rows(kNode, after({}).mono)[0].hands_off.who, "ann");
  EXPECT_THAT(events_, SizeIs(1)) << "what never was in force is no event";
}

TEST_F(Desk, OneOrderAboutAGroupIsKeptAtATime) {
  begin(order("ann"), false);
  begin(order("bob"), false);
  desk_.end(kNode, "kubepods/besteffort", false, "bob", after({}), reply());
  ASSERT_THAT(answers_, SizeIs(2));
  for (const auto& answer : answers_) {
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().code(), model::ErrorCode::kOverloaded);
    EXPECT_THAT(answer.error().message(), HasSubstr("cgroup \"kubepods/besteffort\" of node \"n1\""));
  }
  ASSERT_THAT(changes_, SizeIs(1));
  desk_.kept(changes_[0], model::Error(model::ErrorCode::kUnavailable, "disk full"), after({}));
  EXPECT_THAT(desk_.rows(kNode, after({}).mono), IsEmpty());
  begin(order("bob"));
  EXPECT_TRUE(answers_.back().ok());
  ASSERT_THAT(desk_.rows(kNode, after({}).mono), SizeIs(1));
  EXPECT_EQ(desk_.rows(kNode, after({}).mono)[0].hands_off.who, "bob");
}

TEST_F(Desk, WhatIsTakenBackDoesNotStayInWhatIsKeptBehindIt) {
  begin(order("ann"), false);
  auto other = order("bob");
  other.group = "kubepods/burstable";
  begin(other, false);
  ASSERT_THAT(changes_, SizeIs(2));
  desk_.kept(changes_[0], model::Error(model::ErrorCode::kUnavailable, "disk full"), after({}));
  desk_.kept(changes_[1], {}, after({}));
  auto kept = fleet::HandsOffBook::from_text(text_, after({}));
  ASSERT_TRUE(kept.ok());
  ASSERT_EQ(kept->size(), 1u) << "a restart would bring the other back";
  EXPECT_EQ(kept->rows(kNode, after({}).mono)[0].hands_off.who, "bob");
}

TEST_F(Desk, TellsEachSessionAllThereIsWithTheTimeThatIsLeft) {
  desk_.opened(kNode, after({}));
  ASSERT_THAT(pushed_, SizeIs(1));
  EXPECT_THAT(pushed_[0].entries, IsEmpty()) << "what the node still keeps may be over";
  begin(order());
  desk_.closed(kNode);
  desk_.opened(kNode, after(hours(1)));
  ASSERT_THAT(pushed_.back().entries, SizeIs(1));
  EXPECT_EQ(pushed_.back().entries[0].remaining, model::Duration(hours(1)));
  EXPECT_GT(pushed_.back().number, pushed_[1].number);
}

TEST_F(Desk, ShowsWhatTheNodeSaidToTheNewestOrder) {
  desk_.opened(kNode, after({}));
  begin(order());
  const auto row = [&] { return desk_.rows(NodeName(), after({}).mono).at(0); };
  EXPECT_FALSE(row().told);
  desk_.answered(kNode, pushed_[0].number, "");
  EXPECT_FALSE(row().told) << "that was the empty order";
  desk_.answered(kNode, pushed_[1].number, "cannot");
  EXPECT_EQ(row().problem, "cannot");
  desk_.answered(kNode, pushed_[1].number, "");
  EXPECT_TRUE(row().told);
  desk_.closed(kNode);
  EXPECT_FALSE(row().told);
}

TEST_F(Desk, ExpiryIsAnEventAndForgotten) {
  begin(order());
  desk_.expire(after(hours(2) - model::Duration(1)));
  EXPECT_THAT(events_, SizeIs(1));
  desk_.expire(after(hours(2)));
  ASSERT_THAT(events_, SizeIs(2));
  EXPECT_EQ(events_[1].new_value, "expired");
  EXPECT_TRUE(model::is_over(events_[1]));
  EXPECT_THAT(desk_.rows(kNode, after(hours(2)).mono), IsEmpty());
  EXPECT_EQ(fleet::HandsOffBook::from_text(text_, after({}))->size(), 0u);
}

TEST_F(Desk, EndNamesWhoEndedIt) {
  begin(order());
  desk_.end(kNode, "kubepods/besteffort", false, "bob", after(hours(1)), reply());
  desk_.kept(changes_.back(), {}, after(hours(1)));
  ASSERT_THAT(events_, SizeIs(2));
  EXPECT_EQ(events_[1].new_value, "ended by bob");
  EXPECT_EQ(events_[1].old_value, "hands off by ann: tuning");
  EXPECT_THAT(pushed_.back().entries, IsEmpty());
  desk_.end(kNode, "kubepods/besteffort", false, "bob", after(hours(1)), reply());
  EXPECT_EQ(answers_.back().error().code(), model::ErrorCode::kNotFound);
}

TEST_F(Desk, StartsAgainWithWhatWasKept) {
  begin(order());
  auto book = fleet::HandsOffBook::from_text(text_, after(hours(1)));
  ASSERT_TRUE(book.ok());
  HandsOffDesk next(model::Epoch(4), *book, out());
  next.opened(kNode, after(hours(1)));
  ASSERT_THAT(pushed_.back().entries, SizeIs(1));
  EXPECT_EQ(pushed_.back().epoch, model::Epoch(4));
  EXPECT_EQ(pushed_.back().entries[0].remaining, model::Duration(hours(1)));
}

class FleetHandsOff : public Actors {};

TEST_F(FleetHandsOff, OrderOfAKnownNodeIsKeptAndOfAnUnknownOneRefused) {
  const auto fleet = spawn<FleetActor>(model::Epoch(3), fleet::FleetOptions{}, probe(), std::make_shared<LinkPort>());
  const auto begin = [&](const std::string& node) {
    return ask<void>(fleet, [&](auto reply) { return AskHandsOffBegin{NodeName(node), order(), std::move(reply)}; });
  };
  const auto unknown = begin("nobody");
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().code(), model::ErrorCode::kNotFound);

  caf::anon_send(fleet, Enrolled{session_of("n1", 1)});
  auto promise = std::make_shared<std::promise<model::Result<void>>>();
  auto answer = promise->get_future();
  caf::anon_send(
      fleet, AskHandsOffBegin{kNode, order(), [promise](model::Result<void> result) { promise->set_value(result); }});
  const auto setting = next<KeepSetting>();
  ASSERT_TRUE(setting);
  EXPECT_EQ(setting->key, kHandsOffSetting);
  EXPECT_THAT(setting->value, HasSubstr("kubepods/besteffort"));
  setting->kept({});
  ASSERT_EQ(answer.wait_for(kPatience), std::future_status::ready);
  EXPECT_TRUE(answer.get().ok());
  const auto rows = ask<std::vector<admin::HandsOffRow>>(fleet, [](auto reply) {
    return AskHandsOffList{NodeName(), std::move(reply)};
  });
  ASSERT_TRUE(rows.ok());
  EXPECT_THAT(*rows, SizeIs(1));
}

}  // namespace
}  // namespace tideline::coordinator::hands_off_test
