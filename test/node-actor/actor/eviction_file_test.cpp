// What outlives a worker of evictions under way, and of batch's work.

#include "node-actor/actor/eviction_file.h"

#include <chrono>
#include <fstream>
#include <string>

#include <gmock/gmock.h>

#include "test/support/temp_dir.h"

namespace tideline::node::eviction_file_test {
namespace {

using namespace std::chrono_literals;
using decide::EvictTask;
using model::MonoTime;
using model::PodUid;
using model::Reason;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST(EvictionFile, EvictionsThroughTheApiComeBackAndAFileOfBeforeThemIsRead) {
  test::TempDir dir;
  decide::EvictVictim victim;
  victim.id = "boot/cpuEvict.nodeUsage/1/u1/2";
  victim.uid = PodUid("u1");
  victim.name_space = "batch";
  victim.name = "etl-1";
  victim.reason = Reason::kNodeCpuFull;
  victim.cpu_time_used = 3s;
  ASSERT_TRUE(
      keep_evictions(dir.str(), "boot", {.under_way = {}, .through_api = {{victim, MonoTime{5}}}, .last_alone = {}}));
  const auto kept = load_evictions(dir.str(), "boot");
  ASSERT_TRUE(kept) << kept.error().message();
  ASSERT_THAT(kept->through_api, SizeIs(1));
  EXPECT_EQ(kept->through_api[0].victim, victim);
  EXPECT_EQ(kept->through_api[0].since, MonoTime{5});
  EXPECT_THAT(load_evictions(dir.str(), "another boot")->through_api, IsEmpty());
  std::ofstream(dir.path() / "evictions") << R"({"bootId": "boot", "lastAloneNs": null, "underWay": []})";
  EXPECT_THAT(load_evictions(dir.str(), "boot")->through_api, IsEmpty());
  std::ofstream(dir.path() / "evictions")
      << R"({"bootId": "boot", "lastAloneNs": null, "underWay": [], "throughApi": [{"id": 1}]})";
  EXPECT_FALSE(load_evictions(dir.str(), "boot"));
}

TEST(EvictionFile, TheTaskAndTheMemoryComeBackAndATaskOfALaterAgentIsReadAsTheFirst) {
  test::TempDir dir;
  decide::EvictVictim victim;
  victim.uid = PodUid("u1");
  victim.task = EvictTask::kMemoryAllocatable;
  victim.memory_used = model::Bytes(5);
  ASSERT_TRUE(
      keep_evictions(dir.str(), "boot", {.under_way = {}, .through_api = {{victim, MonoTime{5}}}, .last_alone = {}}));
  const auto kept = load_evictions(dir.str(), "boot");
  ASSERT_TRUE(kept) << kept.error().message();
  ASSERT_THAT(kept->through_api, SizeIs(1));
  EXPECT_EQ(kept->through_api[0].victim, victim);
  const auto file = [](const std::string& task) {
    const std::string begin = R"({"bootId": "boot", "lastAloneNs": null, "underWay": [], "throughApi": [{"id": "i",)";
    return begin + R"("uid": "u", "namespace": "n", "name": "m", "reason": 140, "sinceNs": 1)" + task + "}]}";
  };
  for (const auto* task : {"", R"(, "task": 8)", R"(, "task": -1)"}) {
    std::ofstream(dir.path() / "evictions") << file(task);
    const auto read = load_evictions(dir.str(), "boot");
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_EQ(read->through_api[0].victim.task, EvictTask::kBeSatisfaction);
  }
  std::ofstream(dir.path() / "evictions") << file(R"(, "task": "memory")");
  EXPECT_FALSE(load_evictions(dir.str(), "boot"));
}

TEST(EvictionFile, WhatIsNotItsOwnIsAnErrorThatNamesIt) {
  test::TempDir dir;
  EXPECT_THAT(load_evictions(dir.str(), "boot")->under_way, IsEmpty());
  for (const auto* text :
       {"", "[]", R"({"bootId": "boot"})", R"({"bootId": "boot", "lastAloneNs": null, "underWay": [{"id": 1}]})"}) {
    std::ofstream(dir.path() / "evictions") << text;
    const auto loaded = load_evictions(dir.str(), "boot");
    ASSERT_FALSE(loaded) << text;
    EXPECT_THAT(loaded.error().message(), HasSubstr("/evictions"));
  }
}

TEST(EvictionFile, SumsOfWorkComeBack) {
  test::TempDir dir;
  EXPECT_EQ(*load_be_work(dir.str()), model::BeWork{});
  const model::BeWork work{{3, 1500ms}, {1, 2s}, {2, 4s}};
  ASSERT_TRUE(keep_be_work(dir.str(), work));
  EXPECT_EQ(*load_be_work(dir.str()), work);
  std::ofstream(dir.path() / "be-work") << "{";
  EXPECT_FALSE(load_be_work(dir.str()));
}

}  // namespace
}  // namespace tideline::node::eviction_file_test
