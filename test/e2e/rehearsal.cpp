#include "test/e2e/rehearsal.h"

#include <set>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "storage/rocks/rocks_store.h"
#include "test/support/metric.h"

namespace tideline::test {

using nlohmann::json;

namespace {

std::vector<json> lines_of(const Process& fleet, const std::string& kind) {
  std::vector<json> found;
  std::istringstream lines(fleet.output());
  for (std::string line; std::getline(lines, line);) {
    json row = json::parse(line, nullptr, false);
    if (row.is_object() && row.value("kind", "") == kind) found.push_back(std::move(row));
  }
  return found;
}

}  // namespace

std::string simulated_node(int index) {
  return fmt::format("sim-{:05}", index);
}

std::string tls_directory(const Cluster& cluster) {
  return cluster.dir().str() + "/tls";
}

void issue_fleet_certs(const std::string& directory, int nodes, const std::vector<std::string>& more) {
  std::vector<std::string> argv = {program("tideline-fleet"), "certs", "--dir", directory, "--nodes",
                                   std::to_string(nodes)};
  argv.insert(argv.end(), more.begin(), more.end());
  const auto made = run(std::move(argv));
  ASSERT_EQ(made.exit, 0) << made.output;
}

Process start_fleet(const Cluster& cluster, const FleetRun& wanted) {
  return {{program("tideline-fleet"),
           "bench",
           "--coordinator",
           cluster.node_address(),
           "--certs",
           tls_directory(cluster),
           "--first",
           std::to_string(wanted.first),
           "--nodes",
           std::to_string(wanted.nodes),
           "--pods",
           std::to_string(wanted.pods),
           "--interval",
           wanted.interval,
           "--spread",
           wanted.spread,
           "--row",
           wanted.row,
           "--for",
           "0",
           "--json"},
          {.environment = {}, .output_file = fmt::format("{}/{}", cluster.dir().str(), wanted.log)}};
}

std::vector<json> rows_of(const Process& fleet) {
  return lines_of(fleet, "row");
}

json whole_of(const Process& fleet) {
  const auto whole = lines_of(fleet, "whole");
  return whole.empty() ? json() : whole.back();
}

bool has_sessions(const Cluster& cluster, int count) {
  return metric(cluster.web_port(), "tideline_sessions") == count;
}

std::size_t stored_once(const Cluster& cluster, int nodes) {
  const auto store = rocks::RocksStore::open(cluster.data_dir() + "/history");
  if (!store) {
    ADD_FAILURE() << store.error().message();
    return 0;
  }
  std::size_t stored = 0;
  for (int i = 0; i < nodes; ++i) {
    const model::NodeName name(simulated_node(i));
    const auto reports = (*store)->reports(name, {0}, {INT64_MAX}, 0);
    if (!reports || reports->truncated) {
      ADD_FAILURE() << name.str() << ": " << (reports ? "more than can be read at once" : reports.error().message());
      continue;
    }
    std::multiset<model::Seq> seqs;
    for (const auto& row : reports->rows) {
      seqs.insert(row.report.seq);
      EXPECT_EQ(row.report.gap_reports, 0u) << name.str();
    }
    std::uint64_t expected = 0;
    for (const auto seq : seqs)
      EXPECT_EQ(seq.value(), ++expected) << name.str();
    stored += seqs.size();
  }
  return stored;
}

}  // namespace tideline::test
