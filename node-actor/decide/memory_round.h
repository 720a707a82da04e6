#pragma once
// One pod round of the memory side: memory QoS, batch memory, oom scores and memory eviction over the same readings.
// What it wants is settled together with the CPU side's (CpuRoundInput::others). The besteffort root's own memory limit
// is not among it: relief owns it, in the fast loop (memory_relief.h). Without a policy nothing is wanted.

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "messages/model/knob.h"
#include "messages/model/pod.h"
#include "messages/model/policy.h"
#include "messages/model/sample.h"
#include "node-actor/decide/batch_memory.h"
#include "node-actor/decide/memory_evict.h"
#include "node-actor/decide/memory_qos.h"
#include "node-actor/decide/memory_relief.h"

namespace tideline::decide {

/// Nothing here is owned: all must outlive the call.
struct MemoryRoundInput {
  model::MonoTime now;
  const std::vector<model::Pod>& pods;
  const model::NodeSample& sample;  // of this round
  const model::KnobSet& knobs;
  bool is_v1 = false;                              // of the memory controller
  std::optional<model::Bytes> memory_allocatable;  // a value of 0 is not known
  std::optional<model::Bytes> allocatable_batch_memory;
  const std::map<model::GroupRef, model::Bytes>& own_limits;  // see BatchMemoryInput
  const std::map<model::GroupRef, model::Bytes>& used;
  const std::string& boot_id;
  const ReliefDecision* relief = nullptr;
  std::span<const PodWork> work;
  std::span<const model::PodUid> held;
  const std::map<model::GroupRef, model::Bytes>* in_force = nullptr;  // see BatchMemoryInput
};
struct MemoryRoundState {
  BatchMemoryState batch;
  MemoryEvictState evict;
};
struct MemoryRoundDecision {
  Wants wants;  // with the features of QoS and batch memory; dry run is the arbiter's and cpu_round()'s to tell
  std::vector<OomScoreWant> oom_scores;  // none while memory QoS is in dry run
  MemoryEvictDecision evict;             // its features are not among those of `wants`; see tell_dry_run()
};
struct MemoryRoundStep {
  MemoryRoundState state;
  MemoryRoundDecision decision;
};
/// `asked`: see memory_evict().
MemoryRoundStep memory_round(MemoryRoundState state, std::vector<EvictState::Asked>& asked,
                             const MemoryRoundInput& input, const std::optional<model::NodePolicy>& policy);

/// What is told of the memory side's features while no round can be made, as waiting_features() does of CPU's. Those of
/// relief are the fast loop's to tell.
std::vector<model::FeatureState> memory_waiting_features(std::string_view why);

}  // namespace tideline::decide
