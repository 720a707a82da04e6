// The loads keep to their arguments: tests and benchmarks rest on that.

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "test/support/process.h"
#include "test/support/sanitized.h"
#include "test/support/temp_dir.h"

namespace tideline::test {
namespace {

using std::chrono::seconds;

Process start(const TempDir& scratch, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), program("memory_load"));
  return {std::move(arguments), Process::Options{.environment = {}, .output_file = scratch.str() + "/output"}};
}

bool says(const Process& load, const std::string& line) {
  return eventually(seconds(10), [&] { return load.output().find(line) != std::string::npos; });
}

nlohmann::json last_words(const Process& load) {
  const auto text = load.output();
  const auto at = text.rfind('{');
  return at == std::string::npos ? nlohmann::json() : nlohmann::json::parse(text.substr(at), nullptr, false);
}

/// VmRSS or the like, in KiB.
long status_kib(pid_t pid, const std::string& key) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/status");
  std::string line;
  while (std::getline(in, line)) {
    if (line.starts_with(key + ":")) return std::strtol(line.c_str() + key.size() + 1, nullptr, 10);
  }
  return 0;
}

TEST(MemoryLoad, GrowsToItsBoundAndNoFurther) {
  const TempDir scratch;
  auto load = start(scratch, {"grow", "--mib", "24", "--rate", "200"});
  ASSERT_TRUE(says(load, "ready")) << load.output();
  EXPECT_GE(status_kib(load.pid(), "RssAnon"), 24 * 1024);
  if (!kSanitized) {
    EXPECT_LT(status_kib(load.pid(), "RssAnon"), 64 * 1024);
  }
  load.signal(SIGTERM);
  EXPECT_EQ(load.wait(seconds(5)), 128 + SIGTERM) << "it ends as any batch job does";
}

TEST(MemoryLoad, EndsWhenItsTimeIsUp) {
  const TempDir scratch;
  auto load = start(scratch, {"many", "--count", "3", "--mib", "2", "--seconds", "0.5"});
  EXPECT_EQ(load.wait(seconds(10)), 0) << load.output();
}

TEST(MemoryLoad, AServiceTellsItsLatenciesWhenItIsEnded) {
  const TempDir scratch;
  auto load =
      start(scratch, {"touch", "--anon-mib", "4", "--directory", scratch.str(), "--file-mib", "2", "--samples"});
  ASSERT_TRUE(says(load, "\ns ")) << load.output();
  load.signal(SIGTERM);
  ASSERT_EQ(load.wait(seconds(5)), 0) << load.output();
  const auto words = last_words(load);
  ASSERT_TRUE(words.is_object()) << load.output();
  EXPECT_GT(words["requests"].get<int>(), 0);
  EXPECT_GE(words["p99_ms"].get<double>(), words["p50_ms"].get<double>());
}

TEST(MemoryLoad, StreamsThroughFilesOfWhichNothingIsLeft) {
  const TempDir scratch;
  const TempDir files;
  auto load = start(scratch, {"stream", "--directory", files.str(), "--mib", "4", "--file-mib", "2"});
  ASSERT_TRUE(says(load, "ready")) << load.output();
  EXPECT_TRUE(std::filesystem::is_empty(files.path())) << "a killed one leaves nothing either";
  load.signal(SIGTERM);
  ASSERT_EQ(load.wait(seconds(5)), 0) << load.output();
  EXPECT_GE(last_words(load)["mib"].get<double>(), 4);
}

TEST(MemoryLoad, RefusesAGroupItCannotEnter) {
  const TempDir scratch;
  auto load = start(scratch, {"grow", "--mib", "1", "--enter", scratch.str() + "/none/cgroup.procs"});
  EXPECT_EQ(load.wait(seconds(5)), 1);
  EXPECT_NE(load.output().find("cgroup.procs: "), std::string::npos) << load.output();
}

}  // namespace
}  // namespace tideline::test
