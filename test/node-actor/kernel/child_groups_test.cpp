#include "node-actor/kernel/child_groups.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/fsuid.h>
#include <unistd.h>

#include "test/support/temp_dir.h"

namespace tideline::kernel::test::child_groups_test {
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

TEST(ChildGroups, AllBelowComeAfterTheirParentsAndOneThatCannotBeReadHidesNoOther) {
  const tideline::test::TempDir directory;
  const auto root = directory.str();
  for (const auto* group : {"", "/poda", "/poda/c1", "/podb", "/podb/c2", "/podc", "/podc/c3", "/podc/c3/c4"}) {
    std::filesystem::create_directories(root + group);
    std::filesystem::permissions(root + group, std::filesystem::perms{0755});
  }
  std::filesystem::permissions(root + "/podb", std::filesystem::perms{0000});
  // Root may read any directory: this thread meets files as somebody else for a while.
  constexpr uid_t kNobody = 65534;
  const auto before = ::setfsuid(kNobody);
  const auto groups = groups_below(root);
  ::setfsuid(static_cast<uid_t>(before));
  std::filesystem::permissions(root + "/podb", std::filesystem::perms{0755});
  EXPECT_THAT(groups, testing::ElementsAre(root + "/poda", root + "/podb", root + "/podc", root + "/poda/c1",
                                           root + "/podc/c3", root + "/podc/c3/c4"));
  EXPECT_THAT(groups_below(root + "/gone"), testing::IsEmpty());
}

TEST(ChildGroups, OfAGroupThatGoesMeanwhileTheOthersAreStillThere) {
  const tideline::test::TempDir directory;
  const auto root = directory.str();
  for (const auto* group : {"/poda", "/podb", "/podb/c2"})
    std::filesystem::create_directories(root + group);
  const auto groups = all_groups_of(root);
  ASSERT_TRUE(groups.ok());
  EXPECT_THAT(*groups, testing::ElementsAre(root, root + "/poda", root + "/podb", root + "/podb/c2"));
  EXPECT_EQ(all_groups_of(root + "/gone").error().code(), model::ErrorCode::kNotFound);
}

TEST(ChildGroups, APartDoesNotPassForTheWhole) {
  const tideline::test::TempDir directory;
  const auto root = directory.str();
  for (const auto* group : {"", "/poda", "/podb"}) {
    std::filesystem::create_directories(root + group);
    std::filesystem::permissions(root + group, std::filesystem::perms{0755});
  }
  std::filesystem::permissions(root + "/podb", std::filesystem::perms{0000});
  constexpr uid_t kNobody = 65534;
  const auto before = ::setfsuid(kNobody);
  const auto groups = all_groups_of(root);
  ::setfsuid(static_cast<uid_t>(before));
  std::filesystem::permissions(root + "/podb", std::filesystem::perms{0755});
  ASSERT_FALSE(groups.ok());
  EXPECT_EQ(groups.error().code(), model::ErrorCode::kPermissionDenied);
  EXPECT_THAT(groups.error().message(), testing::HasSubstr(root + "/podb"));
}

TEST(ChildGroups, OfADirectoryThatCannotBeReadThereMayBeSome) {
  const tideline::test::TempDir directory;
  EXPECT_TRUE(may_hold_groups(directory.str() + "/gone"));
  EXPECT_EQ(child_groups(directory.str() + "/gone").error().code(), model::ErrorCode::kNotFound);
}

}  // namespace
}  // namespace tideline::kernel::test::child_groups_test
