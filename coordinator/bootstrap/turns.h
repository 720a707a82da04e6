#pragma once
// Who of those that wait may ask the backend now: first come, first served, few at once, and at a pace. On the loop's
// thread only.

#include <cstddef>
#include <deque>
#include <memory>

#include <kj/async.h>
#include <kj/function.h>
#include <kj/timer.h>

#include "messages/model/units.h"

namespace tideline::bootstrap {

struct TurnLimits {
  std::size_t at_once = 1;
  double a_second = 1;  // > 0
  model::Duration patience{0};
};

/// Must outlive the places it gave and the promises.
class Turns final : private kj::TaskSet::ErrorHandler {
 public:
  struct Leave {
    void operator()(Turns* turns) const { turns->leave(); }
  };
  /// A place among those who ask, for as long as it is held.
  using Place = std::unique_ptr<Turns, Leave>;
  using HasLeft = kj::Function<bool()>;

  Turns(kj::Timer& timer, const TurnLimits& limits);

  /// Null: the turn did not come within the patience. Fails where `has_left` says, when the turn is there, that nobody
  /// waits for the answer any more; the turn is the next one's then. Whoever waits no more drops the promise.
  kj::Promise<Place> take(HasLeft has_left);

 private:
  struct Waiting {
    kj::Own<kj::PromiseFulfiller<Place>> turn;
    HasLeft has_left;
  };

  void leave();
  void serve();
  void wake_when_due();
  void taskFailed(kj::Exception&& exception) override;

  kj::Timer& timer_;
  const std::size_t at_once_;
  const kj::Duration interval_;
  const kj::Duration patience_;
  std::deque<Waiting> waiting_;
  std::size_t asking_ = 0;
  kj::TimePoint next_;
  bool wakes_ = false;
  kj::TaskSet tasks_;
};

}  // namespace tideline::bootstrap
