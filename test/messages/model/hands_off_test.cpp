#include "messages/model/hands_off.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tideline::model::hands_off_test {
namespace {

using testing::HasSubstr;

HandsOff good() {
  return {"kubepods/besteffort", std::chrono::hours(2), false, "ann", "tuning by hand"};
}

std::string refusal(const HandsOff& hands_off) {
  const auto valid = validate(hands_off);
  if (valid) return "accepted";
  EXPECT_EQ(valid.error().code(), ErrorCode::kInvalidArgument);
  return valid.error().message();
}

TEST(HandsOff, CoversItsGroupAndAllBelowItAndNoNamesake) {
  EXPECT_TRUE(covers("kubepods/besteffort", "kubepods/besteffort"));
  EXPECT_TRUE(covers("kubepods/besteffort", "kubepods/besteffort/podx/c"));
  EXPECT_FALSE(covers("kubepods/besteffort", "kubepods"));
  EXPECT_FALSE(covers("kubepods/besteffort", "kubepods/besteffort2"));
  EXPECT_TRUE(covers("", "anything/at/all"));
}

TEST(HandsOff, RefusesAGroupThatIsNoneOfTheTree) {
  EXPECT_EQ(refusal(good()), "accepted");
  for (const std::string group : {"/kubepods", "kubepods/../system", "..", "a//b", "a/./b", "a/", ""}) {
    auto bad = good();
    bad.group = group;
    EXPECT_THAT(refusal(bad), HasSubstr("cgroup")) << group;
  }
  auto longest = good();
  longest.group = std::string(HandsOffLimits::kMaxGroupBytes, 'g');
  EXPECT_EQ(refusal(longest), "accepted");
  longest.group += 'g';
  EXPECT_THAT(refusal(longest), HasSubstr("512"));
}

TEST(HandsOff, RefusesWhatHasNoEndNoReasonOrNobodyBehindIt) {
  auto bad = good();
  bad.remaining = HandsOffLimits::kMaxDuration;
  EXPECT_EQ(refusal(bad), "accepted");
  *bad.remaining += Duration(1);
  EXPECT_THAT(refusal(bad), HasSubstr("7d"));
  bad.remaining = Duration(-1);
  EXPECT_THAT(refusal(bad), HasSubstr("7d"));
  bad.remaining.reset();
  EXPECT_THAT(refusal(bad), HasSubstr("no end"));
  bad = good();
  bad.reason = " \t";
  EXPECT_THAT(refusal(bad), HasSubstr("reason is empty"));
  bad.reason = std::string(HandsOffLimits::kMaxTextBytes + 1, 'r');
  EXPECT_THAT(refusal(bad), HasSubstr("reason has 257 bytes"));
  bad = good();
  bad.who = "";
  EXPECT_THAT(refusal(bad), HasSubstr("who is empty"));
}

TEST(HandsOff, AReleaseIsOfTheWholeTreeAndNeedsNoEnd) {
  HandsOff release{"", std::nullopt, true, "ann", "debugging"};
  EXPECT_EQ(refusal(release), "accepted");
  release.group = "kubepods";
  EXPECT_THAT(refusal(release), HasSubstr("whole tree"));
}

TEST(HandsOff, EventsTellBeginningsFromEnds) {
  const auto begin = begun(good(), {1000}, Controller::kGuard);
  EXPECT_EQ(begin.subject, "kubepods/besteffort");
  EXPECT_EQ(begin.new_value, "hands off by ann: tuning by hand");
  EXPECT_FALSE(is_over(begin));
  const auto end = over(good(), {2000}, Controller::kCoordinator, "ended by bob");
  EXPECT_EQ(end.reason, Reason::kHandsOff);
  EXPECT_EQ(end.old_value, begin.new_value);
  EXPECT_EQ(end.new_value, "ended by bob");
  EXPECT_TRUE(is_over(end));
}

}  // namespace
}  // namespace tideline::model::hands_off_test
