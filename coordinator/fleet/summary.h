#pragma once
// The fleet in numbers, for dashboards and alarms.

#include <array>
#include <cstddef>
#include <cstdint>

#include "coordinator/fleet/view.h"

namespace tideline::fleet {

struct Summary {
  std::array<std::size_t, 4> nodes{};  // by Liveness
  std::size_t connected = 0;
  std::size_t pods = 0;                 // of nodes that are live or late
  std::uint64_t gap_reports = 0;        // as NodeView's, of all nodes; stays at the top instead of wrapping
  std::size_t policy_behind = 0;        // of these nodes, those that apply another version than is wanted of them
  std::size_t policy_problems = 0;      // of them, those that say why
  std::size_t unprotected = 0;          // live nodes whose kernel does not keep batch from delaying services
  std::array<std::size_t, 5> relief{};  // live nodes whose memory relief is on that rung, by model::ReliefRung

  std::size_t all() const { return nodes[0] + nodes[1] + nodes[2] + nodes[3]; }
};

}  // namespace tideline::fleet
