#pragma once
// Thousands of node sessions out of one process: generated reports over the real link, and how long acks take.

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "messages/model/result.h"
#include "messages/model/units.h"
#include "node-actor/fleet/generated_node.h"

namespace tideline::rehearsal {

struct BenchConfig {
  std::vector<std::string> coordinators;  // "host:port"
  std::string server_name = "coordinator.tideline";
  std::string certs;  // directory that issue_certs filled
  std::string prefix = "sim-";
  std::size_t first = 0;
  std::size_t nodes = 1;
  NodeShape shape;
  model::Duration interval = std::chrono::seconds(10);  // of each node's reports
  model::Duration spread = std::chrono::seconds(20);    // over which the sessions are begun; 0: all at once
  model::Duration length = std::chrono::minutes(5);     // 0: until told to stop
  model::Duration row_every = std::chrono::seconds(10);
  std::uint64_t seed = 1;
  bool json = false;  // a JSON object a row
};

/// Runs until the time is up or `stop` is true, prints a row each row_every and one for the whole to stdout, and waits
/// at its end for the answers that are under way. The errors of link::load and speaks_for: certificates of these nodes
/// are not there or others'. kInvalidArgument: the process may not open so many files. A coordinator that is away is no
/// error: sessions are tried for ever, as nodes do.
model::Result<void> run_bench(const BenchConfig& config, const std::atomic<bool>& stop);

}  // namespace tideline::rehearsal
