#include "node-actor/actor/event_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tideline::node::event_queue_test {
namespace {

NotedEvent noted(std::uint64_t number, std::string new_value = "1") {
  return {{model::WallTime{static_cast<std::int64_t>(number)}, model::Controller::kCpuQos, model::Reason::kQosClass,
           "kubepods/cpu.shares", "2", std::move(new_value)},
          number};
}

TEST(EventQueue, TellsTheOldestFirstAndSaysHowFar) {
  EventQueue queue;
  for (std::uint64_t i = 1; i <= 3; ++i)
    EXPECT_TRUE(queue.add(noted(i)));
  const auto front = queue.front();
  ASSERT_EQ(front.events.size(), 3u);
  EXPECT_EQ(front.events[0], static_cast<const model::Event&>(noted(1)));
  EXPECT_EQ(front.through, 3u);
  queue.pop(2);
  EXPECT_EQ(queue.front().events.size(), 1u);
  EXPECT_EQ(queue.take().size(), 1u);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.front().through, 0u);
}

TEST(EventQueue, WhatDoesNotFitGoesFromTheOldEndAndIsCounted) {
  EventQueue queue;
  constexpr std::uint64_t kMore = 5;
  for (std::uint64_t i = 1; i <= EventQueue::kMaxEvents + kMore; ++i)
    EXPECT_EQ(queue.add(noted(i)), i <= EventQueue::kMaxEvents);
  EXPECT_EQ(queue.size(), EventQueue::kMaxEvents);
  const auto all = queue.take();
  EXPECT_EQ(all.front().reason, model::Reason::kEventsLost);
  EXPECT_EQ(all.front().lost, kMore + 1) << "it takes a place itself";
  EXPECT_EQ(all.front().number, kMore + 1);
  EXPECT_EQ(all.front().at.ms, static_cast<std::int64_t>(kMore + 1)) << "of the last that it stands for";
  EXPECT_EQ(all.front().new_value, "6 or more");
  EXPECT_EQ(all[1].number, kMore + 2);
  EXPECT_EQ(all.back().number, EventQueue::kMaxEvents + kMore);
}

TEST(EventQueue, ACountThatIsDroppedItselfIsKept) {
  EventQueue queue;
  for (std::uint64_t i = 1; i <= 4; ++i)
    queue.add(noted(i));
  queue.lose(2);
  EXPECT_EQ(queue.size(), 3u);
  queue.lose(2);
  const auto all = queue.take();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].lost, 3u);
  EXPECT_EQ(all[0].number, 3u);
  EXPECT_EQ(all[1].number, 4u);
}

TEST(EventQueue, LosingNoneChangesNothing) {
  EventQueue queue;
  queue.lose(0);
  queue.add(noted(1));
  queue.lose(0);
  EXPECT_EQ(queue.take().front().lost, 0u);
}

TEST(EventQueue, OneReportTakesNoMoreThanItsBounds) {
  EventQueue queue;
  for (std::uint64_t i = 1; i <= 2 * model::ReportLimits::kMaxEvents; ++i)
    queue.add(noted(i));
  EXPECT_EQ(queue.front().events.size(), model::ReportLimits::kMaxEvents);
  EventQueue large;
  for (std::uint64_t i = 1; i <= model::ReportLimits::kMaxEvents; ++i)
    large.add(noted(i, std::string(1000, 'x')));
  const auto front = large.front();
  EXPECT_LT(front.events.size(), 140u);
  EXPECT_GT(front.events.size(), 100u);
  EXPECT_EQ(front.through, front.events.size());
}

TEST(EventQueue, LongTextsAreCutBetweenCharacters) {
  EventQueue queue;
  queue.add(noted(1, std::string(model::ReportLimits::kMaxTextBytes - 1, 'x') + "\xc3\xa4"));
  EXPECT_EQ(queue.front().events[0].new_value, std::string(model::ReportLimits::kMaxTextBytes - 1, 'x'));
}

}  // namespace
}  // namespace tideline::node::event_queue_test
