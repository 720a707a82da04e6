#pragma once
// Tells the bridge what nodes use when it asks, and keeps for that what the fleet view does not. Costs nothing where
// nobody asks.

#include <cstddef>
#include <map>

#include "coordinator/actor/messages.h"
#include "coordinator/fleet/fleet_view.h"
#include "coordinator/fleet/usage_window.h"
#include "coordinator/policy/rollout.h"
#include "coordinator/profile/profile_book.h"

namespace tideline::coordinator {

/// Not for several threads: the fleet actor's own.
class MeasureDesk {
 public:
  /// Others have their turn in between: what is asked for beyond it is not answered.
  static constexpr std::size_t kMostAtOnce = 100;

  /// A live report that the fleet view took. Values are kept from the first question on.
  void reported(const model::Report& report);
  void forget(const model::NodeName& node) { windows_.erase(node); }

  /// What the others know goes in as it is now.
  struct Sources {
    const fleet::FleetView& fleet;
    const policy::Rollout& rollout;
    const profile::ProfileBook& profiles;
  };
  NodesMeasured measured(const MeasureNodes& ask, const Sources& sources, const fleet::Arrival& now);
  std::size_t windows() const { return windows_.size(); }

 private:
  bool wanted_ = false;
  std::map<model::NodeName, fleet::UsageWindow> windows_;
};

}  // namespace tideline::coordinator
