// How far a replay from history is from what a node really did: the same minute of a real node, once as its coordinator
// kept it, in steps of 10 s, and once as the node recorded it, ten times a second.

#include <chrono>
#include <csignal>
#include <ctime>
#include <iostream>
#include <regex>
#include <string>
#include <thread>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "test/support/cluster.h"
#include "test/support/pod_tree.h"

namespace tideline::test {
namespace {

using nlohmann::json;
using std::chrono::seconds;

constexpr std::time_t kStep = 10;
/// In each other one a service spins.
constexpr int kHalfSteps = 10;
/// Of the host: a step's mean hides what came and went within it, and a limit rises by 10 % of the host a second.
constexpr double kMostMeanShare = 0.25;

std::string utc(std::time_t time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(time));
}

class ReplayError : public testing::Test {
 protected:
  void SetUp() override { TIDELINE_NEED_CGROUPS(); }
};

TEST_F(ReplayError, OfARunLikeTheDemosIsStatedAndSmall) {
  PodTree tree;
  Cluster cluster;
  const std::string threshold = threshold_config("cfsQuota", 65);
  cluster.set_policy("resource-threshold-config", threshold);
  cluster.start_coordinator();
  const std::string recording = cluster.dir().str() + "/n1.rec";
  auto node = cluster.start_node(
      {.name = "n1", .kubepods = tree.kubepods(), .pods_json = PodTree::pods_json(), .extra = {"--record", recording}});
  tree.spin_be(2);
  ASSERT_TRUE(eventually(seconds(20), [&] { return tree.limited(); })) << node.output();
  // Whole steps in which the policy was in force from their begin to their end.
  const std::time_t from = (std::time(nullptr) / kStep + 1) * kStep;
  for (int i = 0; i < kHalfSteps; ++i) {
    const pid_t service = i % 2 == 0 ? tree.spin_ls() : 0;
    std::this_thread::sleep_for(seconds(kStep / 2));
    if (service != 0) tree.kill(service);
  }
  const std::time_t until = std::time(nullptr) / kStep * kStep;
  ASSERT_GE(until - from, 3 * kStep);
  // The report with the last of it comes within seconds.
  std::this_thread::sleep_for(seconds(3));
  node.signal(SIGTERM);
  ASSERT_EQ(node.wait(seconds(10)), 0) << node.output();
  ASSERT_EQ(cluster.stop_coordinator(), 0);

  const std::string archive = cluster.dir().str() + "/n1.tla";
  const auto exported = run({program("tideline-history"), "export", cluster.data_dir(), "--tier", "10s", "--since",
                             utc(from), "--until", utc(until), "-o", archive});
  ASSERT_EQ(exported.exit, 0) << exported.output;
  const auto policy = cluster.dir().write(
      "policy.json", R"({"colocation-config": {"enable": true}, "resource-threshold-config": )" + threshold + "}");
  const auto replayed = run({program("tideline-planner"), "replay", archive, "--policy", policy, "--against", recording,
                             "--from", utc(from), "--until", utc(until), "--json"});
  ASSERT_EQ(replayed.exit, 0) << replayed.output;
  const json answer = json::parse(replayed.output);
  EXPECT_EQ(answer.at("hosts"), 1);
  EXPECT_EQ(answer.at("stepS"), 10);
  std::string stated;
  for (const json& note : answer.at("notes")) {
    const auto text = note.get<std::string>();
    if (text.starts_with("Against the recording n1.rec: ")) stated = text;
  }
  std::cout << stated << "\n";
  std::smatch found;
  ASSERT_TRUE(std::regex_search(stated, found,
                                std::regex(R"(in (\d+) steps of 10 s the limit of batch is ([0-9.e+-]+) cores from)")))
      << answer.at("notes").dump();
  EXPECT_GE(std::stoi(found[1]), 3) << "steps that both have";
  EXPECT_LE(std::stod(found[2]), kMostMeanShare * std::thread::hardware_concurrency());
}

}  // namespace
}  // namespace tideline::test
