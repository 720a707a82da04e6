#include "messages/clock/clock.h"

#include <chrono>

#include <time.h>

namespace tideline::clock {

model::MonoTime mono_now() {
  return {std::chrono::duration_cast<model::Duration>(std::chrono::steady_clock::now().time_since_epoch()).count()};
}

model::BootTime boot_now() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return {static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec};
}

model::WallTime wall_now() {
  using std::chrono::milliseconds;
  return {std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count()};
}

}  // namespace tideline::clock
