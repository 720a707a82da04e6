#pragma once
// Batch CPU and memory by the `usage` calculate policy of Koordinator's colocation-config (its batchresource plugin):
//   offered = max(0, capacity - margin - system - high_priority), cut to batch{CPU,Memory}ThresholdPercent of capacity.

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "messages/model/ids.h"
#include "messages/model/pod.h"
#include "messages/model/policy.h"
#include "messages/model/reclaimed.h"
#include "messages/model/units.h"

namespace tideline::reclaim {

/// One pod's part in the account. Usage is the average over metricAggregateDurationSeconds; nullopt = no metric.
struct PodInput {
  model::PodUid uid;
  model::QosClass qos = model::QosClass::kLs;
  model::Tier tier = model::Tier::kProd;
  model::PodPhase phase = model::PodPhase::kRunning;
  model::Resources requests;
  std::optional<model::MilliCpu> cpu;
  std::optional<model::Bytes> memory;
  bool listed = true;  // false: a metric whose pod is no longer listed ("dangling"); charged by use, whatever its phase
};

/// One node's part. Averages as above; nullopt = not known, which withholds the offer and is never read as 0.
struct NodeInput {
  model::NodeName node;
  std::optional<model::MonoTime> arrived;  // receiver's monotonic clock at the report this rests on; nullopt = none yet
  model::MilliCpu cpu_capacity;
  model::MilliCpu cpu_allocatable;
  model::Bytes memory_capacity;
  model::Bytes memory_allocatable;
  model::MilliCpu cpu_reserved;  // annotation node.koordinator.sh/reservation, 0 = none
  model::Bytes memory_reserved;
  std::optional<model::MilliCpu> system_cpu;
  std::optional<model::Bytes> system_memory;
  std::vector<PodInput> pods;
  model::PolicyVersion policy;  // version of the ColocationPolicy passed beside
};

/// The node's account at `now` (same clock as NodeInput::arrived).
///  * kDisabled: policy.enable is false. kStale: no report, or older than degradeTimeMinutes. kUnknownUsage: capacity
///  or
///    system usage not known. In these three nothing is offered; terms that are known are still filled in.
///  * kDeficit: the charges exceed capacity - margin; offered 0, deficit = the excess.
///  * kThresholdCap: cut by batch{CPU,Memory}ThresholdPercent. kUsage otherwise.
/// A pod without a metric is charged its request; one without either is part of the system usage.
model::Reclaimed reclaim(const NodeInput& input, const model::ColocationPolicy& policy, model::MonoTime now);

/// The sum over the cluster: terms added, node "", the oldest data_age, policy the highest version. The rule is
/// kDeficit if any node has a deficit, else the first node's if all agree, else kUsage.
model::Reclaimed cluster_sum(std::span<const model::Reclaimed> nodes);

}  // namespace tideline::reclaim
