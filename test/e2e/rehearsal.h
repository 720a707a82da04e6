#pragma once
// `tideline-fleet` against a cluster's coordinator: what it says of itself, and what it left in history.

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "test/support/cluster.h"

namespace tideline::test {

/// "sim-00042".
std::string simulated_node(int index);

/// Where the cluster has its certificates and start_fleet looks for those of its nodes.
std::string tls_directory(const Cluster& cluster);

/// Certificates of so many nodes and of a coordinator; an authority that is in `directory` is used again. `more`:
/// arguments.
void issue_fleet_certs(const std::string& directory, int nodes, const std::vector<std::string>& more = {});

struct FleetRun {
  int nodes = 1;
  int first = 0;
  int pods = 6;
  std::string interval = "1s";
  std::string spread = "1s";
  std::string row = "1s";
  std::string log = "fleet.log";  // in the cluster's directory
};
/// `tideline-fleet bench`, until it gets SIGTERM.
Process start_fleet(const Cluster& cluster, const FleetRun& wanted);

/// What it printed so far, oldest first: a row for each stretch of time.
std::vector<nlohmann::json> rows_of(const Process& fleet);
/// Its last line, which is for the whole run.
nlohmann::json whole_of(const Process& fleet);

bool has_sessions(const Cluster& cluster, int count);

/// Expects that history has of each of the nodes 0..nodes-1 the reports 1, 2, 3 and so on: without a hole and without a
/// twin. How many they are together. The coordinator must be stopped, and no node may have made over 1000.
std::size_t stored_once(const Cluster& cluster, int nodes);

}  // namespace tideline::test
