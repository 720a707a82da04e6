#pragma once
// The cpuset controller: CPUs of bound pods, of LS beside them, and of BE. A plain function; what it wants becomes
// writes elsewhere, where parents are widened before children and narrowed after them.
//
// Koordinator's koordlet does the same in its cpuset hook and in CPU suppress with cpuSuppressPolicy cpuset. Different
// here: BE is packed and sticky (cpu_pick.h), growth needs more than one round (be_cpu_count.h), BE-labelled pods
// outside the besteffort root are confined too, and no CPU being left is an answer and not a division by zero.

#include <optional>
#include <span>
#include <vector>

#include "messages/model/knob.h"
#include "messages/model/pod.h"
#include "messages/model/policy.h"
#include "messages/model/topology.h"
#include "node-actor/decide/be_cpu_count.h"
#include "node-actor/decide/cpu_pools.h"
#include "node-actor/decide/cpu_suppress.h"
#include "node-actor/decide/want.h"

namespace tideline::decide {

struct CpusetInput {
  model::MonoTime now;
  NodeCpus node;
  SuppressTerms terms;  // cpu_suppress's of the same round
  /// cpuset.cpus of the besteffort root as the kernel has it; empty = no set of its own (v2), nullopt = not readable.
  /// Read only after a start, while the state holds no set.
  std::optional<model::CpuSet> be_current;
  model::KnobSet knobs;
  /// The limit that a quota puts on all of BE now; nullopt: none, or not known.
  std::optional<model::MilliCpu> be_limit = std::nullopt;
  /// Pods that have ended and whose groups are there still.
  std::span<const model::PodUid> lingering = {};
};

/// What is remembered from round to round. A default-constructed one is right after a start.
struct CpusetState {
  std::optional<model::CpuSet> be;  // last set wanted for BE
  std::optional<model::CpuSet> ls;  // last pool wanted for LS
  BeCpuCountState count;
  /// `be` was chosen by the threshold formula or, after a start, found narrower than the host; else it is the pool's.
  bool suppressed = false;
  friend bool operator==(const CpusetState&, const CpusetState&) = default;
};

/// One set, and why it is this one.
struct CpusetTarget {
  model::CpuSet cpus;
  model::Reason reason = model::Reason::kNone;
  model::Controller controller = model::Controller::kCpuset;
  friend bool operator==(const CpusetTarget&, const CpusetTarget&) = default;
};

struct CpusetDecision {
  Wants wants;  // features: "cpuset", and "cpuSuppress.cpuset" where the policy asks for it
  CpuPools pools;
  /// What BE is held to; nullopt: nothing. Its controller is kCpuSuppress where the threshold formula chose it.
  std::optional<CpusetTarget> be;
  std::optional<CpusetTarget> ls;  // the pool of LS pods; nullopt: they are not confined
  BeCpuCount count;                // under cpuSuppressPolicy cpuset
};

struct CpusetStep {
  CpusetState state;
  CpusetDecision decision;
};

/// One round, at any rate. `pods`: the last known ones; not knowing them now is no reason to leave them out.
///
/// * Bound pods (binding_of): their containers get their CPUs (kBoundCpus), and pod and containers no quota: a pod with
///   CPUs of its own is not to be throttled on them. Where so many of its CPUs are offline that it has fewer than it
///   requests, it gets the rest with the LS pool, and keeps its quota.
/// * LSE, LSR and LS pods without bound CPUs: the LS pool at container level (kSharePool), while any pod is bound.
/// Under
///   kubelet's static policy Guaranteed pods are kubelet's to place. SYSTEM pods are left alone.
/// * BE: under cpuSuppressPolicy cpuset as many CPUs of the BE pool as be_cpu_count says (kSuppressedCpus;
/// kStaleSample:
///   as many as before), of lent LSR CPUs and others in proportion to how many there are. Under any other policy the BE
///   pool while pods are bound and it is not the whole host (kSharePool); else nothing. Without a policy the last set.
/// * A set of CPU suppress stays under another policy (kStaleSample) until a quota holds BE: one that allows no more
///   than the set does, or any of a round with fresh data. Or until fresh data say that none is needed.
/// * BE's set is wanted for the besteffort root, BE pods and their containers alike, also for those that have ended
///   while their groups are there: v1 would take neither wider CPUs below the root nor other ones in it. Not for the
///   root where a pod that is not BE lives below it, and under kubelet's static policy for containers only: kubelet
///   writes their sets itself, and a parent that is narrower than what it writes would make it fail (v1: EACCES).
/// * No CPU left for LS or BE: its last set stays (kNoCpusLeft).
/// * Without the cpuset knob nothing is wanted, and the features say so.
/// * Dry run of CPU suppress: its want is there to be told, and beside it the one that would hold without it.
CpusetStep cpuset_control(const CpusetState& state, const model::Topology& topology,
                          const std::vector<model::Pod>& pods, const CpusetInput& input,
                          const std::optional<model::NodePolicy>& policy);

}  // namespace tideline::decide
