#include <array>
#include <utility>

#include "messages/model/action.h"
#include "messages/model/eviction.h"
#include "messages/model/metric.h"
#include "messages/model/pod.h"
#include "messages/model/policy.h"
#include "messages/model/reason.h"
#include "messages/model/reclaimed.h"
#include "messages/model/report.h"
#include "messages/model/result.h"
#include "messages/model/sample.h"

namespace tideline::model {
namespace {

template <class E, std::size_t N>
using Table = std::array<std::pair<E, std::string_view>, N>;

template <class E, std::size_t N>
constexpr std::string_view lookup(const Table<E, N>& table, E value) {
  for (const auto& [key, text] : table) {
    if (key == value) return text;
  }
  return "unknown";
}

template <class E, std::size_t N>
constexpr std::optional<E> reverse(const Table<E, N>& table, std::string_view text) {
  for (const auto& [key, name] : table) {
    if (name == text) return key;
  }
  return std::nullopt;
}

constexpr Table<ErrorCode, 9> kErrorCodes{{{ErrorCode::kInvalidArgument, "invalid-argument"},
                                           {ErrorCode::kNotFound, "not-found"},
                                           {ErrorCode::kPermissionDenied, "permission-denied"},
                                           {ErrorCode::kUnsupported, "unsupported"},
                                           {ErrorCode::kMalformed, "malformed"},
                                           {ErrorCode::kUnavailable, "unavailable"},
                                           {ErrorCode::kOverloaded, "overloaded"},
                                           {ErrorCode::kFenced, "fenced"},
                                           {ErrorCode::kInternal, "internal"}}};

constexpr Table<QosClass, 5> kQosClasses{{{QosClass::kLse, "LSE"},
                                          {QosClass::kLsr, "LSR"},
                                          {QosClass::kLs, "LS"},
                                          {QosClass::kBe, "BE"},
                                          {QosClass::kSystem, "SYSTEM"}}};
constexpr Table<KubeQos, 3> kKubeQos{
    {{KubeQos::kGuaranteed, "Guaranteed"}, {KubeQos::kBurstable, "Burstable"}, {KubeQos::kBestEffort, "BestEffort"}}};
constexpr Table<Tier, 4> kTiers{
    {{Tier::kProd, "prod"}, {Tier::kMid, "mid"}, {Tier::kBatch, "batch"}, {Tier::kFree, "free"}}};
constexpr Table<PodPhase, 4> kPhases{{{PodPhase::kPending, "Pending"},
                                      {PodPhase::kRunning, "Running"},
                                      {PodPhase::kSucceeded, "Succeeded"},
                                      {PodPhase::kFailed, "Failed"}}};
constexpr Table<CoreSchedPolicy, 3> kCoreSchedPolicies{
    {{CoreSchedPolicy::kGroup, ""}, {CoreSchedPolicy::kNone, "none"}, {CoreSchedPolicy::kExclusive, "exclusive"}}};
constexpr Table<SuppressPolicy, 3> kSuppressPolicies{{{SuppressPolicy::kCpuset, "cpuset"},
                                                      {SuppressPolicy::kCfsQuota, "cfsQuota"},
                                                      {SuppressPolicy::kWorkConserving, "workConserving"}}};
constexpr Table<CpuEvictPolicy, 2> kCpuEvictPolicies{
    {{CpuEvictPolicy::kRealLimit, "evictByRealLimit"}, {CpuEvictPolicy::kAllocatable, "evictByAllocatable"}}};
constexpr Table<CalculatePolicy, 3> kCalculatePolicies{{{CalculatePolicy::kUsage, "usage"},
                                                        {CalculatePolicy::kRequest, "request"},
                                                        {CalculatePolicy::kMaxUsageRequest, "maxUsageRequest"}}};
constexpr Table<MidReclaimMode, 2> kMidReclaimModes{
    {{MidReclaimMode::kPredicted, ""}, {MidReclaimMode::kStatic, "static"}}};
constexpr Table<BurstPolicy, 4> kBurstPolicies{{{BurstPolicy::kNone, "none"},
                                                {BurstPolicy::kCpuBurstOnly, "cpuBurstOnly"},
                                                {BurstPolicy::kCfsQuotaBurstOnly, "cfsQuotaBurstOnly"},
                                                {BurstPolicy::kAuto, "auto"}}};
constexpr Table<MemoryQosOverride::Policy, 3> kMemoryQosOverrides{{{MemoryQosOverride::Policy::kDefault, "default"},
                                                                   {MemoryQosOverride::Policy::kNone, "none"},
                                                                   {MemoryQosOverride::Policy::kAuto, "auto"}}};
constexpr Table<CpuQosMechanism, 2> kCpuQosMechanisms{
    {{CpuQosMechanism::kGroupIdentity, "groupIdentity"}, {CpuQosMechanism::kCoreSched, "coreSched"}}};
constexpr Table<Reason, 94> kReasons{{{Reason::kNone, "none"},
                                      {Reason::kDisabled, "disabled"},
                                      {Reason::kThresholdFormula, "threshold-formula"},
                                      {Reason::kMinPercentFloor, "min-percent-floor"},
                                      {Reason::kKernelMinimum, "kernel-minimum"},
                                      {Reason::kGrowthCapped, "growth-capped"},
                                      {Reason::kWithinDeadBand, "within-dead-band"},
                                      {Reason::kNotPressed, "not-pressed"},
                                      {Reason::kPressed, "pressed"},
                                      {Reason::kPressureUnknown, "pressure-unknown"},
                                      {Reason::kUnprotected, "unprotected"},
                                      {Reason::kStaleSample, "stale-sample"},
                                      {Reason::kNoPolicy, "no-policy"},
                                      {Reason::kPressedHold, "pressed-hold"},
                                      {Reason::kPaced, "paced"},
                                      {Reason::kStarvedHoldingLocks, "starved-holding-locks"},
                                      {Reason::kOutsideBe, "outside-be"},
                                      {Reason::kSafeState, "safe-state"},
                                      {Reason::kRestore, "restore"},
                                      {Reason::kRelease, "release"},
                                      {Reason::kDrift, "drift"},
                                      {Reason::kHandsOff, "hands-off"},
                                      {Reason::kDryRun, "dry-run"},
                                      {Reason::kNoLongerWanted, "no-longer-wanted"},
                                      {Reason::kCpusOnline, "cpus-online"},
                                      {Reason::kEventsLost, "events-lost"},
                                      {Reason::kOverruled, "overruled"},
                                      {Reason::kPolicyApplied, "policy-applied"},
                                      {Reason::kPolicyRejected, "policy-rejected"},
                                      {Reason::kReclaimedChanged, "reclaimed-changed"},
                                      {Reason::kClockSkew, "clock-skew"},
                                      {Reason::kGap, "gap"},
                                      {Reason::kNodeConnected, "node-connected"},
                                      {Reason::kNodeDisconnected, "node-disconnected"},
                                      {Reason::kBurstToLimit, "burst-to-limit"},
                                      {Reason::kBurstClamped, "burst-clamped"},
                                      {Reason::kThrottled, "throttled"},
                                      {Reason::kSharePoolBusy, "share-pool-busy"},
                                      {Reason::kSharePoolCooling, "share-pool-cooling"},
                                      {Reason::kBurstTokensSpent, "burst-tokens-spent"},
                                      {Reason::kNotThrottled, "not-throttled"},
                                      {Reason::kSpecQuota, "spec-quota"},
                                      {Reason::kQosClass, "qos-class"},
                                      {Reason::kPodOverride, "pod-override"},
                                      {Reason::kBoundCpus, "bound-cpus"},
                                      {Reason::kSharePool, "share-pool"},
                                      {Reason::kSuppressedCpus, "suppressed-cpus"},
                                      {Reason::kNoCpusLeft, "no-cpus-left"},
                                      {Reason::kBatchRequest, "batch-request"},
                                      {Reason::kBatchLimit, "batch-limit"},
                                      {Reason::kNoBatchSpec, "no-batch-spec"},
                                      {Reason::kBeStarved, "be-starved"},
                                      {Reason::kNodeCpuFull, "node-cpu-full"},
                                      {Reason::kOverAllocated, "over-allocated"},
                                      {Reason::kSatisfied, "satisfied"},
                                      {Reason::kNotUsing, "not-using"},
                                      {Reason::kCoolingDown, "cooling-down"},
                                      {Reason::kBadEvictPolicy, "bad-evict-policy"},
                                      {Reason::kTooFewSamples, "too-few-samples"},
                                      {Reason::kEvictionGranted, "eviction-granted"},
                                      {Reason::kFleetRate, "fleet-rate"},
                                      {Reason::kWorkloadRate, "workload-rate"},
                                      {Reason::kOldEpoch, "old-epoch"},
                                      {Reason::kNoArbiter, "no-arbiter"},
                                      {Reason::kEvictionWithdrawn, "eviction-withdrawn"},
                                      {Reason::kEvictionBooksFull, "eviction-books-full"},
                                      {Reason::kBePodCompleted, "be-pod-completed"},
                                      {Reason::kBePodFailed, "be-pod-failed"},
                                      {Reason::kBePodEvicted, "be-pod-evicted"},
                                      {Reason::kApiEviction, "api-eviction"},
                                      {Reason::kApiEvicted, "api-evicted"},
                                      {Reason::kDisruptionBudget, "disruption-budget"},
                                      {Reason::kApiRefused, "api-refused"},
                                      {Reason::kApiSilent, "api-silent"},
                                      {Reason::kNotEvictable, "not-evictable"},
                                      {Reason::kNoKubernetes, "no-kubernetes"},
                                      {Reason::kMemoryRequest, "memory-request"},
                                      {Reason::kMemoryThrottle, "memory-throttle"},
                                      {Reason::kReclaimFirst, "reclaim-first"},
                                      {Reason::kBatchMemoryLimit, "batch-memory-limit"},
                                      {Reason::kAboveLimit, "above-limit"},
                                      {Reason::kMemoryEasy, "memory-easy"},
                                      {Reason::kMemoryNearThreshold, "memory-near-threshold"},
                                      {Reason::kMemoryGrowth, "memory-growth"},
                                      {Reason::kMemoryStall, "memory-stall"},
                                      {Reason::kNothingToReclaim, "nothing-to-reclaim"},
                                      {Reason::kRungSuffices, "rung-suffices"},
                                      {Reason::kReliefHolds, "relief-holds"},
                                      {Reason::kReclaimed, "reclaimed"},
                                      {Reason::kReclaimFailed, "reclaim-failed"},
                                      {Reason::kBeTightened, "be-tightened"},
                                      {Reason::kEmergencyKill, "emergency-kill"},
                                      {Reason::kNodeMemoryFull, "node-memory-full"},
                                      {Reason::kMemoryOverAllocated, "memory-over-allocated"}}};
constexpr Table<Controller, 13> kControllers{{{Controller::kNone, "none"},
                                              {Controller::kCpuSuppress, "cpu-suppress"},
                                              {Controller::kGuard, "guard"},
                                              {Controller::kCoordinator, "coordinator"},
                                              {Controller::kCpuBurst, "cpu-burst"},
                                              {Controller::kCpuQos, "cpu-qos"},
                                              {Controller::kCpuset, "cpuset"},
                                              {Controller::kBatchLimits, "batch-limits"},
                                              {Controller::kCpuEvict, "cpu-evict"},
                                              {Controller::kMemoryQos, "memory-qos"},
                                              {Controller::kMemoryRelief, "memory-relief"},
                                              {Controller::kMemoryEvict, "memory-evict"},
                                              {Controller::kBeWork, "be-work"}}};
constexpr Table<ReliefRung, 5> kReliefRungs{{{ReliefRung::kNone, "none"},
                                             {ReliefRung::kReclaim, "reclaim"},
                                             {ReliefRung::kTighten, "tighten"},
                                             {ReliefRung::kEvict, "evict"},
                                             {ReliefRung::kEmergency, "emergency"}}};
constexpr Table<EvictionUrgency, 2> kUrgencies{
    {{EvictionUrgency::kBatch, "batch"}, {EvictionUrgency::kServices, "services"}}};
constexpr Table<EvictionVerdict::Answer, 5> kEvictionAnswers{{{EvictionVerdict::Answer::kGranted, "granted"},
                                                              {EvictionVerdict::Answer::kDeferred, "deferred"},
                                                              {EvictionVerdict::Answer::kRefused, "refused"},
                                                              {EvictionVerdict::Answer::kUnderWay, "under-way"},
                                                              {EvictionVerdict::Answer::kEvicted, "evicted"}}};
constexpr Table<FeatureState::State, 3> kFeatureStates{{{FeatureState::State::kInactive, "inactive"},
                                                        {FeatureState::State::kActive, "active"},
                                                        {FeatureState::State::kUnsupported, "unsupported"}}};
constexpr Table<ReclaimRule, 12> kReclaimRules{{{ReclaimRule::kUsage, "usage"},
                                                {ReclaimRule::kThresholdCap, "threshold-cap"},
                                                {ReclaimRule::kDisabled, "disabled"},
                                                {ReclaimRule::kStale, "stale"},
                                                {ReclaimRule::kUnknownUsage, "unknown-usage"},
                                                {ReclaimRule::kDeficit, "deficit"},
                                                {ReclaimRule::kRequest, "request"},
                                                {ReclaimRule::kMaxUsageRequest, "max-usage-request"},
                                                {ReclaimRule::kPredicted, "predicted"},
                                                {ReclaimRule::kStatic, "static"},
                                                {ReclaimRule::kSafeCapacity, "safe-capacity"},
                                                {ReclaimRule::kBadAnnotation, "bad-annotation"}}};

}  // namespace

std::string_view name_of(ErrorCode code) {
  return lookup(kErrorCodes, code);
}
std::string_view name_of(QosClass qos) {
  return lookup(kQosClasses, qos);
}
std::string_view name_of(KubeQos qos) {
  return lookup(kKubeQos, qos);
}
std::string_view name_of(Tier tier) {
  return lookup(kTiers, tier);
}
std::string_view name_of(PodPhase phase) {
  return lookup(kPhases, phase);
}
std::string_view name_of(CoreSchedPolicy policy) {
  return lookup(kCoreSchedPolicies, policy);
}
std::string_view name_of(SuppressPolicy policy) {
  return lookup(kSuppressPolicies, policy);
}
std::string_view name_of(CpuEvictPolicy policy) {
  return lookup(kCpuEvictPolicies, policy);
}
std::string_view name_of(CalculatePolicy policy) {
  return lookup(kCalculatePolicies, policy);
}
std::string_view name_of(MidReclaimMode mode) {
  return lookup(kMidReclaimModes, mode);
}
std::string_view name_of(BurstPolicy policy) {
  return lookup(kBurstPolicies, policy);
}
std::string_view name_of(CpuQosMechanism mechanism) {
  return lookup(kCpuQosMechanisms, mechanism);
}
std::string_view name_of(MemoryQosOverride::Policy policy) {
  return lookup(kMemoryQosOverrides, policy);
}
std::string_view name_of(ReliefRung rung) {
  return lookup(kReliefRungs, rung);
}
std::string_view name_of(Reason reason) {
  return lookup(kReasons, reason);
}
std::string_view name_of(Controller controller) {
  return lookup(kControllers, controller);
}
std::string_view name_of(EvictionUrgency urgency) {
  return lookup(kUrgencies, urgency);
}
std::string_view name_of(EvictionVerdict::Answer answer) {
  return lookup(kEvictionAnswers, answer);
}
std::string_view name_of(FeatureState::State state) {
  return lookup(kFeatureStates, state);
}
std::string_view name_of(ReclaimRule rule) {
  return lookup(kReclaimRules, rule);
}

std::optional<QosClass> qos_class_from(std::string_view text) {
  return reverse(kQosClasses, text);
}
std::optional<KubeQos> kube_qos_from(std::string_view text) {
  return reverse(kKubeQos, text);
}
std::optional<PodPhase> pod_phase_from(std::string_view text) {
  return reverse(kPhases, text);
}
std::optional<CoreSchedPolicy> core_sched_policy_from(std::string_view text) {
  return reverse(kCoreSchedPolicies, text);
}
std::optional<SuppressPolicy> suppress_policy_from(std::string_view text) {
  return reverse(kSuppressPolicies, text);
}
std::optional<CpuEvictPolicy> cpu_evict_policy_from(std::string_view text) {
  return reverse(kCpuEvictPolicies, text);
}
std::optional<CalculatePolicy> calculate_policy_from(std::string_view text) {
  return reverse(kCalculatePolicies, text);
}
std::optional<MidReclaimMode> mid_reclaim_mode_from(std::string_view text) {
  return reverse(kMidReclaimModes, text);
}
std::optional<BurstPolicy> burst_policy_from(std::string_view text) {
  return reverse(kBurstPolicies, text);
}
std::optional<CpuQosMechanism> cpu_qos_mechanism_from(std::string_view text) {
  return reverse(kCpuQosMechanisms, text);
}

std::optional<MemoryQosOverride::Policy> memory_qos_override_from(std::string_view text) {
  if (text.empty()) return MemoryQosOverride::Policy::kDefault;
  return reverse(kMemoryQosOverrides, text);
}

bool is_path_part(std::string_view text) {
  return text != "." && text != ".." && text.find('/') == std::string_view::npos &&
         text.find('\0') == std::string_view::npos;
}

QosClass default_qos(KubeQos qos) {
  switch (qos) {
    case KubeQos::kGuaranteed:
      return QosClass::kLsr;
    case KubeQos::kBurstable:
      return QosClass::kLs;
    case KubeQos::kBestEffort:
      return QosClass::kBe;
  }
  return QosClass::kLs;
}

Tier tier_of(std::optional<int> priority, QosClass qos) {
  if (priority) {
    if (*priority >= 9000 && *priority <= 9999) return Tier::kProd;
    if (*priority >= 7000 && *priority <= 7999) return Tier::kMid;
    if (*priority >= 5000 && *priority <= 5999) return Tier::kBatch;
    if (*priority >= 3000 && *priority <= 3999) return Tier::kFree;
  }
  return qos == QosClass::kBe ? Tier::kBatch : Tier::kProd;
}

}  // namespace tideline::model
