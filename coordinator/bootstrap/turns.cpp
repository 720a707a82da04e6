#include "coordinator/bootstrap/turns.h"

#include <cstdint>
#include <utility>

#include <kj/debug.h>

#include "messages/log/log.h"

namespace tideline::bootstrap {

Turns::Turns(kj::Timer& timer, const TurnLimits& limits)
    : timer_(timer),
      at_once_(limits.at_once),
      interval_(static_cast<std::int64_t>(1e9 / limits.a_second) * kj::NANOSECONDS),
      patience_(limits.patience.count() * kj::NANOSECONDS),
      next_(timer.now()),
      tasks_(*this) {}

kj::Promise<Turns::Place> Turns::take(HasLeft has_left) {
  auto paf = kj::newPromiseAndFulfiller<Place>();
  waiting_.push_back(Waiting{kj::mv(paf.fulfiller), kj::mv(has_left)});
  serve();
  auto late = timer_.afterDelay(patience_).then([]() -> Place { return Place(); });
  return paf.promise.exclusiveJoin(kj::mv(late));
}

void Turns::leave() {
  --asking_;
  serve();
}

void Turns::serve() {
  while (!waiting_.empty() && asking_ < at_once_) {
    if (timer_.now() < next_) return wake_when_due();
    auto first = kj::mv(waiting_.front());
    waiting_.pop_front();
    if (!first.turn->isWaiting()) continue;
    if (first.has_left()) {
      first.turn->reject(KJ_EXCEPTION(DISCONNECTED, "the peer left before its turn came"));
      continue;
    }
    ++asking_;
    next_ = timer_.now() + interval_;
    first.turn->fulfill(Place(this));
  }
}

void Turns::wake_when_due() {
  if (std::exchange(wakes_, true)) return;
  tasks_.add(timer_.atTime(next_).then([this]() {
    wakes_ = false;
    serve();
  }));
}

void Turns::taskFailed(kj::Exception&& exception) {
  log::error("bootstrap-task-failed", "{}", exception.getDescription().cStr());
}

}  // namespace tideline::bootstrap
