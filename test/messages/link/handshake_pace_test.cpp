#include "messages/link/handshake_pace.h"

#include <gtest/gtest.h>

namespace tideline::link {
namespace {

using std::chrono::milliseconds;

constexpr model::MonoTime kBegin{1'000'000'000'000};
constexpr milliseconds kMost(25);
constexpr milliseconds kBehind(26);

TEST(HandshakePace, AsManyBeginAtOnceAsComeWhileTheLoopKeepsUp) {
  HandshakePace pace(kMost, milliseconds(50));
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(pace.admits(kMost, kBegin));
    pace.began(kBegin);
  }
}

TEST(HandshakePace, TheFirstNewcomerNeverWaits) {
  const HandshakePace pace(kMost, milliseconds(50));
  EXPECT_EQ(pace.wait(kBegin), model::kZeroDuration);
  EXPECT_TRUE(pace.admits(std::chrono::hours(1), kBegin));
}

TEST(HandshakePace, OneByOneTheyBeginWhileTheLoopIsBehind) {
  HandshakePace pace(kMost, milliseconds(50));
  pace.began(kBegin);
  EXPECT_FALSE(pace.admits(kBehind, kBegin));
  EXPECT_FALSE(pace.admits(kBehind, kBegin + milliseconds(49)));
  EXPECT_EQ(pace.wait(kBegin + milliseconds(49)), milliseconds(1));
  EXPECT_TRUE(pace.admits(kBehind, kBegin + milliseconds(50)));
  EXPECT_TRUE(pace.admits(kMost, kBegin)) << "it has caught up";
  pace.began(kBegin + milliseconds(50));
  EXPECT_FALSE(pace.admits(kBehind, kBegin + milliseconds(99)));
  EXPECT_EQ(pace.wait(kBegin + milliseconds(1000)), model::kZeroDuration);
}

TEST(HandshakePace, WhatWasNotUsedIsNotSavedUp) {
  HandshakePace pace(kMost, milliseconds(50));
  pace.began(kBegin);
  EXPECT_TRUE(pace.admits(kBehind, kBegin + milliseconds(1000)));
  pace.began(kBegin + milliseconds(1000));
  EXPECT_FALSE(pace.admits(kBehind, kBegin + milliseconds(1000)));
}

}  // namespace
}  // namespace tideline::link
