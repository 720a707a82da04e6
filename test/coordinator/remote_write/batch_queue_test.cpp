#include "coordinator/remote_write/batch_queue.h"

#include <random>

#include <gtest/gtest.h>

namespace tideline::remote_write {
namespace {

Batch batch(std::size_t bytes, std::size_t samples, std::int64_t begun_ns = 0) {
  return {.body = std::string(bytes, 'x'), .samples = samples, .begun = {begun_ns}, .newest = {}};
}

TEST(BatchQueue, GivesTheOldestFirst) {
  BatchQueue queue(100);
  EXPECT_EQ(queue.push(batch(10, 1)), 0u);
  EXPECT_EQ(queue.push(batch(20, 2)), 0u);
  EXPECT_EQ(queue.bytes(), 30u);
  EXPECT_EQ(queue.samples(), 3u);
  EXPECT_EQ(queue.pop()->samples, 1u);
  EXPECT_EQ(queue.pop()->samples, 2u);
  EXPECT_FALSE(queue.pop());
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.bytes(), 0u);
}

TEST(BatchQueue, TheOldestMakeRoom) {
  BatchQueue queue(100);
  queue.push(batch(40, 1));
  queue.push(batch(40, 2));
  EXPECT_EQ(queue.push(batch(70, 4)), 3u);
  EXPECT_EQ(queue.bytes(), 70u);
  EXPECT_EQ(queue.push(batch(30, 8)), 0u) << "it is just as full as it may be";
  EXPECT_EQ(queue.pop()->samples, 4u);
}

TEST(BatchQueue, TheNewestAlwaysWaits) {
  BatchQueue queue(100);
  queue.push(batch(50, 1));
  EXPECT_EQ(queue.push(batch(500, 2)), 1u);
  EXPECT_EQ(queue.bytes(), 500u);
  EXPECT_EQ(queue.push(batch(1, 4)), 2u);
  EXPECT_EQ(queue.samples(), 4u);
}

TEST(BatchQueue, WhatWaitedForTooLongIsDropped) {
  BatchQueue queue(100);
  queue.push(batch(1, 1, 10));
  queue.push(batch(1, 2, 20));
  queue.push(batch(1, 4, 30));
  EXPECT_EQ(queue.drop_begun_before({20}), 1u);
  EXPECT_EQ(queue.drop_begun_before({31}), 6u);
  EXPECT_TRUE(queue.empty());
}

TEST(BatchQueue, CountsWhatIsInIt) {
  constexpr unsigned kSeed = 5;
  SCOPED_TRACE(kSeed);
  std::mt19937 random(kSeed);
  BatchQueue queue(1'000);
  std::size_t there = 0;
  for (int round = 0; round < 5'000; ++round) {
    if (random() % 3 == 0) {
      if (const auto taken = queue.pop()) there -= taken->samples;
    } else {
      const std::size_t samples = random() % 50;
      there += samples;
      there -= queue.push(batch(random() % 400, samples));
    }
    ASSERT_EQ(queue.samples(), there);
    ASSERT_LE(queue.bytes(), 1'000u);
  }
  EXPECT_EQ(queue.drop_all(), there);
  EXPECT_EQ(queue.samples(), 0u);
  EXPECT_EQ(queue.bytes(), 0u);
}

}  // namespace
}  // namespace tideline::remote_write
