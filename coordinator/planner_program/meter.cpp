#include "coordinator/planner_program/meter.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <unistd.h>

namespace tideline::planner_program {

Meter::Meter() : shown_(::isatty(STDERR_FILENO) == 1) {}

void Meter::show(std::string_view what, double share) {
  if (!shown_) return;
  // Who draws just now will do.
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock) return;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  next_ = now + std::chrono::milliseconds(100);
  const auto line = fmt::format("\r{}: {:.0f} %\x1b[K", what, std::clamp(share, 0.0, 1.0) * 100);
  std::fwrite(line.data(), 1, line.size(), stderr);
  std::fflush(stderr);
  drawn_ = true;
}

void Meter::clear() {
  const std::lock_guard lock(mutex_);
  if (!drawn_) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace tideline::planner_program
