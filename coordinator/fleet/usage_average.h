#pragma once
// A moving average over a span that does not remember every value: time is cut into kAverageSlots slots.

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "coordinator/fleet/limits.h"
#include "messages/model/units.h"

namespace tideline::fleet {

/// Which slot a moment falls in, for all averages of a node.
class SlotClock {
 public:
  /// `span` is what the averages cover; at least 1 ns a slot.
  explicit SlotClock(model::Duration span) : slot_ns_(std::max<std::int64_t>(1, span.count() / kAverageSlots)) {}
  std::int64_t slot(model::MonoTime time) const { return time.ns / slot_ns_; }

 private:
  std::int64_t slot_ns_;
};

/// Covers between kAverageSlots - 1 and kAverageSlots slots, ending with the newest one added to.
class UsageAverage {
 public:
  /// A value that held for `window`; older slots than the newest are ignored. A window of 0 (an instant) weighs 1 ms.
  void add(std::int64_t slot, double value, model::Duration window);
  /// The average as of `slot`; nullopt = nothing in its span.
  std::optional<double> at(std::int64_t slot) const;
  /// How long the values in that span held together; 0 = there are none.
  double seconds_at(std::int64_t slot) const;

 private:
  std::int64_t oldest_at(std::int64_t slot) const;

  std::array<double, kAverageSlots> sum_{};     // value x seconds
  std::array<float, kAverageSlots> seconds_{};  // 0 = slot is empty
  std::int64_t newest_ = 0;
};

struct Averages {
  UsageAverage cpu;     // millicores
  UsageAverage memory;  // bytes
};

}  // namespace tideline::fleet
