#include "storage/history_program/place.h"

#include <filesystem>

#include <gmock/gmock.h>

#include "test/storage/history_program/small_store.h"
#include "test/support/temp_dir.h"

namespace tideline::history_program {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(Place, IsTheStoreOrHistoryBelowIt) {
  const test::TempDir dir;
  dir.write("data/history/CURRENT", "MANIFEST-1\n");
  const std::string store = dir.str() + "/data/history";
  for (const std::string& named : {dir.str() + "/data", dir.str() + "/data/", store, store + "/"}) {
    const auto found = find_store(named);
    ASSERT_TRUE(found) << found.error().message();
    EXPECT_EQ(*found, store) << named;
  }
}

TEST(Place, WithoutAStoreIsNamed) {
  const test::TempDir dir;
  dir.write("data/other", "x");
  const auto none = find_store(dir.str() + "/data");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code(), model::ErrorCode::kNotFound);
  EXPECT_THAT(none.error().message(), AllOf(HasSubstr(dir.str() + "/data"), HasSubstr("history")));
  EXPECT_THAT(find_store("/nowhere/at/all").error().message(), HasSubstr("/nowhere/at/all: is no directory"));
  EXPECT_FALSE(find_store(dir.str() + "/data/other"));
}

TEST(Place, OfANewStoreIsHistoryBelowADataDirectory) {
  EXPECT_EQ(new_store("/var/lib/tideline"), "/var/lib/tideline/history");
  EXPECT_EQ(new_store("/var/lib/tideline/"), "/var/lib/tideline/history");
  EXPECT_EQ(new_store("/var/lib/tideline/history"), "/var/lib/tideline/history");
  EXPECT_EQ(new_store("/var/lib/tideline/history/"), "/var/lib/tideline/history");
  EXPECT_EQ(new_store("history"), "history");
}

TEST(Place, IsFreeUnlessAnotherProcessHoldsIt) {
  const test::TempDir dir;
  dir.write("LOCK", "");
  EXPECT_TRUE(check_free(dir.str(), "stop it"));
  EXPECT_TRUE(check_free(dir.str() + "/none", "stop it"));
  const Holder holder(dir.str());
  const auto held = check_free(dir.str(), "stop it");
  ASSERT_FALSE(held);
  EXPECT_THAT(held.error().message(), AllOf(HasSubstr(dir.str()), HasSubstr("stop it")));
}

TEST(Place, InsideOfAnotherIsRefusedAlsoThroughALink) {
  const test::TempDir dir;
  std::filesystem::create_directories(dir.path() / "a/b");
  std::filesystem::create_directories(dir.path() / "ab");
  std::filesystem::create_directory_symlink(dir.path() / "a", dir.path() / "link");
  const std::string outer = dir.str() + "/a";
  for (const char* inner : {"/a", "/a/", "/a/b", "/a/b/new", "/link", "/link/new", "/ab/../a/x"})
    EXPECT_FALSE(check_outside(dir.str() + inner, outer)) << inner;
  for (const char* inner : {"/ab", "/new", "/a/../new", "/a.tla"})
    EXPECT_TRUE(check_outside(dir.str() + inner, outer)) << inner;
}

}  // namespace
}  // namespace tideline::history_program
