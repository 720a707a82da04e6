#pragma once
// Bounds of the fleet view. Beyond them a node is refused by name; nothing grows with what a sender says.

#include <chrono>
#include <cstddef>

#include "messages/model/units.h"

namespace tideline::fleet {

struct FleetOptions {
  std::size_t max_nodes = 20'000;
  /// Age of the newest live report up to which a node is live, and up to which it is late.
  model::Duration late_after = std::chrono::seconds(30);
  model::Duration gone_after = std::chrono::minutes(5);
  /// Age of a node's last sign from which long_gone() names it; its history has ended by then.
  model::Duration forget_after = std::chrono::hours(24 * 14);
  /// Moving average of usage: metricAggregateDurationSeconds of colocation-config.
  model::Duration aggregate = std::chrono::seconds(300);
  /// Clock skew beyond which an event is raised, once per episode; an episode ends below half of it.
  model::Duration skew_bound = std::chrono::seconds(2);
};

/// Slots of the moving average. A slot is aggregate / kAverageSlots long, so memory does not follow the report rate:
/// about 250 B a pod. Beside it the status and pods of each node's newest report are kept, of at most
/// ReportLimits::kMaxWireBytes on the wire.
inline constexpr std::size_t kAverageSlots = 10;
/// Pods of a node that are no longer listed and counted still, about 700 B each; the oldest go first. More than kubelet
/// runs by default (110), should all of them be listed no more at once.
inline constexpr std::size_t kMaxGonePods = 128;
/// Incarnations a node is known to have left; their late reports do not replace the newer one's, unless an open session
/// is of theirs.
inline constexpr std::size_t kLeftIncarnations = 4;
/// Clock readings kept per node for the minimum-delay filter.
inline constexpr std::size_t kClockReadings = 16;
/// A live report does not travel longer: a node that seems so late was suspended, which stops its monotonic clock.
inline constexpr model::Duration kMaxLiveTransit = std::chrono::seconds(60);

}  // namespace tideline::fleet
