#pragma once
// Durations as KJ's, and promises with a deadline. For this room's sources only.

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

namespace tideline::remote_write {

inline kj::Duration to_kj(model::Duration duration) {
  return std::max<std::int64_t>(duration.count(), 0) * kj::NANOSECONDS;
}

/// Fails as kUnavailable when nothing came of the promise in time: "no answer within 30000 ms".
template <class T>
kj::Promise<T> within(kj::Timer& timer, model::Duration deadline, kj::Promise<T> promise, const std::string& missing) {
  auto late = timer.afterDelay(to_kj(deadline))
                  .then([text = fmt::format("{} within {} ms", missing, model::to_ms(deadline))]() -> kj::Promise<T> {
                    return link::to_exception(model::Error(model::ErrorCode::kUnavailable, text));
                  });
  return promise.exclusiveJoin(kj::mv(late));
}

}  // namespace tideline::remote_write
