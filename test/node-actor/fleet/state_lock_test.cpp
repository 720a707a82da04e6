#include "node-actor/fleet/state_lock.h"

#include <gmock/gmock.h>

#include "test/support/temp_dir.h"

namespace tideline::rehearsal::state_lock_test {
namespace {

using testing::HasSubstr;

TEST(StateLock, OneAtATimeHoldsADirectoryThatItMakes) {
  const test::TempDir dir;
  const std::string state = dir.str() + "/a/b";
  {
    const auto first = StateLock::take(state);
    ASSERT_TRUE(first) << first.error().message();
    const auto second = StateLock::take(state);
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().message(), HasSubstr("/a/b/lock: another process holds it"));
  }
  EXPECT_TRUE(StateLock::take(state));
  dir.write("file", "");
  const auto below_a_file = StateLock::take(dir.str() + "/file/state");
  ASSERT_FALSE(below_a_file);
  EXPECT_THAT(below_a_file.error().message(), HasSubstr("/file/state: cannot be made"));
}

}  // namespace
}  // namespace tideline::rehearsal::state_lock_test
