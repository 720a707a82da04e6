#include "node-actor/actor/kubelet_cpus.h"

#include <filesystem>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/support/temp_dir.h"

namespace tideline::node::kubelet_cpus_test {
namespace {

using decide::KubeletCpuManager;
using model::CpuSet;
using testing::HasSubstr;

KubeletCpus parsed(std::string_view text) {
  auto cpus = parse_kubelet_cpus(text);
  EXPECT_TRUE(cpus.ok()) << cpus.error().message();
  return cpus.ok() ? *cpus : KubeletCpus{};
}
std::string refusal(std::string_view text) {
  const auto cpus = parse_kubelet_cpus(text);
  if (cpus) return "taken";
  EXPECT_EQ(cpus.error().code(), model::ErrorCode::kMalformed);
  return cpus.error().message();
}

constexpr const char* kStatic = R"({"policyName":"static","defaultCpuSet":"0,4-7",
  "entries":{"c0ffee-uid":{"web":"1-2","sidecar":"3"},"other-uid":{"db":"8"}},"checksum":353318015})";

TEST(KubeletCpus, NonePolicyGivesNothingAway) {
  EXPECT_EQ(parsed(R"({"policyName":"none","defaultCpuSet":"","checksum":1353318690})"), KubeletCpus{});
}

TEST(KubeletCpus, StaticPolicyNamesTheCpusOfEachContainer) {
  const auto cpus = parsed(kStatic);
  EXPECT_EQ(cpus.manager, KubeletCpuManager::kStatic);
  EXPECT_EQ(cpus.exclusive, CpuSet({1, 2, 3, 8}));
  EXPECT_EQ(cpus.shared, CpuSet({0, 4, 5, 6, 7}));
  EXPECT_EQ(cpus.containers, 3u);
}

TEST(KubeletCpus, TheOlderFormNamesContainersByIdAlone) {
  const auto cpus = parsed(R"({"policyName":"static","defaultCpuSet":"0","entries":{"4d2a":"1-2","77aa":"3"}})");
  EXPECT_EQ(cpus.exclusive, CpuSet({1, 2, 3}));
  EXPECT_EQ(cpus.containers, 2u);
}

TEST(KubeletCpus, StaticWithoutEntriesHasGivenNothingAwayYet) {
  for (const auto* text : {R"({"policyName":"static","defaultCpuSet":"0-3","checksum":1})",
                           R"({"policyName":"static","defaultCpuSet":"","entries":null})",
                           R"({"policyName":"static","defaultCpuSet":"0-3","entries":{}})"}) {
    EXPECT_EQ(parsed(text).manager, KubeletCpuManager::kStatic) << text;
    EXPECT_TRUE(parsed(text).exclusive.empty()) << text;
  }
}

TEST(KubeletCpus, WhatIsNotUnderstoodIsNamed) {
  EXPECT_THAT(refusal(""), HasSubstr("JSON object"));
  EXPECT_THAT(refusal("[]"), HasSubstr("JSON object"));
  EXPECT_THAT(refusal("{}"), HasSubstr("policyName"));
  EXPECT_THAT(refusal(R"({"policyName":7})"), HasSubstr("policyName"));
  EXPECT_THAT(refusal(R"({"policyName":"dynamic"})"), HasSubstr("dynamic"));
  EXPECT_THAT(refusal(R"({"policyName":"static","defaultCpuSet":"0-"})"), HasSubstr("defaultCpuSet"));
  EXPECT_THAT(refusal(R"({"policyName":"static","entries":[]})"), HasSubstr("entries"));
  EXPECT_THAT(refusal(R"({"policyName":"static","entries":{"u":{"c":5}}})"), HasSubstr("entries.u.c"));
  EXPECT_THAT(refusal(R"({"policyName":"static","entries":{"u":{"c":"0-99999"}}})"), HasSubstr("entries.u.c"));
  EXPECT_THAT(refusal(R"({"policyName":"static","entries":{"u":{"c":{"deeper":"1"}}}})"), HasSubstr("entries.u.c"));
}

TEST(KubeletCpus, AFileBeyondAllReasonIsRefused) {
  std::string many = R"({"policyName":"static","entries":{"u":{)";
  for (std::size_t i = 0; i <= KubeletCpus::kMaxContainers; ++i)
    many += (i == 0 ? "\"c" : ",\"c") + std::to_string(i) + "\":\"1\"";
  EXPECT_THAT(refusal(many + "}}}"), HasSubstr("more than 8192 containers"));
  EXPECT_THAT(refusal(std::string(KubeletCpus::kMaxBytes + 1, ' ')), HasSubstr("bytes"));
  EXPECT_THAT(refusal(std::string(100'000, '[')), HasSubstr("JSON object"));
}

TEST(KubeletCpus, GarbageIsAnAnswerAndNeverMore) {
  const std::string good = kStatic;
  for (unsigned seed = 1; seed <= 2000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    auto text = good;
    for (int i = 0; i < 3; ++i) {
      const auto at = random() % text.size();
      switch (random() % 3) {
        case 0:
          text[at] = static_cast<char>(random());
          break;
        case 1:
          text.erase(at, random() % 20);
          break;
        default:
          text.insert(at, text.substr(random() % text.size(), random() % 20));
          break;
      }
      if (text.empty()) text = "x";
    }
    if (const auto cpus = parse_kubelet_cpus(text)) {
      EXPECT_LE(cpus->exclusive.size(), CpuSet::kMaxCpu + 1);
    }
  }
}

TEST(KubeletCpuFile, IsReadAgainWhenItChangesAndOnlyThen) {
  const test::TempDir dir;
  const auto path = dir.str() + "/cpu_manager_state";
  KubeletCpuFile file({dir.str(), true});
  EXPECT_TRUE(file.look());
  EXPECT_EQ(file.cpus(), KubeletCpus{}) << "no file: no CPU manager";
  EXPECT_EQ(file.text(), "kubelet's CPU manager: none, for there is no " + path);
  EXPECT_FALSE(file.look());
  dir.write("new", kStatic);
  std::filesystem::rename(dir.str() + "/new", path);  // as kubelet does
  EXPECT_TRUE(file.look());
  EXPECT_EQ(file.cpus()->exclusive, CpuSet({1, 2, 3, 8}));
  EXPECT_EQ(file.text(), "kubelet's CPU manager: static, by " + path);
  EXPECT_FALSE(file.look());
  std::filesystem::remove(path);
  EXPECT_TRUE(file.look());
  EXPECT_EQ(file.cpus(), KubeletCpus{});
}

TEST(KubeletCpuFile, WhatCannotBeReadLeavesTheLastThatCould) {
  const test::TempDir dir;
  const auto path = dir.str() + "/cpu_manager_state";
  dir.write("cpu_manager_state", "{");
  KubeletCpuFile file({dir.str(), false});
  EXPECT_TRUE(file.look());
  EXPECT_EQ(file.cpus(), std::nullopt);
  EXPECT_THAT(file.problem(), HasSubstr(path));
  EXPECT_EQ(file.text(), "it is not known which CPUs kubelet gave away: " + file.problem());
  dir.write("cpu_manager_state", kStatic);
  EXPECT_TRUE(file.look());
  EXPECT_EQ(file.problem(), "");
  dir.write("cpu_manager_state", "{}");
  EXPECT_TRUE(file.look());
  EXPECT_EQ(file.cpus()->exclusive, CpuSet({1, 2, 3, 8}));
  EXPECT_THAT(file.problem(), HasSubstr("policyName"));
  EXPECT_THAT(file.text(), HasSubstr("static, by " + path + "; that was before: " + file.problem()));
}

TEST(KubeletCpuFile, WithoutADirectoryThereIsNoKubeletUnlessThereMustBeOne) {
  const test::TempDir host;
  const auto directory = host.str() + "/var/lib/kubelet";
  KubeletCpuFile plain({directory, false});
  EXPECT_TRUE(plain.look());
  EXPECT_EQ(plain.cpus(), KubeletCpus{});

  KubeletCpuFile seen_from_a_container({directory, true});
  EXPECT_TRUE(seen_from_a_container.look());
  EXPECT_EQ(seen_from_a_container.cpus(), std::nullopt);
  EXPECT_EQ(seen_from_a_container.problem(), directory + ": No such file or directory");
  EXPECT_FALSE(seen_from_a_container.look());
  std::filesystem::create_directories(directory);
  EXPECT_TRUE(seen_from_a_container.look());
  EXPECT_EQ(seen_from_a_container.cpus(), KubeletCpus{});
  host.write("var/lib/kubelet/cpu_manager_state", kStatic);
  EXPECT_TRUE(seen_from_a_container.look());
  std::filesystem::remove_all(directory);
  EXPECT_TRUE(seen_from_a_container.look());
  EXPECT_EQ(seen_from_a_container.cpus()->exclusive, CpuSet({1, 2, 3, 8})) << "what was known still counts";
  EXPECT_THAT(seen_from_a_container.problem(), HasSubstr(directory));
}

TEST(KubeletCpuFile, ItsTextIsShortWhateverThePath) {
  KubeletCpuFile file({"/" + std::string(2000, 'x'), true});
  file.look();
  EXPECT_EQ(file.text().size(), KubeletCpuFile::kMaxTextBytes);
}

}  // namespace
}  // namespace tideline::node::kubelet_cpus_test
