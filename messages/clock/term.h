#pragma once
// For how long this process may speak for all of its kind: as leader of several, of which the others count the same
// time.

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>

#include "messages/clock/clock.h"
#include "messages/model/units.h"

namespace tideline::clock {

/// Judged by the clock at the very place where something would leave the process, and by no timer: a process that was
/// stopped past its term and goes on must not send what it had in hand, and no timer of its own comes before that.
///
/// The clock is CLOCK_BOOTTIME: it goes on while the host is suspended, as those of the others do, where
/// CLOCK_MONOTONIC would find the term as long as it was before.
///
/// Thread-safe. Not begun before the first extend().
class Term {
 public:
  bool holds() const { return boot_now().ns < until_ns_.load(std::memory_order_acquire); }
  /// It holds until then at least; never shortens it. No effect after end().
  void extend(model::BootTime until);
  /// Over for good.
  void end() { until_ns_.store(kEnded, std::memory_order_release); }

 private:
  static constexpr std::int64_t kEnded = std::numeric_limits<std::int64_t>::min();
  static constexpr std::int64_t kNotBegun = kEnded + 1;

  std::atomic<std::int64_t> until_ns_{kNotBegun};
};

/// Null where nobody else can lead: it holds for ever.
using TermPtr = std::shared_ptr<const Term>;

inline bool holds(const TermPtr& term) {
  return term == nullptr || term->holds();
}

}  // namespace tideline::clock
