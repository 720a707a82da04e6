// A real coordinator records what its ledger rests on while policy and pods of its fleet change, and the accounts are
// computed again from that, byte for byte.

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "test/e2e/rehearsal.h"

namespace tideline::test {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr int kNodes = 5;

class LedgerRecording : public testing::Test {
 protected:
  std::string recordings() const { return cluster_.dir().str() + "/recordings"; }
  Finished verify(std::vector<std::string> more = {}) const {
    std::vector<std::string> argv{program("tideline-planner"), "verify-ledger"};
    argv.insert(argv.end(), more.begin(), more.end());
    return run(std::move(argv));
  }
  std::vector<std::string> files() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(recordings()))
      found.push_back(entry.path().string());
    std::sort(found.begin(), found.end());
    return found;
  }
  /// Of each node that has reported the agent that did so last.
  std::map<std::string, json> agents() const {
    std::map<std::string, json> found;
    const json answer = cluster_.ask({"nodes"});
    if (!answer.is_object()) return found;
    for (const json& node : answer.at("nodes"))
      found[node.at("name").get<std::string>()] = node.at("incarnation");
    return found;
  }
  /// Whether so many reports are taken in of each node's agent, which is another than before.
  bool all_reported(int reports, const std::map<std::string, json>& before) const {
    const json answer = cluster_.ask({"nodes"});
    if (!answer.is_object() || answer.at("nodes").size() != kNodes) return false;
    return std::all_of(answer.at("nodes").begin(), answer.at("nodes").end(), [&](const json& node) {
      const auto old = before.find(node.at("name").get<std::string>());
      return node.at("lastSeq").get<int>() >= reports && (old == before.end() || old->second != node.at("incarnation"));
    });
  }
  void set_threshold(int percent) const {
    cluster_.set_policy("colocation-config", fmt::format(R"({{"enable": true, "cpuReclaimThresholdPercent": {},
                                         "cpuCalculatePolicy": "{}"}})",
                                                         percent, percent % 2 == 0 ? "usage" : "maxUsageRequest"));
  }
  /// A life of the coordinator, with nodes of so many pods, which then have others, under three policies.
  void live_once() {
    set_threshold(70);
    cluster_.start_coordinator({"--record-ledger", recordings(), "--record-ledger-size", "16Mi"});
    for (const int pods : {4, 9}) {
      const auto before = agents();
      auto fleet = start_fleet(cluster_, {.nodes = kNodes, .pods = pods, .log = fmt::format("fleet-{}.log", pods)});
      ASSERT_TRUE(eventually(seconds(30), [&] { return all_reported(2, before); })) << fleet.output();
      set_threshold(70 - pods);
      ASSERT_TRUE(eventually(seconds(30), [&] { return all_reported(5, before); })) << fleet.output();
      fleet.signal(SIGTERM);
      ASSERT_EQ(fleet.wait(seconds(20)), 0) << fleet.output();
    }
    ASSERT_EQ(cluster_.stop_coordinator(), 0);
  }

  Cluster cluster_;
};

TEST_F(LedgerRecording, GivesEveryAccountOfTwoLivesAgain) {
  issue_fleet_certs(tls_directory(cluster_), kNodes);
  live_once();
  ASSERT_FALSE(HasFatalFailure());
  const auto once = verify({recordings(), "--json"});
  ASSERT_EQ(once.exit, 0) << once.output;
  const json first = json::parse(once.output);
  EXPECT_EQ(first.at("lives"), 1);
  EXPECT_EQ(first.at("stretches"), 1);
  EXPECT_EQ(first.at("lost"), 0);
  EXPECT_GE(first.at("policies").get<int>(), 3);
  EXPECT_GE(first.at("reports").get<int>(), 2 * 5 * kNodes);
  // They are made once a second at most, of what was told since.
  EXPECT_GE(first.at("accounts").get<int>(), 2 * 2 * kNodes);
  EXPECT_EQ(first.at("held"), first.at("accounts"));
  EXPECT_EQ(first.at("unsettled"), 0);
  EXPECT_EQ(first.at("different"), 0) << once.output;

  // Another life begins with nodes that it remembers, and with what was learnt of them.
  live_once();
  ASSERT_FALSE(HasFatalFailure());
  const auto twice = verify({recordings()});
  EXPECT_EQ(twice.exit, 0);
  EXPECT_THAT(twice.output, AllOf(HasSubstr("all the same, byte for byte"), Not(HasSubstr("DIFFER"))));
  const auto both = verify({recordings(), "--json"});
  ASSERT_EQ(both.exit, 0) << both.output;
  EXPECT_EQ(json::parse(both.output).at("lives"), 2);
  EXPECT_EQ(json::parse(both.output).at("held"), json::parse(both.output).at("accounts"));
  EXPECT_EQ(verify({files().back()}).exit, 0) << "each life by itself";
}

TEST_F(LedgerRecording, DamageOfItsFilesIsNamed) {
  issue_fleet_certs(tls_directory(cluster_), kNodes);
  live_once();
  ASSERT_FALSE(HasFatalFailure());
  const auto file = files().front();
  std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
  // In the text of a record, and not in its length: a length that goes past the file's end is a file that was cut.
  bytes.seekg(static_cast<std::streamoff>(std::filesystem::file_size(file) / 2));
  while (bytes.get() != '{')
    ASSERT_TRUE(bytes.good());
  const auto at = bytes.tellg();
  const int byte = bytes.get();
  bytes.seekp(at);
  bytes.put(static_cast<char>(byte ^ 1));
  bytes.close();
  const auto damaged = verify({file});
  EXPECT_EQ(damaged.exit, 1);
  EXPECT_THAT(damaged.output, AllOf(HasSubstr(file), HasSubstr("record at offset ")));
}

TEST_F(LedgerRecording, IsOffUnlessItIsAskedFor) {
  cluster_.start_coordinator();
  EXPECT_EQ(cluster_.stop_coordinator(), 0);
  EXPECT_FALSE(std::filesystem::exists(recordings()));
  const auto none = verify({cluster_.dir().str()});
  EXPECT_EQ(none.exit, 1);
  EXPECT_THAT(none.output, HasSubstr("has no recording"));
  const auto wrong = run(cluster_.coordinator_arguments({"--record-ledger-size", "16Mi"}));
  EXPECT_EQ(wrong.exit, 2);
  EXPECT_THAT(wrong.output, HasSubstr("want --record-ledger as well"));
  const auto small =
      run(cluster_.coordinator_arguments({"--record-ledger", recordings(), "--record-ledger-size", "1Mi"}));
  EXPECT_EQ(small.exit, 2);
  EXPECT_THAT(small.output, HasSubstr("want 16Mi to 1Ti"));
}

}  // namespace
}  // namespace tideline::test
