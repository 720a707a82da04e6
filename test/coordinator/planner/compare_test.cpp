#include "coordinator/planner/compare.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/planner/replay_fields.h"

namespace tideline::planner::compare_test {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::int64_t kComparedBegin = 1'372'845'600;  // 2013-07-03T10:00:00Z

ReplayEvent event_at(ReplayEventKind kind, std::uint32_t host, std::int64_t begin_min, std::int64_t end_min,
                     double cores = 1) {
  return {.kind = kind,
          .host = host,
          .begin_s = kComparedBegin + begin_min * 60,
          .end_s = kComparedBegin + end_min * 60,
          .cores = cores};
}

ReplayEvent violation(std::uint32_t host, std::int64_t begin_min, std::int64_t end_min) {
  return event_at(ReplayEventKind::kViolation, host, begin_min, end_min);
}

/// Ten hosts over a day.
SavedReplay saved_with(std::string name, std::vector<ReplayEvent> events = {}) {
  SavedReplay saved;
  saved.name = std::move(name);
  saved.data = "bitbrains";
  saved.result.hosts = 10;
  saved.result.begin_s = kComparedBegin;
  saved.result.end_s = kComparedBegin + 86'400;
  saved.result.step_s = 300;
  saved.result.events = std::move(events);
  return saved;
}

Comparison compared(const std::vector<SavedReplay>& replays) {
  auto comparison = compare(replays);
  if (!comparison) {
    ADD_FAILURE() << comparison.error().message();
    return {};
  }
  return *std::move(comparison);
}

const ComparedEvents& events_of(const Comparison& comparison, ReplayEventKind kind) {
  static const ComparedEvents kNone{};
  for (const ComparedEvents& each : comparison.events) {
    if (each.kind == kind) return each;
  }
  ADD_FAILURE() << "no events of " << name_of(kind);
  return kNone;
}

std::vector<std::string> differing_violations(const std::vector<SavedReplay>& replays) {
  return events_of(compared(replays), ReplayEventKind::kViolation).differ;
}

const ComparedRow& row_of(const Comparison& comparison, const std::string& what) {
  static const ComparedRow kNone{};
  for (const ComparedRow& row : comparison.rows) {
    if (row.what == what) return row;
  }
  ADD_FAILURE() << "no row " << what;
  return kNone;
}

TEST(Compare, TakesTwoAtLeast) {
  const std::vector<SavedReplay> one = {saved_with("A")};
  EXPECT_FALSE(compare({}));
  const auto comparison = compare(one);
  ASSERT_FALSE(comparison);
  EXPECT_EQ(comparison.error().code(), model::ErrorCode::kInvalidArgument);
  EXPECT_THAT(comparison.error().message(), HasSubstr("want two"));
}

TEST(Compare, EveryTotalIsARowWithItsUnitInTheOrderGiven) {
  SavedReplay a = saved_with("A");
  SavedReplay b = saved_with("B");
  double next = 1;
  for (SavedReplay* each : {&a, &b}) {
    const auto count_up = [&next](const char*, const char*, const char*, auto& value) {
      value = static_cast<std::remove_reference_t<decltype(value)>>(next++);
    };
    totals_fields(count_up, each->result.totals);
  }
  const Comparison comparison = compared({a, b});
  EXPECT_THAT(comparison.names, ElementsAre("A", "B"));
  const auto check = [&](const char*, const char* what, const char* unit, const auto& value) {
    const ComparedRow& row = row_of(comparison, what);
    EXPECT_EQ(row.unit, unit);
    ASSERT_THAT(row.values, SizeIs(2)) << what;
    EXPECT_EQ(row.values[0], static_cast<double>(value)) << what;
    EXPECT_EQ(row.values[1], static_cast<double>(value) + (next - 1) / 2) << what;
  };
  totals_fields(check, a.result.totals);
  std::set<std::string> whats;
  for (const ComparedRow& row : comparison.rows)
    EXPECT_TRUE(whats.insert(row.what).second) << row.what << " comes twice";
}

TEST(Compare, SharesAreOfWhatTheyAreSharesOf) {
  SavedReplay a = saved_with("A");
  a.result.totals.capacity_core_h = 200;
  a.result.totals.offered_core_h = 50;
  a.result.totals.violation_checks = 1'000;
  a.result.totals.violations = 5;
  a.result.totals.batch_used_core_h = 40;
  a.result.totals.batch_wasted_core_h = 10;
  a.result.completion_p90_s = 77;
  const Comparison comparison = compared({a, saved_with("B")});
  EXPECT_THAT(row_of(comparison, "offered of capacity").values, ElementsAre(25, 0));
  EXPECT_THAT(row_of(comparison, "violation rate").values, ElementsAre(0.5, 0));
  EXPECT_THAT(row_of(comparison, "wasted of batch used").values, ElementsAre(25, 0)) << "and nothing of nothing is 0";
  EXPECT_THAT(row_of(comparison, "completion p90").values, ElementsAre(77, 0));
  EXPECT_THAT(row_of(comparison, "hosts").values, ElementsAre(10, 10));
}

TEST(Compare, NamesAnEventThatOnlyOneHas) {
  const SavedReplay a = saved_with("A", {event_at(ReplayEventKind::kDeficit, 7, 0, 35, 3.2)});
  const Comparison comparison = compared({a, saved_with("B")});
  const ComparedEvents& deficits = events_of(comparison, ReplayEventKind::kDeficit);
  EXPECT_THAT(deficits.counts, ElementsAre(1, 0));
  EXPECT_THAT(deficits.differ, ElementsAre("node-0007 2013-07-03T10:00:00Z 35 min, 3.2 cores: in A, not in B"));
  EXPECT_THAT(events_of(comparison, ReplayEventKind::kViolation).differ, IsEmpty());
  EXPECT_THAT(comparison.events, SizeIs(5)) << "every kind";
  EXPECT_THAT(comparison.warnings, IsEmpty());
}

TEST(Compare, LengthsAreInWhatPeopleCountThemIn) {
  const auto told = [](std::int64_t length_s) {
    SavedReplay a = saved_with("A", {violation(1, 0, 0)});
    a.result.events[0].end_s = a.result.events[0].begin_s + length_s;
    const auto differ = differing_violations({a, saved_with("B")});
    return differ.empty() ? std::string() : differ[0];
  };
  EXPECT_THAT(told(0), HasSubstr("Z 0 min,"));
  EXPECT_THAT(told(45), HasSubstr("Z 45 s,"));
  EXPECT_THAT(told(300), HasSubstr("Z 5 min,"));
  EXPECT_THAT(told(9'000), HasSubstr("Z 2.5 h,"));
}

TEST(Compare, EventsThatOverlapOnOneHostAreTheSame) {
  const SavedReplay a = saved_with("A", {violation(1, 0, 30)});
  EXPECT_THAT(differing_violations({a, saved_with("B", {violation(1, 29, 60)})}), IsEmpty());
  EXPECT_THAT(differing_violations({a, saved_with("B", {violation(1, 30, 60)})}), SizeIs(2)) << "they only touch";
  EXPECT_THAT(differing_violations({a, saved_with("B", {violation(2, 0, 30)})}), SizeIs(2)) << "another host";
  EXPECT_THAT(differing_violations({a, saved_with("B", {event_at(ReplayEventKind::kAtRisk, 1, 0, 30)})}), SizeIs(1))
      << "another kind";
}

TEST(Compare, OfThreeAnEventIsToldOnceWithAllThatHaveIt) {
  const SavedReplay a = saved_with("A");
  const SavedReplay b = saved_with("B", {violation(1, 0, 30)});
  const SavedReplay c = saved_with("C", {violation(1, 10, 20)});
  EXPECT_THAT(differing_violations({a, b, c}), ElementsAre(HasSubstr("30 min, 1.0 cores: in B, C, not in A")));
  EXPECT_THAT(differing_violations({b, a, c}), ElementsAre(HasSubstr("in B, C, not in A")));
  EXPECT_THAT(differing_violations({a, a, b}), ElementsAre(HasSubstr("in B, not in A, A")));
  EXPECT_THAT(differing_violations({b, c, b}), IsEmpty());
}

TEST(Compare, TellsTheFirstTenByBeginAndHowManyMoreThereAre) {
  std::vector<ReplayEvent> events;
  for (std::uint32_t host = 0; host < 10; ++host) {
    events.push_back(violation(host, 100 - host, 200));
    events.push_back(violation(host, 300, 310));
  }
  const auto differ = differing_violations({saved_with("A"), saved_with("B", events)});
  ASSERT_THAT(differ, SizeIs(11));
  EXPECT_THAT(differ.front(), HasSubstr("node-0009"));
  EXPECT_THAT(differ[9], HasSubstr("node-0000"));
  EXPECT_EQ(differ.back(), "and 10 more");
}

TEST(Compare, OnlyTheTimeThatAllTellOfCounts) {
  SavedReplay a = saved_with("A", {violation(1, 10, 20), violation(1, 100, 110), violation(1, 200, 210)});
  SavedReplay b = saved_with("B");
  b.result.begin_s += 50 * 60;
  b.result.end_s = kComparedBegin + 150 * 60;
  const Comparison comparison = compared({a, b});
  EXPECT_THAT(events_of(comparison, ReplayEventKind::kViolation).differ,
              ElementsAre(HasSubstr("2013-07-03T11:40:00Z")));
  EXPECT_THAT(comparison.warnings,
              ElementsAre(AllOf(HasSubstr("A is of 2013-07-03T10:00:00Z"), HasSubstr("B of 2013-07-03T10:50:00Z"))));
}

TEST(Compare, WhatWasLeftOutOfAFileIsNoDifference) {
  const SavedReplay a = saved_with("A", {violation(1, 10, 20), violation(1, 100, 110), violation(1, 200, 210)});
  SavedReplay b = saved_with("B", {violation(2, 50, 60)});
  b.result.events_left_out = 2;
  const Comparison comparison = compared({a, b});
  EXPECT_THAT(events_of(comparison, ReplayEventKind::kViolation).differ, ElementsAre(HasSubstr("10:10:00Z")));
  EXPECT_THAT(comparison.warnings, ElementsAre(HasSubstr("B has only its first 1 events; 2 more")));
}

TEST(Compare, WarnsOfOtherDataStepsHostsAndNames) {
  const SavedReplay a = saved_with("A", {violation(1, 0, 30)});
  SavedReplay b = saved_with("A");
  b.data = "planetlab";
  b.result.step_s = 60;
  b.result.hosts = 11;
  const Comparison comparison = compared({a, b});
  EXPECT_THAT(comparison.warnings, SizeIs(4));
  EXPECT_THAT(comparison.warnings, Contains(HasSubstr("same name")));
  EXPECT_THAT(comparison.warnings, Contains(AllOf(HasSubstr("\"bitbrains\""), HasSubstr("\"planetlab\""))));
  EXPECT_THAT(comparison.warnings, Contains(AllOf(HasSubstr("steps of 300 s"), HasSubstr("of 60 s"))));
  EXPECT_THAT(comparison.warnings, Contains(AllOf(HasSubstr("10 hosts"), HasSubstr("has 11"))));
  EXPECT_THAT(events_of(comparison, ReplayEventKind::kViolation).differ, IsEmpty())
      << "node-0001 is another host in a world of another size";
  EXPECT_THAT(events_of(comparison, ReplayEventKind::kViolation).counts, ElementsAre(1, 0));
}

TEST(Compare, OfLongDataOnlyTheEndThatDiffersIsTold) {
  const std::string same(300, 'x');
  SavedReplay a = saved_with("A");
  SavedReplay b = saved_with("B");
  a.data = same + "; 42 hosts; batch: filled";
  b.data = same + "; 40 hosts; batch: filled";
  EXPECT_THAT(compared({a, b}).warnings,
              ElementsAre("A ran on \"42 hosts; batch: filled\", B on \"40 hosts; batch: filled\""));
}

TEST(Compare, ReplaysWithoutNamesAreNumbered) {
  EXPECT_THAT(compared({saved_with(""), saved_with("b\n")}).names, ElementsAre("replay 1", "b?"));
}

TEST(Compare, TellsHowFarItIsAndCanBeStopped) {
  std::vector<ReplayEvent> events;
  for (std::int64_t i = 0; i < 3'000; ++i)
    events.push_back(violation(0, i % 1'000, i % 1'000 + 1));
  const std::vector<SavedReplay> replays = {saved_with("A", events), saved_with("B", events)};
  std::vector<double> shares;
  ASSERT_TRUE(compare(replays, [&shares](double share) {
    shares.push_back(share);
    return false;
  }));
  EXPECT_GT(shares.size(), 5u);
  EXPECT_TRUE(std::is_sorted(shares.begin(), shares.end()));
  EXPECT_LE(shares.back(), 1);
  std::size_t asked = 0;
  const auto stopped = compare(replays, [&asked](double) { return ++asked == 3; });
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code(), model::ErrorCode::kUnavailable);
  EXPECT_EQ(asked, 3u);
}

// Pair by pair, without order or index.
TEST(Compare, AgreesWithANaiveSearchOnRandomEvents) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  const auto overlap = [](const ReplayEvent& a, const ReplayEvent& b) {
    return a.kind == b.kind && a.host == b.host && a.begin_s < b.end_s && b.begin_s < a.end_s;
  };
  for (int round = 0; round < 200; ++round) {
    std::vector<SavedReplay> replays;
    for (const char* name : {"A", "B"}) {
      std::vector<ReplayEvent> events;
      for (auto i = random() % 12; i > 0; --i) {
        const auto begin = static_cast<std::int64_t>(random() % 30);
        events.push_back(event_at(kReplayEventKinds[random() % 2], static_cast<std::uint32_t>(random() % 3), begin,
                                  begin + 1 + static_cast<std::int64_t>(random() % 10)));
      }
      replays.push_back(saved_with(name, events));
    }
    const Comparison comparison = compared(replays);
    for (const ReplayEventKind kind : {kReplayEventKinds[0], kReplayEventKinds[1]}) {
      std::size_t differing = 0;
      for (std::size_t i = 0; i < 2; ++i) {
        for (const ReplayEvent& event : replays[i].result.events) {
          const auto& others = replays[1 - i].result.events;
          const bool found = std::any_of(others.begin(), others.end(),
                                         [&](const ReplayEvent& other) { return overlap(event, other); });
          if (event.kind == kind && !found) ++differing;
        }
      }
      const auto& differ = events_of(comparison, kind).differ;
      EXPECT_EQ(std::min<std::size_t>(differ.size(), 10), std::min<std::size_t>(differing, 10)) << "round " << round;
      if (differing > 10) {
        EXPECT_EQ(differ.back(), "and " + std::to_string(differing - 10) + " more") << "round " << round;
      }
    }
  }
}

}  // namespace
}  // namespace tideline::planner::compare_test
