#include "node-actor/decide/rise_watch.h"

#include <algorithm>

namespace tideline::decide {

using model::MonoTime;

std::optional<OtherUses> see_uses(RiseWatch& watch, MonoTime now, const std::optional<OtherUses>& in_window) {
  if (!in_window) {
    watch.system = RecentValues(kRiseWait);
    return std::nullopt;
  }
  watch.system.add(now, in_window->system);
  return OtherUses{in_window->services, watch.system.mean(now).value_or(in_window->system)};
}

bool rise_is_believed(RiseWatch& watch, bool asked, MonoTime now) {
  if (!asked) {
    watch.asked_since.reset();
    return false;
  }
  if (!watch.asked_since) watch.asked_since = now;
  if (watch.last_flap && now - *watch.last_flap > kCalm) watch.wait = kRiseWait;
  return now - *watch.asked_since >= watch.wait;
}

void note_rise(RiseWatch& watch, MonoTime now, const std::optional<OtherUses>& uses) {
  watch.last_rise = now;
  watch.services_at_rise = uses ? std::optional(uses->services) : std::nullopt;
  watch.asked_since.reset();
}

void note_urgent_fall(RiseWatch& watch, MonoTime now, const std::optional<OtherUses>& uses, model::MilliCpu least) {
  watch.asked_since.reset();
  watch.last_fall = now;
  if (!watch.last_rise || now - *watch.last_rise > kFlapWithin) return;
  if (uses && watch.services_at_rise && uses->services < *watch.services_at_rise + least) return;
  if (watch.last_flap && now - *watch.last_flap <= kCalm) watch.wait = std::min(2 * watch.wait, kLongestRiseWait);
  watch.last_flap = now;
  watch.last_rise.reset();
  watch.services_at_rise.reset();
}

bool wants_uses(const RiseWatch& watch, MonoTime now) {
  const auto newest = std::max(watch.last_fall, watch.last_rise);
  return newest && now - *newest <= kCalm;
}

}  // namespace tideline::decide
