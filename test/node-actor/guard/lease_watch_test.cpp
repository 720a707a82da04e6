#include "node-actor/guard/lease_watch.h"

#include <gtest/gtest.h>

namespace tideline::guard {
namespace {

using model::Duration;
using model::MonoTime;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kLease = seconds(2);
constexpr Duration kPatience = seconds(10);
constexpr MonoTime kStarted{1'000'000'000'000};
constexpr MonoTime kNone{};

/// Looks as often as it is told to from `now` on; when it calls a worker hung that beats no more.
MonoTime hung_at(LeaseWatch& watch, MonoTime now, MonoTime beat) {
  while (const auto pause = watch.look(now, beat))
    now = now + *pause;
  return now;
}

TEST(LeaseWatch, AWorkerHangsWhenItsLeaseIsOverAndNotALookLater) {
  for (int beats = 1; beats < 20; ++beats) {
    LeaseWatch watch(kLease, kPatience, kStarted);
    const MonoTime last = kStarted + milliseconds(77) * beats;
    MonoTime now = kStarted;
    while (now < last)
      now = now + *watch.look(now, now);
    EXPECT_EQ(hung_at(watch, now, last), last + kLease) << beats;
  }
}

TEST(LeaseWatch, TheFirstBeatMayTakeThePatienceForAStart) {
  LeaseWatch watch(kLease, kPatience, kStarted);
  EXPECT_EQ(hung_at(watch, kStarted, kNone), kStarted + kPatience);
}

TEST(LeaseWatch, AWorkerThatBeatsIsLookedAtFourTimesALease) {
  LeaseWatch watch(kLease, kPatience, kStarted);
  MonoTime now = kStarted;
  for (int i = 0; i < 20; ++i) {
    const auto pause = watch.look(now, now);
    ASSERT_TRUE(pause);
    EXPECT_EQ(*pause, kLease / 4);
    now = now + *pause;
  }
}

TEST(LeaseWatch, ASupervisorThatStoodStillGivesANewLease) {
  LeaseWatch watch(kLease, kPatience, kStarted);
  ASSERT_TRUE(watch.look(kStarted, kStarted));
  const MonoTime thawed = kStarted + seconds(60);
  EXPECT_EQ(hung_at(watch, thawed, kStarted), thawed + kLease);
}

}  // namespace
}  // namespace tideline::guard
