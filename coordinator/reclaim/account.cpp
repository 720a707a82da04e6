#include "coordinator/reclaim/account.h"

namespace tideline::reclaim {

Account<model::MilliCpu> cpu_account(const NodeInput& input, const model::ColocationPolicy& policy) {
  using model::CalculatePolicy;
  // Koordinator's rule: of CPU `request` means `usage`.
  const auto calculate =
      policy.cpu_calculate_policy == CalculatePolicy::kRequest ? CalculatePolicy::kUsage : policy.cpu_calculate_policy;
  return {.capacity = input.cpu_capacity,
          .allocatable = input.cpu_allocatable,
          .reserved = input.cpu_reserved,
          .third_party = input.third_party_cpu,
          .normalization = input.cpu_normalization,
          .system = input.system_cpu,
          .used = input.used_cpu,
          .prod_reclaimable = input.prod_reclaimable_cpu,
          .reclaim_threshold_percent = policy.cpu_reclaim_threshold_percent,
          .cap_percent = policy.batch_cpu_threshold_percent,
          .calculate = calculate,
          .mid_threshold_percent = policy.mid_cpu_threshold_percent,
          .mid_static_percent = policy.mid_static_cpu_reserved_percent,
          .charge = charge_cpu,
          .application_use = &ApplicationInput::cpu};
}

Account<model::Bytes> memory_account(const NodeInput& input, const model::ColocationPolicy& policy) {
  return {.capacity = input.memory_capacity,
          .allocatable = input.memory_allocatable,
          .reserved = input.memory_reserved,
          .third_party = input.third_party_memory,
          .normalization = {},
          .system = input.system_memory,
          .used = input.used_memory,
          .prod_reclaimable = input.prod_reclaimable_memory,
          .reclaim_threshold_percent = policy.memory_reclaim_threshold_percent,
          .cap_percent = policy.batch_memory_threshold_percent,
          .calculate = policy.memory_calculate_policy,
          .mid_threshold_percent = policy.mid_memory_threshold_percent,
          .mid_static_percent = policy.mid_static_memory_reserved_percent,
          .charge = charge_memory,
          .application_use = &ApplicationInput::memory};
}

}  // namespace tideline::reclaim
