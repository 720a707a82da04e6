#include "coordinator/planner/event_log.h"

#include <cstdint>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tideline::planner::event_log_test {
namespace {

using testing::ElementsAre;

constexpr auto kSuppressed = ReplayEventKind::kSuppressed;
constexpr auto kEviction = ReplayEventKind::kEviction;

TEST(EventLog, StepsInARowAreOneStretchWithItsMost) {
  EventLog log(3);
  log.stands(kSuppressed, 0, 300, 1);
  log.stands(kSuppressed, 300, 600, 4);
  log.stands(kSuppressed, 600, 900, 2);
  log.stands(kSuppressed, 1'200, 1'500, 1);
  EXPECT_THAT(log.events(),
              ElementsAre(ReplayEvent{kSuppressed, 3, 0, 900, 4}, ReplayEvent{kSuppressed, 3, 1'200, 1'500, 1}));
  EXPECT_EQ(log.left_out(), 0u);
}

TEST(EventLog, OfEvictionsTheSumCounts) {
  EventLog log(0);
  log.stands(kEviction, 0, 300, 1.5);
  log.stands(kEviction, 300, 600, 2);
  EXPECT_THAT(log.events(), ElementsAre(ReplayEvent{kEviction, 0, 0, 600, 3.5}));
}

TEST(EventLog, KindsDoNotEndEachOther) {
  EventLog log(0);
  log.stands(kEviction, 0, 300, 1);
  log.stands(kSuppressed, 0, 300, 1);
  log.stands(kSuppressed, 300, 600, 1);
  log.stands(kEviction, 600, 900, 1);
  EXPECT_THAT(log.events(), ElementsAre(ReplayEvent{kEviction, 0, 0, 300, 1}, ReplayEvent{kSuppressed, 0, 0, 600, 1},
                                        ReplayEvent{kEviction, 0, 600, 900, 1}));
}

TEST(EventLog, KeepsTheFirstAndCountsTheRestOnce) {
  EventLog log(0);
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(kMaxEvents); ++i)
    log.stands(kEviction, 600 * i, 600 * i + 300, 1);
  const std::int64_t end = 600 * static_cast<std::int64_t>(kMaxEvents);
  log.stands(kEviction, end, end + 300, 1);
  log.stands(kEviction, end + 300, end + 600, 1);
  log.stands(kSuppressed, end + 300, end + 600, 1);
  EXPECT_EQ(log.events().size(), kMaxEvents);
  EXPECT_EQ(log.left_out(), 2u);
}

}  // namespace
}  // namespace tideline::planner::event_log_test
