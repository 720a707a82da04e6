#include "node-actor/kernel/child_groups.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/support/temp_dir.h"

namespace tideline::kernel::test {
namespace {

TEST(ChildGroups, AreTheDirectoriesInOrderAndFilesAreNone) {
  const tideline::test::TempDir directory;
  EXPECT_FALSE(may_hold_groups(directory.str()));
  std::filesystem::create_directory(directory.str() + "/podb");
  std::filesystem::create_directory(directory.str() + "/poda");
  EXPECT_TRUE(may_hold_groups(directory.str()));
  const auto names = child_groups(directory.str());
  ASSERT_TRUE(names.ok());
  EXPECT_THAT(*names, testing::ElementsAre("poda", "podb"));
  std::filesystem::remove(directory.str() + "/poda");
  EXPECT_TRUE(may_hold_groups(directory.str()));
  std::filesystem::remove(directory.str() + "/podb");
  EXPECT_FALSE(may_hold_groups(directory.str()));
}

TEST(ChildGroups, OfADirectoryThatCannotBeReadThereMayBeSome) {
  const tideline::test::TempDir directory;
  EXPECT_TRUE(may_hold_groups(directory.str() + "/gone"));
  EXPECT_EQ(child_groups(directory.str() + "/gone").error().code(), model::ErrorCode::kNotFound);
}

}  // namespace
}  // namespace tideline::kernel::test
