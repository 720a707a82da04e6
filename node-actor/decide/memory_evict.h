#pragma once
// Memory eviction: which BE pods should leave because memory is short. Koordinator's BEMemoryEvict, MemoryEvict and
// MemoryAllocatableEvict, in this order, with shared accounting; who executes is not known here (DESIGN §4).
//
//   memoryEvict.beUsage      BEMemoryEvict: used >= memoryEvictThresholdPercent (relief's rung evict), down to the
//   lower
//                            percent (absent: 2 below). Priority, then memory used, most first.
//   memoryEvict.allocatable  MemoryAllocatableEvict: requested / allocatable > memoryAllocatableEvictThresholdPercent,
//                            down to the lower percent; of batch-memory, and of memory for pods neither batch nor mid
//   memoryEvict.nodeUsage    MemoryEvict: as beUsage, pods labelled eviction-enabled of at most
//                            evictEnabledPriorityThreshold
//
// Where this differs from Koordinator, on purpose: the use is judged by the relief ladder (memory_relief.h), which
// anticipates growth, counts kubepods' own limit, and lets lower rungs go first where they suffice; bytes are counted
// as bytes (its MemoryEvict credits a thousandfold); what is not known never evicts; terminating pods and the victims
// of CPU eviction are credited; only QoS BE pods are victims; batch-memory of 0 evicts only when it was so for 60 s.
//
// The triggers of use hold for as long as relief is on its rung evict, and while the use is above the threshold and
// only those that are leaving keep relief off that rung: they are needed. Who was picked goes unless less is missing
// than was. A round in which one of those is gone picks nobody, for relief may have looked just before it went.

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "messages/model/pod.h"
#include "messages/model/policy.h"
#include "messages/model/report.h"
#include "messages/model/units.h"
#include "node-actor/decide/cpu_evict.h"
#include "node-actor/decide/evict_serve.h"
#include "node-actor/decide/memory_relief.h"
#include "node-actor/decide/victims.h"

namespace tideline::decide {

/// After a round with victims nobody is picked for this long (Koordinator's memory cool-down).
constexpr model::Duration kMemoryEvictCoolDown = std::chrono::seconds(4);

struct MemoryEvictInput {
  model::MonoTime now;
  std::string boot_id;                                   // part of each victim's id
  std::optional<model::Bytes> memory_allocatable;        // of the node; a value of 0 is not known
  std::optional<model::Bytes> allocatable_batch_memory;  // kubernetes.io/batch-memory; 0: there is none
  std::span<const model::Pod> pods;
  std::span<const PodMemory> used;         // of the running ones
  const ReliefDecision* relief = nullptr;  // of the newest fast round; nullptr: none
  std::span<const PodWork> work;
  std::span<const model::PodUid> held;
};

struct MemoryEvictState {
  std::optional<model::MonoTime> quiet_until;
  /// Since when each task's trigger has held. Data that is missing for a while does not end it.
  std::array<std::optional<model::MonoTime>, kMemoryEvictTasks> since;
  std::vector<model::PodUid> leaving;  // in the last round, of a known use
};

struct MemoryEvictDecision {
  std::vector<EvictVictim> victims;
  std::array<EvictOutcome, kMemoryEvictTasks> outcomes;  // in the order of kAllMemoryEvictTasks
  std::vector<model::FeatureState> features;             // the three, and what of them is unsupported
  const EvictOutcome& of(EvictTask task) const { return outcomes[place_of(task)]; }
};
struct MemoryEvictStep {
  MemoryEvictState state;
  MemoryEvictDecision decision;
};
/// One pod round. `asked`: of CPU and memory eviction together (EvictState::asked); this round's victims are added.
MemoryEvictStep memory_evict(MemoryEvictState state, std::vector<EvictState::Asked>& asked,
                             const MemoryEvictInput& input, const std::optional<model::NodePolicy>& policy);

/// Memory that pods leaving already will free: of `asked` and of terminating ones. What ReliefInput::pending_release is
/// to be until the next pod round.
model::Bytes pending_release(std::span<const PodMemory> used, std::span<const EvictState::Asked> asked);

}  // namespace tideline::decide
