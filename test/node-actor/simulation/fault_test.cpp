#include "node-actor/simulation/fault.h"

#include <gmock/gmock.h>

#include "node-actor/simulation/fault_schedule.h"

namespace tideline::simulation::fault_test {
namespace {

using model::Duration;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

Fault fault(const std::string& text) {
  const auto parsed = parse_fault(text);
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().message());
  return parsed ? *parsed : Fault{};
}

std::string refusal(const std::string& text) {
  const auto parsed = parse_fault(text);
  return parsed ? "taken" : parsed.error().message();
}

TEST(Fault, HasAKindNodesAndATime) {
  const auto loss = fault("link-loss:nodes=3-5,at=30s,for=1m");
  EXPECT_EQ(loss.kind, FaultKind::kLinkLoss);
  EXPECT_EQ(loss.at, seconds(30));
  EXPECT_EQ(loss.length, Duration(seconds(60)));
  EXPECT_FALSE(loss.is_of(2));
  EXPECT_TRUE(loss.is_of(3));
  EXPECT_TRUE(loss.is_of(5));
  EXPECT_FALSE(loss.is_of(6));
  EXPECT_FALSE(loss.is_on(milliseconds(29'999)));
  EXPECT_TRUE(loss.is_on(seconds(30)));
  EXPECT_TRUE(loss.is_on(milliseconds(89'999)));
  EXPECT_FALSE(loss.is_on(seconds(90)));
}

TEST(Fault, WithoutThemItIsOfAllNodesFromBeginToEnd) {
  const auto crash = fault("crash");
  EXPECT_TRUE(crash.is_of(0));
  EXPECT_TRUE(crash.is_of(99'999));
  EXPECT_TRUE(crash.is_on(seconds(0)));
  EXPECT_TRUE(crash.is_on(std::chrono::hours(1000)));
  EXPECT_FALSE(fault("duplicate:nodes=7").is_of(8));
}

TEST(Fault, AmountsHaveTheirKindsKeyAndASignWhereThatMakesSense) {
  EXPECT_EQ(fault("clock-skew:by=-30s").amount, -Duration(seconds(30)));
  EXPECT_EQ(fault("clock-skew:by=+2m,nodes=1").amount, Duration(seconds(120)));
  EXPECT_EQ(fault("slow-disk:delay=500ms").amount, Duration(milliseconds(500)));
  EXPECT_EQ(fault("flap:every=8s").amount, Duration(seconds(8)));
}

TEST(Fault, WhatIsWrongIsNamed) {
  EXPECT_THAT(refusal("fire"), HasSubstr("fault 'fire': 'fire' is none of link-loss, flap, crash"));
  EXPECT_THAT(refusal(""), HasSubstr("is none of"));
  EXPECT_THAT(refusal("crash:nodes=5-3"), HasSubstr("nodes '5-3': the second number is below the first"));
  EXPECT_THAT(refusal("crash:nodes=a-3"), HasSubstr("nodes 'a': want A-B or A"));
  EXPECT_THAT(refusal("crash:at=soon"), HasSubstr("at: \"soon\""));
  EXPECT_THAT(refusal("crash:for=0"), HasSubstr("for: \"0\""));
  EXPECT_THAT(refusal("crash:by=3s"), HasSubstr("'by': want nodes=, at=, for="));
  EXPECT_THAT(refusal("crash:now"), HasSubstr("'now': want key=value"));
  EXPECT_THAT(refusal("clock-skew"), HasSubstr("clock-skew wants by="));
  EXPECT_THAT(refusal("slow-disk:delay=-1s"), HasSubstr("delay: \"-1s\""));
  EXPECT_THAT(refusal("flap:every=100ms"), HasSubstr("every=100ms: want at least 200ms"));
}

TEST(FaultSchedule, TellsBeginsAndEndsOnceAndInOrder) {
  const FaultSchedule schedule({fault("crash:at=20s,for=10s"), fault("link-loss"), fault("duplicate:at=30s,for=5s")});
  using Change = FaultSchedule::Change;
  EXPECT_THAT(schedule.changes(Duration(-1), seconds(0)), ElementsAre(Change{1, true, seconds(0)}));
  EXPECT_THAT(schedule.changes(seconds(0), seconds(30)),
              ElementsAre(Change{0, true, seconds(20)}, Change{0, false, seconds(30)}, Change{2, true, seconds(30)}));
  EXPECT_THAT(schedule.changes(seconds(30), seconds(100)), ElementsAre(Change{2, false, seconds(35)}));
}

TEST(FaultSchedule, EffectsAddUpOnTheirNodesAndInTheirTime) {
  const FaultSchedule schedule({fault("clock-skew:by=5s,nodes=1-2"), fault("clock-skew:by=-1s,nodes=2"),
                                fault("slow-disk:delay=2s"), fault("slow-disk:delay=1s,nodes=1"),
                                fault("duplicate:nodes=1,at=9s"), fault("duplicate:nodes=1"),
                                fault("power-loss:nodes=1,for=5s"), fault("crash:nodes=2,for=5s")});
  const auto one = schedule.effects(1, seconds(0));
  EXPECT_EQ(one.clock_offset, Duration(seconds(5)));
  EXPECT_EQ(one.disk_delay, Duration(seconds(2)));
  EXPECT_EQ(one.duplicates, 1u);
  EXPECT_TRUE(one.host_down);
  EXPECT_FALSE(one.agent_down);
  const auto two = schedule.effects(2, seconds(0));
  EXPECT_EQ(two.clock_offset, Duration(seconds(4)));
  EXPECT_TRUE(two.agent_down);
  EXPECT_EQ(schedule.effects(1, seconds(9)).duplicates, 2u);
  EXPECT_FALSE(schedule.effects(1, seconds(5)).host_down);
  Effects slow;
  slow.disk_delay = seconds(2);
  EXPECT_EQ(schedule.effects(3, seconds(50)), slow);
}

TEST(FaultSchedule, AFlapIsDownFirstAndTurnsAtEachHalf) {
  const FaultSchedule schedule({fault("flap:every=8s,at=10s,for=18s,nodes=0")});
  const auto down = [&](int second) { return schedule.effects(0, seconds(second)).link_down; };
  EXPECT_FALSE(down(9));
  EXPECT_TRUE(down(10));
  EXPECT_TRUE(down(13));
  EXPECT_FALSE(down(14));
  EXPECT_TRUE(down(18));
  EXPECT_FALSE(down(22));
  EXPECT_TRUE(down(27));
  EXPECT_FALSE(down(28));
  EXPECT_TRUE(schedule.effects(0, seconds(14)).flaps);
  std::vector<int> turns;
  std::optional<Duration> at = seconds(0);
  while ((at = schedule.next(*at)))
    turns.push_back(static_cast<int>(std::chrono::duration_cast<seconds>(*at).count()));
  EXPECT_THAT(turns, ElementsAre(10, 14, 18, 22, 26, 28));
}

TEST(FaultSchedule, WithoutFaultsNothingEverChanges) {
  const FaultSchedule schedule;
  EXPECT_FALSE(schedule.next(Duration(-1)));
  EXPECT_EQ(schedule.effects(0, seconds(5)), Effects{});
}

}  // namespace
}  // namespace tideline::simulation::fault_test
