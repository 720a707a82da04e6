#pragma once
// How far a KJ loop is behind, for work that can wait until it is not. For this room's sources only; use on the loop's
// thread only.

#include <cstdint>
#include <optional>

#include <kj/async-io.h>

#include "messages/link/kj_thread.h"
#include "messages/model/units.h"

namespace tideline::link {

/// Costs nothing while nobody asks. Destroy after all that waits for a round.
class LoopLag {
 public:
  explicit LoopLag(KjContext& context);
  LoopLag(const LoopLag&) = delete;
  LoopLag& operator=(const LoopLag&) = delete;

  /// Resolves once the loop has seen to what was ready when the round began. There is one round at a time: whoever asks
  /// during it waits for its end. To be joined with a timer: a loop that never comes to rest takes its time.
  kj::Promise<void> round();
  /// How long the last round took, or the one under way has taken so far if that is longer.
  model::Duration lag() const;

 private:
  kj::Promise<void> measure();

  const int wake_fd_;  // eventfd; the stream closes it
  kj::Own<kj::AsyncInputStream> wakes_;
  std::uint64_t wake_count_ = 0;
  std::optional<model::MonoTime> began_;  // the round under way
  model::Duration last_{0};
  kj::ForkedPromise<void> under_way_ = nullptr;
};

}  // namespace tideline::link
