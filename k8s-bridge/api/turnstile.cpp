#include "k8s-bridge/api/turnstile.h"

#include <fmt/format.h>

#include "messages/http/kj_time.h"
#include "messages/log/log.h"

namespace tideline::k8s_api {

using model::Error;
using model::ErrorCode;
using model::MonoTime;
using model::Result;

Turnstile::Turnstile(kj::Timer& timer, const BudgetLimits& limits)
    : timer_(timer), limits_(limits), budget_(limits, http::now_of(timer)), tasks_(*this) {}

void Turnstile::enter(Priority priority, model::Duration patience, Turn go) {
  if (closed_) return;
  const Budget::Id id = ++last_id_;
  if (!budget_.enqueue(id, priority)) {
    go(Error(ErrorCode::kOverloaded, fmt::format("{} requests wait to be sent, the limit", limits_.max_waiting)));
    return;
  }
  const MonoTime until = http::now_of(timer_) + patience;
  waiting_.emplace(id, Waiting{kj::mv(go), until, patience});
  deadlines_.emplace(until, id);
  serve();
}

kj::Promise<Turnstile::Place> Turnstile::turn(Priority priority, model::Duration patience) {
  auto paf = kj::newPromiseAndFulfiller<Place>();
  enter(priority, patience, [fulfiller = kj::mv(paf.fulfiller)](Result<Place> place) mutable {
    if (place) {
      fulfiller->fulfill(*std::move(place));
    } else {
      fulfiller->reject(link::to_exception(place.error()));
    }
  });
  return kj::mv(paf.promise);
}

void Turnstile::hold(model::Duration time) {
  budget_.hold(http::now_of(timer_) + time);
}

void Turnstile::close() {
  closed_ = true;
  deadlines_.clear();
  const auto dropped = std::exchange(waiting_, {});
}

void Turnstile::leave() {
  budget_.done();
  serve();
}

void Turnstile::serve() {
  // Who is told may give its place back on the spot.
  if (std::exchange(serving_, true)) {
    again_ = true;
    return;
  }
  KJ_DEFER(serving_ = false);
  do {
    again_ = false;
    serve_once(http::now_of(timer_));
  } while (again_);
}

void Turnstile::serve_once(MonoTime now) {
  while (!closed_) {
    const auto id = budget_.take(now);
    if (!id) break;
    auto next = waiting_.extract(*id);
    deadlines_.erase({next.mapped().until, *id});
    next.mapped().go(Place(this));
  }
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const Budget::Id id = deadlines_.begin()->second;
    deadlines_.erase(deadlines_.begin());
    budget_.withdraw(id);
    auto late = waiting_.extract(id);
    late.mapped().go(
        Error(ErrorCode::kUnavailable, fmt::format("not sent within {} ms: {} requests wait for the budget",
                                                   model::to_ms(late.mapped().patience), waiting())));
  }
  wake_when_due(now);
}

void Turnstile::wake_when_due(MonoTime now) {
  if (closed_) return;
  std::optional<MonoTime> at = budget_.next(now);
  if (!deadlines_.empty() && (!at || deadlines_.begin()->first < *at)) at = deadlines_.begin()->first;
  if (!at || (wake_ && *wake_ <= *at)) return;
  wake_ = at;
  tasks_.add(timer_.afterDelay(http::to_kj(*at - now)).then([this, due = *at]() {
    if (wake_ == due) wake_.reset();
    serve();
  }));
}

void Turnstile::taskFailed(kj::Exception&& exception) {
  log::error("kubernetes-task-failed", "turnstile: {}", exception.getDescription().cStr());
}

}  // namespace tideline::k8s_api
