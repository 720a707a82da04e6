#include "coordinator/actor/pace_desk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tideline::coordinator::pace_desk_test {
namespace {

using link::SessionId;
using model::Duration;
using model::MonoTime;
using std::chrono::seconds;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::size_t kAll = 1'000'000;

std::vector<SessionId> sessions(std::size_t count) {
  std::vector<SessionId> made;
  for (std::size_t i = 1; i <= count; ++i)
    made.emplace_back(i);
  return made;
}

class Paces : public testing::Test {
 protected:
  /// As a picture each 2 s asks for all of so many.
  Duration picture(std::size_t nodes) { return desk_.watch_all(sessions(nodes), seconds(9), now_); }

  PaceDesk desk_;
  MonoTime now_{1'000'000'000'000};
};

TEST_F(Paces, AllNodesTogetherReportSoOftenASecondAtMost) {
  EXPECT_EQ(picture(0), seconds(1));
  EXPECT_EQ(picture(1), seconds(1));
  EXPECT_EQ(picture(500), seconds(1));
  EXPECT_EQ(picture(501), seconds(2));
  EXPECT_EQ(picture(10'000), seconds(20));
}

TEST_F(Paces, NodesAreToldInSlices) {
  picture(60);
  EXPECT_THAT(desk_.take_due(25), SizeIs(25));
  EXPECT_TRUE(desk_.has_due());
  EXPECT_THAT(desk_.take_due(25), SizeIs(25));
  const auto last = desk_.take_due(25);
  ASSERT_THAT(last, SizeIs(10));
  EXPECT_EQ(last.back().session, SessionId(60));
  EXPECT_EQ(last.back().interval, seconds(1));
  EXPECT_EQ(last.back().length, seconds(9));
  EXPECT_FALSE(desk_.has_due());
}

TEST_F(Paces, WhatIsInForceIsNotToldAgainUntilHalfOfItIsOver) {
  int told = 0;
  for (int second = 0; second < 60; second += 2) {
    picture(1);
    told += static_cast<int>(desk_.take_due(kAll).size());
    now_ = now_ + seconds(2);
  }
  EXPECT_EQ(told, 10) << "each 6 s, and never 9 s apart";
}

TEST_F(Paces, ASlowPaceLastsForSomeReports) {
  picture(10'000);
  const auto orders = desk_.take_due(kAll);
  ASSERT_THAT(orders, SizeIs(10'000));
  EXPECT_EQ(orders[0].interval, seconds(20));
  EXPECT_EQ(orders[0].length, seconds(60));
}

TEST_F(Paces, OneNodeIsWatchedAtASecondAmongManyAndToldBeforeThem) {
  picture(10'000);
  EXPECT_EQ(desk_.watch_one(SessionId(7), 10'000, seconds(9), now_), seconds(1));
  const auto first = desk_.take_due(1);
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_EQ(first[0].session, SessionId(7));
  EXPECT_EQ(first[0].interval, seconds(1));
  EXPECT_THAT(desk_.take_due(kAll), SizeIs(9'999)) << "the slower one, which was on its way, is not sent after it";
  picture(10'000);
  EXPECT_THAT(desk_.take_due(kAll), IsEmpty()) << "it stays the faster one";
  now_ = now_ + seconds(9);
  picture(10'000);
  const auto back = desk_.take_due(kAll);
  ASSERT_THAT(back, SizeIs(1)) << "its own watcher is gone";
  EXPECT_EQ(back[0].session, SessionId(7));
  EXPECT_EQ(back[0].interval, seconds(20));
}

TEST_F(Paces, ManyWatchedOneByOneAreBoundedToo) {
  for (std::uint64_t i = 1; i <= PaceDesk::kReportsPerSecond; ++i)
    EXPECT_EQ(desk_.watch_one(SessionId(i), 10'000, seconds(9), now_), seconds(1));
  EXPECT_EQ(desk_.watch_one(SessionId(501), 10'000, seconds(9), now_), seconds(20));
  EXPECT_EQ(desk_.watch_one(SessionId(1), 10'000, seconds(9), now_), seconds(1)) << "it is one of them";
  desk_.closed(SessionId(2));
  EXPECT_EQ(desk_.watch_one(SessionId(501), 10'000, seconds(9), now_), seconds(1));
}

TEST_F(Paces, ANewSessionIsTold) {
  picture(1);
  desk_.take_due(kAll);
  desk_.closed(SessionId(1));
  picture(2);
  EXPECT_THAT(desk_.take_due(kAll), SizeIs(2));
}

}  // namespace
}  // namespace tideline::coordinator::pace_desk_test
