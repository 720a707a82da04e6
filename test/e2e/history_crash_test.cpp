// The coordinator is killed wherever it hurts: while reports come, while they are folded, while old ones go, while a
// backup is made, while an older store becomes one of today's. What it had acknowledged is there, once.

#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "storage/rocks/backup.h"
#include "test/e2e/known_reports.h"
#include "test/e2e/known_store.h"
#include "test/e2e/rehearsal.h"
#include "test/e2e/report_feed.h"
#include "test/support/metric.h"

namespace tideline::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::IsEmpty;

constexpr std::size_t kNodes = 4;
constexpr std::int64_t kHours = 8;
constexpr int kKilled = 128 + SIGKILL;
/// Most reports and rows of ten seconds are too old as soon as they are folded.
constexpr const char* kRetention = "raw=2h,10s=3h,1m=3d,15m=6d";
/// No report is.
constexpr const char* kLongRetention = "raw=12h,10s=12h,1m=3d,15m=6d";

class HistoryCrash : public testing::Test {
 protected:
  HistoryCrash() : seed_(campaign_seed()), random_(seed_), trace_(__FILE__, __LINE__, fmt::format("seed {}", seed_)) {
    const std::int64_t now = minute_now();
    from_ = now / kHourMinutes * kHourMinutes - kHours * kHourMinutes;
    to_ = now - 20;
  }

  std::string backups() const { return cluster_.dir().str() + "/backups"; }
  /// Rounds of a second.
  std::vector<std::string> arguments(const char* retention) const {
    return {"--fold-every", "1s", "--drop-every", "1s", "--backup-dir", backups(), "--retention", retention};
  }
  double count(const std::string& name) const { return metric(cluster_.web_port(), name); }
  milliseconds up_to(int most_ms) { return milliseconds(std::uniform_int_distribution<int>(0, most_ms)(random_)); }

  enum class When { kIngest, kFold, kDrop, kBackup };
  static constexpr int kWhens = 4;
  static const char* name_of(When when) {
    constexpr const char* kNames[kWhens] = {"ingest", "fold", "retention", "backup"};
    return kNames[static_cast<int>(when)];
  }

  /// Somewhere in the midst of it.
  void come_to(When when) {
    const auto grows = [&](const char* name) {
      const double before = count(name);
      EXPECT_TRUE(eventually(seconds(30), [&] { return count(name) > before; })) << name << " stands still";
    };
    switch (when) {
      case When::kIngest:
        break;
      case When::kFold:
        grows("tideline_history_folded_reports_total");
        break;
      case When::kDrop:
        // A round each second, which drops at once what was folded in it.
        grows("tideline_history_folded_reports_total");
        std::this_thread::sleep_for(up_to(1000));
        break;
      case When::kBackup: {
        const Process::Options options{.environment = {}, .output_file = cluster_.dir().str() + "/tidectl.log"};
        backup_ = std::make_unique<Process>(backup_arguments(), options);
        break;
      }
    }
    std::this_thread::sleep_for(up_to(300));
  }

  std::vector<std::string> backup_arguments() const {
    const auto admin = cluster_.authority().person("admin", "backup");
    const auto ports = json::parse(cluster_.dir().read("ports.json"));
    const auto address = fmt::format("127.0.0.1:{}", ports.at("admin").get<int>());
    std::vector<std::string> argv{program("tidectl"), "--address", address, "--server-name", "coordinator.tideline"};
    for (const std::string& word : {std::string("--cert"), admin.certificate, std::string("--key"), admin.key,
                                    std::string("--ca"), admin.ca, std::string("history"), std::string("backup")})
      argv.push_back(word);
    return argv;
  }

  /// Each in its own way: some go through the hours one after the other, and again; some hop about, so that much comes
  /// for hours that are folded.
  NextReport reports() {
    std::vector<std::int64_t> next(kNodes, from_);
    return [this, next, random = std::mt19937(seed_)](std::size_t node) mutable -> std::optional<model::Report> {
      std::int64_t& minute = next[node];
      if (node % 2 == 1) minute = std::uniform_int_distribution<std::int64_t>(from_, to_ - 1)(random);
      if (minute >= to_) minute = from_;
      return known_report(node, minute++);
    };
  }

  void expect_alive() {
    ASSERT_TRUE(cluster_.coordinator().running())
        << "it ended by itself with " << cluster_.coordinator().wait(milliseconds(0)).value_or(-1) << "\n"
        << cluster_.coordinator().output();
  }

  /// Of `acked` by node: each of them is in history, and counts once.
  static void expect_whole(const std::string& data_dir, const std::vector<std::uint64_t>& acked) {
    const auto store = open_history(data_dir);
    for (std::size_t node = 0; node < acked.size(); ++node) {
      SCOPED_TRACE(testing::Message() << "node " << node);
      const model::NodeName name(simulated_node(static_cast<int>(node)));
      for (std::uint64_t seq = 1; seq <= acked[node]; ++seq)
        ASSERT_TRUE(store->has(name, model::Incarnation(1), model::Seq(seq))) << seq << " was acked and is lost";
      EXPECT_FALSE(store->has(name, model::Incarnation(1), model::Seq(acked[node] + 1)));
      const Counted counted = count_known(*store, node);
      EXPECT_EQ(counted.reports, acked[node]);
      EXPECT_EQ(counted.quarters, acked[node]);
      EXPECT_EQ(counted.wrong, 0U) << "of " << counted.minutes << " minutes";
      EXPECT_GT(counted.minutes, 0U);
    }
    EXPECT_THAT(findings_of(*store), IsEmpty());
  }

  /// Those that are there are whole, and a store can be made of the newest.
  void expect_backups_whole() const {
    const auto listed = rocks::list_backups(backups());
    ASSERT_TRUE(listed.ok()) << listed.error().message();
    for (const auto& backup : *listed) {
      const auto whole = rocks::verify_backup(backups(), backup.id);
      EXPECT_TRUE(whole.ok()) << "backup " << backup.id << ": " << whole.error().message();
    }
    ASSERT_FALSE(listed->empty());
    std::cout << listed->size() << " backups are whole\n";
    const TempDir to;
    const auto restored = rocks::restore_backup(backups(), std::nullopt, to.str() + "/history");
    ASSERT_TRUE(restored.ok()) << restored.error().message();
    EXPECT_THAT(findings_of(*open_history(to.str())), IsEmpty());
  }

  const unsigned seed_;
  std::mt19937 random_;
  testing::ScopedTrace trace_;
  Cluster cluster_;
  std::unique_ptr<Process> backup_;
  std::int64_t from_ = 0;  // minutes since the epoch
  std::int64_t to_ = 0;
};

TEST_F(HistoryCrash, NoAckedReportIsLostOrCountsTwiceWhateverItWasKilledAt) {
  issue_fleet_certs(tls_directory(cluster_), kNodes);
  cluster_.start_coordinator(arguments(kRetention));
  ReportFeed feed({.coordinator = cluster_.node_address(), .certs = tls_directory(cluster_), .nodes = kNodes},
                  reports());
  std::string killed_at;
  for (int round = 0; round < rounds(kWhens); ++round) {
    const int drawn = std::uniform_int_distribution<int>(0, kWhens - 1)(random_);
    const auto when = static_cast<When>(round < kWhens ? round : drawn);
    SCOPED_TRACE(testing::Message() << "round " << round << ", " << name_of(when));
    const auto before = feed.acked();
    ASSERT_TRUE(eventually(seconds(30), [&] { return feed.acked() > before || feed.finished(); }));
    ASSERT_FALSE(feed.finished()) << feed.stop(milliseconds(0)).problem;
    come_to(when);
    expect_alive();
    if (HasFatalFailure()) return;
    cluster_.kill_coordinator();
    EXPECT_EQ(cluster_.coordinator().wait(milliseconds(0)), kKilled) << cluster_.coordinator().output();
    if (backup_) {
      // Done, or told that nobody answers any more.
      EXPECT_TRUE(backup_->wait(patience(seconds(20))).has_value());
      backup_.reset();
    }
    std::this_thread::sleep_for(up_to(300));
    cluster_.start_coordinator(arguments(kRetention));
    killed_at += fmt::format(" {}", name_of(when));
  }
  const Fed fed = feed.stop(seconds(60));
  EXPECT_EQ(fed.problem, "");
  EXPECT_EQ(fed.refused, 0U) << fed.last_refusal;
  EXPECT_EQ(fed.open, 0U) << cluster_.coordinator().output();
  EXPECT_EQ(fed.made, fed.acked);
  std::cout << fmt::format("killed at{}; {} reports acked, {} sessions lost\n", killed_at, fed.acked,
                           fed.sessions_lost);

  EXPECT_TRUE(eventually(seconds(120), [&] {
    const json state = cluster_.ask({"history", "state"});
    return state.is_object() && state.at("lateReports") == 0 && state.at("problem").is_null() &&
           state.at("foldedUntilWallMs").is_number() &&
           state.at("foldedUntilWallMs").get<std::int64_t>() > from_ * kMinuteMs;
  })) << cluster_.tidectl({"history", "state"}).output;
  // Over what killed ones may have left.
  EXPECT_TRUE(cluster_.ask({"history", "backup"}).is_object()) << cluster_.tidectl({"history", "backup"}).output;
  expect_alive();
  if (HasFatalFailure()) return;
  EXPECT_EQ(cluster_.stop_coordinator(), 0);
  expect_whole(cluster_.data_dir(), fed.acked_by_node);
  expect_backups_whole();
}

TEST_F(HistoryCrash, AStoreOfFormatTwoSurvivesKillsWhileItIsMadeOneOfToday) {
  const TempDir old;
  constexpr std::int64_t kMinutes = 5 * kHourMinutes;
  const std::int64_t from = from_;
  {
    const auto store = open_history(old.str());
    append_known(*store, kNodes, from, from + kMinutes, 1);
  }
  make_format_two(old.str() + "/history");
  const std::vector<std::uint64_t> stored(kNodes, kMinutes);
  for (int round = 0; round < rounds(4); ++round) {
    SCOPED_TRACE(testing::Message() << "round " << round);
    fs::remove_all(cluster_.data_dir());
    fs::create_directories(cluster_.data_dir());
    fs::copy(old.str() + "/history", cluster_.data_dir() + "/history", fs::copy_options::recursive);
    const auto kills = std::uniform_int_distribution<int>(1, 3)(random_);
    for (int kill = 0; kill < kills; ++kill) {
      Process coordinator(cluster_.coordinator_arguments(arguments(kLongRetention)),
                          {.environment = {}, .output_file = cluster_.dir().str() + "/upgrade.log"});
      std::this_thread::sleep_for(up_to(kill == 0 ? 250 : 2500));
      coordinator.signal(SIGKILL);
      ASSERT_EQ(coordinator.wait(seconds(10)), kKilled) << coordinator.output();
    }
    expect_whole(cluster_.data_dir(), stored);
  }
  cluster_.start_coordinator(arguments(kLongRetention));
  EXPECT_TRUE(eventually(seconds(60), [&] {
    const json state = cluster_.ask({"history", "state"});
    return state.is_object() && state.at("foldedUntilWallMs").is_number() &&
           state.at("foldedUntilWallMs").get<std::int64_t>() >= (from + kMinutes) * kMinuteMs;
  })) << cluster_.tidectl({"history", "state"}).output;
  EXPECT_EQ(cluster_.stop_coordinator(), 0);
  expect_whole(cluster_.data_dir(), stored);
}

}  // namespace
}  // namespace tideline::test
