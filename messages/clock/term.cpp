#include "messages/clock/term.h"

namespace tideline::clock {

void Term::extend(model::BootTime until) {
  std::int64_t before = until_ns_.load(std::memory_order_acquire);
  while (before != kEnded && before < until.ns) {
    if (until_ns_.compare_exchange_weak(before, until.ns, std::memory_order_acq_rel)) return;
  }
}

}  // namespace tideline::clock
