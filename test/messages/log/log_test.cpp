#include "messages/log/log.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tideline::log {
namespace {

using testing::EndsWith;

TEST(Log, APeersTextCannotBeginALineOrMoveTheTerminal) {
  testing::internal::CaptureStderr();
  info("node-connected", "agent {}", "1.0\n2030-01-01 error fenced: \x1b[2Jforged\r\x7f");
  const auto shown = testing::internal::GetCapturedStderr();
  EXPECT_THAT(shown, EndsWith("node-connected: agent 1.0\\n2030-01-01 error fenced: \\x1b[2Jforged\\x0d\\x7f\n"));
  EXPECT_EQ(std::count(shown.begin(), shown.end(), '\n'), 1);
}

TEST(Log, TextOfOtherScriptsIsLeftAlone) {
  testing::internal::CaptureStderr();
  info("pods-loaded", "größe 日本");
  EXPECT_THAT(testing::internal::GetCapturedStderr(), EndsWith("pods-loaded: größe 日本\n"));
}

TEST(Log, ALevelThatIsNoneIsRefusedByItsText) {
  const auto refused = init("test", "loud");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), model::ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.error().message(), testing::HasSubstr("loud"));
}

}  // namespace
}  // namespace tideline::log
