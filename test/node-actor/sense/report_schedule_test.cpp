#include "node-actor/sense/report_schedule.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tideline::sense::report_schedule_test {
namespace {

using model::Duration;
using model::MonoTime;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr MonoTime kBegin{1'000'000'000'000};
constexpr Duration kOwn = seconds(10);

std::string name_of(int number) {
  return "node-" + std::to_string(number);
}

/// A thousand nodes that do everything at the same moment, in rounds of 100 ms.
struct Fleet {
  explicit Fleet(Duration own = kOwn) {
    for (int i = 0; i < 1000; ++i) {
      schedules.emplace_back(name_of(i), own);
      schedules.back().start(kBegin);
    }
  }

  /// Reports made in each of the next seconds.
  std::vector<int> run(int count) {
    std::vector<int> made(static_cast<std::size_t>(count));
    for (auto& in_second : made) {
      for (int round = 0; round < 10; ++round) {
        now = now + milliseconds(100);
        for (auto& schedule : schedules) {
          if (!schedule.due(now)) continue;
          schedule.made(now);
          ++in_second;
        }
      }
    }
    return made;
  }
  void ask(Duration interval, Duration length) {
    for (auto& schedule : schedules)
      schedule.ask(interval, length, now);
  }
  void all_report() {
    for (auto& schedule : schedules)
      schedule.made(now);
  }

  std::vector<ReportSchedule> schedules;
  MonoTime now = kBegin;
};

int most(const std::vector<int>& counts) {
  return *std::max_element(counts.begin(), counts.end());
}
int sum(const std::vector<int>& counts) {
  int all = 0;
  for (const int count : counts)
    all += count;
  return all;
}

TEST(ReportSchedule, NodesThatStartTogetherReportSpreadOverTheInterval) {
  Fleet fleet;
  const auto made = fleet.run(20);
  EXPECT_NEAR(sum(made), 2000, 10);
  EXPECT_LE(most(made), 150);
  EXPECT_GE(*std::min_element(made.begin(), made.end()), 50);
}

TEST(ReportSchedule, NodesThatConnectedTogetherAreApartFromTheirSecondReportOn) {
  Fleet fleet;
  fleet.run(3);
  fleet.all_report();
  const auto made = fleet.run(20);
  EXPECT_EQ(sum({made.begin(), made.begin() + 4}), 0) << "none is due that soon after one";
  EXPECT_LE(most(made), 150);
  EXPECT_GE(sum({made.begin(), made.begin() + 15}), 1000) << "nor later than an interval and a half";
}

TEST(ReportSchedule, NodesThatWereWatchedTogetherAreApartAfterwards) {
  Fleet fleet;
  fleet.run(7);
  fleet.ask(seconds(1), seconds(9));
  const auto watched = fleet.run(8);
  EXPECT_NEAR(sum(watched), 8000, 10) << "each of them each second, from the first one on";
  fleet.run(1);
  const auto after = fleet.run(30);
  EXPECT_LE(most(after), 150);
  EXPECT_NEAR(sum(after), 2500, 60) << "none in the half interval after the last";
}

TEST(ReportSchedule, WatchedNodesReportSpreadOverTheShorterInterval) {
  Fleet fleet;
  fleet.ask(seconds(2), seconds(20));
  std::vector<int> tenths;
  for (int round = 0; round < 20; ++round) {
    fleet.now = fleet.now + milliseconds(100);
    tenths.push_back(0);
    for (auto& schedule : fleet.schedules) {
      if (!schedule.due(fleet.now)) continue;
      schedule.made(fleet.now);
      ++tenths.back();
    }
  }
  EXPECT_NEAR(sum(tenths), 1000, 5);
  EXPECT_LE(most(tenths), 100);
}

TEST(ReportSchedule, ANodeAlwaysHasTheSamePhase) {
  ReportSchedule first("n1", kOwn);
  ReportSchedule second("n1", kOwn);
  first.start(kBegin);
  first.start(kBegin + seconds(3));
  second.start(kBegin);
  ASSERT_TRUE(first.next());
  EXPECT_EQ(first.next(), second.next());
  EXPECT_GE(*first.next(), kBegin);
  EXPECT_LT(*first.next(), kBegin + kOwn);
}

TEST(ReportSchedule, AWatchMovesNoInstant) {
  ReportSchedule schedule("n1", kOwn);
  schedule.start(kBegin);
  const MonoTime first = *schedule.next();
  schedule.made(first);
  EXPECT_EQ(*schedule.next(), first + kOwn);
  schedule.ask(seconds(1), seconds(3), first + seconds(2));
  for (int i = 2; i < 5; ++i) {
    EXPECT_EQ(*schedule.next(), first + seconds(i));
    EXPECT_TRUE(schedule.due(first + seconds(i)));
    schedule.made(first + seconds(i));
  }
  EXPECT_FALSE(schedule.due(first + seconds(5)));
  EXPECT_EQ(*schedule.next(), first + kOwn);
}

TEST(ReportSchedule, AskedAgainItGoesOnAsItIsUntilTheNewEnd) {
  ReportSchedule schedule("n1", kOwn);
  schedule.start(kBegin);
  schedule.ask(seconds(1), seconds(3), kBegin);
  const MonoTime first = *schedule.next();
  schedule.made(first);
  schedule.ask(seconds(1), seconds(9), first + milliseconds(10));
  EXPECT_EQ(*schedule.next(), first + seconds(1)) << "asking causes no report";
  EXPECT_TRUE(schedule.due(first + seconds(8)));
}

TEST(ReportSchedule, AskedForLongerThanItsOwnItKeepsItsOwn) {
  ReportSchedule schedule("n1", kOwn);
  schedule.start(kBegin);
  const auto next = schedule.next();
  schedule.ask(seconds(20), seconds(60), kBegin);
  EXPECT_EQ(schedule.next(), next);
}

TEST(ReportSchedule, AskedForLessThanASecondItTakesASecond) {
  ReportSchedule schedule("n1", kOwn);
  schedule.start(kBegin);
  schedule.ask(milliseconds(100), seconds(60), kBegin);
  const MonoTime first = *schedule.next();
  schedule.made(first);
  EXPECT_EQ(*schedule.next(), first + seconds(1));
}

TEST(ReportSchedule, RoundsAsFarApartAsReportsLeaveNoneOut) {
  for (int number = 0; number < 20; ++number) {
    ReportSchedule schedule(name_of(number), kOwn);
    schedule.start(kBegin);
    for (int round = 1; round < 10; ++round) {
      const MonoTime now = kBegin + kOwn * round;
      EXPECT_TRUE(schedule.due(now)) << number << " round " << round;
      schedule.made(now);
    }
  }
}

TEST(ReportSchedule, NothingIsDueBeforeTheStart) {
  ReportSchedule schedule("n1", kOwn);
  EXPECT_FALSE(schedule.due(kBegin));
  schedule.ask(seconds(1), seconds(5), kBegin);
  schedule.made(kBegin);
  EXPECT_FALSE(schedule.next());
  schedule.start(kBegin);
  EXPECT_LE(*schedule.next(), kBegin + seconds(1)) << "asked for before";
}

}  // namespace
}  // namespace tideline::sense::report_schedule_test
