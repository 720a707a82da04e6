#pragma once
// When a newcomer's handshake may begin.

#include <algorithm>
#include <optional>

#include "messages/model/units.h"

namespace tideline::link {

/// As they come while the loop keeps up; one by one, at a pace that never stops, while it does not. A handshake is the
/// most work that a peer can ask for, and whoever waits for one costs nothing.
class HandshakePace {
 public:
  HandshakePace(model::Duration most_lag, model::Duration at_least_every)
      : most_lag_(most_lag), at_least_every_(at_least_every) {}

  /// Whether one may begin now; `lag`: how far the loop is behind.
  bool admits(model::Duration lag, model::MonoTime now) const {
    return lag <= most_lag_ || wait(now) == model::kZeroDuration;
  }
  /// Until one may begin however far behind the loop is.
  model::Duration wait(model::MonoTime now) const {
    return began_ ? std::max(*began_ + at_least_every_ - now, model::kZeroDuration) : model::kZeroDuration;
  }
  void began(model::MonoTime now) { began_ = now; }

 private:
  model::Duration most_lag_;
  model::Duration at_least_every_;
  std::optional<model::MonoTime> began_;  // the last one
};

}  // namespace tideline::link
