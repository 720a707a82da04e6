#pragma once
// What one pod adds to a node's account, and why. The ledger sums these up, and an explanation shows them.

#include <optional>

#include "coordinator/reclaim/reclaim.h"
#include "messages/model/explained.h"

namespace tideline::reclaim {

template <class Unit>
struct PodCharge {
  Unit charged{};  // part of high_priority; 0 for batch and free
  model::ChargeBasis basis = model::ChargeBasis::kNotCharged;
  Unit requested{};          // by a prod pod
  Unit committed{};          // requested of mid resources by a mid pod, of batch resources by a batch or free pod
  std::optional<Unit> used;  // of a pod that counts: nullopt once it has ended
};

/// By the rules of reclaim.h, which maps CPU's `request` to `usage` before.
PodCharge<model::MilliCpu> charge_cpu(const PodInput& pod, model::CalculatePolicy policy);
PodCharge<model::Bytes> charge_memory(const PodInput& pod, model::CalculatePolicy policy);

}  // namespace tideline::reclaim
