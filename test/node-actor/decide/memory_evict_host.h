#pragma once
// A host with batch pods that runs in virtual time, second by second, under memory eviction. Relief is a stand-in that
// does no more than its rung evict (memory_relief.h): it begins where the use without what leaves already is at the
// threshold, and ends at the lower percent. With the real one: memory_evict_ladder_test.cpp.

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "node-actor/decide/memory_evict.h"
#include "test/node-actor/decide/evict_host.h"

namespace tideline::decide::test {

inline model::Pod memory_pod(const std::string& uid, std::int64_t request, std::optional<int> priority = 5000) {
  auto pod = batch_pod(uid, 1000, priority);
  pod.requests.batch_memory = model::Bytes(request);
  return pod;
}

/// Koordinator's worked case: 71 % used at a threshold of 70, and the default lower percent is 68: 3 % of capacity.
struct MemoryHost {
  model::MonoTime now{5'000'000'000'000};
  std::string boot_id = "boot-1";
  model::Bytes capacity{100'000};
  std::optional<model::Bytes> used = model::Bytes(71'000);
  std::optional<model::Bytes> memory_allocatable = model::Bytes(90'000);
  std::optional<model::Bytes> allocatable_batch_memory = model::Bytes(20'000);
  std::vector<model::Pod> pods = {memory_pod("a", 8000), memory_pod("b", 8000),       memory_pod("c", 8000),
                                  memory_pod("d", 8000), memory_pod("e", 8000, 4000), service_pod("ls", 1000)};
  std::map<std::string, std::optional<std::int64_t>> uses = {{"a", 1000}, {"b", 2500}, {"c", 2000},
                                                             {"d", 1500}, {"e", 500},  {"ls", 40'000}};
  std::vector<PodWork> work;
  std::vector<model::PodUid> held;
  std::optional<model::NodePolicy> policy = use_policy(70);
  std::vector<EvictState::Asked> asked;
  MemoryEvictState state;
  bool watched = true;    // relief has looked
  bool evicting = false;  // its rung
  model::Bytes growth;    // it wants that much more to go, whatever is used
  model::Bytes pending;   // what it was told

  static model::NodePolicy use_policy(int threshold, std::optional<int> lower = std::nullopt) {
    model::NodePolicy made;
    made.threshold.enable = true;
    made.threshold.memory_evict_threshold_percent = threshold;
    made.threshold.memory_evict_lower_percent = lower;
    return made;
  }
  static model::NodePolicy allocatable_policy(int threshold, int lower, int priority = 5999) {
    auto made = use_policy(100);
    made.threshold.memory_allocatable_evict_threshold_percent = threshold;
    made.threshold.memory_allocatable_evict_lower_percent = lower;
    made.threshold.allocatable_evict_priority_threshold = priority;
    return made;
  }

  model::Pod& pod(const std::string& uid) {
    const auto found = std::find_if(pods.begin(), pods.end(), [&](const auto& each) { return each.uid.str() == uid; });
    return found == pods.end() ? pods.front() : *found;
  }
  void remove(const std::string& uid) {
    std::erase_if(pods, [&](const auto& each) { return each.uid.str() == uid; });
  }
  std::vector<PodMemory> memory() const {
    std::vector<PodMemory> made;
    for (const auto& each : pods) {
      const auto use = uses.find(each.uid.str());
      if (each.phase != model::PodPhase::kRunning || use == uses.end() || !use->second) continue;
      made.push_back({&each, model::Bytes(*use->second)});
    }
    return made;
  }
  ReliefDecision look() {
    ReliefDecision made;
    made.terms.pending_release = pending;
    if (!used) return made;
    made.terms.bound =
        MemoryBound{.kind = MemoryBound::Kind::kHost, .capacity = capacity, .available = capacity - *used};
    if (!policy || !policy->threshold.enable) return made;
    const auto& threshold = policy->threshold;
    const int percent = threshold.memory_evict_threshold_percent;
    const auto lower = capacity.percent(threshold.memory_evict_lower_percent.value_or(std::max(percent - 2, 0)));
    if (*used - pending >= capacity.percent(percent) || growth > model::Bytes(0)) {
      made.evict = std::max(std::max(*used - lower, growth) - pending, model::Bytes(0));
    }
    if (made.evict > model::Bytes(0)) evicting = true;
    if (*used <= lower && growth <= model::Bytes(0)) evicting = false;
    if (evicting) made.rung = model::ReliefRung::kEvict;
    return made;
  }
  MemoryEvictDecision round() {
    const auto relief = look();
    const auto readings = memory();
    auto step = memory_evict(std::move(state), asked,
                             {.now = now,
                              .boot_id = boot_id,
                              .memory_allocatable = memory_allocatable,
                              .allocatable_batch_memory = allocatable_batch_memory,
                              .pods = pods,
                              .used = readings,
                              .relief = watched ? &relief : nullptr,
                              .work = work,
                              .held = held},
                             policy);
    state = std::move(step.state);
    pending = pending_release(readings, asked);
    return std::move(step.decision);
  }
  /// A second later.
  MemoryEvictDecision next(model::Duration later = 1s) {
    now = now + later;
    return round();
  }
};

inline std::vector<std::string> uids_of(const MemoryEvictDecision& decision) {
  std::vector<std::string> uids;
  for (const auto& victim : decision.victims)
    uids.push_back(victim.uid.str());
  return uids;
}

inline model::FeatureState feature_of(const MemoryEvictDecision& decision, const std::string& feature) {
  for (const auto& state : decision.features) {
    if (state.feature == feature) return state;
  }
  return {"not listed: " + feature, model::FeatureState::State::kInactive, ""};
}

}  // namespace tideline::decide::test
