// The coordinator's disk is full: it acknowledges nothing, goes on with all else, and says why; once there is room it
// goes on by itself, and nothing that was acknowledged is lost.

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "test/e2e/known_reports.h"
#include "test/e2e/known_store.h"
#include "test/e2e/rehearsal.h"
#include "test/e2e/report_feed.h"
#include "test/support/http_get.h"
#include "test/support/metric.h"

namespace tideline::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr std::size_t kFed = 20;  // nodes whose reports fill the disk
constexpr int kLive = 5;          // behind them, and live
constexpr std::int64_t kHours = 6;
constexpr std::size_t kDiskMiB = 96;

/// A disk of its own, which nobody else on this machine sees; gone at the end of the scope.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& directory) : directory_(directory) {
    fs::create_directories(directory_);
    if (::unshare(CLONE_NEWNS) != 0) {
      missing_ = fmt::format("a mount namespace (unshare: {})", std::strerror(errno));
    } else if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
      missing_ = fmt::format("mounts of its own (MS_PRIVATE: {})", std::strerror(errno));
    } else if (::mount("tmpfs", directory_.c_str(), "tmpfs", 0, fmt::format("size={}m", kDiskMiB).c_str()) != 0) {
      missing_ = fmt::format("to mount a tmpfs ({})", std::strerror(errno));
    } else {
      is_mounted_ = true;
    }
  }
  ~SmallDisk() {
    if (is_mounted_) ::umount2(directory_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  /// What this machine lacks for it; "" = nothing.
  const std::string& missing() const { return missing_; }
  /// Until nothing goes in any more.
  void fill() const {
    const int file = ::open(ballast().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ASSERT_GE(file, 0) << std::strerror(errno);
    const std::string piece(64 << 10, 'x');
    while (::write(file, piece.data(), piece.size()) > 0) {
    }
    EXPECT_EQ(errno, ENOSPC);
    ::close(file);
  }
  void make_room() const { fs::remove(ballast()); }

 private:
  std::string ballast() const { return directory_ + "/ballast"; }

  std::string directory_;
  std::string missing_;
  bool is_mounted_ = false;
};

TEST(HistoryDisk, ThatIsFullStopsAcksAndNothingElseAndIsGoneOnWithOnceThereIsRoom) {
  Cluster cluster;
  const SmallDisk disk(cluster.data_dir());
  if (!disk.missing().empty()) GTEST_SKIP() << "needs " << disk.missing();
  issue_fleet_certs(tls_directory(cluster), static_cast<int>(kFed) + kLive);
  cluster.start_coordinator({"--fold-every", "1s"});
  auto fleet = start_fleet(cluster, {.nodes = kLive, .first = static_cast<int>(kFed)});
  ASSERT_TRUE(eventually(seconds(30), [&] { return has_sessions(cluster, kLive); })) << fleet.output();

  const std::int64_t from = minute_now() / kHourMinutes * kHourMinutes - (kHours + 1) * kHourMinutes;
  std::vector<std::int64_t> next(kFed, from);
  ReportFeed feed({.coordinator = cluster.node_address(), .certs = tls_directory(cluster), .nodes = kFed},
                  [next, from](std::size_t node) mutable -> std::optional<model::Report> {
                    std::int64_t& minute = next[node];
                    // Again and again: more than the disk has room for.
                    if (minute == from + kHours * kHourMinutes) minute = from;
                    return known_report(node, minute++);
                  });
  const auto folded = [&] { return metric(cluster.web_port(), "tideline_history_folded_reports_total"); };
  ASSERT_TRUE(eventually(seconds(30), [&] { return feed.acked() > 200 && folded() > 0; }));

  disk.fill();
  // What was set aside for the log fills, too.
  ASSERT_TRUE(eventually(seconds(90), [&] {
    disk.fill();
    return feed.put_off() > 0;
  })) << feed.acked();
  std::string ready;
  json state;
  EXPECT_TRUE(eventually(seconds(60), [&] {
    // What merged files give back.
    disk.fill();
    const auto before = feed.acked();
    std::this_thread::sleep_for(milliseconds(1500));
    ready = http_get(cluster.web_port(), "/readyz");
    state = cluster.ask({"history", "state"});
    return feed.acked() == before;
  })) << "a full disk, and reports are acked";

  EXPECT_THAT(ready, HasSubstr("HTTP/1.1 503"));
  EXPECT_THAT(ready, HasSubstr("history store takes no reports"));
  EXPECT_THAT(http_get(cluster.web_port(), "/healthz"), HasSubstr("HTTP/1.1 200"));
  EXPECT_GT(metric(cluster.web_port(), "tideline_commits_failed_total"), 0);
  ASSERT_TRUE(state.is_object()) << cluster.tidectl({"history", "state"}).output;
  ASSERT_TRUE(state.at("problem").is_string()) << state.dump();
  EXPECT_THAT(state.at("problem").get<std::string>(), HasSubstr("No space left on device"));

  // Control goes on.
  EXPECT_EQ(cluster.tidectl({"nodes"}).exit, 0);
  cluster.set_policy("resource-threshold-config", threshold_config("cfsQuota", 55));
  EXPECT_TRUE(eventually(seconds(30), [&] {
    const json status = cluster.ask({"policy", "status"});
    if (!status.is_object()) return false;
    const auto wanted = status.at("state").at("version");
    int applied = 0;
    for (const json& node : status.at("nodes")) {
      const bool is_live = node.at("name").get<std::string>() >= simulated_node(static_cast<int>(kFed));
      applied += is_live && node.at("policyApplied") == wanted && wanted.get<int>() > 1 ? 1 : 0;
    }
    return applied == kLive;
  })) << cluster.tidectl({"policy", "status"}).output;
  // What was acked is answered.
  EXPECT_TRUE(cluster.ask({"query", "node.cpu", "--node", simulated_node(0), "--since", "10h"}).is_object());
  EXPECT_TRUE(cluster.coordinator().running());

  const auto stuck = feed.acked();
  disk.make_room();
  EXPECT_TRUE(eventually(seconds(90), [&] { return feed.acked() > stuck + 10 * kFed; }))
      << cluster.coordinator().output();
  EXPECT_TRUE(eventually(
      seconds(30), [&] { return http_get(cluster.web_port(), "/readyz").find("HTTP/1.1 200") != std::string::npos; }));
  const double before = folded();
  // A fold that failed is tried again after 30 s, and later each time (coordinator/actor/series_keeper.h).
  EXPECT_TRUE(eventually(seconds(300), [&] { return folded() > before; })) << "it folds on";
  const Fed fed = feed.stop(seconds(30));
  EXPECT_EQ(fed.problem, "");
  EXPECT_EQ(fed.refused, 0U) << fed.last_refusal;
  EXPECT_EQ(fed.open, 0U);
  EXPECT_EQ(fed.made, fed.acked);
  fleet.signal(SIGTERM);
  ASSERT_EQ(fleet.wait(patience(seconds(30))), 0) << fleet.output();
  const json whole = whole_of(fleet);
  ASSERT_TRUE(whole.is_object()) << fleet.output();
  EXPECT_EQ(whole.at("made"), whole.at("acked")) << whole.dump();
  EXPECT_EQ(whole.at("lost"), 0);
  EXPECT_EQ(cluster.stop_coordinator(), 0);

  const auto store = open_history(cluster.data_dir());
  for (std::size_t node = 0; node < kFed; ++node) {
    SCOPED_TRACE(testing::Message() << "node " << node);
    const Counted counted = count_known(*store, node);
    EXPECT_EQ(counted.reports, fed.acked_by_node[node]);
    EXPECT_EQ(counted.quarters, fed.acked_by_node[node]);
    EXPECT_EQ(counted.wrong, 0U) << "of " << counted.minutes << " minutes";
  }
  EXPECT_THAT(findings_of(*store), testing::IsEmpty());
}

}  // namespace
}  // namespace tideline::test
