#pragma once
// Weight and quota of batch pods, from the batch-cpu they ask for (Koordinator's hook BatchResource):
//   cpu-weight = clamp(sum of batch-cpu requested * 1024 / 1000, 2, 262144)
//   cpu-quota  = sum of batch-cpu limits / cpu normalisation ratio, rounded up; none if a container has no limit; at
//                least 10 millicores
// for the pod over its containers, and for each container by its own. Pods of QoS BE only.
//
// A batch pod's own quota stays in force whatever CPU suppress does (Koordinator takes it away under cfsQuota, so that
// one pod may take all that BE has). cgroup v1 takes no quota above the parent's: there a quota above one further up is
// none, for it could not bind. Where a group has a tighter quota by its native limit, that one stays.

#include <map>
#include <optional>
#include <vector>

#include "messages/model/knob.h"
#include "messages/model/pod.h"
#include "node-actor/decide/want.h"

namespace tideline::decide {

constexpr std::int64_t kLeastShares = 2;       // kernel/sched/sched.h MIN_SHARES
constexpr std::int64_t kMostShares = 262'144;  // MAX_SHARES

struct BatchLimitsInput {
  /// cgroup v1: a quota may not be above the nearest one further up. On v2 the limits below are not looked at.
  bool is_v1 = false;
  /// The quota the besteffort root has after this round; nullopt: none.
  std::optional<model::MilliCpu> be_root_limit;
  /// Quotas that other mechanisms want on BE pods themselves after this round, as CPU suppress does outside the
  /// besteffort subtree.
  std::map<model::PodUid, model::MilliCpu> pod_limits;
  /// What a CPU here is worth in batch-cpu. A pod's quota stays at least each of its containers'.
  model::Ratio normalization{};
  /// Quotas that groups of BE pods have without us, as those with a native limit do outside the besteffort subtree.
  std::map<model::GroupRef, model::MilliCpu> own_limits = {};
};

/// One round. A pod without batch-cpu, one that has ended and containers without id are left alone. The limits of a pod
/// that lists no containers are its own. Values from outside beyond ReportLimits count as the nearest allowed one; a
/// limit of 0 is no limit, as for the kubelet.
/// Feature "batchLimits": how many pods have their limits and how many BE pods have none; inactive while no pod asks
/// for batch-cpu; unsupported, with the knob, where one is missing.
Wants batch_limits(const std::vector<model::Pod>& pods, const model::KnobSet& knobs, const BatchLimitsInput& input);

}  // namespace tideline::decide
