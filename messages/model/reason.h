#pragma once
// Why something was done or not done. One enum for log, metric, status and test. Values are stored: never renumber.

#include <cstdint>
#include <string_view>

namespace tideline::model {

enum class Reason : std::uint16_t {
  kNone = 0,
  // CPU suppress
  kDisabled = 1,              // the policy switches the feature off
  kThresholdFormula = 2,      // limit is the threshold formula's answer
  kMinPercentFloor = 3,       // limit is cpuSuppressMinPercent: below it BE starves, see kStarvedHoldingLocks
  kKernelMinimum = 4,         // limit is the smallest quota (20 millicores): not 0, see kStarvedHoldingLocks
  kGrowthCapped = 5,          // a rise was cut to 10 % of capacity per second
  kWithinDeadBand = 6,        // change too small to write
  kNotPressed = 7,            // work-conserving: LS feels nothing, weights only
  kPressed = 8,               // work-conserving: LS scheduling delay above its bound
  kPressureUnknown = 9,       // work-conserving: no usable signal -> quota
  kUnprotected = 10,          // kernel ordering not verified -> quota
  kStaleSample = 11,          // data too old or missing: BE is not raised
  kNoPolicy = 12,             // no policy was ever received
  kPressedHold = 13,          // work-conserving: quiet, but not for long enough
  kPaced = 14,                // a change that is not urgent waits for the quota's next period
  kStarvedHoldingLocks = 15,  // BE keeps this much lest a starved BE thread holds a kernel lock that LS waits for
  kOutsideBe = 16,            // BE runs outside the besteffort root too: a part of the limit on all of it
  // guard and release
  kSafeState = 20,       // worker dead or hung: declared safe state
  kRestore = 21,         // original value put back
  kRelease = 22,         // operator asked for release
  kDrift = 23,           // a controlled file held a value that was not ours
  kHandsOff = 24,        // an operator keeps the agent off this group
  kDryRun = 25,          // decided and not written
  kNoLongerWanted = 26,  // no mechanism wants a value here any more: the original is put back
  kCpusOnline = 27,      // other CPUs of the host are online than before
  kEventsLost = 28,      // so many events of the node are not told: what is known of a file may not be the last
  kOverruled = 29,       // wanted, and another mechanism's want goes first
  // coordinator
  kPolicyApplied = 40,
  kPolicyRejected = 41,
  kReclaimedChanged = 42,
  kClockSkew = 43,
  kGap = 44,  // reports lost on a node: dropped by a full spool, or refused for good
  kNodeConnected = 45,
  kNodeDisconnected = 46,
  // CPU burst
  kBurstToLimit = 60,      // kernel burst as the policy asks
  kBurstClamped = 61,      // this kernel takes no burst above the quota
  kThrottled = 62,         // the container was throttled: its quota is scaled up
  kSharePoolBusy = 63,     // the share pool is busy: scaled quotas come down
  kSharePoolCooling = 64,  // the share pool is nearly busy: quotas stay
  kBurstTokensSpent = 65,  // the container used up its burst allowance: its quota comes down
  kNotThrottled = 66,      // nothing to do: the quota stays
  kSpecQuota = 67,         // the quota of the pod's own spec
  // CPU QoS
  kQosClass = 80,     // value of the pod's QoS class
  kPodOverride = 81,  // the pod's own annotation
  // cpusets
  kBoundCpus = 100,       // the scheduler bound the pod to these CPUs
  kSharePool = 101,       // CPUs that no pod is bound to
  kSuppressedCpus = 102,  // BE's CPUs by the threshold formula
  kNoCpusLeft = 103,      // no CPU may be taken: the last set stays
  // batch limits
  kBatchRequest = 120,  // weight of kubernetes.io/batch-cpu requested
  kBatchLimit = 121,    // quota of kubernetes.io/batch-cpu limited
  kNoBatchSpec = 122,   // the pod asks for no batch-cpu
  // CPU eviction
  kBeStarved = 140,       // BE gets too little of what it asked for, and may hold kernel locks that LS waits for
  kNodeCpuFull = 141,     // the node's CPU use is above cpuEvictThresholdPercent
  kOverAllocated = 142,   // more CPU is requested than allocatable allows
  kSatisfied = 143,       // BE gets enough
  kNotUsing = 144,        // BE does not use what it may have
  kCoolingDown = 145,     // an eviction was made a moment ago
  kBadEvictPolicy = 146,  // the satisfaction bounds do not fit each other
  kTooFewSamples = 147,   // the time window is not covered yet
  // evictions as the coordinator arbitrates them, and what became of batch pods
  kEvictionGranted = 160,    // the coordinator lets the node evict this pod
  kFleetRate = 161,          // deferred: eviction.maxPerMinute of the fleet is used up
  kWorkloadRate = 162,       // deferred: eviction.maxPerMinutePerWorkload is used up
  kOldEpoch = 163,           // refused: the node has seen a later coordinator
  kNoArbiter = 164,          // no answer in time: without Kubernetes the node goes on alone, at its own rate
  kEvictionWithdrawn = 165,  // not evicted: the need for it ended before it was granted
  kEvictionBooksFull = 166,  // deferred: as many evictions as can be remembered
  kBePodCompleted = 167,     // a batch pod ended by itself, well as far as is known
  kBePodFailed = 168,        // a batch pod ended by itself and failed
  kBePodEvicted = 169,       // a batch pod was evicted from this node: its work is lost
  // evictions through the Kubernetes API
  kApiEviction = 170,       // granted, and on its way to the API server
  kApiEvicted = 171,        // the API server took the eviction, or the pod was gone already
  kDisruptionBudget = 172,  // a PodDisruptionBudget does not allow it
  kApiRefused = 173,        // the API server refused it for good
  kApiSilent = 174,         // the API server could not be asked in time
  kNotEvictable = 175,      // Kubernetes knows no such batch pod on that node
  kNoKubernetes = 176,      // this coordinator has no access to Kubernetes
  // memory QoS and batch memory
  kMemoryRequest = 180,     // share of the memory requested
  kMemoryThrottle = 181,    // memory.high between request and limit, by throttlingPercent
  kReclaimFirst = 182,      // BE goes first where the kernel reclaims or kills
  kBatchMemoryLimit = 183,  // limit of kubernetes.io/batch-memory
  kAboveLimit = 184,        // batch memory: the pod uses more than its limit, which waits until it does not
  // relief ladder
  kMemoryEasy = 190,           // there is room
  kMemoryNearThreshold = 191,  // less room than the rung's entry
  kMemoryGrowth = 192,         // the room that is left is used up within the rung's horizon
  kMemoryStall = 193,          // LS waits for memory, or the kernel's allocations stall
  kNothingToReclaim = 194,     // BE has too little that can be reclaimed
  kRungSuffices = 195,         // a lower rung is enough, as far as is seen
  kReliefHolds = 196,          // room again, but not for long enough
  kReclaimed = 197,            // BE was made to give memory back
  kReclaimFailed = 198,        // reclaim did not free what it was asked for, or was ended at its deadline
  kBeTightened = 199,          // BE may not grow beyond this
  kEmergencyKill = 200,        // BE pod killed to keep the OOM killer from LS: no eviction
  // memory eviction
  kNodeMemoryFull = 210,       // the node's memory use is above memoryEvictThresholdPercent
  kMemoryOverAllocated = 211,  // more memory is requested than allocatable allows
};

/// kebab-case name, e.g. "threshold-formula"; "unknown" for a number this build does not know.
std::string_view name_of(Reason reason);

}  // namespace tideline::model
