#pragma once
// CPU burst: room above its limit for an LS container that the quota stops again and again, although the host has CPUs
// to spare. A plain function of state, input and policy, once per pod round.
//
// Two means, by cpu-burst-config `policy`:
// * Kernel burst (cpuBurstOnly, auto): unused runtime of earlier periods may be spent later, at most
//     burst = limit * cpuBurstPercent / 100
//   (sched-bwc.rst, "Burst"; cpu.cfs_burst_us, cpu.max.burst). Upstream kernels refuse a burst above the quota
//   (EINVAL), so it is clamped to the quota that the container has in this round. Of a pod: the sum over its
//   containers, clamped to the pod's quota. The mean use stays within the limit.
// * Quota scaling (cfsQuotaBurstOnly, auto): the quota itself goes up by 1.2 while the container is throttled and the
//   share pool (share_pool.h) has room, down by 0.8 while the pool is busy or the container's allowance
//   (burst_limiter.h) is spent, always within [limit, limit * cfsQuotaBurstPercent / 100].
// `auto` does both, as Koordinator does: burst answers at once, scaling where a container needs more than it saved.
//
// Throttled is a container by its own count, or with its pod: periods of a pod's quota and of its containers' begin at
// different times, and where the pod's, no wider than theirs together, ends first in each, the kernel counts the pod
// alone. That is taken for the container that uses most of its limit, if none of the pod's is throttled by its own
// count. Koordinator looks at containers alone, and leaves such a pod where it is.
//
// Absolute targets. Koordinator reads each quota back and moves it, and the pod's by the same difference; a container
// that restarts, or kubelet writing a pod's quota anew, then leaves the pod too wide or too narrow for good. Here a
// target is state, starts from the spec's limit, and a pod's is computed from its containers' every round.
//
// Missing data never throttles LS: while the share pool or a container's reading is unknown its quota stays, and after
// kBurstBlind of that it goes back to the limit in the spec, which is never undercut.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "messages/model/knob.h"
#include "messages/model/pod.h"
#include "messages/model/policy.h"
#include "messages/model/reason.h"
#include "messages/model/sample.h"
#include "messages/model/units.h"
#include "node-actor/decide/burst_limiter.h"
#include "node-actor/decide/quota_scale.h"
#include "node-actor/decide/share_pool.h"
#include "node-actor/decide/want.h"

namespace tideline::decide {

/// A container's quota takes a step with a new sample and no sooner than this after the last step: Koordinator's step
/// per 1 s round, for a loop of any length. A little less than 1 s, so that a loop that is early once loses no step.
constexpr model::Duration kBurstPace = std::chrono::milliseconds(900);
/// A scaled quota outlives this much of unknown data.
constexpr model::Duration kBurstBlind = std::chrono::seconds(60);

struct BurstInput {
  model::MonoTime now;
  model::MilliCpu capacity;                                // all of the host's CPUs
  std::span<const model::Pod> pods;                        // all of the host's; not owned
  const model::NodeSample* sample = nullptr;               // newest of the pod loop, not owned; nullptr: none yet
  model::Duration pod_interval = std::chrono::seconds(1);  // between two samples; stale after max(2 s, two of it)
  model::KnobSet knobs;
};

/// What is remembered of one container whose quota is scaled by policy.
struct ContainerBurst {
  std::string id;
  double quota_milli = 0;  // the target; what is wanted of the kernel is rounded down
  /// Rose above its limit since it was first seen. From then on its quota is wanted, also when it is the limit's again;
  /// a quota that never needed to change is left to kubelet, which sets none at all with --cpu-cfs-quota=false.
  bool rose = false;
  std::optional<BurstLimiter> limiter;
  std::optional<model::MonoTime> last_step;
  std::optional<model::MonoTime> blind_since;
  model::Reason reason = model::Reason::kSpecQuota;
  friend bool operator==(const ContainerBurst&, const ContainerBurst&) = default;
};

/// What is remembered from round to round. A default-constructed one is right after a start: the guard has put the
/// spec's quotas back. Holds only what is there now: a container that is gone, or came back under a new id, is dropped.
struct BurstState {
  std::vector<PoolReading> pool;  // oldest first
  bool pool_read = false;         // the newest sample had a reading of the pool
  std::optional<model::MonoTime> last_sample;
  std::unordered_map<model::PodUid, std::vector<ContainerBurst>> pods;
  friend bool operator==(const BurstState&, const BurstState&) = default;
};

/// Why a container has the quota and burst it has, for `explain`.
struct ContainerBurstTerms {
  model::PodUid pod;
  std::string container;                                  // name
  std::string id;                                         // "": it has no cgroup yet, nothing is wanted of it
  model::BurstPolicy policy = model::BurstPolicy::kNone;  // effective: node's and pod's
  model::MilliCpu limit;                                  // the spec's, as a quota
  model::MilliCpu quota;                                  // target of this round; `limit` where not scaled
  model::MilliCpu ceiling;                                // highest target; `limit` where not scaled
  std::optional<model::MilliCpu> burst;                   // wanted of the kernel
  std::optional<model::MilliCpu> burst_asked;             // before the clamp
  model::Reason quota_reason = model::Reason::kSpecQuota;
  model::Reason burst_reason = model::Reason::kNone;
  PoolState pool = PoolState::kUnknown;   // against this pod's threshold
  std::optional<double> throttled_ratio;  // its own, or its pod's
  std::optional<model::MilliCpu> used;
  std::optional<BurstLimiter> limiter;       // nullopt: no limit on bursting
  std::optional<model::Duration> blind_for;  // nullopt: all that scaling needs is known
  friend bool operator==(const ContainerBurstTerms&, const ContainerBurstTerms&) = default;
};

struct BurstDecision {
  Wants wants;  // features: "cpuBurst", and of what is asked for "cpuBurst.kernel", "cpuBurst.quotaScaling"
  PoolLoad pool;
  std::optional<model::Duration> sample_age;
  std::vector<ContainerBurstTerms> containers;  // those of pods with a burst policy that have a limit, in input's order
};

struct BurstStep {
  BurstState state;
  BurstDecision decision;
};

/// One pod round. `policy` nullopt: none was ever received, and nothing is wanted.
///
/// * Pods: LS, pending or running, not bound to CPUs. Their policy is effective_burst().
/// * Wants of kCpuQuota: of containers that rose above their limit, and of their pod the pod's limit (the sum of its
///   containers' limits if the pod names none) plus what its containers are above theirs. A pod with a container
///   without limit has no quota and gets none. Where a pod's own limit is below its containers' sum, or one of them has
///   no limit, the pod's rules: their quotas are not scaled.
/// * Wants of kCpuBurst: of every container with a limit, and of the pod if all have one. Never above the quota.
/// * A limit of 0 or beyond ReportLimits::kMaxMilliCpu is no limit.
/// * A knob that is not there: the feature is listed as unsupported and the other means still works.
/// * What is switched off is not wanted, so that the arbiter puts the original back.
BurstStep cpu_burst(BurstState state, const BurstInput& input, const std::optional<model::NodePolicy>& policy);

/// The node's policy with the pod's annotation laid over it. Numbers of the annotation that are out of bounds are not
/// taken; the node's are brought within them.
model::CpuBurstPolicy effective_burst(const model::CpuBurstPolicy& node,
                                      const std::optional<model::CpuBurstOverride>& pod);
/// cpuBurstOnly and auto. / cfsQuotaBurstOnly and auto.
bool asks_for_kernel_burst(model::BurstPolicy policy);
bool asks_for_quota_scaling(model::BurstPolicy policy);

}  // namespace tideline::decide
