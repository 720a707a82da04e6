#pragma once
// Signs of trouble with memory, of two readings. nullopt: a counter is missing or fell, or was not read anew in
// between, as happens to what memory.stat and memory.events tell (MemoryCounters::stat_at).

#include "messages/model/counters.h"
#include "messages/model/sample.h"
#include "messages/model/units.h"

namespace tideline::sense {

/// `window` lies between the two readings. What memory.stat tells is counted from one of its own readings to the other,
/// `max_stat_window` apart at most. Nothing of another group of the same name.
model::MemorySignals group_signals(const model::GroupCounters& before, const model::GroupCounters& now,
                                   model::Duration window, model::Duration max_stat_window);

/// `scanned` is that of direct reclaim, by whoever allocates; refaults and OOM kills of the host are not read.
model::MemorySignals host_signals(const model::HostCounters& before, const model::HostCounters& now,
                                  model::Duration window);

/// Of no group at all: no rate and no kills, and pressure of nobody.
model::MemorySignals no_signals();
/// `all` with one more group: the worse pressure of those that are known, and the sums, which are not known as soon as
/// one part is not.
void add_signals(model::MemorySignals& all, const model::MemorySignals& one);

}  // namespace tideline::sense
