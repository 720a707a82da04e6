#include "k8s-bridge/api/watch_plan.h"

#include <algorithm>
#include <chrono>
#include <string>

#include <gmock/gmock.h>

namespace tideline::k8s_api::watch_plan_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::StartsWith;
using Kind = WatchPlan::Step::Kind;

constexpr model::Duration kNoTime{0};

WatchedResource pods() {
  WatchedResource resource;
  resource.name = "pods";
  resource.path = "/api/v1/pods";
  resource.page_size = 100;
  return resource;
}

class WatchPlanTest : public testing::Test {
 protected:
  static WatchPlanConfig config() {
    return {.backoff_min = milliseconds(500), .backoff_max = seconds(30), .watch_timeout = minutes(5)};
  }
  /// Listed, and a watch is to begin.
  void list(const std::string& version = "10") {
    ASSERT_EQ(plan_.next().kind, Kind::kPage);
    plan_.on_page(version, "");
  }
  void expect_page(const std::string& path, bool first = true) {
    const auto step = plan_.next();
    EXPECT_EQ(step.kind, Kind::kPage);
    EXPECT_EQ(step.path, path);
    EXPECT_EQ(step.first, first);
  }
  void expect_watch_from(const std::string& version) {
    const auto step = plan_.next();
    EXPECT_EQ(step.kind, Kind::kWatch);
    EXPECT_EQ(step.wait, kNoTime);
    EXPECT_THAT(step.path + "&", HasSubstr("&resourceVersion=" + version + "&"));
  }

  WatchPlan plan_{pods(), config(), 1};
};

TEST_F(WatchPlanTest, ListsInPagesAndThenWatchesFromTheFirstPagesVersion) {
  expect_page("/api/v1/pods?limit=100");
  plan_.on_page("10", "a/b=");
  expect_page("/api/v1/pods?limit=100&continue=a%2Fb%3D", false);
  plan_.on_page("11", "c");
  expect_page("/api/v1/pods?limit=100&continue=c", false);
  plan_.on_page("12", "");
  expect_watch_from("10");
}

TEST_F(WatchPlanTest, TheQueryGoesWithAllOfIt) {
  auto resource = pods();
  resource.query = "labelSelector=a%3Db";
  WatchPlan plan(resource, config(), 1);
  EXPECT_EQ(plan.next().path, "/api/v1/pods?limit=100&labelSelector=a%3Db");
  plan.on_page("10", "");
  EXPECT_THAT(plan.next().path, testing::EndsWith("&resourceVersion=10&labelSelector=a%3Db"));
}

TEST_F(WatchPlanTest, AWatchAsksForBookmarksAndForATimeBetweenOnceAndTwiceTheOneGiven) {
  list();
  std::int64_t least = 1'000'000;
  std::int64_t most = 0;
  for (int i = 0; i < 200; ++i) {
    const auto path = plan_.next().path;
    EXPECT_THAT(path, StartsWith("/api/v1/pods?watch=1&allowWatchBookmarks=true&timeoutSeconds="));
    const auto time = std::stoll(path.substr(path.find("timeoutSeconds=") + 15));
    least = std::min<std::int64_t>(least, time);
    most = std::max<std::int64_t>(most, time);
    plan_.on_ended(minutes(5));
  }
  EXPECT_GE(least, 300);
  EXPECT_LT(least, 330);
  EXPECT_LE(most, 600);
  EXPECT_GT(most, 570);
}

TEST_F(WatchPlanTest, EventsAndBookmarksMoveTheVersion) {
  list();
  expect_watch_from("10");
  plan_.on_event("12");
  plan_.on_event("15");
  EXPECT_TRUE(plan_.on_ended(milliseconds(1)));
  expect_watch_from("15");
  EXPECT_TRUE(plan_.on_ended(seconds(300)));
  expect_watch_from("15");
}

TEST_F(WatchPlanTest, AnEarlyEndWithoutAnEventWaits) {
  list();
  expect_watch_from("10");
  EXPECT_FALSE(plan_.on_ended(milliseconds(900)));
  EXPECT_GT(plan_.next().wait, kNoTime);
}

TEST_F(WatchPlanTest, FailuresWaitLongerAndLongerWithJitter) {
  model::Duration base = milliseconds(500);
  for (int i = 0; i < 12; ++i) {
    plan_.next();
    plan_.on_failed(false, kNoTime);
    const auto step = plan_.next();
    EXPECT_EQ(step.kind, Kind::kPage);
    EXPECT_GE(step.wait, base / 2) << i;
    EXPECT_LE(step.wait, base) << i;
    plan_.on_failed(false, kNoTime);
    base = std::min<model::Duration>(base * 4, seconds(30));
  }
}

TEST_F(WatchPlanTest, AnEventOrAWatchThatLastedEndsTheLongWaits) {
  list();
  const auto fail_often = [this] {
    for (int i = 0; i < 10; ++i) {
      plan_.next();
      plan_.on_failed(false, kNoTime);
    }
    EXPECT_GE(plan_.next().wait, seconds(15));
  };
  fail_often();
  plan_.on_event("11");
  plan_.on_failed(false, seconds(1));
  EXPECT_LE(plan_.next().wait, milliseconds(500));
  fail_often();
  plan_.on_failed(false, seconds(6));
  EXPECT_LE(plan_.next().wait, milliseconds(500));
}

TEST_F(WatchPlanTest, ALongRunOfFailuresOverflowsNothing) {
  for (int i = 0; i < 200; ++i) {
    plan_.next();
    plan_.on_failed(true, kNoTime);
  }
  EXPECT_LE(plan_.next().wait, seconds(30));
}

TEST_F(WatchPlanTest, AFailedListBeginsAnew) {
  expect_page("/api/v1/pods?limit=100");
  plan_.on_page("10", "more");
  expect_page("/api/v1/pods?limit=100&continue=more", false);
  plan_.on_failed(false, kNoTime);
  expect_page("/api/v1/pods?limit=100");
}

TEST_F(WatchPlanTest, ABrokenWatchResumesAndIsNotListedAnew) {
  list();
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(plan_.next().kind, Kind::kWatch);
    plan_.on_failed(false, kNoTime);
  }
}

TEST_F(WatchPlanTest, ThreeRefusalsInARowListAnew) {
  list();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(plan_.next().kind, Kind::kWatch);
    plan_.on_failed(true, kNoTime);
  }
  EXPECT_EQ(plan_.next().kind, Kind::kWatch);
  plan_.on_event("11");  // in between all is well
  plan_.on_failed(true, kNoTime);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(plan_.next().kind, Kind::kWatch) << i;
    plan_.on_failed(true, kNoTime);
  }
  EXPECT_EQ(plan_.next().kind, Kind::kPage);
}

TEST_F(WatchPlanTest, AVersionThatIsGoneIsListedAnewAtOnceButNotOverAndOver) {
  list();
  expect_watch_from("10");
  EXPECT_TRUE(plan_.on_gone());
  auto step = plan_.next();
  EXPECT_EQ(step.kind, Kind::kPage);
  EXPECT_EQ(step.wait, kNoTime);
  plan_.on_page("20", "");
  expect_watch_from("20");
  EXPECT_FALSE(plan_.on_gone());
  step = plan_.next();
  EXPECT_EQ(step.kind, Kind::kPage);
  EXPECT_GT(step.wait, kNoTime);
  plan_.on_page("30", "");
  expect_watch_from("30");
  plan_.on_event("31");
  EXPECT_TRUE(plan_.on_gone()) << "an event in between ends the row";
  EXPECT_EQ(plan_.next().wait, kNoTime);
}

TEST_F(WatchPlanTest, APageTokenThatIsGoneListsAnew) {
  expect_page("/api/v1/pods?limit=100");
  plan_.on_page("10", "more");
  expect_page("/api/v1/pods?limit=100&continue=more", false);
  EXPECT_TRUE(plan_.on_gone());
  expect_page("/api/v1/pods?limit=100");
}

TEST_F(WatchPlanTest, WhatCannotBeReadListsAnewAfterAWait) {
  list();
  expect_watch_from("10");
  plan_.on_unreadable();
  const auto step = plan_.next();
  EXPECT_EQ(step.kind, Kind::kPage);
  EXPECT_GT(step.wait, kNoTime);
}

TEST_F(WatchPlanTest, APageTooLongIsHalvedDownToTenInTheSamePlace) {
  expect_page("/api/v1/pods?limit=100");
  plan_.on_page("10", "more");
  for (const char* limit : {"100", "50", "25", "12", "10"}) {
    expect_page(std::string("/api/v1/pods?limit=") + limit + "&continue=more", false);
    EXPECT_EQ(plan_.on_page_too_long(), std::string(limit) != "10");
  }
  const auto step = plan_.next();
  EXPECT_EQ(step.path, "/api/v1/pods?limit=10") << "a failed list begins anew";
  EXPECT_GT(step.wait, kNoTime);
}

TEST(Escaped, LeavesNothingThatEndsAValue) {
  EXPECT_EQ(escaped("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(escaped("a b&c=d%e/f\r\n\xff"), "a%20b%26c%3Dd%25e%2Ff%0D%0A%FF");
}

}  // namespace
}  // namespace tideline::k8s_api::watch_plan_test
