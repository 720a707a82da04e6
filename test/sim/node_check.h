#pragma once
// Invariants 2 and 3 of DESIGN §7 on one simulated node, round by round: what its agent knows is followed apart from
// it.

#include <cstdint>
#include <optional>
#include <string>

#include "node-actor/fleet/simulated_node.h"

namespace tideline::sim {

struct Violation {
  int invariant = 0;  // of DESIGN §7
  std::string what;
};

class NodeCheck {
 public:
  /// What came up, over all nodes.
  struct Counts {
    std::uint64_t rises = 0;  // batch got more, or its quota was taken away
    std::uint64_t falls = 0;
    std::uint64_t blind = 0;  // rounds without what a rise needs
    std::uint64_t writes = 0;
    std::uint64_t starts = 0;
  };

  /// A life of the agent begins: what the one before had changed is put back.
  std::optional<Violation> started(const rehearsal::SimulatedNode& node, Counts& counts);
  /// Before a round.
  void watch(const rehearsal::SimulatedNode& node) { limit_ = node.be_limit(); }
  /// After it.
  std::optional<Violation> judge(const rehearsal::SimulatedNode& node,
                                 const rehearsal::SimulatedNode::Progress& progress, model::MonoTime now,
                                 model::Duration pod_interval, Counts& counts);

 private:
  bool may_raise(model::MonoTime now, model::Duration pod_interval) const;
  std::optional<Violation> judge_limit(const rehearsal::SimulatedNode& node, model::MonoTime now,
                                       model::Duration pod_interval, Counts& counts) const;

  std::optional<model::MilliCpu> limit_;  // on batch, before the round
  // The newest two readings of the pods in this life of the agent.
  std::optional<model::MonoTime> read_;
  std::optional<model::MonoTime> read_before_;
};

/// That services are never held tighter than their specification, nor weigh less, and batch is never stopped. Of a host
/// as its agent leaves it.
std::optional<Violation> check_knobs(const simulation::SimulatedHost& host);

}  // namespace tideline::sim
