#pragma once
// All faults of a rehearsal over its time, and what they add up to on one node.

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "messages/model/units.h"
#include "node-actor/simulation/fault.h"

namespace tideline::simulation {

/// What is wrong with one node.
struct Effects {
  bool link_down = false;  // by a loss of link, or in the first half of a flap's turn
  bool flaps = false;
  bool agent_down = false;
  bool host_down = false;
  model::Duration clock_offset{0};  // the sum
  model::Duration disk_delay{0};    // the longest
  std::size_t duplicates = 0;
  friend bool operator==(const Effects&, const Effects&) = default;
};

class FaultSchedule {
 public:
  FaultSchedule() = default;
  explicit FaultSchedule(std::vector<Fault> faults) : faults_(std::move(faults)) {}

  const std::vector<Fault>& faults() const { return faults_; }

  struct Change {
    std::size_t fault = 0;
    bool begins = false;
    model::Duration at{0};
    friend bool operator==(const Change&, const Change&) = default;
  };
  /// Begins and ends within (after, through], by time; of one time, ends first. `after` below 0: all from the begin.
  std::vector<Change> changes(model::Duration after, model::Duration through) const;
  /// When effects may change next, turns of flaps included; nullopt: never.
  std::optional<model::Duration> next(model::Duration after) const;
  Effects effects(std::size_t node, model::Duration now) const;

 private:
  std::vector<Fault> faults_;
};

}  // namespace tideline::simulation
