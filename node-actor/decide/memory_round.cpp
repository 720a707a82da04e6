#include "node-actor/decide/memory_round.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "node-actor/decide/pod_uses.h"

namespace tideline::decide {
namespace {

std::optional<model::Bytes> known_memory(const std::optional<model::Bytes>& bytes) {
  return bytes && *bytes > model::Bytes(0) ? bytes : std::nullopt;
}

/// What their end would free at once.
std::vector<PodMemory> memory_of_running(const std::vector<model::Pod>& pods, const model::NodeSample& sample) {
  const PodUses uses(sample);
  std::vector<PodMemory> found;
  found.reserve(pods.size());
  for (const auto& pod : pods) {
    if (pod.phase != model::PodPhase::kRunning) continue;
    const auto* use = uses.of(pod.uid);
    PodMemory memory;
    memory.pod = &pod;
    if (use != nullptr) memory.used = use->memory;
    found.push_back(memory);
  }
  return found;
}

void append_wants(Wants from, Wants& to) {
  std::move(from.wants.begin(), from.wants.end(), std::back_inserter(to.wants));
  std::move(from.features.begin(), from.features.end(), std::back_inserter(to.features));
}

}  // namespace

MemoryRoundStep memory_round(MemoryRoundState state, std::vector<EvictState::Asked>& asked,
                             const MemoryRoundInput& input, const std::optional<model::NodePolicy>& policy) {
  MemoryRoundStep step{std::move(state), {}};
  auto& decision = step.decision;
  const auto allocatable = known_memory(input.memory_allocatable);

  MemoryQosInput qos;
  qos.node_allocatable = allocatable;
  qos.is_v1 = input.is_v1;
  decision.wants = memory_qos(input.pods, input.knobs, qos, policy);
  if (!policy || !policy->dry_run.memory_qos) decision.oom_scores = oom_scores(input.pods, policy);

  if (policy) {
    auto batch = batch_memory(std::move(step.state.batch), input.pods, input.knobs,
                              {.used = input.used, .own_limits = input.own_limits, .in_force = input.in_force});
    append_wants(std::move(batch.wants), decision.wants);
    step.state.batch = std::move(batch.state);
  }
  // What is not written holds nobody.
  if (!policy || policy->dry_run.batch_limits) step.state.batch = {};

  const auto used = memory_of_running(input.pods, input.sample);
  auto evict = memory_evict(std::move(step.state.evict), asked,
                            {.now = input.now,
                             .boot_id = input.boot_id,
                             .memory_allocatable = allocatable,
                             .allocatable_batch_memory = input.allocatable_batch_memory,
                             .pods = input.pods,
                             .used = used,
                             .relief = input.relief,
                             .work = input.work,
                             .held = input.held},
                            policy);
  step.state.evict = std::move(evict.state);
  decision.evict = std::move(evict.decision);
  return step;
}

std::vector<model::FeatureState> memory_waiting_features(std::string_view why) {
  std::vector<model::FeatureState> features;
  for (const auto* feature : {"memoryQOS.lsrClass", "memoryQOS.lsClass", "memoryQOS.beClass", "batchMemory",
                              "memoryEvict.beUsage", "memoryEvict.allocatable", "memoryEvict.nodeUsage"}) {
    features.push_back({feature, model::FeatureState::State::kInactive, std::string(why)});
  }
  return features;
}

}  // namespace tideline::decide
