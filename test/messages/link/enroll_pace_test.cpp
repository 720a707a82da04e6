#include "messages/link/enroll_pace.h"

#include <gtest/gtest.h>

namespace tideline::link {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr model::MonoTime kStart{1'000'000'000'000};
const model::NodeName kNode("n1");

int admitted(EnrollPace& pace, const model::NodeName& node, model::MonoTime now, int attempts) {
  int count = 0;
  for (int i = 0; i < attempts; ++i)
    count += pace.admit(node, now) ? 1 : 0;
  return count;
}

TEST(EnrollPace, ABurstComesAtOnceAndThenOneEachTime) {
  EnrollPace pace(5, seconds(2));
  EXPECT_EQ(admitted(pace, kNode, kStart, 100), 5);
  EXPECT_FALSE(pace.admit(kNode, kStart + milliseconds(1999)));
  EXPECT_EQ(admitted(pace, kNode, kStart + seconds(2), 100), 1);
  EXPECT_EQ(admitted(pace, kNode, kStart + seconds(8), 100), 3) << "what was refused costs nothing";
  EXPECT_EQ(admitted(pace, kNode, kStart + seconds(3600), 100), 5) << "no more than a burst is saved up";
}

TEST(EnrollPace, OneNodeDoesNotUseUpAnothersSessions) {
  EnrollPace pace(1, seconds(1));
  EXPECT_EQ(admitted(pace, kNode, kStart, 100), 1);
  EXPECT_TRUE(pace.admit(model::NodeName("n2"), kStart));
}

TEST(EnrollPace, NoBurstAtAllIsABurstOfOne) {
  EnrollPace pace(0, seconds(1));
  EXPECT_EQ(admitted(pace, kNode, kStart, 3), 1);
  EXPECT_EQ(admitted(pace, kNode, kStart + seconds(1), 3), 1);
}

TEST(EnrollPace, RemembersANodeOnlyForAsLongAsItMatters) {
  EnrollPace pace(3, seconds(1));
  EXPECT_EQ(admitted(pace, kNode, kStart, 2), 2);
  EXPECT_TRUE(pace.admit(model::NodeName("n2"), kStart));
  pace.forget_rested(kStart + milliseconds(999));
  EXPECT_EQ(pace.size(), 2u);
  pace.forget_rested(kStart + seconds(1));
  EXPECT_EQ(pace.size(), 1u);
  EXPECT_EQ(admitted(pace, kNode, kStart + seconds(1), 100), 2) << "one of its three is still out";
  pace.forget_rested(kStart + seconds(10));
  EXPECT_EQ(pace.size(), 0u);
}

}  // namespace
}  // namespace tideline::link
