#include "coordinator/actor/web_backend.h"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>

#include <gmock/gmock.h>

#include "coordinator/web/ledger_recording_text.h"
#include "coordinator/web/remote_write_text.h"
#include "coordinator/web/switched_backend.h"
#include "storage/store/memory_store.h"
#include "test/coordinator/actor/actor_fixture.h"

namespace tideline::coordinator::web_backend_test {
namespace {

using testing::HasSubstr;

FleetReport fleet_report() {
  FleetReport report;
  report.summary.nodes = {1, 20, 3, 4};
  report.summary.connected = 21;
  report.summary.pods = 600;
  report.summary.gap_reports = 5;
  report.summary.policy_behind = 6;
  report.summary.policy_problems = 2;
  report.summary.unprotected = 7;
  report.summary.relief = {17, 0, 0, 3, 0};
  report.cluster.cpu.capacity = model::MilliCpu(64'000);
  report.cluster.cpu.offered = model::MilliCpu(12'500);
  report.cluster.memory.deficit = model::Bytes(1 << 20);
  report.policy = model::PolicyVersion(9);
  report.predicted.warm_pods = 500;
  report.predicted.cold_pods = 100;
  using profile::Predictor;
  using profile::Resource;
  report.predicted.saved.at(Predictor::kHistogram).at(Resource::kCpu) = 3'500;
  report.predicted.saved.at(Predictor::kRecentMax).at(Resource::kMemory) = 4'096;
  report.predicted.scores.at(Predictor::kHistogram).at(Resource::kCpu) = {.checks = 80, .violations = 4, .excess = 750};
  report.predicted.scores.at(Predictor::kRecentMax).at(Resource::kMemory) = {
      .checks = 70, .violations = 1, .excess = 512};
  return report;
}

BridgeNumbers bridge_numbers() {
  BridgeNumbers numbers;
  numbers.watches = {{"nodes", true, {90'000'000'000}}, {"pods", false, {97'500'000'000}}};
  numbers.requests = {{"2xx", 70}, {"429", 3}};
  numbers.requests_waiting = 4;
  numbers.lists = 6;
  numbers.relists = 1;
  numbers.nodes = 24;
  numbers.pods = 610;
  numbers.left_out = 5;
  numbers.sets_pushed = 800;
  numbers.sets_unacked = 2;
  numbers.writes = {{"fall", 11}, {"rise", 12}};
  numbers.writes_failed = 5;
  numbers.evictions = {{"evicted", 8}, {"budget", 21}};
  numbers.evictions_open = 2;
  numbers.nodes_above = 1;
  numbers.longest_above = std::chrono::milliseconds(1'500);
  numbers.node_metrics = BridgeNumbers::NodeMetrics{.nodes = 20, .written = 900, .failed = 8, .stretch = 1.5};
  return numbers;
}

bootstrap::BootstrapCounts bootstrap_counts() {
  bootstrap::BootstrapCounts counts;
  counts.signed_ = 24;
  counts.denied = 3;
  counts.failed = 2;
  counts.authority_until = {1'900'000'000'000};
  return counts;
}

std::string text(const std::optional<BridgeNumbers>& bridge = bridge_numbers(),
                 const std::optional<bootstrap::BootstrapCounts>& bootstrap = bootstrap_counts()) {
  link::LinkCounts link;
  link.sessions = 21;
  link.opened = 30;
  link.refused = 2;
  link.reports = 1000;
  link.rejected = 1;
  link.certificate_until_ms = 1'800'000'000'000;
  link.lag_ns = 12'500'000;
  HistoryCounts history;
  history.stored = 990;
  history.duplicates = 10;
  history.commits = 100;
  history.commit_ns = 2'500'000'000;
  history.folded_hours = 48;
  history.folded_reports = 17'280;
  history.folded_late = 5;
  history.fold_failures = 2;
  history.unreadable_reports = 1;
  history.fold_ns = 1'500'000'000;
  history.tables_dropped = 96;
  history.retention_failures = 3;
  history.backups = 7;
  history.backups_failed = 4;
  return metrics_text(fleet_report(), link, history, {.disk_bytes = 4096, .memory_bytes = 512}, bridge,
                      {100'000'000'000}, bootstrap);
}

TEST(Metrics, ShowTheFleetTheLedgerTheLinkAndTheStore) {
  const auto shown = text();
  for (const auto* line : {"\ntideline_nodes{liveness=\"live\"} 20\n",
                           "\ntideline_nodes{liveness=\"gone\"} 4\n",
                           "\ntideline_nodes_connected 21\n",
                           "\ntideline_nodes_unprotected 7\n",
                           "\ntideline_nodes_relief{rung=\"none\"} 17\n",
                           "\ntideline_nodes_relief{rung=\"evict\"} 3\n",
                           "\ntideline_nodes_policy_behind 6\n",
                           "\ntideline_nodes_policy_refusing 2\n",
                           "\ntideline_pods 600\n",
                           "\ntideline_reports_lost 5\n",
                           "\ntideline_policy_version 9\n",
                           "\ntideline_cpu_cores{term=\"capacity\"} 64\n",
                           "\ntideline_cpu_cores{term=\"offered\"} 12.5\n",
                           "\ntideline_memory_bytes{term=\"deficit\"} 1048576\n",
                           "\ntideline_prediction_pods{state=\"warm\"} 500\n",
                           "\ntideline_prediction_pods{state=\"cold\"} 100\n",
                           "\ntideline_prediction_saved_cores{predictor=\"histogram\"} 3.5\n",
                           "\ntideline_prediction_saved_bytes{predictor=\"recentMax\"} 4096\n",
                           "\ntideline_prediction_checks_total{predictor=\"histogram\",resource=\"cpu\"} 80\n",
                           "\ntideline_prediction_violations_total{predictor=\"histogram\",resource=\"cpu\"} 4\n",
                           "\ntideline_prediction_violations_total{predictor=\"recentMax\",resource=\"memory\"} 1\n",
                           "\ntideline_prediction_excess_cores_total{predictor=\"histogram\"} 0.75\n",
                           "\ntideline_prediction_excess_bytes_total{predictor=\"recentMax\"} 512\n",
                           "\ntideline_sessions 21\n",
                           "\ntideline_sessions_opened_total 30\n",
                           "\ntideline_peers_refused_total 2\n",
                           "\ntideline_calls_rejected_total 1\n",
                           "\ntideline_link_lag_seconds 0.0125\n",
                           "\ntideline_certificate_expiry_timestamp_seconds 1800000000\n",
                           "\ntideline_reports_total{outcome=\"stored\"} 990\n",
                           "\ntideline_reports_total{outcome=\"duplicate\"} 10\n",
                           "\ntideline_commit_seconds_total 2.5\n",
                           "\ntideline_store_bytes{where=\"disk\"} 4096\n"}) {
    EXPECT_THAT(shown, HasSubstr(line));
  }
}

TEST(Metrics, ShowFoldingRetentionAndBackupsOfHistory) {
  const auto shown = text();
  for (const auto* line :
       {"\ntideline_history_folded_hours_total 48\n", "\ntideline_history_folded_reports_total 17280\n",
        "\ntideline_history_folded_late_total 5\n", "\ntideline_history_fold_failures_total 2\n",
        "\ntideline_history_unreadable_reports_total 1\n", "\ntideline_history_fold_seconds_total 1.5\n",
        "\ntideline_history_tables_dropped_total 96\n", "\ntideline_history_retention_failures_total 3\n",
        "\ntideline_history_backups_total{outcome=\"made\"} 7\n",
        "\ntideline_history_backups_total{outcome=\"failed\"} 4\n"}) {
    EXPECT_THAT(shown, HasSubstr(line));
  }
}

TEST(Metrics, ShowTheBridgeWhereThereIsOne) {
  const auto shown = text();
  for (const auto* line : {"\ntideline_kubernetes_requests_total{answer=\"2xx\"} 70\n",
                           "\ntideline_kubernetes_requests_total{answer=\"429\"} 3\n",
                           "\ntideline_kubernetes_requests_waiting 4\n",
                           "\ntideline_kubernetes_watch_up{resource=\"nodes\"} 1\n",
                           "\ntideline_kubernetes_watch_up{resource=\"pods\"} 0\n",
                           "\ntideline_kubernetes_watch_state_seconds{resource=\"nodes\"} 10\n",
                           "\ntideline_kubernetes_watch_state_seconds{resource=\"pods\"} 2.5\n",
                           "\ntideline_kubernetes_lists_total 6\n",
                           "\ntideline_kubernetes_relists_total 1\n",
                           "\ntideline_kubernetes_nodes 24\n",
                           "\ntideline_kubernetes_pods 610\n",
                           "\ntideline_kubernetes_left_out_total 5\n",
                           "\ntideline_kubernetes_sets_pushed_total 800\n",
                           "\ntideline_kubernetes_sets_unacked 2\n",
                           "\ntideline_kubernetes_writes_total{reason=\"fall\"} 11\n",
                           "\ntideline_kubernetes_writes_failed_total 5\n",
                           "\ntideline_kubernetes_evictions_total{outcome=\"evicted\"} 8\n",
                           "\ntideline_kubernetes_evictions_total{outcome=\"budget\"} 21\n",
                           "\ntideline_kubernetes_evictions_open 2\n",
                           "\ntideline_kubernetes_nodes_above_offer 1\n",
                           "\ntideline_kubernetes_above_offer_seconds 1.5\n",
                           "\ntideline_kubernetes_node_metrics_nodes 20\n",
                           "\ntideline_kubernetes_node_metrics_written_total 900\n",
                           "\ntideline_kubernetes_node_metrics_failed_total 8\n",
                           "\ntideline_kubernetes_node_metrics_stretch 1.5\n"}) {
    EXPECT_THAT(shown, HasSubstr(line));
  }
  EXPECT_THAT(text(std::nullopt), testing::Not(HasSubstr("kubernetes")));
  auto without = bridge_numbers();
  without.node_metrics.reset();
  EXPECT_THAT(text(without), testing::Not(HasSubstr("node_metrics")));
}

TEST(Metrics, ShowTheBootstrapPortWhereThereIsOne) {
  const auto shown = text();
  for (const auto* line : {"\ntideline_bootstrap_requests_total{outcome=\"signed\"} 24\n",
                           "\ntideline_bootstrap_requests_total{outcome=\"denied\"} 3\n",
                           "\ntideline_bootstrap_requests_total{outcome=\"failed\"} 2\n",
                           "\ntideline_bootstrap_authority_expiry_timestamp_seconds 1900000000\n"}) {
    EXPECT_THAT(shown, HasSubstr(line));
  }
  EXPECT_THAT(text(bridge_numbers(), std::nullopt), testing::Not(HasSubstr("bootstrap")));
}

TEST(Metrics, ShowThisProcess) {
  std::smatch found;
  const auto shown = text();
  ASSERT_TRUE(std::regex_search(shown, found, std::regex("\nprocess_resident_memory_bytes ([0-9.e+]+)\n")));
  EXPECT_GT(std::stod(found[1]), 1e6);
  ASSERT_TRUE(std::regex_search(shown, found, std::regex("\nprocess_open_fds ([0-9.]+)\n")));
  EXPECT_GE(std::stod(found[1]), 3);
  ASSERT_TRUE(std::regex_search(shown, found, std::regex("\nprocess_start_time_seconds ([0-9.e+]+)\n")));
  EXPECT_GT(std::stod(found[1]), 1.7e9);
}

class Web : public Actors {
 protected:
  static WebSources sources(caf::actor fleet) {
    return {std::move(fleet), std::make_shared<LinkPort>(), std::make_shared<const HistoryCounts>(),
            std::make_shared<const store::MemoryStore>()};
  }
};

TEST_F(Web, ManyWhoAskAtOnceAreOneQuestionToTheFleet) {
  ActorWebBackend backend(sources(probe()));
  std::vector<model::Result<void>> answers;
  std::vector<std::string> texts;
  for (int i = 0; i < 16; ++i) {
    backend.ready([&](const model::Result<void>& ready) { answers.push_back(ready); });
    backend.metrics([&](const model::Result<web::WebBackend::Text>& text) { texts.push_back(text ? (*text)() : ""); });
  }
  const auto question = next<AskFleetReport>();
  ASSERT_TRUE(question);
  EXPECT_TRUE(answers.empty());
  question->reply(fleet_report());
  ASSERT_EQ(answers.size(), 16u);
  for (const auto& ready : answers)
    EXPECT_TRUE(ready.ok());
  EXPECT_THAT(texts, testing::SizeIs(16));
  EXPECT_THAT(texts, testing::Each(HasSubstr("\ntideline_policy_version 9\n")));
  bool another = false;
  self_->receive([&](const AskFleetReport&) { another = true; }, caf::after(std::chrono::seconds(0)) >> [] {});
  EXPECT_FALSE(another);
}

TEST_F(Web, AFleetThatHasEndedIsAnErrorEachTime) {
  const caf::actor ended = system_.spawn([](caf::event_based_actor* self) { self->quit(); });
  self_->wait_for(ended);
  ActorWebBackend backend(sources(ended));
  std::vector<model::Result<void>> answers;
  for (int i = 0; i < 2; ++i)
    backend.ready([&](const model::Result<void>& ready) { answers.push_back(ready); });
  ASSERT_EQ(answers.size(), 2u);
  for (const auto& ready : answers) {
    ASSERT_FALSE(ready.ok());
    EXPECT_EQ(ready.error().code(), model::ErrorCode::kInternal);
  }
}

TEST(Metrics, AreAllInTheDocs) {
  const char* source = std::getenv("TIDELINE_SOURCE");
  ASSERT_NE(source, nullptr);
  std::ifstream file(std::string(source) + "/docs/metrics.md");
  const std::string docs{std::istreambuf_iterator<char>(file), {}};
  const auto names_in = [](const std::string& text, const char* pattern) {
    const std::regex name(pattern);
    std::set<std::string> names;
    for (std::sregex_iterator it(text.begin(), text.end(), name); it != std::sregex_iterator(); ++it)
      names.insert((*it)[1]);
    return names;
  };
  const auto all = text() + web::election_text({}) + web::remote_write_text({}) + web::ledger_recording_text({});
  EXPECT_EQ(names_in(all, "# TYPE (tideline_[a-z_]+) "), names_in(docs, "`(tideline_[a-z_]+)[`{]"));
}

}  // namespace
}  // namespace tideline::coordinator::web_backend_test
