#include "messages/clock/clock.h"

#include <chrono>

namespace tideline::clock {

model::MonoTime mono_now() {
  return {std::chrono::duration_cast<model::Duration>(std::chrono::steady_clock::now().time_since_epoch()).count()};
}

model::WallTime wall_now() {
  using std::chrono::milliseconds;
  return {std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count()};
}

}  // namespace tideline::clock
