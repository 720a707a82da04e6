// History in tiers, through the real programs: what nodes reported is answered the same before and after it is folded,
// from a backup, and from an archive by the planner.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "test/e2e/known_reports.h"
#include "test/e2e/rehearsal.h"
#include "test/e2e/report_feed.h"
#include "test/support/http_get.h"
#include "test/support/metric.h"

namespace tideline::test {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::SizeIs;

constexpr std::size_t kNodes = 3;
constexpr std::int64_t kHours = 3;
constexpr std::int64_t kNewMinutes = 6;
// A round of folding each 30 s.
constexpr seconds kFolding(120);

using Points = std::map<std::int64_t, double>;  // by ms since the epoch
using Answers = std::map<std::string, Points>;  // by node and subject, with a blank between

class History : public testing::Test {
 protected:
  /// Reports of whole hours long ago, which are due, and of a few minutes just over, which are not.
  void feed() {
    const std::int64_t now = minute_now();
    from_ = now / kHourMinutes * kHourMinutes - (kHours + 2) * kHourMinutes;
    to_ = from_ + kHours * kHourMinutes;
    new_from_ = now - kNewMinutes - 2;
    issue_fleet_certs(tls_directory(cluster_), kNodes);
    std::vector<std::int64_t> next(kNodes, from_);
    ReportFeed feed({.coordinator = cluster_.node_address(), .certs = tls_directory(cluster_), .nodes = kNodes},
                    [this, next](std::size_t node) mutable -> std::optional<model::Report> {
                      std::int64_t& minute = next[node];
                      if (minute == to_) minute = new_from_;
                      if (minute >= new_from_ + kNewMinutes) return std::nullopt;
                      return known_report(node, minute++);
                    });
    EXPECT_TRUE(eventually(seconds(120), [&] { return feed.finished(); }));
    const Fed fed = feed.stop(seconds(5));
    EXPECT_EQ(fed.problem, "");
    EXPECT_EQ(fed.acked, kNodes * (kHours * kHourMinutes + kNewMinutes)) << fed.last_refusal;
  }

  bool is_folded() const {
    const auto reports = static_cast<double>(kNodes * kHours * kHourMinutes);
    return metric(cluster_.web_port(), "tideline_history_folded_reports_total") >= reports;
  }

  static std::vector<std::string> with(std::vector<std::string> words, const std::vector<std::string>& more) {
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  /// `tidectl query` with these, over minutes; empty where there is no answer.
  static Answers query(const Cluster& cluster, std::vector<std::string> what, std::int64_t from, std::int64_t to) {
    what.insert(what.begin(), "query");
    what = with(std::move(what), {"--since", std::to_string(from * kMinuteMs)});
    what = with(std::move(what), {"--until", std::to_string(to * kMinuteMs)});
    const json answer = cluster.ask(what);
    Answers found;
    if (!answer.is_object()) {
      ADD_FAILURE() << cluster.tidectl(what).output;
      return found;
    }
    for (const json& series : answer.at("series")) {
      std::string name = series.at("node").is_string() ? series.at("node").get<std::string>() : "";
      if (series.at("subject").is_string()) name += " " + series.at("subject").get<std::string>();
      Points& points = found[name];
      for (const json& point : series.at("points"))
        points[point.at(0).get<std::int64_t>()] = point.at(1).get<double>();
    }
    return found;
  }

  template <class Value>
  static Points points(std::int64_t from, std::int64_t to, std::int64_t step, const Value& value) {
    Points made;
    for (std::int64_t minute = from; minute < to; minute += step)
      made[minute * kMinuteMs] = static_cast<double>(value(minute));
    return made;
  }

  /// Of each node, and of each as `name` says.
  template <class Name, class Value>
  static Answers of_nodes(std::int64_t from, std::int64_t to, std::int64_t step, const Name& name, const Value& value) {
    Answers all;
    for (std::size_t node = 0; node < kNodes; ++node) {
      all[name(node)] = points(from, to, step, [&](std::int64_t minute) { return value(node, minute); });
    }
    return all;
  }
  static std::string node_name(std::size_t node) { return simulated_node(static_cast<int>(node)); }
  static std::string pod_name(std::size_t node) { return fmt::format("{} uid-{}", node_name(node), node); }

  /// All that is known, minute by minute and quarter by quarter.
  void expect_all_answers(const Cluster& cluster) const {
    for (const auto& [from, to] : {std::pair(from_, to_), std::pair(new_from_, new_from_ + kNewMinutes)}) {
      SCOPED_TRACE(testing::Message() << "minutes " << from << " to " << to);
      EXPECT_EQ(query(cluster, {"node.cpu", "--step", "1m"}, from, to), of_nodes(from, to, 1, node_name, known_milli));
      EXPECT_EQ(query(cluster, {"node.cpu", "--step", "1m", "--agg", "min"}, from, to),
                of_nodes(from, to, 1, node_name,
                         [](std::size_t node, std::int64_t minute) { return known_milli(node, minute) - 2; }));
      EXPECT_EQ(query(cluster, {"pod.cpu", "--pods", "--step", "1m", "--agg", "max"}, from, to),
                of_nodes(from, to, 1, pod_name,
                         [](std::size_t node, std::int64_t minute) { return known_milli(node, minute) / 2 + 1; }));
    }
    const auto sum = [](std::int64_t minute) {
      std::int64_t all = 0;
      for (std::size_t node = 0; node < kNodes; ++node)
        all += known_quarter_milli(node, minute / kQuarterMinutes) / 2;
      return all;
    };
    const std::vector<std::string> workload{"pod.cpu", "--workload", "shop/Deployment/web", "--across", "sum"};
    EXPECT_EQ(query(cluster, with(workload, {"--step", "15m"}), from_, to_),
              (Answers{{"", points(from_, to_, kQuarterMinutes, sum)}}));
    EXPECT_EQ(query(cluster, {"node.cpu", "--node", node_name(1), "--step", "15m", "--agg", "max"}, from_, to_),
              (Answers{{node_name(1), points(from_, to_, kQuarterMinutes, [](std::int64_t minute) {
                          return known_milli(1, minute + kQuarterMinutes - 1) + 2;
                        })}}));
    // A report counts when it ends.
    EXPECT_EQ(query(cluster, {"reports", "--node", node_name(0), "--step", "1m"}, from_ + 1, to_ + 1),
              (Answers{{node_name(0), points(from_ + 1, to_ + 1, 1, [](std::int64_t) { return 1; })}}));
    expect_median(cluster);
  }

  /// Sketches are off by a 64th at most.
  void expect_median(const Cluster& cluster) const {
    const auto medians = query(cluster, {"node.cpu", "--step", "15m", "--agg", "p50"}, from_, to_);
    ASSERT_THAT(medians, SizeIs(kNodes));
    for (std::size_t node = 0; node < kNodes; ++node) {
      const auto& found = medians.at(node_name(node));
      ASSERT_EQ(found.size(), static_cast<std::size_t>((to_ - from_) / kQuarterMinutes));
      for (const auto& [ms, median] : found) {
        const auto wanted = static_cast<double>(known_quarter_milli(node, ms / kMinuteMs / kQuarterMinutes));
        EXPECT_NEAR(median, wanted, wanted / 64 + 1) << ms;
      }
    }
  }

  std::string file(const std::string& name) const { return cluster_.dir().str() + "/" + name; }
  std::string instant(std::int64_t minute) const {
    const std::int64_t seconds_of_day = minute * 60 % 86'400;
    const auto day = std::chrono::sys_days(std::chrono::days(static_cast<int>(minute / (24 * kHourMinutes))));
    const std::chrono::year_month_day date(day);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:00Z", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), seconds_of_day / 3600,
                       seconds_of_day / 60 % 60);
  }
  Finished history(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), program("tideline-history"));
    return run(std::move(arguments), seconds(120));
  }

  Cluster cluster_;
  std::int64_t from_ = 0;  // minutes since the epoch
  std::int64_t to_ = 0;
  std::int64_t new_from_ = 0;
};

TEST_F(History, AnswersTheSameFromReportsFromTablesAndFromABackup) {
  const std::string backups = file("backups");
  cluster_.start_coordinator({"--backup-dir", backups});
  feed();
  {
    SCOPED_TRACE("some of it is not folded yet");
    expect_all_answers(cluster_);
  }
  ASSERT_TRUE(eventually(kFolding, [&] { return is_folded(); })) << http_get(cluster_.web_port(), "/metrics");
  {
    SCOPED_TRACE("folded");
    expect_all_answers(cluster_);
  }
  const json state = cluster_.ask({"history", "state"});
  ASSERT_TRUE(state.is_object()) << cluster_.tidectl({"history", "state"}).output;
  EXPECT_EQ(state.at("nodes"), kNodes);
  EXPECT_EQ(state.at("lateReports"), 0);
  EXPECT_TRUE(state.at("problem").is_null()) << state.dump();
  EXPECT_GE(state.at("foldedUntilWallMs").get<std::int64_t>(), to_ * kMinuteMs);
  EXPECT_EQ(state.at("backupDirectory"), backups);
  ASSERT_THAT(state.at("tiers"), SizeIs(3));
  for (const json& tier : state.at("tiers"))
    EXPECT_GT(tier.at("tables").get<int>(), 0) << tier.dump();

  const json verified = cluster_.ask({"history", "verify"});
  ASSERT_TRUE(verified.is_object()) << cluster_.tidectl({"history", "verify"}).output;
  EXPECT_EQ(verified.at("good"), true) << verified.dump();
  EXPECT_GT(verified.at("rows").get<std::size_t>(), kNodes * kHours * kHourMinutes);

  for (const int id : {1, 2}) {
    const json backup = cluster_.ask({"history", "backup"});
    ASSERT_TRUE(backup.is_object()) << cluster_.tidectl({"history", "backup"}).output;
    EXPECT_EQ(backup.at("id"), id);
    EXPECT_EQ(backup.at("directory"), backups);
  }
  const auto listed = history({"backups", backups, "--verify", "2"});
  EXPECT_EQ(listed.exit, 0) << listed.output;

  Cluster other;
  const auto restored = history({"restore", backups, "--to", other.data_dir()});
  ASSERT_EQ(restored.exit, 0) << restored.output;
  other.start_coordinator();
  {
    SCOPED_TRACE("restored");
    expect_all_answers(other);
  }
  EXPECT_EQ(other.ask({"history", "verify"}).value("good", false), true);
  EXPECT_EQ(other.stop_coordinator(), 0);
  EXPECT_EQ(cluster_.stop_coordinator(), 0);
}

TEST_F(History, IsReadBesideTheCoordinatorAndReplayedByThePlanner) {
  // Folds while reports still come.
  cluster_.start_coordinator({"--fold-every", "1s"});
  feed();
  ASSERT_TRUE(eventually(kFolding, [&] { return is_folded(); })) << http_get(cluster_.web_port(), "/metrics");
  const auto seen = history({"state", cluster_.data_dir(), "--json"});
  ASSERT_EQ(seen.exit, 0) << seen.output;
  EXPECT_EQ(json::parse(seen.output, nullptr, false).value("held", false), true) << seen.output;
  EXPECT_EQ(history({"verify", cluster_.data_dir()}).exit, 0);
  // A store that is held is left alone.
  const auto over = history({"restore", file("nothing"), "--to", cluster_.data_dir()});
  EXPECT_EQ(over.exit, 1);
  EXPECT_THAT(over.output, HasSubstr("a process has it open"));

  const auto archive = file("hours.tla");
  const auto exported = history({"export", cluster_.data_dir(), "--since", instant(from_), "--until", instant(to_),
                                 "--tier", "1m", "-o", archive});
  ASSERT_EQ(exported.exit, 0) << exported.output;
  const auto replayed = run({program("tideline-planner"), "replay", archive}, seconds(60));
  EXPECT_EQ(replayed.exit, 0) << replayed.output;
  const auto beside = run({program("tideline-planner"), "replay", cluster_.data_dir()}, seconds(60));
  EXPECT_EQ(beside.exit, 0) << beside.output;
  // Whoever read did it no harm.
  EXPECT_TRUE(cluster_.ask({"history", "state"}).is_object());
  EXPECT_EQ(cluster_.stop_coordinator(), 0);

  // What an archive has goes into another store, where it answers the same.
  Cluster other;
  const auto imported = history({"import", archive, "--into", other.data_dir()});
  ASSERT_EQ(imported.exit, 0) << imported.output;
  other.start_coordinator();
  EXPECT_EQ(query(other, {"node.cpu", "--step", "1m"}, from_, to_), of_nodes(from_, to_, 1, node_name, known_milli));
  EXPECT_EQ(other.stop_coordinator(), 0);
}

TEST_F(History, RefusesWhatItCannotAnswerByName) {
  cluster_.start_coordinator();
  feed();
  const auto refused = [&](std::vector<std::string> what) {
    what.insert(what.begin(), "query");
    const auto done = cluster_.tidectl(std::move(what));
    EXPECT_NE(done.exit, 0) << done.output;
    return done.output;
  };
  EXPECT_THAT(refused({"node.cpu", "--node", "nobody"}), HasSubstr("nobody"));
  EXPECT_THAT(refused({"node.cup"}), HasSubstr("node.cpu"));
  EXPECT_THAT(refused({"pod.throttled", "--pods", "--agg", "p95"}), HasSubstr("pod.cpu"));
  EXPECT_THAT(cluster_.tidectl({"history", "backup"}).output, HasSubstr("--backup-dir"));
  for (const char* option : {"--fold-every", "--drop-every"}) {
    const auto paced = run(cluster_.coordinator_arguments({option, "500ms"}));
    EXPECT_EQ(paced.exit, 2) << paced.output;
    EXPECT_THAT(paced.output, HasSubstr(fmt::format("{}: 500ms: want 1s to 1h", option)));
  }
  const auto none = query(cluster_, {"node.cpu", "--step", "1m"}, from_ - 600, from_ - 540);
  for (const auto& [name, found] : none)
    EXPECT_TRUE(found.empty()) << name;
  EXPECT_EQ(cluster_.stop_coordinator(), 0);
}

}  // namespace
}  // namespace tideline::test
