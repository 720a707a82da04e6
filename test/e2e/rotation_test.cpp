// Authority, certificates and keys are replaced under a fleet that reports, and a node is denied.

#include <csignal>
#include <filesystem>
#include <memory>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <openssl/ssl.h>

#include "test/e2e/rehearsal.h"
#include "test/messages/link/hostile_peer.h"
#include "test/support/metric.h"

namespace tideline::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr int kNodes = 50;
constexpr int kOutcast = kNodes;  // the one that is denied
constexpr int kOldDays = 30;
constexpr int kNewDays = 60;
// The coordinator looks at its files each 10 s, with a sweep a second; a session lives 7.5 to 10 s here, and a node is
// back within the second that it spreads over, or two if its first attempt comes to nothing.
constexpr auto kReload = seconds(30);
constexpr auto kAllAgain = seconds(25);
constexpr const char* kMaxAge = "10s";
constexpr const char* kExpiry = "tideline_certificate_expiry_timestamp_seconds";
constexpr const char* kRefused = "tideline_peers_refused_total";

class Rotation : public testing::Test {
 protected:
  void SetUp() override {
    issue_fleet_certs(tls_, kNodes + 1, {"--days", std::to_string(kOldDays)});
    // Its authority has the name of the old one.
    issue_fleet_certs(new_, kNodes + 1, {"--days", std::to_string(kNewDays)});
    fs::copy(tls_, old_);
    cluster_.start_coordinator(
        {"--session-max-age", kMaxAge, "--denied-names", cluster_.dir().write("denied", "# nobody\n")});
    fleet_ = std::make_unique<Process>(start_fleet(cluster_, {.nodes = kNodes}));
    outcast_ = std::make_unique<Process>(start_fleet(cluster_, {.first = kOutcast, .log = "outcast.log"}));
    ASSERT_TRUE(eventually(seconds(30), [&] { return has_sessions(cluster_, kNodes + 1); })) << fleet_->output();
  }

  /// A finished file takes the place of `name`, which nobody reads half.
  void put(const std::string& name, const std::string& text) {
    const auto fresh = cluster_.dir().write(name + ".fresh", text);
    fs::rename(fresh, cluster_.dir().path() / name);
  }
  void put_new(const std::string& file) {
    put(fmt::format("tls/{}", file), cluster_.dir().read(fmt::format("new/{}", file)));
  }

  std::string log() { return cluster_.coordinator().output(); }
  std::size_t reloads() {
    std::size_t count = 0;
    const auto text = log();
    for (auto at = text.find(" tls-files-reloaded: "); at != std::string::npos;
         at = text.find(" tls-files-reloaded: ", at + 1))
      ++count;
    return count;
  }
  /// Nodes that opened a session after the log had `begin` bytes.
  std::set<std::string> came_since(std::size_t begin) {
    std::set<std::string> names;
    std::istringstream lines(log().substr(begin));
    constexpr std::string_view kEvent = " node-connected: ";
    for (std::string line; std::getline(lines, line);) {
      const auto at = line.find(kEvent);
      if (at == std::string::npos) continue;
      const auto name = at + kEvent.size();
      names.insert(line.substr(name, line.find(' ', name) - name));
    }
    return names;
  }
  /// True once each of the fleet's nodes has opened a session after the log had `begin` bytes.
  bool all_came_since(std::size_t begin) {
    return eventually(kAllAgain, [&] {
      const auto names = came_since(begin);
      for (int i = 0; i < kNodes; ++i) {
        if (!names.contains(simulated_node(i))) return false;
      }
      return true;
    });
  }
  double of(const std::string& sample) { return metric(cluster_.web_port(), sample); }

  Cluster cluster_;
  const std::string tls_ = tls_directory(cluster_);
  const std::string old_ = cluster_.dir().str() + "/old";
  const std::string new_ = cluster_.dir().str() + "/new";
  std::unique_ptr<Process> fleet_;
  std::unique_ptr<Process> outcast_;
};

TEST_F(Rotation, ReplacesTheAuthorityAndAllItSignedUnderLoadAndLosesNoAckedReport) {
  const double expiry = of(kExpiry);
  const auto& dir = cluster_.dir();

  // Both ends trust both authorities before anybody shows a certificate of the new one.
  put("tls/ca.crt", dir.read("old/ca.crt") + dir.read("new/ca.crt"));
  for (const char* file : {"server-coordinator.tideline.key", "server-coordinator.tideline.crt"})
    put_new(file);
  ASSERT_TRUE(eventually(kReload, [&] { return of(kExpiry) > expiry; })) << log();
  EXPECT_NEAR(of(kExpiry) - expiry, (kNewDays - kOldDays) * 86400.0, 3600);

  for (int i = 0; i <= kNodes; ++i) {
    for (const char* kind : {"key", "crt"})
      put_new(fmt::format("node-{}.{}", simulated_node(i), kind));
  }
  const std::size_t renewed = log().size();
  ASSERT_TRUE(all_came_since(renewed)) << log();
  EXPECT_EQ(of(kRefused), 0) << log();

  // Nobody needs the old one any more.
  const std::size_t before = reloads();
  put("tls/ca.crt", dir.read("new/ca.crt"));
  put("denied", fmt::format("{}.node.tideline  # sold\n", simulated_node(kOutcast)));
  ASSERT_TRUE(eventually(kReload, [&] {
    return reloads() > before && log().find(" denied-names-reloaded: ") != std::string::npos;
  })) << log();
  const std::size_t replaced = log().size();
  ASSERT_TRUE(all_came_since(replaced)) << log();
  const auto text = log();
  EXPECT_FALSE(came_since(replaced).contains(simulated_node(kOutcast)));
  EXPECT_EQ(rows_of(*outcast_).back().at("sessions"), 0);

  // Up to here the denied node was refused, and nobody else.
  const auto denied = fmt::format("node '{}' is among the denied names", simulated_node(kOutcast));
  std::istringstream lines(text);
  std::size_t refusals = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.find(" peer-refused: ") == std::string::npos) continue;
    ++refusals;
    EXPECT_THAT(line, HasSubstr(denied));
  }
  EXPECT_GE(refusals, 1u);
  const auto stem = fmt::format("{}/node-{}", old_, simulated_node(0));
  const link::TlsFiles before_rotation{stem + ".crt", stem + ".key", ""};
  EXPECT_THAT(link::raw_tls(cluster_.node_port(), before_rotation, TLS1_3_VERSION), HasSubstr("unknown ca"))
      << "what the old authority signed counts no more";

  fleet_->signal(SIGTERM);
  ASSERT_EQ(fleet_->wait(patience(seconds(30))), 0) << fleet_->output();
  const json whole = whole_of(*fleet_);
  ASSERT_TRUE(whole.is_object()) << fleet_->output();
  EXPECT_GE(whole.at("lost").get<int>(), 2 * kNodes) << "sessions end by age";
  EXPECT_EQ(whole.at("made"), whole.at("acked")) << whole.dump();
  EXPECT_EQ(whole.at("open"), 0);
  outcast_.reset();
  EXPECT_EQ(cluster_.stop_coordinator(), 0);
  EXPECT_EQ(stored_once(cluster_, kNodes), whole.at("made").get<std::size_t>());
}

}  // namespace
}  // namespace tideline::test
