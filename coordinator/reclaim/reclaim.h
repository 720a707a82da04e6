#pragma once
// One node's account over prod, mid, batch and system, by Koordinator's colocation-config (its batchresource and
// midresource plugins) and one rule more: what one tier is offered no other is.
//   room        = capacity - margin - system - high_priority
//   mid         = the smallest of what it is given, mid{CPU,Memory}ThresholdPercent of capacity, and
//                 mid_committed + max(0, room - what batch pods requested - third_party)
//   mid_offered = max(0, mid - mid_committed)
//   offered     = max(0, room - mid_offered, cut to batch{CPU,Memory}ThresholdPercent of capacity, - third_party)
// Batch-cpu counts normalised CPUs: what batch pods requested and what third parties have is divided by the node's
// ratio,
//   origin      = (room - mid_offered, cut) * ratio
//   published   = max(0, origin - third_party)
// system is at least what is reserved: the larger of capacity - allocatable and the node's annotation.
// What prod and mid host applications use is charged with high_priority, and a reservation for the system serves them,
// too: system = max(system used, reserved - that use), and both together are Koordinator's max(system used + host
// applications, reserved). So it is all one to an offer whether an application could be measured or its use is in the
// system's.
// Mid is given min(prod_reclaimable, capacity - used) + midUnallocatedPercent of what no pod of prod requests, or under
// midReclaimMode static a fixed share of capacity.

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "messages/model/host_application.h"
#include "messages/model/ids.h"
#include "messages/model/pod.h"
#include "messages/model/pod_metadata.h"
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
  model::MidRequests mid_requests;
  std::optional<model::MilliCpu> cpu;
  std::optional<model::Bytes> memory;
  /// false: no longer listed ("dangling"). Of its use there is here what the system's does not hold yet; that is
  /// charged, whatever its phase.
  bool listed = true;
};

/// A host application. One that holds pods or another, or is not there, uses nothing of its own.
struct ApplicationInput {
  std::string name;
  model::Tier tier = model::Tier::kProd;
  model::ApplicationState state = model::ApplicationState::kMeasured;
  bool listed = true;                  // false: no longer told of; charged for as long as its average lasts
  std::optional<model::MilliCpu> cpu;  // averages as above; nullopt = in the system's use, if there is any
  std::optional<model::Bytes> memory;
};

/// A NUMA zone; averages as above, nullopt = not known: nothing is offered there.
struct ZoneInput {
  int id = 0;
  model::MilliCpu cpu_capacity;
  model::Bytes memory_capacity;
  std::optional<model::MilliCpu> cpu_others;  // used by all but best-effort as far as told apart, bound CPUs whole
  std::optional<model::Bytes> memory_others;
  std::optional<model::MilliCpu> cpu_be;  // nullopt = not told apart
  std::optional<model::Bytes> memory_be;
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
  std::optional<model::MilliCpu> used_cpu;  // of the whole node
  std::optional<model::Bytes> used_memory;
  std::optional<model::MilliCpu> prod_reclaimable_cpu;  // requested by prod, and predicted not to be needed
  std::optional<model::Bytes> prod_reclaimable_memory;
  std::vector<PodInput> pods;
  /// Batch resources that other schedulers gave away: annotation node.koordinator.sh/thirdPartyAllocations.
  model::MilliCpu third_party_cpu;
  model::Bytes third_party_memory;
  model::Ratio cpu_normalization;                  // of the policy for this node
  std::vector<model::MetadataProblem> unreadable;  // of these and the reservation, annotations that cannot be read
  std::vector<ApplicationInput> applications;
  int zone_count = 0;            // NUMA zones of the host; 0 = not told
  std::vector<ZoneInput> zones;  // by id; empty = not known, or but one
  model::PolicyVersion policy;   // version of the ColocationPolicy passed beside
};

/// The node's account at `now` (same clock as NodeInput::arrived).
///  * kDisabled: policy.enable is false. kStale: no report, or older than degradeTimeMinutes. kUnknownUsage: capacity
///    or system usage not known, under request too; or the whole usage, where mid is given by prediction. In these
///    three nothing is offered; terms that are known are still filled in. A prediction that is not known gives mid
///    nothing, and leaves the room to batch: who makes predictions keeps the last one.
///  * kBadAnnotation: NodeInput::unreadable has one; likewise, as what it takes may be all there is.
///  * kDeficit: the charges exceed capacity - margin; offered and mid_offered 0, deficit = the excess.
///  * Batch pods may have requested more than is offered now (committed > offered): nodes judge that, by their own
///    policy of over-commit.
///  * kThresholdCap: cut by batch{CPU,Memory}ThresholdPercent. Otherwise the calculate policy's name.
/// Charged by policy: usage - what a pod uses, its request without a metric; an LSE pod's CPU its request. request -
/// its request. maxUsageRequest - the larger. A pod without any of it is part of the system usage; one that is no
/// longer listed (PodInput::listed) is charged what it uses, under each. Mid pods are charged at least their mid-cpu
/// and mid-memory: what was sold to them is not sold again. CPU takes `request` as `usage`, as Koordinator does.
/// Host applications of prod and mid are charged what they use, and nothing under request, as the system is; those of
/// batch and free count with batch's use and are charged nothing.
/// What is offered to batch is split over the node's NUMA zones (zones.h).
model::Reclaimed reclaim(const NodeInput& input, const model::ColocationPolicy& policy, model::MonoTime now);

/// The account of a node of which nothing was heard since: what reclaim() gives of the same input once it is too old,
/// but for its age.
model::Reclaimed as_stale(model::Reclaimed account);

/// Whether data of that age withdraws the offer: more than degradeTimeMinutes, in whole minutes begun.
bool is_too_old(model::Duration age, int degrade_minutes);

/// The sum over the cluster: terms added, node "", the oldest data_age, policy the highest version. The rule is
/// kDeficit if any node has a deficit, else the first node's if all agree, else kUsage.
model::Reclaimed cluster_sum(std::span<const model::Reclaimed> nodes);

}  // namespace tideline::reclaim
