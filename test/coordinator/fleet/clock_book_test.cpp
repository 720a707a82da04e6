#include "coordinator/fleet/clock_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/coordinator/fleet/sender.h"

namespace tideline::fleet::clock_book_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(Clock, TheOffsetIsWhatTheFastestReportShows) {
  FleetView fleet;
  const Sender fast{.wall_error = milliseconds(500)};
  take(fleet, fast.report(1, seconds(0)), milliseconds(80));
  take(fleet, fast.report(2, seconds(10)), seconds(10) + milliseconds(2));
  take(fleet, fast.report(3, seconds(20)), seconds(20) + milliseconds(900));
  EXPECT_EQ(view(fleet, seconds(21)).clock_offset, milliseconds(498));
}

TEST(Clock, AStepOfTheNodesWallClockIsSeenAtOnceAndMisplacesNoBackfill) {
  FleetView fleet;
  ClockBook clocks;
  Sender sender;
  take(fleet, clocks, sender.report(1, seconds(0)), seconds(0));
  const Report before = backfill(sender.report(2, seconds(10)));
  sender.wall_error = -hours(1);
  const Report after = backfill(sender.report(3, seconds(20)));
  take(fleet, clocks, sender.report(90, seconds(600)), seconds(600));
  EXPECT_EQ(view(fleet, seconds(600)).clock_offset, -hours(1));
  // Both were held for minutes; each is corrected by the offset of its own moment.
  EXPECT_EQ(clocks.offset(before, receiver(seconds(601))), seconds(0));
  EXPECT_EQ(clocks.offset(after, receiver(seconds(601))), -hours(1));
}

TEST(Clock, AReceiverThatSteppedIsFollowedAtOnce) {
  ClockBook clocks;
  const Sender sender;
  clocks.learn(sender.report(1, seconds(0)), receiver(seconds(0)));
  Arrival stepped = receiver(seconds(10));
  stepped.wall.ms += 30'000;
  EXPECT_EQ(clocks.offset(sender.report(2, seconds(10)), stepped), -seconds(30));
}

TEST(Clock, AnUnknownNodeIsMeasuredWhenLiveAndTrustedWhenNot) {
  const ClockBook clocks;
  const Sender fast{.wall_error = seconds(5)};
  EXPECT_EQ(clocks.offset(fast.report(1, seconds(0)), receiver(seconds(1))), seconds(4));
  EXPECT_EQ(clocks.offset(backfill(fast.report(1, seconds(0))), receiver(hours(9))), seconds(0));
}

TEST(Clock, IsLearntOfLiveReportsAndOfNodesThatAreKept) {
  ClockBook clocks;
  const Sender fast{.wall_error = seconds(5)};
  const Sender other{.name = "other", .wall_error = seconds(7)};
  const Report asked = backfill(fast.report(9, seconds(5)));
  clocks.learn(backfill(fast.report(1, seconds(0))), receiver(seconds(10)));
  EXPECT_EQ(clocks.size(), 0u) << "what lay in a spool says nothing of now";
  clocks.learn(fast.report(2, seconds(10)), receiver(seconds(10)));
  clocks.learn(other.report(1, seconds(10)), receiver(seconds(10)));
  EXPECT_EQ(clocks.offset(asked, receiver(seconds(20))), seconds(5));
  clocks.keep_only({NodeName("m"), NodeName("other")});
  EXPECT_EQ(clocks.size(), 1u);
  EXPECT_EQ(clocks.offset(asked, receiver(seconds(20))), seconds(0));
}

TEST(Clock, AnotherBootStartsAnew) {
  FleetView fleet;
  ClockBook clocks;
  const Sender first{.wall_error = seconds(5)};
  const Sender second{.boot = "boot-2", .booted = seconds(100)};
  take(fleet, clocks, first.report(1, seconds(0)), seconds(0));
  take(fleet, clocks, second.report(2, seconds(200)), seconds(200));
  EXPECT_EQ(view(fleet, seconds(200)).clock_offset, seconds(0));
  // Of the first boot nothing is known any more but the offset the node has now.
  EXPECT_EQ(clocks.offset(backfill(first.report(3, seconds(10))), receiver(seconds(210))), seconds(0));
}

TEST(Clock, ASuspendedNodeIsNotTakenForALateOne) {
  FleetView fleet;
  ClockBook clocks;
  Sender sender;
  for (std::uint64_t seq = 1; seq <= 20; ++seq)
    take(fleet, clocks, sender.report(seq, seconds(10 * seq)), seconds(10 * seq));
  sender.booted += hours(2);  // CLOCK_MONOTONIC stood still for two hours
  const Report first = sender.report(21, hours(3));
  EXPECT_EQ(clocks.offset(first, receiver(hours(3))), seconds(0));
  EXPECT_THAT(take(fleet, clocks, first, hours(3)).events, IsEmpty());
  EXPECT_EQ(view(fleet, hours(3)).clock_offset, seconds(0));
  take(fleet, sender.report(22, hours(3) + seconds(10)), hours(3) + seconds(12));
  EXPECT_EQ(view(fleet, hours(3)).clock_offset, seconds(0)) << "and its next delay is seen again";
}

TEST(Clock, SkewIsToldOncePerEpisode) {
  FleetView fleet;
  Sender sender{.wall_error = milliseconds(1'900)};
  std::uint64_t seq = 0;
  const auto next = [&] {
    ++seq;
    return take(fleet, sender.report(seq, seconds(seq)), seconds(seq)).events;
  };
  EXPECT_THAT(next(), IsEmpty());
  sender.wall_error = -milliseconds(2'100);
  const auto told = next();
  ASSERT_THAT(reasons(told), ElementsAre(Reason::kClockSkew));
  EXPECT_EQ(told[0].subject, "n");
  EXPECT_EQ(told[0].new_value, "-2.100 s");
  EXPECT_THAT(next(), IsEmpty());
  sender.wall_error = milliseconds(1'500);
  EXPECT_THAT(next(), IsEmpty());
  sender.wall_error = milliseconds(2'500);
  EXPECT_THAT(next(), IsEmpty()) << "1.5 s did not end the episode";
  sender.wall_error = milliseconds(900);
  EXPECT_THAT(next(), IsEmpty());
  sender.wall_error = milliseconds(2'500);
  EXPECT_THAT(reasons(next()), ElementsAre(Reason::kClockSkew));
}

TEST(Clock, HostileStampsStayFinite) {
  FleetView fleet;
  auto report = Sender{}.report(1, seconds(0));
  report.wall = WallTime{253'402'300'799'000};
  report.mono = MonoTime{INT64_MAX};
  EXPECT_THAT(reasons(take(fleet, report, seconds(0)).events), ElementsAre(Reason::kClockSkew));
  report.seq = Seq(2);
  report.mono = MonoTime{0};
  report.wall = WallTime{0};
  take(fleet, report, seconds(1));
  EXPECT_LT(*view(fleet, seconds(1)).clock_offset, seconds(0));
}

}  // namespace
}  // namespace tideline::fleet::clock_book_test
