#include "node-actor/decide/hands_off.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tideline::decide::hands_off_test {
namespace {

using model::Duration;
using model::HandsOff;
using model::MonoTime;
using model::WallTime;
using std::chrono::hours;
using testing::IsEmpty;
using testing::SizeIs;

constexpr MonoTime kNow{1'000'000'000};
constexpr WallTime kWall{1'772'366'400'000};  // 2026-03-01T12:00:00Z

HandsOff order(const std::string& group, Duration remaining = hours(2)) {
  return {group, remaining, false, "ann", "tuning"};
}
HandsOff release() {
  return {"", std::nullopt, true, "bob", "debugging"};
}

TEST(HandsOffHolds, KeepTheAgentOffTheGroupAndAllBelowItUntilTheirEnd) {
  const auto holds = holds_of({order("kubepods/besteffort")}, kNow, kWall);
  const auto last = kNow + hours(2) + Duration(-1);
  EXPECT_NE(covering(holds, "kubepods/besteffort", last), nullptr);
  EXPECT_NE(covering(holds, "kubepods/besteffort/podx", last), nullptr);
  EXPECT_EQ(covering(holds, "kubepods/burstable", kNow), nullptr);
  EXPECT_EQ(covering(holds, "kubepods", kNow), nullptr);
  EXPECT_EQ(covering(holds, "kubepods/besteffort", kNow + hours(2)), nullptr);
}

TEST(HandsOffHolds, TheAgentKeepsOffItsOwnPodForEver) {
  model::Pod own;
  own.name_space = "tideline";
  own.name = "tideline-node-x";
  own.kube_qos = model::KubeQos::kBurstable;
  const std::vector<Hold> holds = {own_hold(own, "kubepods/burstable/podx", "kubepods/besteffort")};
  EXPECT_NE(covering(holds, "kubepods/burstable/podx/c", kNow + hours(100'000)), nullptr);
  EXPECT_EQ(covering(holds, "kubepods/burstable/pody", kNow), nullptr);
  EXPECT_EQ(covering(holds, "kubepods/besteffort", kNow), nullptr);
  EXPECT_EQ(why(holds[0]), "hands off by tideline-node: the agent runs in pod tideline/tideline-node-x");
}

TEST(HandsOffHolds, AnAgentThatIsBestEffortKeepsOffAllWhoseLimitsAreItsOwn) {
  model::Pod own;
  own.name = std::string(400, 'x');
  own.kube_qos = model::KubeQos::kBestEffort;
  const auto hold = own_hold(own, "kubepods/besteffort/podx", "kubepods/besteffort");
  EXPECT_EQ(hold.what.group, "kubepods/besteffort");
  EXPECT_THAT(hold.what.reason, testing::HasSubstr("give it requests"));
  EXPECT_LE(hold.what.reason.size(), model::HandsOffLimits::kMaxTextBytes) << "whatever the pod's name";
}

TEST(HandsOffHolds, ReleaseCoversEverythingForEver) {
  const auto holds = holds_of({release()}, kNow, kWall);
  EXPECT_NE(covering(holds, "kubepods/burstable/podx/c", kNow + hours(100'000)), nullptr);
}

TEST(HandsOffHolds, OfSeveralTheOneThatLastsLongestIsNamed) {
  auto holds = holds_of({order("a", hours(1)), order("a/b", hours(3))}, kNow, kWall);
  EXPECT_EQ(covering(holds, "a/b/c", kNow)->what.group, "a/b");
  holds = holds_of({order("a", hours(1)), order("a/b", hours(3)), release()}, kNow, kWall);
  EXPECT_TRUE(covering(holds, "a/b/c", kNow)->what.release);
}

TEST(HandsOffHolds, SayUntilWhenByWhomAndWhy) {
  EXPECT_EQ(why(holds_of({order("a")}, kNow, kWall)[0]), "hands off until 2026-03-01T14:00:00Z by ann: tuning");
  EXPECT_EQ(why(holds_of({release()}, kNow, kWall)[0]), "released by bob: debugging");
}

TEST(HandsOffHolds, ChangesAreEventsAndARepeatedOrderIsNone) {
  const auto before = holds_of({order("a"), order("b")}, kNow, kWall);
  const auto again = holds_of({order("a", hours(1)), order("b", hours(1))}, kNow + hours(1), kWall);
  EXPECT_THAT(changes(before, again, kWall), IsEmpty());
  const auto events = changes(before, holds_of({order("b"), order("c")}, kNow, kWall), kWall);
  ASSERT_THAT(events, SizeIs(2));
  EXPECT_EQ(events[0].subject, "a");
  EXPECT_TRUE(model::is_over(events[0]));
  EXPECT_EQ(events[1].subject, "c");
  EXPECT_FALSE(model::is_over(events[1]));
  EXPECT_EQ(events[1].controller, model::Controller::kGuard);
}

}  // namespace
}  // namespace tideline::decide::hands_off_test
