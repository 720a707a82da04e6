// A rehearsal of simulated hosts against the real coordinator: a change of policy and faults, as a user sees them.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <map>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "storage/rocks/rocks_store.h"
#include "test/support/cluster.h"
#include "test/support/http_get.h"

namespace tideline::test {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr int kNodes = 20;
constexpr int kPowerLoss = 6;  // the node that has one

std::string name_of(int number) {
  return fmt::format("sim-{:05}", number);
}

class Rehearsal : public testing::Test {
 protected:
  void issue_certs(int nodes) {
    const auto made = run(
        {program("tideline-fleet"), "certs", "--dir", cluster.dir().str() + "/tls", "--nodes", std::to_string(nodes)});
    ASSERT_EQ(made.exit, 0) << made.output;
  }

  std::vector<std::string> command(int nodes, std::vector<std::string> more) const {
    std::vector<std::string> argv = {program("tideline-fleet"),
                                     "run",
                                     "--coordinator",
                                     cluster.node_address(),
                                     "--certs",
                                     cluster.dir().str() + "/tls",
                                     "--state",
                                     cluster.dir().str() + "/state",
                                     "--nodes",
                                     std::to_string(nodes),
                                     "--interval",
                                     "1s",
                                     "--spread",
                                     "1s",
                                     "--row",
                                     "1s",
                                     "--for",
                                     "0",
                                     "--json"};
    argv.insert(argv.end(), more.begin(), more.end());
    return argv;
  }

  Process start(int nodes, std::vector<std::string> more) const {
    return Process(command(nodes, std::move(more)),
                   {.environment = {}, .output_file = cluster.dir().str() + "/fleet.log"});
  }

  static std::vector<json> rows(const Process& fleet, const std::string& kind) {
    std::vector<json> found;
    std::istringstream lines(fleet.output());
    for (std::string line; std::getline(lines, line);) {
      json row = json::parse(line, nullptr, false);
      if (row.is_object() && row.value("kind", "") == kind) found.push_back(std::move(row));
    }
    return found;
  }

  bool has_sessions(int count) const {
    return http_get(cluster.web_port(), "/metrics").find(fmt::format("\ntideline_sessions {}\n", count)) !=
           std::string::npos;
  }

  /// By node, of those that run the policy in force and told a limit since.
  std::map<std::string, int> limits() const {
    std::map<std::string, int> found;
    const json answer = cluster.ask({"nodes"});
    const json status = cluster.ask({"policy", "status"});
    if (!answer.is_object() || !status.is_object()) return found;
    for (const json& node : answer.at("nodes")) {
      const json& last = node.at("last");
      const bool follows = node.at("policyApplied") == status.at("state").at("version");
      if (follows && last.is_object() && last.at("beLimitMilli").is_number())
        found[node.at("name").get<std::string>()] = last.at("beLimitMilli").get<int>();
    }
    return found;
  }

  /// Of the node, in order: 'c' for each session that began and 'd' for each that ended.
  std::string sessions_of(int number) const {
    std::string told;
    const json answer = cluster.ask({"events", "--node", name_of(number), "--from", "-10m"});
    if (!answer.is_object()) return told;
    for (const json& event : answer.at("events")) {
      if (event.at("reason") == "node-connected") told += 'c';
      if (event.at("reason") == "node-disconnected") told += 'd';
    }
    return told;
  }

  /// Nodes that run the policy in force, as they said.
  std::set<std::string> followers() const {
    std::set<std::string> found;
    const json status = cluster.ask({"policy", "status"});
    if (!status.is_object()) return found;
    for (const json& node : status.at("nodes")) {
      const bool follows = node.at("policyApplied") == status.at("state").at("version");
      if (follows) found.insert(node.at("name").get<std::string>());
    }
    return found;
  }

  Cluster cluster;
};

TEST_F(Rehearsal, AChangeOfPolicyIsSeenOnEveryHostAndFaultsLoseNoAckedReport) {
  issue_certs(kNodes);
  cluster.set_policy("resource-threshold-config", threshold_config("cfsQuota", 95));
  cluster.start_coordinator();
  auto fleet = start(kNodes, {"--fault", "link-loss:nodes=0-3,at=12s,for=6s", "--fault",
                              "crash:nodes=4-5,at=12s,for=4s", "--fault", "power-loss:nodes=6,at=12s,for=4s"});
  std::map<std::string, int> before;
  ASSERT_TRUE(eventually(seconds(40), [&] {
    before = limits();
    return before.size() == kNodes;
  })) << fleet.output();

  cluster.set_policy("resource-threshold-config", threshold_config("cfsQuota", 65));
  std::map<std::string, int> after;
  EXPECT_TRUE(eventually(seconds(60),
                         [&] {
                           after = limits();
                           return after.size() == kNodes &&
                                  std::all_of(after.begin(), after.end(),
                                              [&](const auto& each) { return each.second < before[each.first]; });
                         }))
      << json(before).dump() << json(after).dump() << fleet.output();
  const std::string node = name_of(10);
  EXPECT_THAT(cluster.ask({"events", "--node", node, "--from", "-10m"}).dump(),
              HasSubstr("kubepods/besteffort/cpu.max"));
  EXPECT_THAT(cluster.ask({"explain", "node", node, "--file", "besteffort/cpu.max"}).dump(), HasSubstr("cpu-suppress"));
  EXPECT_EQ(cluster.ask({"node", node}).at("status").at("cgroupVersion"), "simulated v2");

  ASSERT_TRUE(eventually(seconds(60), [&] {
    const auto faults = rows(fleet, "fault");
    return std::count_if(faults.begin(), faults.end(),
                         [](const json& row) { return row.at("event") == "fault-ends"; }) == 3;
  })) << fleet.output();
  ASSERT_TRUE(eventually(seconds(40), [&] { return has_sessions(kNodes); })) << fleet.output();
  fleet.signal(SIGTERM);
  ASSERT_EQ(fleet.wait(seconds(40)), 0) << fleet.output();
  const auto wholes = rows(fleet, "whole");
  ASSERT_EQ(wholes.size(), 1u) << fleet.output();
  const json& whole = wholes.front();
  EXPECT_EQ(whole.at("open"), 0) << whole.dump();
  EXPECT_EQ(whole.at("made").get<int>(), whole.at("acked").get<int>() + whole.at("hosts").at("gaps").get<int>())
      << whole.dump();
  EXPECT_GT(whole.at("hosts").at("writes").get<int>(), kNodes);
  EXPECT_EQ(cluster.stop_coordinator(), 0);

  auto store = rocks::RocksStore::open(cluster.data_dir() + "/history");
  ASSERT_TRUE(store.ok()) << store.error().message();
  std::size_t stored = 0;
  for (int i = 0; i < kNodes; ++i) {
    const auto reports = (*store)->reports(model::NodeName(name_of(i)), {0}, {INT64_MAX}, 0);
    ASSERT_TRUE(reports.ok()) << reports.error().message();
    ASSERT_FALSE(reports->truncated);
    std::map<model::Incarnation, std::set<std::uint64_t>> seqs;
    std::uint64_t gaps = 0;
    for (const auto& row : reports->rows) {
      EXPECT_TRUE(seqs[row.report.incarnation].insert(row.report.seq.value()).second) << name_of(i) << ": twice";
      gaps += row.report.gap_reports;
    }
    stored += reports->rows.size();
    EXPECT_EQ(seqs.size(), i == kPowerLoss ? 2u : 1u) << name_of(i);
    if (i == kPowerLoss) continue;
    EXPECT_EQ(gaps, 0u) << name_of(i);
    for (const auto& [incarnation, numbers] : seqs)
      EXPECT_EQ(*numbers.rbegin(), numbers.size()) << name_of(i) << ": a hole";
  }
  EXPECT_GE(stored, whole.at("acked").get<std::size_t>());
}

TEST_F(Rehearsal, ASkewedClockAndASecondAgentAreNoticed) {
  issue_certs(3);
  cluster.start_coordinator();
  auto fleet = start(3, {"--pods", "3", "--fault", "clock-skew:nodes=0,by=-30s", "--fault", "duplicate:nodes=1,at=5s"});
  ASSERT_TRUE(eventually(seconds(30), [&] { return has_sessions(3); })) << fleet.output();
  EXPECT_TRUE(eventually(seconds(20), [&] {
    return cluster.ask({"events", "--node", name_of(0), "--from", "-10m"}).dump().find("clock-skew") !=
           std::string::npos;
  })) << fleet.output();
  const json skewed = cluster.ask({"node", name_of(0)});
  EXPECT_NEAR(skewed.at("clockOffsetMs").get<double>(), -30'000, 5000) << skewed.dump();
  json first;
  ASSERT_TRUE(eventually(seconds(20), [&] {
    first = cluster.ask({"node", name_of(1)});
    return first.is_object() && first.at("incarnation") != 0;
  })) << "no report of it yet";
  EXPECT_TRUE(eventually(seconds(30), [&] {
    return fleet.output().find("another agent runs as node 'sim-00001'") != std::string::npos;
  })) << fleet.output();
  const json later = cluster.ask({"node", name_of(1)});
  EXPECT_EQ(first.at("incarnation"), later.at("incarnation")) << "who is there stays";
  EXPECT_TRUE(eventually(seconds(10), [&] {
    const auto told = rows(fleet, "row");
    return !told.empty() && told.back().at("hosts").at("duplicates") == 1;
  })) << fleet.output();
  fleet.signal(SIGTERM);
  EXPECT_EQ(fleet.wait(seconds(30)), 0) << fleet.output();
}

TEST_F(Rehearsal, AFlappingNodeComesAndGoesInItsEventsAndLosesNoReport) {
  issue_certs(2);
  cluster.start_coordinator();
  auto fleet = start(2, {"--pods", "3", "--fault", "flap:nodes=0,at=10s,for=24s,every=8s"});
  ASSERT_TRUE(eventually(seconds(30), [&] { return has_sessions(2); })) << fleet.output();
  ASSERT_TRUE(eventually(seconds(60), [&] {
    const auto faults = rows(fleet, "fault");
    return !faults.empty() && faults.back().at("event") == "fault-ends";
  })) << fleet.output();
  EXPECT_TRUE(eventually(seconds(20), [&] { return sessions_of(0) == "cdcdcdc"; })) << sessions_of(0) << "\n"
                                                                                    << fleet.output();
  EXPECT_EQ(sessions_of(1), "c") << "its neighbour has nothing of it";
  ASSERT_TRUE(eventually(seconds(20), [&] { return has_sessions(2); })) << fleet.output();
  fleet.signal(SIGTERM);
  ASSERT_EQ(fleet.wait(seconds(40)), 0) << fleet.output();
  const auto wholes = rows(fleet, "whole");
  ASSERT_EQ(wholes.size(), 1u) << fleet.output();
  EXPECT_EQ(wholes.front().at("open"), 0);
  EXPECT_EQ(wholes.front().at("made"), wholes.front().at("acked")) << wholes.front().dump();
}

TEST_F(Rehearsal, ANodeWithASlowDiskAppliesAPolicyLate) {
  issue_certs(2);
  cluster.set_policy("resource-threshold-config", threshold_config("cfsQuota", 95));
  cluster.start_coordinator();
  auto fleet = start(2, {"--pods", "3", "--fault", "slow-disk:nodes=0,delay=6s"});
  ASSERT_TRUE(eventually(seconds(60), [&] { return followers().size() == 2; })) << fleet.output();
  cluster.set_policy("resource-threshold-config", threshold_config("cfsQuota", 65));
  ASSERT_TRUE(eventually(seconds(20), [&] { return followers() == std::set<std::string>{name_of(1)}; }))
      << cluster.tidectl({"policy", "status"}).output << fleet.output();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(eventually(seconds(40), [&] { return followers().size() == 2; }))
      << cluster.tidectl({"policy", "status"}).output << fleet.output();
  EXPECT_GE(std::chrono::steady_clock::now() - begin, seconds(1)) << "its disk takes six for the policy alone";
  fleet.signal(SIGTERM);
  EXPECT_EQ(fleet.wait(seconds(40)), 0) << fleet.output();
}

TEST_F(Rehearsal, ATraceDrivesTheHosts) {
  issue_certs(2);
  cluster.start_coordinator();
  const auto trace = cluster.dir().write("trace.csv",
                                         "time_s,host,cpu_millicores,cpu_request_millicores\n"
                                         "0,sim-00000,3000,4000\n0,other,9000,12000\n");
  auto fleet = start(2, {"--trace", trace});
  EXPECT_TRUE(eventually(seconds(30), [&] {
    const json one = cluster.ask({"node", name_of(0)});
    const json two = cluster.ask({"node", name_of(1)});
    const auto ls_cpu = [](const json& node) {
      if (!node.is_object() || !node.at("last").is_object()) return 0.0;
      const json& value = node.at("last").at("lsCpuMilli");
      return value.is_number() ? value.get<double>() : 0.0;
    };
    return std::abs(ls_cpu(one) - 3000) < 60 && std::abs(ls_cpu(two) - 9000) < 180;
  })) << cluster.ask({"nodes"}).dump();
  fleet.signal(SIGTERM);
  EXPECT_EQ(fleet.wait(seconds(30)), 0) << fleet.output();
}

TEST_F(Rehearsal, WhatNodesAreAnnotatedWithAndWhatTheirCpuIsWorthReachTheirAccounts) {
  cluster.set_policy("colocation-config", R"({"enable": true, "cpuReclaimThresholdPercent": 100})");
  cluster.set_policy("cpu-normalization-config",
                     R"({"enable": true, "ratioModel": {"simulated": {"baseRatio": 1.25}}})");
  cluster.start_coordinator();
  issue_certs(1);
  const Process fleet =
      start(1, {"--cpu", "16", "--pods", "4", "--annotation",
                R"(node.koordinator.sh/reservation={"resources":{"cpu":"3"}})", "--annotation",
                R"(node.koordinator.sh/thirdPartyAllocations={"allocations":[{"name":"yarn","priority":"koord-batch",)"
                R"("resources":{"kubernetes.io/batch-cpu":"500"}}]})"});
  json account;
  ASSERT_TRUE(eventually(seconds(20), [&] {
    const auto explained = cluster.ask({"explain", "reclaimed", name_of(0)});
    if (!explained.is_object()) return false;
    account = explained["account"]["cpuMilli"];
    return account["rule"] == "usage" && account["published"] > 0;
  })) << fleet.output();
  EXPECT_EQ(account["reservation"], 3'000);
  EXPECT_GE(account["system"], 3'000);
  EXPECT_EQ(account["thirdParty"], 500);
  EXPECT_EQ(account["published"], account["origin"].get<int>() - 500);
  EXPECT_EQ(account["offered"].get<int>() + 400, account["capacity"].get<int>() - account["margin"].get<int>() -
                                                     account["system"].get<int>() - account["highPriority"].get<int>() -
                                                     account["midOffered"].get<int>())
      << "500 / 1.25";
  const auto policy = cluster.ask({"policy", "get", "--node", name_of(0)});
  EXPECT_EQ(policy["effective"]["scaling"]["cpuNormalizationRatio"], 1.25);
  EXPECT_THAT(cluster.tidectl({"explain", "reclaimed", name_of(0)}).output,
              testing::AllOf(HasSubstr("ratioModel \"simulated\" baseRatio"),
                             HasSubstr("annotation node.koordinator.sh/reservation")));
}

TEST_F(Rehearsal, SaysWhatIsWrongBeforeItBegins) {
  const auto refused = [&](std::vector<std::string> more, int code, const std::string& what) {
    auto argv = command(2, std::move(more));
    argv[3] = "127.0.0.1:1";
    const auto done = run(argv);
    EXPECT_EQ(done.exit, code) << done.output;
    EXPECT_THAT(done.output, HasSubstr(what));
  };
  refused({"--fault", "fire"}, 2, "--fault: fault 'fire': 'fire' is none of link-loss");
  refused({"--fault", "crash:nodes=1-2"}, 2, "fault 'crash:nodes=1-2': the nodes of this rehearsal are 0-1");
  refused({"--loop", "1m"}, 2, "--loop 1m: want 100ms to 10s");
  refused({"--label", "pool"}, 2, "--label pool: want key=value");
  refused({"--annotation", "reservation"}, 2, "--annotation reservation: want key=value");
  refused({}, 1, "/node-sim-00000.crt");
  issue_certs(2);
  refused({"--trace", "/no/such.csv"}, 1, "/no/such.csv: No such file");
  const auto help = run({program("tideline-fleet"), "run", "--help"});
  EXPECT_EQ(help.exit, 0);
  EXPECT_THAT(help.output, HasSubstr("clock-skew:by=-30s"));
}

}  // namespace
}  // namespace tideline::test
