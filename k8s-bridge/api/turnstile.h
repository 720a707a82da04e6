#pragma once
// The budget on a KJ loop: who waits, for how long at most, and who is told when it is its turn.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include <kj/async.h>
#include <kj/function.h>
#include <kj/timer.h>

#include "k8s-bridge/api/budget.h"
#include "messages/model/result.h"

namespace tideline::k8s_api {

/// On the loop's thread only. Must outlive the places it gave.
class Turnstile final : private kj::TaskSet::ErrorHandler {
 public:
  struct Leave {
    void operator()(Turnstile* turnstile) const { turnstile->leave(); }
  };
  /// A place among those in flight, for as long as it is held.
  using Place = std::unique_ptr<Turnstile, Leave>;
  using Turn = kj::Function<void(model::Result<Place>)>;

  Turnstile(kj::Timer& timer, const BudgetLimits& limits);

  /// `go` is called once: with a place when it is its turn, with kUnavailable when that is not within `patience`, with
  /// kOverloaded at once when too many wait. Dropped uncalled by close().
  void enter(Priority priority, model::Duration patience, Turn go);
  kj::Promise<Place> turn(Priority priority, model::Duration patience);
  /// For so long only kHigh goes.
  void hold(model::Duration time);
  /// Nobody goes any more.
  void close();
  std::size_t waiting() const { return budget_.waiting(); }

 private:
  struct Waiting {
    Turn go;
    model::MonoTime until;
    model::Duration patience;
  };

  void leave();
  void serve();
  void serve_once(model::MonoTime now);
  void wake_when_due(model::MonoTime now);
  void taskFailed(kj::Exception&& exception) override;

  kj::Timer& timer_;
  const BudgetLimits limits_;
  Budget budget_;
  bool closed_ = false;
  bool serving_ = false;
  bool again_ = false;
  Budget::Id last_id_ = 0;
  std::map<Budget::Id, Waiting> waiting_;
  std::set<std::pair<model::MonoTime, Budget::Id>> deadlines_;  // of waiting_
  std::optional<model::MonoTime> wake_;
  kj::TaskSet tasks_;
};

}  // namespace tideline::k8s_api
