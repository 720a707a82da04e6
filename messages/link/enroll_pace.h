#pragma once
// How often one node may open a session. Whatever becomes of it, each costs lines in the log, events in history and a
// policy.

#include <cstddef>
#include <unordered_map>

#include "messages/model/ids.h"
#include "messages/model/units.h"

namespace tideline::link {

class EnrollPace {
 public:
  /// `burst` sessions at once, at least 1, and after them one each `every`.
  EnrollPace(std::size_t burst, model::Duration every);

  /// Whether the node may open one now, which then counts.
  bool admit(const model::NodeName& node, model::MonoTime now);
  /// Lets go of the nodes that may open a whole burst again.
  void forget_rested(model::MonoTime now);
  /// Nodes that are remembered.
  std::size_t size() const { return rested_at_.size(); }

 private:
  model::Duration every_;
  model::Duration most_ahead_;  // of a node that may open just one more
  std::unordered_map<model::NodeName, model::MonoTime> rested_at_;
};

}  // namespace tideline::link
