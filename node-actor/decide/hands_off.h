#pragma once
// The groups an operator keeps the agent off, as they run on this node. Who writes a kernel file asks covering() first.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/action.h"
#include "messages/model/hands_off.h"
#include "messages/model/pod.h"
#include "messages/model/units.h"

namespace tideline::decide {

struct Hold {
  model::HandsOff what;                  // `remaining` as it was ordered
  std::optional<model::MonoTime> until;  // what counts, on this node's monotonic clock; nullopt = until it is ended
  model::WallTime until_wall;            // the same for people, as the clock stood when the order came
  friend bool operator==(const Hold&, const Hold&) = default;
};

/// Orders that arrived now.
std::vector<Hold> holds_of(const std::vector<model::HandsOff>& ordered, model::MonoTime now, model::WallTime wall);

/// What the agent keeps itself off, so that it neither throttles nor evicts itself: its own pod's `group`, and for a
/// BestEffort pod all of `best_effort`, whose limits would be its own.
Hold own_hold(const model::Pod& own, std::string_view group, std::string_view best_effort);

bool is_over(const Hold& hold, model::MonoTime now);

/// A hold that keeps the agent off `group` (relative to the tree's root); nullptr: it may write there. A release comes
/// before a hands-off, and of these the one that lasts longest.
const Hold* covering(const std::vector<Hold>& holds, std::string_view group, model::MonoTime now);

/// "hands off until 2026-03-01T12:00:00Z by ann: moving threads"; of a release "released by ann: ...".
std::string why(const Hold& hold);

/// What changes from `before` to `after`, as events of the guard; one that is ordered again with another end is none.
std::vector<model::Event> changes(const std::vector<Hold>& before, const std::vector<Hold>& after,
                                  model::WallTime wall);

}  // namespace tideline::decide
