#pragma once
// The fields of what the memory side takes, remembers and says, see values.h.

#include <map>
#include <utility>

#include "node-actor/decide/memory_round.h"
#include "node-actor/recording/decide_fields.h"

namespace tideline::recording {

/// One entry of a map from groups to bytes.
struct GroupBytes {
  model::GroupRef group;
  model::Bytes bytes;
};

template <class V>
void fields(V& v, Of<V, GroupBytes> entry) {
  v("group", entry.group);
  v("bytes", entry.bytes);
}

template <class V>
void group_bytes(V& v, const char* name, Of<V, std::map<model::GroupRef, model::Bytes>> map) {
  std::vector<GroupBytes> entries;
  entries.reserve(map.size());
  for (const auto& [group, bytes] : map)
    entries.push_back({group, bytes});
  v(name, entries);
  if constexpr (V::kReads) {
    map.clear();
    for (auto& entry : entries)
      map.emplace(std::move(entry.group), entry.bytes);
  }
}

// Relief.

template <class V>
void fields(V& v, Of<V, decide::MemoryBound> bound) {
  v("kind", bound.kind);
  v("capacity", bound.capacity);
  v("available", bound.available);
  v("free", bound.free);
  v("cache_at_ns", bound.cache_at);
  v("host_used", bound.host_used);
}

template <class V>
void fields(V& v, Of<V, decide::MemoryTrend::Reading> reading) {
  v("at_ns", reading.at);
  v("bound", reading.bound);
}

template <class V>
void fields(V& v, Of<V, decide::MemoryTrend> trend) {
  if constexpr (V::kReads) {
    std::vector<decide::MemoryTrend::Reading> readings;
    v("readings", readings);
    trend = {};
    for (const auto& reading : readings)
      trend.add(reading);
  } else {
    v("readings", trend.readings());
  }
}

template <class V>
void fields(V& v, Of<V, decide::ReliefInput> input) {
  v("now_ns", input.now);
  v("bound", input.bound);
  v("low_watermark", input.low_watermark);
  v("be_usage", input.be_usage);
  v("be_reclaimable", input.be_reclaimable);
  v("ls_memory_some", input.ls_memory_some);
  v("alloc_stalls", input.alloc_stalls);
  v("reclaim_busy", input.reclaim_busy);
  v("can_reclaim", input.can_reclaim);
  v("can_tighten", input.can_tighten);
  v("pending_release", input.pending_release);
  v("tighten_kills", input.tighten_kills);
}

template <class V>
void fields(V& v, Of<V, decide::ReliefTerms> terms) {
  v("bound", terms.bound);
  v("growth_per_second", terms.growth_per_second);
  v("to_threshold_ns", terms.to_threshold);
  v("to_full_ns", terms.to_full);
  v("be_usage", terms.be_usage);
  v("be_reclaimable", terms.be_reclaimable);
  v("ls_memory_some", terms.ls_memory_some);
  v("alloc_stalls", terms.alloc_stalls);
  v("threshold_percent", terms.threshold_percent);
  v("lower_percent", terms.lower_percent);
  v("reclaim_percent", terms.reclaim_percent);
  v("wanted", terms.wanted);
  v("pending_release", terms.pending_release);
}

template <class V>
void fields(V& v, Of<V, decide::ReliefState::Followed> followed) {
  v("read", followed.read);
  v("used", followed.used);
  v("fixed", followed.fixed);
}

template <class V>
void fields(V& v, Of<V, decide::ReliefState::Cache> cache) {
  v("read", cache.read);
  v("read_at_ns", cache.read_at);
  v("asked", cache.asked);
  v("asked_at_ns", cache.asked_at);
  v("called_at_ns", cache.called_at);
  v("most", cache.most);
  v("came_at_ns", cache.came_at);
}

template <class V>
void fields(V& v, Of<V, decide::ReliefState> state) {
  v("trend", state.trend);
  v("rung", state.rung);
  v("reclaim_until_ns", state.reclaim_until);
  v("tighten_until_ns", state.tighten_until);
  v("tightened", state.tightened);
  v("evict_since_ns", state.evict_since);
  v("killed_at_ns", state.killed_at);
  v("last_known_ns", state.last_known);
  v("be_trend", state.be_trend);
  v("followed", state.followed);
  v("cache", state.cache);
  v("short_since_ns", state.short_since);
  v("tightened_at_ns", state.tightened_at);
  v("bound_since_ns", state.bound_since);
  v("over_since_ns", state.over_since);
  v("evict_until_ns", state.evict_until);
  v("burst", state.burst);
}

template <class V>
void fields(V& v, Of<V, decide::ReliefDecision> decision) {
  v("rung", decision.rung);
  v("reason", decision.reason);
  v("reclaim", decision.reclaim);
  v("tighten", decision.tighten);
  v("evict", decision.evict);
  v("emergency", decision.emergency);
  v("why", decision.why);
  v("terms", decision.terms);
}

// The pod round.

template <class V>
void fields(V& v, Of<V, decide::BatchMemoryState> state) {
  group_bytes<V>(v, "stepping", state.stepping);
}

template <class V>
void fields(V& v, Of<V, decide::MemoryEvictState> state) {
  v("quiet_until_ns", state.quiet_until);
  v("since_ns", state.since);
  v("leaving", state.leaving);
}

template <class V>
void fields(V& v, Of<V, decide::MemoryRoundState> state) {
  v("batch", state.batch);
  v("evict", state.evict);
}

template <class V>
void fields(V& v, Of<V, decide::OomScoreWant> want) {
  v("pod", want.pod);
  v("score", want.score);
}

template <class V>
void fields(V& v, Of<V, decide::MemoryEvictDecision> decision) {
  v("victims", decision.victims);
  v("outcomes", decision.outcomes);
  v("features", decision.features);
}

template <class V>
void fields(V& v, Of<V, decide::MemoryRoundDecision> decision) {
  v("wants", decision.wants);
  v("oom_scores", decision.oom_scores);
  v("evict", decision.evict);
}

}  // namespace tideline::recording
