#pragma once
// Differences of two readings as samples. What cannot be known from them is nullopt: a counter that fell (reset), a
// group that was made again in between, a window that is zero, negative or longer than `max_window`.

#include "messages/model/counters.h"
#include "messages/model/sample.h"

namespace tideline::sense {

struct SampleLimits {
  /// A pair of readings further apart is stale: no rate is made of it. Koordinator forgets after 20 intervals.
  model::Duration max_window = std::chrono::seconds(20);
  /// The same of what memory.stat tells, which is read more seldom.
  model::Duration max_stat_window = std::chrono::minutes(2);
};

model::FastSample fast_sample(const model::FastCounters& before, const model::FastCounters& now,
                              const SampleLimits& limits = {});

/// Pods are matched by uid, their containers by id; the sample lists those of `now`. Levels (memory, be_limit, be_cpus,
/// memory_side's) are from `now` alone; of memory_side what relief does is left to the actor, and so is `available`.
/// Signals of memory are made as memory_signals.h says.
/// ls_delay_per_cpu = sum of the LS pods' waiting over the sum of their CPU, from each pod's own PSI ("some") where it
/// has it, else its run delay; nullopt when any LS pod misses an input or the sum of CPU is below 1 ms a second.
/// system_cpu = max(0, node - pods below the besteffort root as one - pods elsewhere - host applications elsewhere): an
/// application that cannot be read is left in it. Applications are matched by group; those that are not there use
/// nothing. nullopt where one of prod or mid below the besteffort root is not told apart from that root's use (it holds
/// pods or another, is unreadable, or has no earlier reading), or a pod there that is not of QoS BE: it would be
/// charged nowhere.
model::NodeSample node_sample(const model::HostCounters& before, const model::HostCounters& now,
                              const SampleLimits& limits = {});

/// The first sample of a series: levels only, no rate.
model::NodeSample first_sample(const model::HostCounters& now);

}  // namespace tideline::sense
