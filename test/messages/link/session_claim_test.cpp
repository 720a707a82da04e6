#include "messages/link/session_claim.h"

#include <gtest/gtest.h>

namespace tideline::link {
namespace {

using model::Incarnation;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Incarnation kHolder(7);
constexpr Incarnation kOther(8);

TEST(SessionClaim, AnotherAgentWaitsUntilTheOneInPlaceWasSilentForTwoHeartbeats) {
  for (const model::Duration heartbeat : {model::Duration(milliseconds(50)), model::Duration(seconds(5))}) {
    EXPECT_TRUE(keeps_place(kHolder, model::kZeroDuration, kOther, heartbeat));
    EXPECT_TRUE(keeps_place(kHolder, 2 * heartbeat, kOther, heartbeat));
    EXPECT_FALSE(keeps_place(kHolder, 2 * heartbeat + milliseconds(1), kOther, heartbeat));
  }
}

TEST(SessionClaim, TheSameAgentTakesOverAtOnce) {
  EXPECT_FALSE(keeps_place(kHolder, model::kZeroDuration, kHolder, seconds(5)));
  EXPECT_FALSE(keeps_place(kHolder, seconds(60), kHolder, seconds(5)));
}

}  // namespace
}  // namespace tideline::link
