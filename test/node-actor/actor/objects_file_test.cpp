#include "node-actor/actor/objects_file.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/support/temp_dir.h"

namespace tideline::node::objects_file_test {
namespace {

using testing::HasSubstr;

model::NodeObjects some_objects(std::uint64_t number) {
  model::NodeObjects objects;
  objects.number = number;
  objects.epoch = model::Epoch(4);
  objects.labels = {{"pool", "web"}};
  objects.annotations = {{std::string(model::kReservationAnnotation), R"({"reservedCPUs": "0"})"}};
  objects.memory_allocatable = model::Bytes(1 << 30);
  model::Pod pod;
  pod.uid = model::PodUid("a");
  pod.name = "web-0";
  objects.pods = {pod};
  return objects;
}

TEST(ObjectsFile, NoneWereEverKept) {
  const test::TempDir dir;
  const auto objects = load_objects(dir.str());
  ASSERT_TRUE(objects.ok());
  EXPECT_EQ(*objects, std::nullopt);
}

TEST(ObjectsFile, LastKeptAreLoadedAndForRootAlone) {
  const test::TempDir dir;
  ASSERT_TRUE(keep_objects(dir.str(), some_objects(1)).ok());
  ASSERT_TRUE(keep_objects(dir.str(), some_objects(2)).ok());
  const auto objects = load_objects(dir.str());
  ASSERT_TRUE(objects.ok()) << objects.error().message();
  EXPECT_EQ(*objects, some_objects(2));
  const auto mode = std::filesystem::status(objects_path(dir.str())).permissions();
  EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST(ObjectsFile, AttemptThatDiedHalfwayIsNotSeen) {
  const test::TempDir dir;
  ASSERT_TRUE(keep_objects(dir.str(), some_objects(1)).ok());
  dir.write("objects.new", "half");
  EXPECT_EQ(*load_objects(dir.str()), some_objects(1));
}

TEST(ObjectsFile, TornOrDamagedIsAnErrorThatNamesTheFile) {
  const test::TempDir dir;
  ASSERT_TRUE(keep_objects(dir.str(), some_objects(1)).ok());
  const std::string good = dir.read("objects");
  for (std::size_t length = 0; length < good.size(); ++length) {
    dir.write("objects", good.substr(0, length));
    const auto objects = load_objects(dir.str());
    ASSERT_FALSE(objects.ok()) << length;
    EXPECT_EQ(objects.error().code(), model::ErrorCode::kMalformed);
    EXPECT_THAT(objects.error().message(), HasSubstr(dir.str() + "/objects"));
  }
  for (std::size_t at = 0; at < good.size(); ++at) {
    auto rotten = good;
    rotten[at] = static_cast<char>(rotten[at] ^ 1);
    dir.write("objects", rotten);
    EXPECT_FALSE(load_objects(dir.str()).ok()) << at;
  }
}

TEST(ObjectsFile, OfAnotherVersionIsAnError) {
  const test::TempDir dir;
  ASSERT_TRUE(keep_objects(dir.str(), some_objects(1)).ok());
  auto later = dir.read("objects");
  later.replace(later.find(" 1 "), 3, " 2 ");
  dir.write("objects", later);
  EXPECT_THAT(load_objects(dir.str()).error().message(), HasSubstr("does not begin with \"tideline-objects 1 \""));
}

TEST(ObjectsFile, WhatCannotBeKeptSaysWhere) {
  const test::TempDir dir;
  const auto kept = keep_objects(dir.str() + "/gone", some_objects(1));
  ASSERT_FALSE(kept.ok());
  EXPECT_THAT(kept.error().message(), HasSubstr(dir.str() + "/gone"));
}

}  // namespace
}  // namespace tideline::node::objects_file_test
