#pragma once

#include <algorithm>
#include <optional>

#include "messages/model/units.h"

namespace tideline::guard {

/// When a supervisor looks at its worker's beats, and when it calls the worker hung. A plain value: times come in.
class LeaseWatch {
 public:
  /// A worker that began at `started` has `start_patience` for its first beat, and `lease` for each one after it.
  LeaseWatch(model::Duration lease, model::Duration start_patience, model::MonoTime started)
      : lease_(lease), start_patience_(start_patience), started_(started), last_look_(started) {}

  /// `beat`: the newest, ns 0 = none. How long until it is to be looked at again: four times a lease, and when the
  /// lease is over; nullopt: the worker hangs.
  std::optional<model::Duration> look(model::MonoTime now, model::MonoTime beat) {
    // A supervisor that was itself not running (a frozen or suspended host) knows nothing of the worker's rounds.
    if (now - last_look_ > lease_ / 2) no_judging_before_ = now + lease_;
    last_look_ = now;
    const auto expires = beat.ns == 0 ? started_ + start_patience_ : beat + lease_;
    const auto verdict = std::max(expires, no_judging_before_);
    if (now >= verdict) return std::nullopt;
    return std::min(verdict - now, lease_ / 4);
  }

 private:
  model::Duration lease_;
  model::Duration start_patience_;
  model::MonoTime started_;
  model::MonoTime last_look_;
  model::MonoTime no_judging_before_;
};

}  // namespace tideline::guard
