#pragma once
// When a rise of batch's limit is believed, where weights protect services (cpu_suppress.h). What the formula asks for
// must last, and rises that services undo again and again make the next one wait for longer. What others than pods use
// for a moment, a daemon's 40 ms or a program that starts, is neither services that come back nor less room for batch:
// it counts with its mean, where it can be told from services.

#include <chrono>
#include <optional>

#include "messages/model/units.h"
#include "node-actor/decide/limit_noise.h"

namespace tideline::decide {

/// A rise of at least an urgent fall's size is believed once the formula has asked for it this long without a break,
/// and then goes at once to the least that was asked for meanwhile: LS's own end of a spike is followed within a
/// second.
constexpr model::Duration kRiseWait = std::chrono::milliseconds(600);
/// An urgent fall this soon after such a rise, by services or by nobody knows whom, says that the rise was not worth
/// it. One may be chance; with each more within kCalm of the one before it the next rise is watched for twice as long,
/// up to the longest wait, until that did not happen for kCalm.
constexpr model::Duration kFlapWithin = std::chrono::seconds(2);
constexpr model::Duration kLongestRiseWait = 16 * kRiseWait;
constexpr model::Duration kCalm = std::chrono::seconds(60);

/// Who used what batch did not, in one window of the fast loop.
struct OtherUses {
  model::MilliCpu services;  // pods that are not BE
  model::MilliCpu system;    // the rest of the host
};

/// How long a rise has been asked for, and how long it must be. A default-constructed one is right after a start.
struct RiseWatch {
  RecentValues recent{kRiseWait};  // what the newest windows' formulas would give
  RecentValues system{kRiseWait};  // OtherUses::system of the newest windows
  std::optional<model::MonoTime> asked_since;
  std::optional<model::MonoTime> last_rise;
  std::optional<model::MilliCpu> services_at_rise;  // nullopt: not known, or a fall has undone that rise
  std::optional<model::MonoTime> last_flap;
  std::optional<model::MonoTime> last_fall;  // an urgent one
  model::Duration wait = kRiseWait;
};

/// OtherUses with the system's use as the mean of the span, this window's included; nullopt: the window's is not known,
/// and what was seen before is forgotten.
std::optional<OtherUses> see_uses(RiseWatch& watch, model::MonoTime now, const std::optional<OtherUses>& in_window);

/// Whether a rise was asked for long enough. `asked`: in this round.
bool rise_is_believed(RiseWatch& watch, bool asked, model::MonoTime now);

/// A rise was written that had been believed.
void note_rise(RiseWatch& watch, model::MonoTime now, const std::optional<OtherUses>& uses);

/// An urgent fall was written. It undoes a rise where services alone used more by `least`, the least urgent fall, than
/// at the rise, and where that is not known.
void note_urgent_fall(RiseWatch& watch, model::MonoTime now, const std::optional<OtherUses>& uses,
                      model::MilliCpu least);

/// Whether the fast loop should read what pods use: an urgent fall or a watched rise is less than kCalm ago, and the
/// next rise, or whether the last one stays, may depend on it. At rest nothing does.
bool wants_uses(const RiseWatch& watch, model::MonoTime now);

}  // namespace tideline::decide
