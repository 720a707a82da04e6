#include "node-actor/decide/drift_pace.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tideline::decide::drift_pace_test {
namespace {

using model::MonoTime;
using std::chrono::seconds;
using testing::ElementsAre;

constexpr MonoTime kStart{7'000'000'000};

/// Somebody writes a foreign value each `every` seconds, and each is answered as soon as it may be. The seconds of the
/// answers, for so many seconds.
std::vector<int> answers(DriftPace& pace, int from, int until, int every, bool lower) {
  std::vector<int> found;
  for (int second = from; second < until; ++second) {
    const auto now = kStart + seconds(second);
    if (second % every == 0) pace.found(now, lower);
    if (!pace.stands() || pace.waits(now)) continue;
    pace.answered(now);
    found.push_back(second);
  }
  return found;
}

TEST(DriftPace, TheFirstIsAnsweredAtOnceAndTheNextOnesLaterAndLater) {
  DriftPace pace;
  EXPECT_THAT(answers(pace, 0, 155, 1, false), ElementsAre(0, 1, 3, 7, 15, 31, 61, 91, 121, 151));
}

TEST(DriftPace, WhereBeGetsLessThereIsNoHurry) {
  DriftPace pace;
  EXPECT_THAT(answers(pace, 0, 100, 1, true), ElementsAre(30, 61, 92));
}

TEST(DriftPace, AForeignValueThatTurnsHigherIsAnsweredAtOnce) {
  DriftPace pace;
  pace.found(kStart, true);
  EXPECT_TRUE(pace.waits(kStart + seconds(5)));
  pace.found(kStart + seconds(5), false);
  EXPECT_FALSE(pace.waits(kStart + seconds(5)));
}

TEST(DriftPace, WhoWritesSeldomIsAnsweredAtOnce) {
  DriftPace pace;
  EXPECT_THAT(answers(pace, 0, 200, 45, false), ElementsAre(0, 45, 90, 135, 180));
}

TEST(DriftPace, AfterCalmItBeginsAnew) {
  DriftPace pace;
  answers(pace, 0, 200, 1, false);
  EXPECT_THAT(answers(pace, 261, 270, 1, false), ElementsAre(261, 262, 264, 268));
}

TEST(DriftPace, EachIsToldOnceAndOneThatWentAwayIsNoneAnyMore) {
  DriftPace pace;
  EXPECT_FALSE(pace.stands());
  EXPECT_TRUE(pace.found(kStart, false));
  EXPECT_FALSE(pace.found(kStart + seconds(1), false));
  pace.gone();
  EXPECT_FALSE(pace.stands());
  EXPECT_FALSE(pace.waits(kStart + seconds(1)));
  pace.answered(kStart + seconds(2));
  EXPECT_TRUE(pace.found(kStart + seconds(3), false));
  EXPECT_FALSE(pace.waits(kStart + seconds(3))) << "our own change was no answer";
}

}  // namespace
}  // namespace tideline::decide::drift_pace_test
