#include "node-actor/guard/slow_wire.h"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tideline::guard {
namespace {

using model::ErrorCode;

SlowOrder order_of(SlowRequest::Kind kind) {
  return {.number = 7,
          .request = {.kind = kind,
                      .file = {.path = "/sys/fs/cgroup/kubepods/memory.high", .device = 3, .inode = 1ULL << 40},
                      .value = "104857600",
                      .bytes = 64 << 20}};
}

TEST(SlowWire, AnOrderArrivesAsItWasSent) {
  for (const auto kind : {SlowRequest::Kind::kWrite, SlowRequest::Kind::kReclaim, SlowRequest::Kind::kLower}) {
    const auto sent = order_of(kind);
    const auto bytes = slow_bytes(sent);
    ASSERT_TRUE(bytes.ok());
    const auto read = slow_order(*bytes);
    ASSERT_TRUE(read.ok()) << read.error().message();
    EXPECT_EQ(read->number, sent.number);
    EXPECT_EQ(read->request, sent.request);
  }
}

TEST(SlowWire, TheLongestPathFitsAndOneMoreByteDoesNot) {
  auto order = order_of(SlowRequest::Kind::kWrite);
  order.request.file.path = "/" + std::string(kMostSlowPath - 1, 'x');
  order.request.value = std::string(kMostSlowValue, '1');
  const auto bytes = slow_bytes(order);
  ASSERT_TRUE(bytes.ok());
  EXPECT_EQ(slow_order(*bytes)->request, order.request);
  order.request.file.path += "x";
  EXPECT_EQ(slow_bytes(order).error().code(), ErrorCode::kInvalidArgument);
  order = order_of(SlowRequest::Kind::kWrite);
  order.request.value = std::string(kMostSlowValue + 1, '1');
  EXPECT_EQ(slow_bytes(order).error().code(), ErrorCode::kInvalidArgument);
}

TEST(SlowWire, AnAnswerArrivesAsItWasSent) {
  SlowAnswer sent;
  sent.number = 9;
  sent.took = std::chrono::milliseconds(12);
  sent.freed_bytes = 4096;
  auto read = slow_answer(slow_bytes(sent));
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_EQ(read->number, 9u);
  EXPECT_TRUE(read->result.ok());
  EXPECT_EQ(read->took, sent.took);
  EXPECT_EQ(read->freed_bytes, 4096);

  sent.result = model::Error(ErrorCode::kFenced, std::string(kMostSlowText + 10, 'e'));
  read = slow_answer(slow_bytes(sent));
  ASSERT_TRUE(read.ok()) << read.error().message();
  ASSERT_FALSE(read->result.ok());
  EXPECT_EQ(read->result.error().code(), ErrorCode::kFenced);
  EXPECT_EQ(read->result.error().message(), std::string(kMostSlowText, 'e')) << "cut";
}

TEST(SlowWire, WhatIsNoMessageIsMalformed) {
  const auto good = *slow_bytes(order_of(SlowRequest::Kind::kWrite));
  for (const auto& bytes :
       {std::string(), std::string("x"), good.substr(1), good + "x", std::string(good.size(), '\xff'),
        std::string(good.size(), '\0'), slow_bytes(SlowAnswer{})}) {
    EXPECT_EQ(slow_order(bytes).error().code(), ErrorCode::kMalformed) << bytes.size();
  }
  EXPECT_EQ(slow_answer(good).error().code(), ErrorCode::kMalformed);
  EXPECT_FALSE(slow_order(*slow_bytes(order_of(static_cast<SlowRequest::Kind>(3)))).ok()) << "a kind that is none";
  auto relative = order_of(SlowRequest::Kind::kWrite);
  relative.request.file.path = "memory.high";
  EXPECT_FALSE(slow_order(*slow_bytes(relative)).ok());
}

TEST(SlowWire, RottenBytesAreReadOrRefusedAndNeverMore) {
  std::mt19937 random(6);
  for (int round = 0; round < 20'000; ++round) {
    auto order = *slow_bytes(order_of(SlowRequest::Kind::kReclaim));
    auto answer = slow_bytes(SlowAnswer{});
    for (auto* bytes : {&order, &answer}) {
      // The lengths and codes are in the first bytes.
      for (int change = 0; change < 3; ++change)
        (*bytes)[random() % 64] = static_cast<char>(random());
    }
    if (const auto read = slow_order(order)) {
      EXPECT_LE(read->request.file.path.size(), kMostSlowPath);
      EXPECT_LE(read->request.value.size(), kMostSlowValue);
    }
    if (const auto read = slow_answer(answer)) {
      EXPECT_GE(read->freed_bytes, 0);
      if (!read->result) {
        EXPECT_NE(model::name_of(read->result.error().code()), "");
      }
    }
  }
}

}  // namespace
}  // namespace tideline::guard
