#include "coordinator/ledger/input.h"

#include <utility>

#include "messages/model/node_annotations.h"

namespace tideline::ledger {

reclaim::NodeInput input_of(const model::NodeName& node, const std::optional<fleet::NodeUsage>& usage,
                            const model::NodePolicy& policy, const profile::Reclaimable& predicted) {
  reclaim::NodeInput input;
  input.node = node;
  input.policy = policy.version;
  input.cpu_normalization = policy.scaling.cpu_normalization;
  if (!usage) return input;
  input.arrived = usage->arrived;
  input.cpu_capacity = usage->cpu_capacity;
  input.cpu_allocatable = usage->cpu_allocatable;
  input.memory_capacity = usage->memory_capacity;
  input.memory_allocatable = usage->memory_allocatable;
  input.system_cpu = usage->system_cpu;
  input.system_memory = usage->system_memory;
  input.used_cpu = usage->node_cpu;
  input.used_memory = usage->node_memory;
  input.prod_reclaimable_cpu = predicted.cpu;
  input.prod_reclaimable_memory = predicted.memory;
  auto claims = model::read_claims(usage->annotations);
  input.cpu_reserved = claims.reservation.cpu;
  input.memory_reserved = claims.reservation.memory;
  input.third_party_cpu = claims.third_party.cpu;
  input.third_party_memory = claims.third_party.memory;
  input.unreadable = std::move(claims.unreadable);
  input.pods.reserve(usage->pods.size());
  for (const auto& pod : usage->pods) {
    reclaim::PodInput one;
    one.uid = pod.uid;
    one.qos = pod.qos;
    one.tier = model::tier_of(pod.priority, pod.qos);
    one.phase = pod.phase;
    one.requests = pod.requests;
    one.mid_requests = pod.mid_requests;
    one.cpu = pod.cpu;
    one.memory = pod.memory;
    one.listed = pod.listed;
    input.pods.push_back(std::move(one));
  }
  for (const auto& application : usage->applications) {
    input.applications.push_back({.name = application.name,
                                  .tier = application.tier,
                                  .state = application.state,
                                  .listed = application.listed,
                                  .cpu = application.cpu,
                                  .memory = application.memory});
  }
  input.zone_count = usage->zone_count;
  for (const auto& zone : usage->zones) {
    input.zones.push_back({.id = zone.id,
                           .cpu_capacity = zone.cpu_capacity,
                           .memory_capacity = zone.memory_capacity,
                           .cpu_others = zone.cpu_others,
                           .memory_others = zone.memory_others,
                           .cpu_be = zone.cpu_be,
                           .memory_be = zone.memory_be});
  }
  return input;
}

}  // namespace tideline::ledger
