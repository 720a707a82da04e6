#pragma once
// Times of KJ as ours, and promises with a deadline.

#include <algorithm>
#include <cstdint>
#include <string>

#include <fmt/format.h>
#include <kj/async.h>
#include <kj/time.h>
#include <kj/timer.h>

#include "messages/link/kj_rpc.h"
#include "messages/model/result.h"
#include "messages/model/units.h"

namespace tideline::http {

/// 0 where it is less.
inline kj::Duration to_kj(model::Duration duration) {
  return std::max<std::int64_t>(duration.count(), 0) * kj::NANOSECONDS;
}

inline model::MonoTime now_of(const kj::Timer& timer) {
  return {(timer.now() - kj::origin<kj::TimePoint>()) / kj::NANOSECONDS};
}

/// Fails as kUnavailable when nothing came of the promise in the time that is left of the whole: "no page of the list
/// within 500 ms".
template <class T>
kj::Promise<T> within(kj::Timer& timer, model::Duration left, kj::Promise<T> promise, model::Duration whole,
                      const std::string& missing) {
  auto late = timer.afterDelay(to_kj(left))
                  .then([text = fmt::format("{} within {} ms", missing, model::to_ms(whole))]() -> kj::Promise<T> {
                    return link::to_exception(model::Error(model::ErrorCode::kUnavailable, text));
                  });
  return promise.exclusiveJoin(kj::mv(late));
}

template <class T>
kj::Promise<T> within(kj::Timer& timer, model::Duration deadline, kj::Promise<T> promise, const std::string& missing) {
  return within(timer, deadline, kj::mv(promise), deadline, missing);
}

}  // namespace tideline::http
