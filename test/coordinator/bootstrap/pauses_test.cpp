#include "coordinator/bootstrap/pauses.h"

#include <chrono>

#include <gtest/gtest.h>

namespace tideline::bootstrap {
namespace {

using model::MonoTime;
using model::NodeName;
using std::chrono::seconds;

constexpr MonoTime at(int second) {
  return MonoTime{} + seconds(second);
}

TEST(NodePauses, HoldForTheNodeAloneAndEnd) {
  Pauses pauses(seconds(10));
  EXPECT_FALSE(pauses.holds(NodeName("n1"), at(0)));
  pauses.begin(NodeName("n1"), at(0));
  EXPECT_TRUE(pauses.holds(NodeName("n1"), at(9)));
  EXPECT_FALSE(pauses.holds(NodeName("n2"), at(9)));
  pauses.begin(NodeName("n2"), at(9));
  EXPECT_FALSE(pauses.holds(NodeName("n1"), at(10)));
  EXPECT_TRUE(pauses.holds(NodeName("n2"), at(18)));
  pauses.begin(NodeName("n1"), at(18));
  EXPECT_FALSE(pauses.holds(NodeName("n2"), at(19)));
  EXPECT_TRUE(pauses.holds(NodeName("n1"), at(27)));
}

TEST(NodePauses, OfNoLengthHoldNobody) {
  Pauses pauses(model::kZeroDuration);
  pauses.begin(NodeName("n1"), at(1));
  EXPECT_FALSE(pauses.holds(NodeName("n1"), at(1)));
}

}  // namespace
}  // namespace tideline::bootstrap
