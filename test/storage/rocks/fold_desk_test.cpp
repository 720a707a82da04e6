// How far nodes are folded, and how many reports hours have that retention drops.

#include "storage/rocks/fold_desk.h"

#include <cstdint>
#include <optional>

#include <gtest/gtest.h>

#include "storage/series/fold_time.h"

namespace tideline::rocks::fold_desk_test {
namespace {

using model::NodeName;

constexpr std::int64_t kHour = 3'600'000;

/// Folded until 10 h, of which the hours from 7 h on were counted.
FoldState counted_state() {
  FoldState state;
  state.folded_until_ms = 7 * kHour;
  state.folded(8 * kHour, 10);
  state.folded(9 * kHour, 20);
  state.folded(10 * kHour, 30);
  return state;
}

TEST(FoldDesk, AnHourIsDueAtItsNodesOwnTime) {
  FoldDesk desk;
  const NodeName node("n");
  FoldState& state = desk.of(node);
  EXPECT_FALSE(state.is_hour_due({INT64_MAX / 2})) << "there is no report";
  state.arrived(5 * kHour + 1, false);
  const std::int64_t due_ms = 6 * kHour + model::to_ms(series::fold_lag(node));
  EXPECT_FALSE(desk.due_from(NodeName(), {due_ms - 1}));
  EXPECT_EQ(desk.due_from(NodeName(), {due_ms}), node);
  EXPECT_FALSE(desk.due_behind(node, {due_ms}));
}

TEST(FoldCounts, WholeHoursAreThoseOfWhichAllIsCounted) {
  const FoldState state = counted_state();
  const std::int64_t first = 7 * kHour + 5;
  EXPECT_FALSE(state.whole_hours(first, 8 * kHour - 1, 1'000)) << "it is not over by then";
  EXPECT_EQ(state.whole_hours(first, 8 * kHour, 1'000), (CountedReports{7 * kHour, 8 * kHour, 10}));
  EXPECT_EQ(state.whole_hours(first, 10 * kHour - 1, 1'000), (CountedReports{7 * kHour, 9 * kHour, 30}));
  EXPECT_EQ(state.whole_hours(first, 20 * kHour, 1'000), (CountedReports{7 * kHour, 10 * kHour, 60}));
  EXPECT_EQ(state.whole_hours(first, 20 * kHour, 59), (CountedReports{7 * kHour, 9 * kHour, 30})) << "no more";
  EXPECT_FALSE(state.whole_hours(first, 20 * kHour, 9));
  EXPECT_FALSE(state.whole_hours(7 * kHour - 1, 20 * kHour, 1'000)) << "what is older was not counted";
  EXPECT_EQ(state.whole_hours(9 * kHour, 20 * kHour, 1'000), (CountedReports{9 * kHour, 10 * kHour, 30}))
      << "what is gone by now is not counted again";
  EXPECT_FALSE(state.whole_hours(10 * kHour, 20 * kHour, 1'000));
  EXPECT_FALSE(FoldState().whole_hours(0, INT64_MAX, 1'000));
}

TEST(FoldCounts, AReportThatComesLateCountsInItsHour) {
  FoldState state = counted_state();
  state.arrived(8 * kHour, true);
  state.arrived(9 * kHour - 1, true);
  state.arrived(7 * kHour - 1, true);
  EXPECT_EQ(state.whole_hours(7 * kHour, 9 * kHour, 1'000), (CountedReports{7 * kHour, 9 * kHour, 32}));
  EXPECT_EQ(state.late, 3u);
}

TEST(FoldCounts, WhatComesWhileAnHourIsFoldedIsOfIt) {
  FoldState state = counted_state();
  state.closed_until_ms = 11 * kHour;
  state.came_since = 0;
  state.arrived(10 * kHour + 7, true);
  state.arrived(11 * kHour, false);
  state.folded(11 * kHour, 5);
  EXPECT_EQ(state.whole_hours(10 * kHour, 11 * kHour, 1'000), (CountedReports{10 * kHour, 11 * kHour, 6}));
  state.folded(12 * kHour, 1);
  EXPECT_EQ(state.whole_hours(11 * kHour, 12 * kHour, 1'000), (CountedReports{11 * kHour, 12 * kHour, 1}));
}

TEST(FoldCounts, BehindAnHourThatCouldNotBeCountedNothingIsTold) {
  FoldState state = counted_state();
  state.folded(11 * kHour, std::nullopt);
  state.folded(12 * kHour, 4);
  EXPECT_FALSE(state.whole_hours(7 * kHour, 20 * kHour, 1'000));
  EXPECT_FALSE(state.whole_hours(10 * kHour, 20 * kHour, 1'000));
  EXPECT_EQ(state.whole_hours(11 * kHour, 20 * kHour, 1'000), (CountedReports{11 * kHour, 12 * kHour, 4}));
}

TEST(FoldCounts, AnHourOfWhichSomeIsGoneIsNotCounted) {
  FoldState state = counted_state();
  state.forget_counts(7 * kHour + 1);
  EXPECT_FALSE(state.whole_hours(7 * kHour, 20 * kHour, 1'000));
  EXPECT_EQ(state.whole_hours(8 * kHour, 9 * kHour, 1'000), (CountedReports{8 * kHour, 9 * kHour, 20}));
  state.forget_counts(9 * kHour);
  EXPECT_EQ(state.counted.size(), 1u);
}

TEST(FoldCounts, AreBounded) {
  FoldState state;
  for (std::int64_t hour = 1; hour <= 1'000; ++hour)
    state.folded(hour * kHour, 1);
  EXPECT_EQ(state.counted.size(), FoldState::kMostCounted);
  EXPECT_EQ(state.counted.back().end_ms, 1'000 * kHour);
  EXPECT_FALSE(state.whole_hours(0, INT64_MAX, UINT64_MAX));
}

}  // namespace
}  // namespace tideline::rocks::fold_desk_test
