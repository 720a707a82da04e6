#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "storage/files/files.h"
#include "test/support/file_size_limit.h"
#include "test/support/temp_dir.h"

namespace tideline::files {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> names_in(const test::TempDir& dir) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(dir.path()))
    names.push_back(entry.path().filename().string());
  return names;
}

TEST(AtomicFile, IsThereOnceItIsCommitted) {
  const test::TempDir dir;
  auto file = AtomicFile::create(dir.str() + "/a");
  ASSERT_TRUE(file) << file.error().message();
  ASSERT_TRUE(file->write("one "));
  ASSERT_TRUE(file->write(""));
  ASSERT_TRUE(file->write("two"));
  EXPECT_FALSE(std::filesystem::exists(dir.path() / "a"));
  ASSERT_TRUE(file->commit());
  EXPECT_EQ(dir.read("a"), "one two");
  EXPECT_THAT(names_in(dir), ElementsAre("a"));
  EXPECT_FALSE(file->write("more"));
  EXPECT_FALSE(file->commit());
}

TEST(AtomicFile, LeavesNothingWhereItIsNotCommitted) {
  const test::TempDir dir;
  dir.write("a", "old");
  {
    auto file = AtomicFile::create(dir.str() + "/a");
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->write("new"));
    auto moved = std::move(*file);
    ASSERT_TRUE(moved.write("er"));
    EXPECT_EQ(dir.read("a"), "old");
  }
  EXPECT_THAT(names_in(dir), ElementsAre("a"));
  EXPECT_EQ(dir.read("a"), "old");
}

TEST(AtomicFile, OfOneNameMayBeWrittenTwiceAtATime) {
  const test::TempDir dir;
  auto first = AtomicFile::create(dir.str() + "/a");
  auto second = AtomicFile::create(dir.str() + "/a");
  ASSERT_TRUE(first);
  ASSERT_TRUE(second);
  ASSERT_TRUE(first->write("first"));
  ASSERT_TRUE(second->write("second"));
  ASSERT_TRUE(second->commit());
  ASSERT_TRUE(first->commit());
  EXPECT_EQ(dir.read("a"), "first");
  EXPECT_THAT(names_in(dir), ElementsAre("a"));
}

TEST(AtomicFile, HasTheModeThatTheUserHasForFiles) {
  const test::TempDir dir;
  const auto before = ::umask(027);
  auto file = AtomicFile::create(dir.str() + "/a");
  ::umask(before);
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->commit());
  struct stat about {};
  ASSERT_EQ(::stat((dir.str() + "/a").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777u, 0640u);
}

TEST(AtomicFile, ThatCannotBeWrittenLeavesWhatWasThere) {
  const test::TempDir dir;
  dir.write("a", "old");
  {
    auto file = AtomicFile::create(dir.str() + "/a");
    ASSERT_TRUE(file);
    const test::FileSizeLimit full(1000);
    const auto wrote = file->write(std::string(5000, 'x'));
    ASSERT_FALSE(wrote);
    EXPECT_THAT(wrote.error().message(), HasSubstr("/a.part-"));
  }
  EXPECT_EQ(dir.read("a"), "old");
  EXPECT_THAT(names_in(dir), ElementsAre("a"));
}

TEST(AtomicFile, TakesNoPlaceOfWhatIsNoFile) {
  const test::TempDir dir;
  std::filesystem::create_directory(dir.path() / "d");
  ASSERT_EQ(::mkfifo((dir.str() + "/pipe").c_str(), 0600), 0);
  for (const std::string name : {"d", "pipe"}) {
    const auto file = AtomicFile::create(dir.str() + "/" + name);
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().code(), model::ErrorCode::kInvalidArgument);
    EXPECT_THAT(file.error().message(), HasSubstr("/" + name + ": is there, and is no regular file"));
  }
  const auto nowhere = AtomicFile::create(dir.str() + "/none/a");
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code(), model::ErrorCode::kNotFound);
}

TEST(MappedFile, HasTheBytes) {
  const test::TempDir dir;
  const std::string text("a\0b\n", 4);
  auto file = MappedFile::open(dir.write("a", text));
  ASSERT_TRUE(file) << file.error().message();
  EXPECT_EQ(file->bytes(), text);
  auto moved = std::move(*file);
  EXPECT_EQ(moved.bytes(), text);
  EXPECT_THAT(file->bytes(), IsEmpty());
  auto other = MappedFile::open(dir.write("b", "other"));
  ASSERT_TRUE(other);
  moved = std::move(*other);
  EXPECT_EQ(moved.bytes(), "other");
}

TEST(MappedFile, OfNothingIsEmpty) {
  const test::TempDir dir;
  const auto file = MappedFile::open(dir.write("a", ""));
  ASSERT_TRUE(file) << file.error().message();
  EXPECT_TRUE(file->bytes().empty());
}

TEST(MappedFile, StaysWhatItWasWhereItsNameIsTaken) {
  const test::TempDir dir;
  const auto file = MappedFile::open(dir.write("a", "old"));
  ASSERT_TRUE(file);
  auto fresh = AtomicFile::create(dir.str() + "/a");
  ASSERT_TRUE(fresh);
  ASSERT_TRUE(fresh->write("new, and longer"));
  ASSERT_TRUE(fresh->commit());
  EXPECT_EQ(file->bytes(), "old");
}

TEST(MappedFile, NamesWhatCannotBeMapped) {
  const test::TempDir dir;
  const auto missing = MappedFile::open(dir.str() + "/none");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message(), HasSubstr(dir.str() + "/none: open: No such file"));
  const auto directory = MappedFile::open(dir.str());
  ASSERT_FALSE(directory);
  EXPECT_THAT(directory.error().message(), HasSubstr("is no regular file"));
  ASSERT_EQ(::mkfifo((dir.str() + "/pipe").c_str(), 0600), 0);
  EXPECT_FALSE(MappedFile::open(dir.str() + "/pipe")) << "and is not waited for";
}

}  // namespace
}  // namespace tideline::files
