#include "node-actor/decide/memory_relief.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace tideline::decide {
namespace {

using model::Bytes;
using model::Duration;
using model::MonoTime;
using model::Reason;
using model::ReliefRung;

constexpr double kStalledSome = 0.05;
constexpr double kStalledAllocations = 1.0;
/// What cannot be told from a process that begins.
constexpr double kLeastGrowth = 64.0 * 1024;
constexpr Duration kShortFor = std::chrono::seconds(1);
constexpr Duration kFullSoon = std::chrono::seconds(2);
constexpr Duration kFullNow = std::chrono::seconds(1);
/// A limit that was just set has not shown yet.
constexpr Duration kTightenShows = std::chrono::milliseconds(300);
/// Readings of the page cache that are the same for longer are new ones.
constexpr Duration kCacheStands = std::chrono::seconds(2);
/// Calls for reclaim that are no further apart leave BE a tenth of its page cache, not each a tenth of the last one's.
constexpr Duration kCallsBelongTogether = std::chrono::minutes(1);
/// A BE that fills what was taken from it does so within this time, or is let go.
constexpr Duration kPressShows = std::chrono::seconds(1);
/// While a reclaim runs, BE's use falls by what it frees, and its growth does not show.
constexpr Duration kReclaimHides = std::chrono::milliseconds(500);
constexpr std::int64_t kLargestPage = 64 << 10;
/// Page cache that grows by this much in a second grows faster than reclaim surely takes it: half a chunk a round.
constexpr double kFastCache = 5.0 * static_cast<double>(kMostChunk.value());

Bytes percent_part(Bytes whole, int percent) {
  return Bytes(whole.value() * percent / 100);
}

Bytes at_least_none(Bytes bytes) {
  return std::max(bytes, Bytes(0));
}

Bytes grown_in(Duration time, const std::optional<double>& per_second) {
  const double bytes = std::max(per_second.value_or(0), 0.0) * std::chrono::duration<double>(time).count();
  return Bytes(static_cast<std::int64_t>(std::min(bytes, 1e15)));
}

bool comes_within(const std::optional<Duration>& time, Duration horizon) {
  return time && *time < horizon;
}

bool fills_within(Duration horizon, Bytes room, const std::optional<double>& per_second) {
  return per_second.value_or(0) > 0 && comes_within(time_to_grow(room, per_second), horizon);
}

std::int64_t in_mib(Bytes bytes) {
  return bytes.value() >> 20;
}

/// Where the rungs are entered and left, in bytes used of the bound; of free_* in bytes free.
struct ReliefLevels {
  int threshold_percent = 0;
  int lower_percent = 0;
  int reclaim_percent = 0;
  Bytes threshold;
  Bytes lower;
  Bytes reclaim;
  Bytes reclaim_exit;
  Bytes tighten;
  Bytes full;
  Bytes critical;
  Bytes reserve;  // of full, which no limit lets BE have
  Bytes margin;
  std::optional<Bytes> free_entry;
  std::optional<Bytes> free_exit;
};

ReliefLevels relief_levels(const MemoryBound& bound, const std::optional<Bytes>& low_watermark,
                           const model::NodePolicy& policy) {
  const int margin = std::clamp(policy.relief.margin_percent, 0, 50);
  const bool is_host = bound.kind == MemoryBound::Kind::kHost;
  const Bytes watermark = is_host ? at_least_none(low_watermark.value_or(Bytes(0))) : Bytes(0);
  ReliefLevels at;
  at.threshold_percent = std::clamp(policy.threshold.memory_evict_threshold_percent, 1, 100);
  at.lower_percent = std::clamp(policy.threshold.memory_evict_lower_percent.value_or(at.threshold_percent - 2), 0,
                                at.threshold_percent - 1);
  at.reclaim_percent = std::max(at.threshold_percent - margin, 1);
  at.threshold = bound.level(at.threshold_percent);
  at.lower = bound.level(at.lower_percent);
  at.reclaim = bound.level(at.reclaim_percent);
  at.reclaim_exit = at_least_none(at.reclaim - percent_part(bound.capacity, 1));
  at.margin = percent_part(bound.capacity, margin);
  at.tighten = at_least_none(at.threshold - Bytes(at.margin.value() / 2));
  at.full = at_least_none(bound.capacity - watermark);
  at.critical = std::max(watermark, percent_part(bound.capacity, 1));
  at.reserve = std::max(at.critical, Bytes((at.full - at.threshold).value() / 8));
  if (!is_host) {
    at.free_entry = percent_part(bound.capacity, 5);
    at.free_exit = percent_part(bound.capacity, 7);
  } else if (watermark > Bytes(0)) {
    at.free_entry = Bytes(watermark.value() / 4 * 5);
    at.free_exit = Bytes(watermark.value() / 2 * 3);
  }
  return at;
}

/// What one round sees.
struct ReliefView {
  const ReliefInput& input;
  const model::MemoryReliefPolicy& policy;
  bool dry_run = false;
  MemoryBound bound;
  ReliefLevels at;
  Bytes be;
  Bytes cache;      // that reclaim may take now
  Bytes cache_all;  // what is asked for already is in it
  std::optional<double> growth;
  std::optional<double> recent;
  std::optional<Duration> to_threshold;
  Duration horizon{0};
  bool be_grows = false;
  double cache_growth = 0;     // of BE's, bytes per second
  bool files_come = false;     // see files_come()
  bool lies_at_limit = false;  // see lies_at_limit()
  Bytes used() const { return bound.used(); }
  bool can_reclaim() const { return policy.reclaim && input.can_reclaim; }
};

/// What is said of the round.
struct ReliefNotes {
  Reason reclaim = Reason::kNone;  // why it is on the rung now; kNone: it is not, or is held
  Reason tighten = Reason::kNone;
  Reason evict = Reason::kNone;
  Reason emergency = Reason::kNone;
  bool lacks_cache = false;  // reclaim is called for, and there is nothing to take
  bool be_is_still = false;  // tightening is called for, and BE does not grow
};

/// Between two readings of the page cache: what grows the host's use as well is none of it, and the rest is.
ReliefState::Followed follow(const std::optional<ReliefState::Followed>& before, const MemoryBound& read) {
  ReliefState::Followed next{read, read.used(), read.used()};
  const bool is_told = read.kind == MemoryBound::Kind::kKubepods && read.free && read.host_used && read.cache_at;
  if (!is_told || !before || before->read.kind != read.kind || before->read.capacity != read.capacity ||
      !before->read.free || !before->read.host_used) {
    return next;
  }
  const Bytes usage = *before->read.free - *read.free;
  // What the host has back and kubepods did not give is somebody else's, and no room under this limit.
  const Bytes host = std::max(*read.host_used - *before->read.host_used, std::min(usage, Bytes(0)));
  next.fixed = before->fixed + host;
  if (before->read.cache_at == read.cache_at) {
    // Half of the page cache counts as available: (usage - host) of it is new, or gone where that is less than 0.
    next.used = std::clamp(before->used + Bytes((usage + host).value() / 2), Bytes(0), read.capacity);
  }
  return next;
}

MemoryTrend::Reading reading_of(MonoTime at, const MemoryBound& bound, Bytes used) {
  return {at, {.kind = bound.kind, .capacity = bound.capacity, .available = bound.capacity - used}};
}

void read_cache(ReliefState& state, const std::optional<Bytes>& reclaimable, MonoTime now) {
  auto& cache = state.cache;
  if (cache.read != reclaimable || now - cache.read_at >= kCacheStands) {
    cache.read = reclaimable;
    cache.read_at = now;
    cache.asked = Bytes(0);
  }
  if (!reclaimable) return;
  const bool is_called_for = cache.called_at && now - *cache.called_at < kCallsBelongTogether;
  cache.most = is_called_for ? std::max(cache.most, *reclaimable) : *reclaimable;
}

bool be_grows_now(const ReliefState& state, const ReliefView& view) {
  const double growth = view.growth.value_or(0);
  const double be =
      std::max(state.be_trend.growth_per_second().value_or(0), state.be_trend.step_per_second().value_or(0));
  if (be >= std::max(kLeastGrowth, growth / 4)) return true;
  const auto& asked_at = state.cache.asked_at;
  return asked_at && view.input.now - *asked_at <= kReclaimHides &&
         growth >= std::max(kLeastGrowth, static_cast<double>(view.bound.capacity.value()) / 1000);
}

/// Page cache to take now, and why.
std::pair<Bytes, Reason> wanted_cache(const ReliefView& view, bool on_rung) {
  const auto& at = view.at;
  const auto& free = view.bound.free;
  const bool knows_free = free && at.free_entry;
  const bool is_near = view.used() >= (on_rung ? at.reclaim_exit : at.reclaim);
  const bool is_soon = comes_within(view.to_threshold, view.horizon);
  const Bytes ahead = is_soon ? std::min(grown_in(view.horizon, view.growth), at.margin) : Bytes(0);
  Bytes wanted;
  if (is_near) {
    const Bytes over = view.used() - at.reclaim_exit;
    // The host's use does not fall by it: what it gives is free memory.
    if (view.bound.kind == MemoryBound::Kind::kKubepods) {
      wanted = over + over;
    } else if (!knows_free) {
      wanted = over;
    }
  }
  if (!knows_free) {
    wanted = std::max(wanted, ahead);
  } else if (*free < (on_rung ? *at.free_exit : *at.free_entry) + ahead) {
    wanted = std::max(wanted, *at.free_exit + ahead - *free);
  }
  const bool is_stalled = view.input.ls_memory_some.value_or(0) > kStalledSome ||
                          view.input.alloc_stalls.value_or(0) >= kStalledAllocations;
  // With that much free it is not for want of it, but of a limit of its own, say.
  if (is_stalled && (!knows_free || *free < *at.free_exit + *at.free_exit)) wanted = std::max(wanted, kMostChunk);
  return {wanted, is_near ? Reason::kMemoryNearThreshold : is_soon ? Reason::kMemoryGrowth : Reason::kMemoryStall};
}

/// Readings of the page cache come less often than rounds: what grows so fast is not in them yet.
bool comes_fast(const ReliefView& view) {
  return view.cache_growth >= kFastCache;
}

/// Page cache came fast, and was not read since: growth that a limit ends shows no more, and what was read says nothing
/// of it.
bool files_come(const ReliefState::Cache& cache, const ReliefView& view) {
  return cache.came_at && view.bound.cache_at.value_or(cache.read_at) <= *cache.came_at;
}

/// Page cache is what fills BE's part, and no remnant that is read again and again.
bool has_much_cache(const ReliefView& view) {
  return view.files_come || view.cache_all >= std::max(kMostChunk, Bytes(view.be.value() / 8));
}

/// What was asked of BE a moment ago it is filling again.
bool lies_at_limit(const ReliefState& state, const ReliefView& view) {
  if (!state.tightened) return false;
  Bytes below = std::min(percent_part(*state.tightened, kTightenBandPercent), Bytes(kMostChunk.value() / 2));
  const auto& asked_at = state.cache.asked_at;
  if (asked_at && view.input.now - *asked_at <= kReclaimHides) below += kMostChunk;
  return view.be + below >= *state.tightened;
}

/// So near that a limit stays whatever BE does.
bool is_near_tighten(const ReliefView& view) {
  return view.used() + percent_part(view.bound.capacity, 1) >= view.at.tighten;
}

/// Of a BE that is held for its files, and of which nothing else is wanted: a chunk now and then, which it fills again
/// while it presses against its limit; and where it does not, room in which files that come again are seen in time.
Bytes wanted_to_let_go(const ReliefState& state, const ReliefView& view) {
  const auto& at = view.at;
  if (!state.tightened || !state.tightened_at || !state.tighten_until || !view.bound.free || !at.free_exit) return {};
  if (is_near_tighten(view) || !has_much_cache(view)) return {};
  const auto now = view.input.now;
  if (view.lies_at_limit) {
    const auto since = std::max(*state.tightened_at, state.cache.asked_at.value_or(*state.tightened_at));
    return now - since >= kPressProbe ? kMostChunk : Bytes(0);
  }
  if (*state.tighten_until - now > kTightenCoolDown - kPressShows) return {};
  return at_least_none(*at.free_exit + state.burst - *view.bound.free);
}

void ask_for(Bytes wanted, ReliefState& state, const ReliefView& view, ReliefDecision& decision) {
  if (view.input.reclaim_busy) return;
  // cgroup v1 reclaims by the limit, which is not lowered by more than half of the page cache (guard/reclaim.h).
  const Bytes most = view.input.tighten_kills ? Bytes(view.cache.value() / 2) : view.cache;
  decision.reclaim = std::clamp(wanted, kLeastChunk, std::max(kLeastChunk, std::min(kMostChunk, most)));
  state.cache.asked += *decision.reclaim;
  state.cache.asked_at = view.input.now;
}

void take_reclaim(ReliefState& state, const ReliefView& view, ReliefDecision& decision, ReliefNotes& notes) {
  const auto now = view.input.now;
  const auto [needed, reason] = wanted_cache(view, state.reclaim_until.has_value());
  const bool is_needed = needed > Bytes(0);
  const Bytes wanted = is_needed || !view.can_reclaim() ? needed : wanted_to_let_go(state, view);
  decision.terms.wanted = wanted;
  if (wanted > Bytes(0)) state.cache.called_at = now;
  const bool is_asked = view.can_reclaim() && wanted > Bytes(0) && view.cache >= kLeastChunk;
  if (is_asked) ask_for(wanted, state, view, decision);
  if (is_asked && is_needed) {
    notes.reclaim = reason;
    state.reclaim_until = now + kReclaimCoolDown;
    return;
  }
  notes.lacks_cache = view.can_reclaim() && is_needed && view.cache_all < kLeastChunk;
  if (!view.can_reclaim() || (state.reclaim_until && now >= *state.reclaim_until)) state.reclaim_until.reset();
}

/// What the besteffort root may use, see the header.
Bytes relief_limit(const ReliefState& state, const ReliefView& view) {
  const auto& at = view.at;
  const bool kills = view.input.tighten_kills;
  const Bytes half_way((at.threshold + at_least_none(at.full - at.threshold)).value() -
                       at_least_none(at.full - at.threshold).value() / 2);
  const Bytes ceiling = kills ? half_way : std::min(at.threshold + percent_part(view.bound.capacity, 1), half_way);
  // What BE may make of its page cache before the next limit holds: its use does not show that.
  const Bytes turned = std::min(view.cache_all, grown_in(kTightenLag, view.growth));
  Bytes by_level = view.be + (ceiling - view.used()) - turned;
  if (has_much_cache(view)) {
    if (view.bound.free && at.free_exit) {
      by_level = std::min(by_level, view.be + (*view.bound.free - *at.free_exit));
    }
    if (view.bound.kind == MemoryBound::Kind::kKubepods) {
      const Bytes room = at.reclaim_exit - view.used();
      by_level = std::min(by_level, view.be + room + room);
    }
  }

  // It is in force at once, and the writer reclaims then: not more than must be.
  const Bytes step = std::max(kMostChunk, turned);
  Bytes lowest = view.be - std::min(view.cache, step);
  if (kills) {
    auto be_growth = std::max(state.be_trend.growth_per_second(), state.be_trend.step_per_second());
    // Files make way, and are not killed for.
    if (view.files_come) be_growth = std::min(be_growth, std::max(view.growth, state.trend.step_per_second()));
    const Bytes headroom = std::max(kTightenHeadroom, grown_in(kTightenLag, be_growth));
    // Page cache goes before anybody is killed, where it is there still.
    const Bytes spare = Bytes(view.cache.value() / 2) - headroom;
    lowest = view.be - std::min(spare, step);
  }
  const Bytes floor = percent_part(view.bound.capacity, kLeastBePercent);
  const Bytes last_room = view.be + at_least_none(at.full - at.reserve - view.used());
  Bytes limit = std::max(by_level, lowest);
  if (kills) limit = std::min(limit, last_room);
  limit = std::max(limit, floor);

  const auto whole_pages = [](Bytes bytes) {
    return Bytes((bytes.value() + kLargestPage - 1) / kLargestPage * kLargestPage);
  };
  if (!state.tightened) return whole_pages(limit);
  const Bytes in_force = *state.tightened;
  const Bytes band = percent_part(in_force, kTightenBandPercent);
  // Of a large limit the band is more than what is to be free.
  const bool lacks_free = has_much_cache(view) && view.bound.free && at.free_entry && *view.bound.free < *at.free_entry;
  const bool is_urgent = lacks_free || (kills && last_room < in_force);
  if (limit <= in_force) return is_urgent || limit + band <= in_force ? whole_pages(limit) : in_force;
  const Bytes raised = std::min(limit, by_level);
  const bool is_new_bound = state.bound_since && state.tightened_at && *state.bound_since > *state.tightened_at &&
                            view.input.now - *state.bound_since < kBlindHold;
  return !is_new_bound && raised >= in_force + band ? whole_pages(raised) : in_force;
}

void loosen(ReliefState& state) {
  state.tightened.reset();
  state.tightened_at.reset();
  state.tighten_until.reset();
  state.burst = Bytes(0);
}

void take_tighten(ReliefState& state, const ReliefView& view, ReliefDecision& decision, ReliefNotes& notes) {
  const auto now = view.input.now;
  const auto& at = view.at;
  if (!view.policy.tighten || !view.input.can_tighten) {
    state.short_since.reset();
    return loosen(state);
  }
  const bool is_near = view.used() >= at.tighten;
  const bool is_soon = comes_within(view.to_threshold, view.horizon / 2);
  const bool lacks_free =
      view.bound.free && at.free_entry && *view.bound.free < Bytes(at.free_entry->value() / 2) && has_much_cache(view);
  if (!lacks_free) state.short_since.reset();
  if (lacks_free && !state.short_since) state.short_since = now;
  const bool is_short = lacks_free && now - *state.short_since >= kShortFor;
  // Once nothing is free the kernel takes services' page cache with BE's, and a service that reads it again waits for a
  // disk that BE keeps busy.
  const bool is_filling = view.bound.free && at.free_entry && comes_fast(view) &&
                          *view.bound.free < *at.free_entry + grown_in(kTightenLag, view.cache_growth);
  const bool enters = ((is_near || is_soon) && view.be_grows) || is_short || is_filling;
  const bool stays = state.tightened && (view.lies_at_limit || is_near_tighten(view));
  notes.be_is_still = (is_near || is_soon) && !view.be_grows && !state.tightened;
  if (enters || stays) {
    state.tighten_until = now + kTightenCoolDown;
    if (enters) {
      notes.tighten = is_near                 ? Reason::kMemoryNearThreshold
                      : is_soon || is_filling ? Reason::kMemoryGrowth
                                              : Reason::kMemoryStall;
    }
  } else if (!state.tightened || now >= *state.tighten_until) {
    return loosen(state);
  }
  const Bytes limit = relief_limit(state, view);
  if (!state.tightened) state.tightened_at = now;
  state.tightened = decision.tighten = limit;
  state.burst = std::max(state.burst, grown_in(kTightenLag, view.cache_growth));
}

void take_evict(ReliefState& state, const ReliefView& view, ReliefDecision& decision, ReliefNotes& notes) {
  const auto now = view.input.now;
  const auto& at = view.at;
  const bool is_over = view.used() >= at.threshold;
  if (!is_over) state.over_since.reset();
  if (is_over && !state.over_since) state.over_since = now;
  // Only under kubepods' limit does the use fall by reclaim. In dry run none is made.
  const bool may_fall = view.bound.kind == MemoryBound::Kind::kKubepods && view.can_reclaim() && !view.dry_run;
  const bool is_patient = !state.over_since || now - *state.over_since < kReclaimPatience;
  const Bytes by_reclaim = may_fall && is_patient ? Bytes(view.cache_all.value() / 2) : Bytes(0);
  const Bytes stays = view.used() - view.input.pending_release - by_reclaim;
  // What reclaim would free is not known: it may be enough.
  const bool is_known = !may_fall || view.input.be_reclaimable.has_value();
  // In dry run the limit is only told of, and BE grows on.
  const bool is_limited = state.tightened && !view.dry_run;
  const bool is_full_soon =
      !is_limited && stays >= at.tighten && fills_within(kFullSoon, at.full - view.used(), view.recent);
  if (is_known && (stays >= at.threshold || is_full_soon)) {
    const Bytes ahead = is_limited ? Bytes(0) : std::min(grown_in(std::chrono::seconds(1), view.recent), at.margin);
    decision.evict = at_least_none(stays + ahead - at.lower);
    notes.evict = stays >= at.threshold ? Reason::kMemoryNearThreshold : Reason::kMemoryGrowth;
  }
  if (decision.evict > Bytes(0)) {
    if (!state.evict_since) state.evict_since = now;
    state.evict_until = now + kEvictHold;
    return;
  }
  notes.evict = Reason::kNone;
  if (!state.evict_since) return;
  if (is_over) state.evict_until = now + kEvictHold;
  if (view.used() <= at.lower || now >= *state.evict_until) {
    state.evict_since.reset();
    state.evict_until.reset();
  }
}

void take_emergency(ReliefState& state, const ReliefView& view, ReliefDecision& decision, ReliefNotes& notes) {
  const auto now = view.input.now;
  const auto& at = view.at;
  if (view.used() < at.threshold || view.be < kLeastChunk) return;
  const bool is_critical = view.bound.available < at.critical;
  const bool shows = !state.tightened || now - *state.tightened_at >= kTightenShows;
  const bool is_full_now = shows && fills_within(kFullNow, at.full - view.used(), view.recent);
  if (!is_critical && !is_full_now) return;
  notes.emergency = is_critical ? Reason::kMemoryNearThreshold : Reason::kMemoryGrowth;
  if (!view.policy.emergency_kill) return;
  if (state.killed_at && now - *state.killed_at < kEmergencyCoolDown) return;
  decision.emergency = true;
  state.killed_at = now;
}

void choose_rung(const ReliefState& state, const ReliefView& view, const ReliefNotes& notes, ReliefDecision& decision) {
  const auto choose = [&](ReliefRung rung, Reason reason) {
    decision.rung = rung;
    decision.reason = reason == Reason::kNone ? Reason::kReliefHolds : reason;
  };
  const auto unless_lacking = [&](Reason reason) {
    return notes.lacks_cache && reason != Reason::kNone ? Reason::kNothingToReclaim : reason;
  };
  const bool is_over = view.used() >= view.at.threshold;
  if (view.policy.emergency_kill && state.killed_at && view.input.now - *state.killed_at < kEmergencyCoolDown) {
    choose(ReliefRung::kEmergency, notes.emergency);
  } else if (state.evict_since) {
    choose(ReliefRung::kEvict, unless_lacking(notes.evict));
  } else if (state.tightened) {
    choose(ReliefRung::kTighten, is_over ? Reason::kRungSuffices : unless_lacking(notes.tighten));
  } else if (state.reclaim_until) {
    choose(ReliefRung::kReclaim, is_over ? Reason::kRungSuffices : notes.reclaim);
  } else {
    decision.reason = notes.lacks_cache ? Reason::kNothingToReclaim : Reason::kMemoryEasy;
  }
}

std::string sentence_of(const ReliefView& view, const ReliefNotes& notes, const ReliefDecision& decision) {
  auto text = fmt::format("{} of {} MiB used of the {} ({} %), threshold {} %", in_mib(view.used()),
                          in_mib(view.bound.capacity), name_of(view.bound.kind), view.bound.used_percent(),
                          view.at.threshold_percent);
  if (view.growth.value_or(0) >= kLeastGrowth) {
    text += fmt::format(", growing by {:.1f} MiB/s", *view.growth / static_cast<double>(1 << 20));
  }
  if (notes.reclaim != Reason::kNone) {
    text += fmt::format("; {} MiB of BE's page cache to go", in_mib(decision.terms.wanted));
  } else if (decision.reclaim) {
    text += fmt::format("; {} MiB of BE's page cache to go, to see whether it comes again", in_mib(*decision.reclaim));
  } else if (notes.lacks_cache) {
    text += view.input.be_reclaimable ? "; BE has no page cache to give" : "; what of BE can be reclaimed is not known";
  }
  if (decision.tighten) {
    text += fmt::format("; BE may use {} MiB and uses {}", in_mib(*decision.tighten), in_mib(view.be));
  } else if (notes.be_is_still) {
    text += "; BE does not grow, and a limit on it would be no use";
  }
  if (decision.evict > Bytes(0)) {
    text += fmt::format("; {} MiB to be evicted", in_mib(decision.evict));
  } else if (view.used() >= view.at.threshold && view.input.be_reclaimable) {
    text += "; what leaves and what is reclaimed is enough";
  }
  if (decision.emergency) text += "; a BE pod is to be killed";
  return text;
}

/// Only kills are remembered.
void forget_relief(ReliefState& state) {
  const auto killed_at = state.killed_at;
  state = {};
  state.killed_at = killed_at;
}

void hold_blindly(ReliefState& state, const ReliefInput& input, ReliefDecision& decision) {
  decision.reason = Reason::kStaleSample;
  decision.why = input.bound ? "BE's use of memory is not known" : "the host's use of memory is not known";
  state.over_since.reset();
  state.short_since.reset();
  if (!state.last_known || input.now - *state.last_known >= kBlindHold) {
    forget_relief(state);
    return;
  }
  decision.rung = state.rung = std::min(state.rung, ReliefRung::kEvict);
  if (!state.tightened) return;
  decision.tighten = state.tightened;
  // What is known again must hold for a while before BE gets more.
  state.tighten_until = input.now + kTightenCoolDown;
  decision.why += fmt::format("; BE stays at {} MiB", in_mib(*state.tightened));
}

}  // namespace

ReliefStep memory_relief(ReliefState state, const ReliefInput& input, const std::optional<model::NodePolicy>& policy) {
  ReliefStep step{std::move(state), {}};
  auto& remembered = step.state;
  auto& decision = step.decision;
  auto& terms = decision.terms;
  terms.bound = input.bound;
  terms.be_usage = input.be_usage;
  terms.be_reclaimable = input.be_reclaimable;
  terms.ls_memory_some = input.ls_memory_some;
  terms.alloc_stalls = input.alloc_stalls;
  terms.pending_release = input.pending_release;
  if (const auto why = relief_off_because(policy); !why.empty()) {
    forget_relief(remembered);
    decision.reason = policy ? Reason::kDisabled : Reason::kNoPolicy;
    decision.why = why;
    return step;
  }
  if (!input.bound || input.bound->capacity <= Bytes(0) || !input.be_usage) {
    hold_blindly(remembered, input, decision);
    return step;
  }
  const auto now = input.now;
  remembered.last_known = now;
  const bool is_same =
      remembered.followed && remembered.bound_since && remembered.followed->read.kind == input.bound->kind;
  if (!is_same) remembered.bound_since = now;
  remembered.followed = follow(remembered.followed, *input.bound);
  remembered.trend.add(reading_of(now, *input.bound, remembered.followed->fixed));
  remembered.be_trend.add(reading_of(now, *input.bound, *input.be_usage));
  read_cache(remembered, input.be_reclaimable, now);

  ReliefView view{.input = input,
                  .policy = policy->relief,
                  .dry_run = policy->dry_run.memory_relief,
                  .bound = *input.bound,
                  .at = {},
                  .be = *input.be_usage,
                  .cache = {},
                  .cache_all = {},
                  .growth = remembered.trend.growth_per_second(),
                  .recent = remembered.trend.recent_per_second(),
                  .to_threshold = {},
                  .horizon = std::chrono::seconds(std::clamp(policy->relief.horizon_seconds, 1, 60)),
                  .be_grows = false};
  view.bound.available = view.bound.capacity - remembered.followed->used;
  view.at = relief_levels(view.bound, input.low_watermark, *policy);
  view.to_threshold = time_to_grow(view.at.threshold - view.used(), view.growth);
  if (input.be_reclaimable) {
    view.cache_all = at_least_none(*input.be_reclaimable - percent_part(remembered.cache.most, kLeftPercent));
    view.cache = at_least_none(view.cache_all - remembered.cache.asked);
  }
  view.be_grows = be_grows_now(remembered, view);
  view.cache_growth = remembered.be_trend.growth_per_second().value_or(0) - std::max(view.growth.value_or(0), 0.0);
  if (comes_fast(view)) remembered.cache.came_at = now;
  view.files_come = files_come(remembered.cache, view);
  view.lies_at_limit = lies_at_limit(remembered, view);
  terms.bound = view.bound;
  terms.growth_per_second = view.growth;
  terms.to_threshold = view.to_threshold;
  terms.to_full = time_to_grow(view.at.full - view.used(), view.growth);
  terms.threshold_percent = view.at.threshold_percent;
  terms.lower_percent = view.at.lower_percent;
  terms.reclaim_percent = view.at.reclaim_percent;

  ReliefNotes notes;
  take_reclaim(remembered, view, decision, notes);
  take_tighten(remembered, view, decision, notes);
  take_evict(remembered, view, decision, notes);
  take_emergency(remembered, view, decision, notes);
  choose_rung(remembered, view, notes, decision);
  remembered.rung = decision.rung;
  decision.why = sentence_of(view, notes, decision);
  return step;
}

}  // namespace tideline::decide
