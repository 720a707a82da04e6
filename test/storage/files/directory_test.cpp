#include "storage/files/directory.h"

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "test/support/temp_dir.h"

namespace tideline::files {
namespace {

using testing::StartsWith;

constexpr std::filesystem::perms kForOwnerAndGroup =
    std::filesystem::perms::owner_all | std::filesystem::perms::group_read | std::filesystem::perms::group_exec;

/// Of this process, while a test runs: what a mode of 0750 must not depend on.
class UsualMask {
 public:
  UsualMask() : before_(::umask(022)) {}
  ~UsualMask() { ::umask(before_); }
  UsualMask(const UsualMask&) = delete;
  UsualMask& operator=(const UsualMask&) = delete;

 private:
  mode_t before_;
};

std::filesystem::perms mode_of(const std::string& path) {
  return std::filesystem::status(path).permissions();
}

TEST(MakeDirectory, IsNotForEverybodyHoweverItIsSpelled) {
  const UsualMask mask;
  const test::TempDir dir;
  for (const char* spelled : {"/a/b", "/c/d/", "/e", "/f/"}) {
    const std::string wanted = dir.str() + spelled;
    ASSERT_TRUE(make_directory(wanted).ok()) << spelled;
    EXPECT_EQ(mode_of(wanted), kForOwnerAndGroup) << spelled;
  }
}

TEST(MakeDirectory, OneThatIsThereStaysAsItIs) {
  const test::TempDir dir;
  const std::string there = dir.str() + "/there";
  std::filesystem::create_directory(there);
  std::filesystem::permissions(there, std::filesystem::perms::owner_all);
  ASSERT_TRUE(make_directory(there).ok());
  EXPECT_EQ(mode_of(there), std::filesystem::perms::owner_all);
}

TEST(MakeDirectory, NamesWhatIsInItsPlace) {
  const test::TempDir dir;
  dir.write("file", "x");
  for (const char* wanted : {"/file", "/file/", "/file/below"}) {
    const auto made = make_directory(dir.str() + wanted);
    ASSERT_FALSE(made.ok()) << wanted;
    EXPECT_EQ(made.error().code(), model::ErrorCode::kUnavailable);
    EXPECT_THAT(made.error().message(), StartsWith(dir.str() + wanted + ": "));
  }
}

}  // namespace
}  // namespace tideline::files
