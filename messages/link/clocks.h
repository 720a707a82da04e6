#pragma once
// This host's clocks and KJ's durations, for this room's sources only.

#include <kj/time.h>
#include <time.h>

#include "messages/model/units.h"

namespace tideline::link {

inline std::int64_t read_clock_ns(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}
inline model::MonoTime mono_now() {
  return {read_clock_ns(CLOCK_MONOTONIC)};
}
inline model::WallTime wall_now() {
  return {read_clock_ns(CLOCK_REALTIME) / 1'000'000};
}
inline kj::Duration to_kj(model::Duration duration) {
  return duration.count() * kj::NANOSECONDS;
}
using model::to_ms;

}  // namespace tideline::link
