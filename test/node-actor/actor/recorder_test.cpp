#include "node-actor/actor/recorder.h"

#include <filesystem>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "test/support/temp_dir.h"

namespace tideline::node::recorder_test {
namespace {

using nlohmann::json;

std::vector<json> lines_of(const std::string& text) {
  std::vector<json> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);)
    lines.push_back(json::parse(line, nullptr, false));
  return lines;
}

void record_round(Recorder& recorder, std::int64_t at) {
  decide::SuppressInput input;
  input.now = model::MonoTime{at};
  recorder.suppress({}, std::nullopt, {}, input, false, {});
}

class Recording : public testing::Test {
 protected:
  test::TempDir dir_;
  std::string file_ = dir_.str() + "/rec";

  Recorder open(std::size_t max_bytes) {
    auto recorder = Recorder::open(file_, max_bytes);
    EXPECT_TRUE(recorder.ok());
    return std::move(*recorder);
  }
};

TEST_F(Recording, EveryLineIsJsonAndThePolicyComesWhenItChanged) {
  {
    Recorder recorder = open(1 << 20);
    record_round(recorder, 1);
    record_round(recorder, 2);
    recorder.host({});
    recorder.write({"kubepods/best\xff", "cpu.max", "max", model::Controller::kCpuSuppress, model::Reason::kNone}, "x");
  }
  std::vector<std::string> types;
  for (const auto& line : lines_of(dir_.read("rec"))) {
    ASSERT_TRUE(line.is_object());
    types.push_back(line.at("type"));
  }
  EXPECT_THAT(types, testing::ElementsAre("policy", "suppress", "suppress", "host", "write"));
}

TEST_F(Recording, StaysWithinItsBoundAndKeepsTheNewest) {
  constexpr std::size_t kMax = 16'384;
  {
    Recorder recorder = open(kMax);
    for (int i = 1; i <= 500; ++i)
      record_round(recorder, i);
  }
  EXPECT_LE(std::filesystem::file_size(file_) + std::filesystem::file_size(file_ + ".1"), kMax);
  const auto older = lines_of(dir_.read("rec.1"));
  const auto newer = lines_of(dir_.read("rec"));
  for (const auto& line : older)
    ASSERT_TRUE(line.is_object());
  ASSERT_FALSE(newer.empty());
  EXPECT_EQ(newer.back().at("input").at("now_ns"), 500);
  EXPECT_GT(older.size() + newer.size(), 5u);
}

TEST_F(Recording, ARoundLargerThanAFileIsLeftOutAndTheNextOneIsKept) {
  {
    Recorder recorder = open(16'384);
    recorder.write({std::string(10'000, 'x'), "f", "v", model::Controller::kNone, model::Reason::kNone}, "");
    EXPECT_TRUE(recorder.on());
    record_round(recorder, 1);
  }
  const auto lines = lines_of(dir_.read("rec"));
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[1].at("input").at("now_ns"), 1);
}

TEST_F(Recording, NewWorkerKeepsWhatTheDeadOneSaw) {
  {
    Recorder recorder = open(1 << 20);
    record_round(recorder, 1);
  }
  Recorder again = open(1 << 20);
  EXPECT_EQ(lines_of(dir_.read("rec.1")).size(), 2u);
  EXPECT_EQ(dir_.read("rec"), "");
}

TEST_F(Recording, DirectoryThatVanishedEndsItAndNothingElse) {
  const std::string below = dir_.str() + "/sub";
  std::filesystem::create_directory(below);
  auto recorder = Recorder::open(below + "/rec", 16'384);
  ASSERT_TRUE(recorder.ok());
  std::filesystem::remove_all(below);
  for (int i = 1; i <= 100; ++i)
    record_round(*recorder, i);
  EXPECT_FALSE(recorder->on());
}

TEST_F(Recording, FullDiskEndsItWithWholeLines) {
  // /dev/full takes the file but no byte.
  auto recorder = Recorder::open("/dev/full", 1 << 20);
  ASSERT_TRUE(recorder.ok());
  record_round(*recorder, 1);
  record_round(*recorder, 2);
  EXPECT_FALSE(recorder->on());
}

TEST_F(Recording, WhatADeadWorkerSawIsNotWrittenOverWhereItCannotBecomeTheOlderFile) {
  dir_.write("rec", "what it saw\n");
  dir_.write("rec.1/in-the-way", "");
  const auto recorder = Recorder::open(file_, 1 << 20);
  ASSERT_FALSE(recorder.ok());
  EXPECT_THAT(recorder.error().message(), testing::HasSubstr(file_ + ".1"));
  EXPECT_EQ(dir_.read("rec"), "what it saw\n");
}

TEST_F(Recording, FileThatCannotBeMadeIsNamed) {
  const auto recorder = Recorder::open(dir_.str() + "/gone/rec", 1 << 20);
  ASSERT_FALSE(recorder.ok());
  EXPECT_THAT(recorder.error().message(), testing::HasSubstr(dir_.str() + "/gone/rec"));
}

}  // namespace
}  // namespace tideline::node::recorder_test
