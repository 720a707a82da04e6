// A rehearsal's nodes against the real coordinator, which is killed under their load.

#include <algorithm>
#include <csignal>
#include <iostream>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "messages/link/node_client.h"
#include "test/e2e/rehearsal.h"
#include "test/support/http_get.h"
#include "test/support/sanitized.h"

namespace tideline::test {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr int kNodes = 100;
constexpr int kMostRounds = 20;  // of some ten seconds and reports a node; one read of history gives 1000
constexpr seconds kRecovery(kSanitized ? 15 : 5);
constexpr int kSpreadSeconds = 1;  // in which the nodes come again at first

/// How much later than a coordinator that listened after `start` the last node may be back: who failed n times waits up
/// to 2^n backoffs. That is as long as all its waits before where each took half of its most, and of a hundred nodes
/// some draw a quarter of that.
milliseconds jitter(milliseconds start) {
  const link::NodeClientConfig usual;
  const auto longest = std::max<model::Duration>(16 * usual.backoff_min, 32 * model::Duration(start));
  return std::chrono::duration_cast<milliseconds>(std::min<model::Duration>(longest, usual.backoff_max));
}

milliseconds since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begin);
}

TEST(Fleet, EachReportOfAHundredNodesIsAckedAndTheyApplyANewPolicy) {
  Cluster cluster;
  issue_fleet_certs(tls_directory(cluster), kNodes);
  cluster.start_coordinator();
  auto fleet = start_fleet(cluster, {.nodes = kNodes, .spread = "0"});
  ASSERT_TRUE(eventually(seconds(30), [&] { return has_sessions(cluster, kNodes); })) << fleet.output();
  cluster.set_policy("resource-threshold-config", threshold_config("cfsQuota", 55));
  EXPECT_TRUE(eventually(seconds(30), [&] {
    const json status = cluster.ask({"policy", "status"});
    if (!status.is_object() || status.at("nodes").size() != kNodes) return false;
    const auto wanted = status.at("state").at("version");
    return wanted.get<int>() > 1 && std::all_of(status.at("nodes").begin(), status.at("nodes").end(),
                                                [&](const json& node) { return node.at("policyApplied") == wanted; });
  })) << cluster.tidectl({"policy", "status"}).output;
  fleet.signal(SIGTERM);
  ASSERT_EQ(fleet.wait(seconds(20)), 0) << fleet.output();
  const json whole = whole_of(fleet);
  ASSERT_TRUE(whole.is_object()) << fleet.output();
  EXPECT_GE(whole.at("made").get<int>(), kNodes);
  EXPECT_EQ(whole.at("made"), whole.at("acked"));
  EXPECT_EQ(whole.at("open"), 0);
  EXPECT_EQ(whole.at("lost"), 0);
  EXPECT_EQ(whole.at("refused"), 0);
  EXPECT_EQ(cluster.stop_coordinator(), 0);
}

// The fleet forgets a report only when it was acked; so numbers without a hole and without a twin are all of them.
TEST(Fleet, KillNineUnderLoadLosesNoAckedReportAndStoresNoneTwice) {
  Cluster cluster;
  issue_fleet_certs(tls_directory(cluster), kNodes);
  cluster.start_coordinator();
  auto fleet = start_fleet(cluster, {.nodes = kNodes, .spread = fmt::format("{}s", kSpreadSeconds)});
  ASSERT_TRUE(eventually(seconds(30), [&] { return has_sessions(cluster, kNodes); })) << fleet.output();
  milliseconds longest_start(0);
  milliseconds longest_away(0);
  int round = 0;
  for (; round < std::min(rounds(2), kMostRounds); ++round) {
    // A session of less than 5 s counts as a failure, after which a node waits longer.
    std::this_thread::sleep_for(milliseconds(5500));
    const auto killed = std::chrono::steady_clock::now();
    cluster.kill_coordinator();
    cluster.start_coordinator();
    const auto start = since(killed);
    EXPECT_LE(start, patience(kRecovery)) << "until it listens, with fleet, ledger and policy from its store";
    ASSERT_TRUE(eventually(seconds(60), [&] { return has_sessions(cluster, kNodes); })) << "round " << round << "\n"
                                                                                        << fleet.output();
    const auto away = since(killed);
    EXPECT_LE(away, patience(start + jitter(start))) << "until the last of its nodes is back";
    longest_start = std::max(longest_start, start);
    longest_away = std::max(longest_away, away);
  }
  std::cout << fmt::format("{} kills under load: it listens after at most {} ms, {} nodes are back after {} ms\n",
                           round, longest_start.count(), kNodes, longest_away.count());
  RecordProperty("start_ms", static_cast<int>(longest_start.count()));
  RecordProperty("away_ms", static_cast<int>(longest_away.count()));
  fleet.signal(SIGTERM);
  ASSERT_EQ(fleet.wait(seconds(30)), 0) << fleet.output();
  const json whole = whole_of(fleet);
  ASSERT_TRUE(whole.is_object()) << fleet.output();
  EXPECT_EQ(whole.at("made"), whole.at("acked")) << whole.dump();
  EXPECT_EQ(whole.at("open"), 0);
  EXPECT_EQ(cluster.stop_coordinator(), 0);

  EXPECT_EQ(stored_once(cluster, kNodes), whole.at("made").get<std::size_t>());
}

TEST(Fleet, WhoAsksOfTheWholeFleetInALoopHoldsUpNoAck) {
  Cluster cluster;
  issue_fleet_certs(tls_directory(cluster), kNodes);
  cluster.start_coordinator();
  auto fleet = start_fleet(cluster, {.nodes = kNodes});
  ASSERT_TRUE(eventually(seconds(30), [&] { return has_sessions(cluster, kNodes); })) << fleet.output();
  // The row in which the last of them came is not over.
  const std::size_t first = rows_of(fleet).size() + 1;
  ASSERT_TRUE(eventually(seconds(30), [&] {
    for (int i = 0; i < 20; ++i) {
      EXPECT_THAT(http_get(cluster.web_port(), "/metrics"), HasSubstr("\ntideline_nodes_connected "));
      EXPECT_THAT(http_get(cluster.web_port(), "/readyz"), HasSubstr("HTTP/1.1 "));
    }
    EXPECT_EQ(cluster.tidectl({"nodes"}).exit, 0);
    return rows_of(fleet).size() >= first + 4;
  })) << fleet.output();
  fleet.signal(SIGTERM);
  ASSERT_EQ(fleet.wait(patience(seconds(20))), 0) << fleet.output();
  const auto rows = rows_of(fleet);
  const auto most = static_cast<double>(patience(seconds(2)).count());  // nothing stands still
  for (std::size_t i = first; i < first + 4; ++i)
    EXPECT_LE(rows.at(i).at("ackMs").at("p99").get<double>(), most) << rows.at(i).dump();
  EXPECT_EQ(whole_of(fleet).at("lost"), 0);
  EXPECT_EQ(cluster.stop_coordinator(), 0);
}

TEST(Fleet, SaysWhatIsWrongBeforeItBegins) {
  const TempDir dir;
  const auto bench = [&](std::vector<std::string> more) {
    std::vector<std::string> argv = {
        program("tideline-fleet"), "bench", "--coordinator", "127.0.0.1:1", "--certs", dir.str()};
    argv.insert(argv.end(), more.begin(), more.end());
    return run(argv);
  };
  const auto no_certs = bench({"--nodes", "2"});
  EXPECT_EQ(no_certs.exit, 1);
  EXPECT_THAT(no_certs.output, HasSubstr(dir.str() + "/node-sim-00000.crt"));
  const auto interval = bench({"--nodes", "2", "--interval", "10"});
  EXPECT_EQ(interval.exit, 2);
  EXPECT_THAT(interval.output, HasSubstr("--interval: \"10\""));
  const auto nodes = bench({"--nodes", "100001"});
  EXPECT_EQ(nodes.exit, 2);
  EXPECT_THAT(nodes.output, HasSubstr("100001 not in range"));
  const auto prefix = bench({"--nodes", "2", "--prefix", "Sim"});
  EXPECT_EQ(prefix.exit, 2);
  EXPECT_THAT(prefix.output, HasSubstr("prefix 'Sim'"));
  for (const char* command : {"bench", "certs"}) {
    const auto help = run({program("tideline-fleet"), command, "--help"});
    EXPECT_EQ(help.exit, 0);
    EXPECT_THAT(help.output, HasSubstr("Example: tideline-fleet"));
  }
}

}  // namespace
}  // namespace tideline::test
