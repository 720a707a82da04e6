#include "coordinator/fleet/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "messages/model/hands_off.h"

namespace tideline::fleet::explain_test {
namespace {

using model::Controller;
using model::Event;
using model::Reason;
using model::WallTime;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::int64_t kMinute = 60'000;
constexpr const char* kQuota = "kubepods/besteffort/cpu.cfs_quota_us";

Event write(std::int64_t minute, const std::string& file, const std::string& old_value, const std::string& new_value,
            Reason reason = Reason::kThresholdFormula, Controller controller = Controller::kCpuSuppress) {
  return {{minute * kMinute}, controller, reason, file, old_value, new_value};
}
Explanation at(const std::vector<Event>& events, std::int64_t minute, std::string_view part = "") {
  return explain(events, {minute * kMinute}, part);
}

TEST(Explain, GivesTheLastChangeOfEachFileAtOrBeforeTheInstant) {
  const std::vector<Event> events = {
      write(1, kQuota, "-1", "100"), write(5, kQuota, "100", "200"),
      write(6, "kubepods/podx/cpu.shares", "2", "512", Reason::kQosClass, Controller::kCpuQos),
      write(9, kQuota, "200", "300", Reason::kGrowthCapped)};
  const auto then = at(events, 5);
  ASSERT_THAT(then.files, SizeIs(1));
  EXPECT_EQ(then.files[0].value, "200");
  EXPECT_EQ(then.files[0].old_value, "100");
  EXPECT_EQ(then.files[0].at.ms, 5 * kMinute);
  EXPECT_EQ(then.files[0].changes_last_hour, 2u);
  const auto now = at(events, 100);
  ASSERT_THAT(now.files, SizeIs(2));
  EXPECT_EQ(now.files[0].value, "300");
  EXPECT_EQ(now.files[0].reason, Reason::kGrowthCapped);
  EXPECT_EQ(now.files[1].file, "kubepods/podx/cpu.shares");
  EXPECT_EQ(now.files[1].controller, Controller::kCpuQos);
  EXPECT_THAT(at(events, 0).files, IsEmpty());
}

TEST(Explain, CountsTheChangesOfTheHourBeforeTheInstantOnly) {
  std::vector<Event> events;
  for (int minute = 0; minute < 180; minute += 10)
    events.push_back(write(minute, kQuota, "1", "2"));
  EXPECT_EQ(at(events, 100).files[0].changes_last_hour, 6u) << "50..100: the one at 40 is an hour old";
  EXPECT_EQ(at(events, 1000).files[0].changes_last_hour, 0u);
}

TEST(Explain, ForeignValueIsWhatTheFileHoldsUntilItIsOvercome) {
  // A drift says what was found, and what the agent wants there instead.
  const std::vector<Event> events = {write(1, kQuota, "-1", "100"), write(2, kQuota, "777", "100", Reason::kDrift)};
  auto file = at(events, 3).files.at(0);
  EXPECT_EQ(file.value, "777");
  EXPECT_EQ(file.old_value, "100");
  EXPECT_EQ(file.reason, Reason::kDrift);
  auto overcome = events;
  overcome.push_back(write(2, kQuota, "777", "100"));
  file = at(overcome, 3).files.at(0);
  EXPECT_EQ(file.value, "100");
  EXPECT_EQ(file.reason, Reason::kThresholdFormula);
  EXPECT_EQ(file.changes_last_hour, 3u);
  EXPECT_EQ(file.drifts_last_hour, 1u);
}

TEST(Explain, EvictionsForMemoryAreListedAndWhatBefallsAPodIsNoFile) {
  const std::vector<Event> events = {
      write(1, "kubepods/besteffort/memory.high", "max", "1073741824", Reason::kBeTightened, Controller::kMemoryRelief),
      write(2, "pod shop/etl-1 u1", "", "memory at 97 %", Reason::kNodeMemoryFull, Controller::kMemoryEvict),
      write(3, "pod shop/etl-2 u2", "running", "killed", Reason::kEmergencyKill, Controller::kMemoryRelief)};
  const auto told = at(events, 4);
  ASSERT_THAT(told.files, SizeIs(1));
  EXPECT_EQ(told.files[0].file, "kubepods/besteffort/memory.high");
  ASSERT_THAT(told.evictions, SizeIs(1)) << "an emergency kill is none";
  EXPECT_EQ(told.evictions[0].reason, Reason::kNodeMemoryFull);
}

TEST(Explain, MarksWhatWasPutBackAsOriginal) {
  for (const auto reason :
       {Reason::kRestore, Reason::kRelease, Reason::kNoLongerWanted, Reason::kSafeState, Reason::kDisabled}) {
    EXPECT_TRUE(at({write(1, kQuota, "100", "-1", reason, Controller::kGuard)}, 2).files.at(0).original)
        << name_of(reason);
  }
  EXPECT_FALSE(at({write(1, kQuota, "100", "-1")}, 2).files.at(0).original);
}

TEST(Explain, WhatWasOnlyDecidedChangedNoFile) {
  EXPECT_THAT(at({write(1, kQuota, "-1", "100", Reason::kDryRun)}, 2).files, IsEmpty());
}

TEST(Explain, ShowsWhatADryRunWouldWriteAndWhoWasOverruled) {
  const auto dry = [](std::int64_t minute, const std::string& would_be) {
    return write(minute, kQuota, "-1", would_be, Reason::kDryRun, Controller::kCpuSuppress);
  };
  const auto overruled = write(2, kQuota, "-1", "500 (batch-limit)", Reason::kOverruled, Controller::kBatchLimits);
  std::vector<Event> events = {dry(1, "100 (threshold-formula)"), overruled, dry(3, "200 (growth-capped)")};
  const auto all = at(events, 4);
  EXPECT_THAT(all.files, IsEmpty());
  ASSERT_THAT(all.unwritten, SizeIs(2));
  EXPECT_EQ(all.unwritten[0], (UnwrittenValue{kQuota, "200 (growth-capped)", "-1", Controller::kCpuSuppress,
                                              Reason::kDryRun, WallTime{3 * kMinute}}));
  EXPECT_EQ(all.unwritten[1].controller, Controller::kBatchLimits);
  EXPECT_EQ(all.unwritten[1].reason, Reason::kOverruled);
  EXPECT_EQ(at(events, 2).unwritten.at(0).value, "100 (threshold-formula)");
  EXPECT_THAT(at(events, 4, "shares").unwritten, IsEmpty());
  events.push_back(dry(5, ""));
  EXPECT_THAT(at(events, 6).unwritten, SizeIs(1)) << "it is so no longer";
}

TEST(Explain, AMechanismThatWroteSinceIsInDryRunNoMore) {
  std::vector<Event> events = {
      write(1, kQuota, "-1", "100 (threshold-formula)", Reason::kDryRun, Controller::kCpuSuppress),
      write(2, kQuota, "100", "-1", Reason::kDisabled, Controller::kCpuSuppress)};
  EXPECT_THAT(at(events, 3).unwritten, SizeIs(1)) << "what it had there before went back";
  events.push_back(write(4, kQuota, "-1", "200"));
  EXPECT_THAT(at(events, 5).unwritten, IsEmpty());
}

TEST(Explain, AnEvictionInDryRunIsNoFile) {
  EXPECT_EQ(
      at({write(1, "pod shop/etl-1 u1", "", "would be evicted: be-starved", Reason::kDryRun, Controller::kCpuEvict)},
         2),
      Explanation{});
}

TEST(Explain, SaysWhereAChangeMayNotBeTheLast) {
  const std::string shares = "kubepods/podx/cpu.shares";
  std::vector<Event> events = {write(1, kQuota, "-1", "100"), write(2, shares, "2", "512"),
                               write(3, "events", "", "12 or more", Reason::kEventsLost, Controller::kGuard),
                               write(4, kQuota, "100", "200")};
  auto all = at(events, 5);
  ASSERT_THAT(all.files, SizeIs(2));
  EXPECT_FALSE(all.files[0].events_lost_since) << "it was told of after the loss";
  EXPECT_TRUE(all.files[1].events_lost_since);
  EXPECT_EQ(all.events_lost, WallTime{3 * kMinute});
  EXPECT_TRUE(at(events, 5, "shares").files.at(0).events_lost_since) << "also where only that file is asked for";
  EXPECT_EQ(at(events, 2).events_lost, std::nullopt);
  events.push_back(write(6, "host-1", "", "3 reports dropped", Reason::kGap, Controller::kCoordinator));
  all = at(events, 7);
  EXPECT_TRUE(all.files[0].events_lost_since) << "so it is with lost reports";
  EXPECT_EQ(all.events_lost, WallTime{6 * kMinute});
}

TEST(Explain, NamesEvictedPodsNewestFirst) {
  const std::vector<Event> events = {
      write(1, "shop/etl-1", "", "satisfaction 21 %", Reason::kBeStarved, Controller::kCpuEvict),
      write(2, "shop/etl-2", "", "node at 97 %", Reason::kNodeCpuFull, Controller::kCpuEvict)};
  const auto all = at(events, 3);
  ASSERT_THAT(all.evictions, SizeIs(2));
  EXPECT_EQ(all.evictions[0].pod, "shop/etl-2");
  EXPECT_EQ(all.evictions[0].reason, Reason::kNodeCpuFull);
  EXPECT_EQ(all.evictions[1].detail, "satisfaction 21 %");
  EXPECT_THAT(all.files, IsEmpty());
}

TEST(Explain, ShowsWhatTheCoordinatorSaidOfAnEviction) {
  const std::vector<Event> events = {
      write(1, "pod shop/etl-1 u1", "be-starved, for batch", "deferred for 42 s", Reason::kFleetRate,
            Controller::kCoordinator),
      write(2, "pod shop/etl-1 u1", "be-starved, for batch", "refused: hands off by ann: tuning", Reason::kHandsOff,
            Controller::kCoordinator),
      write(3, "pod shop/etl-1 u1", "be-starved, for batch", "granted: 1 of 60", Reason::kEvictionGranted,
            Controller::kCoordinator),
      write(4, "pod shop/etl-2 u2", "running", "phase Succeeded", Reason::kBePodCompleted, Controller::kBeWork)};
  const auto all = at(events, 5);
  ASSERT_THAT(all.evictions, SizeIs(3)) << "a pod that ended by itself was not evicted";
  EXPECT_EQ(all.evictions[0].reason, Reason::kEvictionGranted);
  EXPECT_EQ(all.evictions[1].detail, "refused: hands off by ann: tuning");
  EXPECT_EQ(all.evictions[2].reason, Reason::kFleetRate);
  EXPECT_THAT(all.hands_off, IsEmpty());
  EXPECT_THAT(all.files, IsEmpty());
}

TEST(Explain, GivesTheNewestWordOnEachGroupThatIsLeftAlone) {
  const model::HandsOff order{"kubepods/besteffort", std::chrono::hours(2), false, "ann", "tuning"};
  std::vector<Event> events = {model::begun(order, {kMinute}, Controller::kCoordinator),
                               model::begun(order, {kMinute + 1}, Controller::kGuard)};
  auto notes = at(events, 2).hands_off;
  ASSERT_THAT(notes, SizeIs(1));
  EXPECT_EQ(notes[0].text, "hands off by ann: tuning");
  EXPECT_EQ(notes[0].by, Controller::kGuard);
  EXPECT_FALSE(notes[0].over);
  events.push_back(model::over(order, {2 * kMinute}, Controller::kGuard, "expired"));
  notes = at(events, 2).hands_off;
  EXPECT_TRUE(notes.at(0).over);
  EXPECT_EQ(notes.at(0).text, "expired (hands off by ann: tuning)");
}

TEST(Explain, LeavesOutTheCoordinatorsOwnEventsAndWhatWasNotAskedFor) {
  const std::vector<Event> events = {
      write(1, "dir:/etc/tideline/policy", "1", "2", Reason::kPolicyApplied, Controller::kCoordinator),
      write(1, kQuota, "-1", "100"), write(1, "kubepods/podx/cpu.shares", "2", "512")};
  EXPECT_THAT(at(events, 2).files, SizeIs(2));
  const auto some = at(events, 2, "shares");
  ASSERT_THAT(some.files, SizeIs(1));
  EXPECT_EQ(some.files[0].file, "kubepods/podx/cpu.shares");
}

TEST(Explain, StretchesFromNewToOldGiveTheSameAsAllAtOnce) {
  std::vector<Event> events;
  for (int i = 0; i < 60; ++i) {
    const auto reason = i % 7 == 0 ? Reason::kDrift : Reason::kThresholdFormula;
    events.push_back(write(i * 3, "g/f" + std::to_string(i % 5), std::to_string(i), std::to_string(i + 1), reason));
  }
  Explainer explainer({100 * kMinute}, "");
  for (std::size_t end = events.size(); end > 0;) {
    const std::size_t begin = end < 7 ? 0 : end - 7;
    explainer.add_older(
        {events.begin() + static_cast<std::ptrdiff_t>(begin), events.begin() + static_cast<std::ptrdiff_t>(end)});
    end = begin;
  }
  EXPECT_EQ(explainer.take(), at(events, 100));
}

TEST(Explain, IsBoundedAndKeepsTheNewestFiles) {
  std::vector<Event> events;
  for (std::size_t i = 0; i < ExplainLimits::kMaxFiles + 10; ++i)
    events.push_back(write(static_cast<std::int64_t>(i), "g/f" + std::to_string(i), "a", "b"));
  const auto all = explain(events, {INT64_MAX});
  EXPECT_TRUE(all.rows_cut);
  EXPECT_THAT(all.files, SizeIs(ExplainLimits::kMaxFiles));
  for (const auto& file : all.files)
    EXPECT_NE(file.file, "g/f0");
}

}  // namespace
}  // namespace tideline::fleet::explain_test
