#pragma once
// CPU suppress: how much CPU the besteffort root may use, from what the host uses. A plain function of state, input and
// policy; the live node, the planner and the tests run the same one.
//
// Threshold formula (Koordinator, koordlet cpusuppress):
//   suppress = capacity * T / 100 - used(non-BE pods) - max(node used - used(all pods), 0, reserved)
// which is the same as
//   suppress = capacity * T / 100 - max(node used - BE used, used(non-BE pods) + reserved)
// and in this form needs no pod reading newer than the last pod loop: node and BE come from the fast loop. Host
// applications count with the pods: as BE those of QoS BE below the besteffort root, as non-BE all others, also those
// below that root, whose use is taken off BE's. Where that use is not known BE's is the most it can be, and the limit
// may be set and fall, but not rise.

#include <optional>
#include <string>
#include <vector>

#include "messages/model/pod.h"
#include "messages/model/policy.h"
#include "messages/model/reason.h"
#include "messages/model/report.h"
#include "messages/model/sample.h"
#include "messages/model/units.h"
#include "node-actor/decide/limit_noise.h"
#include "node-actor/decide/pressure.h"
#include "node-actor/decide/rise_watch.h"

namespace tideline::decide {

/// 2000 us of a 100 ms period: the smallest limit ever set. BE is never stopped, for priority inversion: a BE thread
/// that does not run may hold a lock of the kernel that LS waits for, and must come to let it go. cpuSuppressMinPercent
/// is the same floor as the operator wants it, and BE that lives at it for long is evicted (be_satisfaction.h).
constexpr model::MilliCpu kKernelMinimum{20};
/// A limit may rise by at most this much of capacity per second; Koordinator's step per 1 s round. Not where kernel
/// ordering is verified and the rise was watched for kRiseWait.
constexpr double kGrowthPercentPerSecond = 10;
/// A fall of at least this much of capacity, and of a quarter of a CPU, is urgent: written in the round that sees it.
/// Less than that a window of 100 ms shows by chance on a host of a few CPUs. Where windows showed more of late and it
/// was over at once, a fall has to be more than that, or to last (limit_noise.h).
constexpr double kUrgentFallPercent = 5;
constexpr model::MilliCpu kUrgentFallLeast{250};
/// From here on a fall is urgent whatever windows showed of late: so much of capacity or, on small hosts, of the least
/// urgent fall. Without verified ordering the threshold's reserve is all that LS has: then half of that at most.
constexpr double kMostNoisePercent = 25;
constexpr double kMostNoiseOfLeast = 300;
/// Every other change waits this long after the last one, and for the begin of a period. The kernel hands out a whole
/// period's runtime with each write of a quota (sched-bwc.rst: runtime is refilled), so that a limit written often, or
/// late in its period, is no limit. Less than the longest period by more than a fast round, so as not to miss the next.
constexpr model::Duration kPace = std::chrono::milliseconds(750);
/// It waits this long instead where kernel ordering is verified: then it moves only what LS has in reserve, and each
/// write costs LS a wake-up behind a refilled BE (docs/benchmarks.md). Elsewhere where it is less than an urgent fall:
/// what a write hands out is more than it moves.
constexpr model::Duration kDriftPace = std::chrono::milliseconds(4900);
/// And this long where it is less than the larger of these: so much the mean of some seconds wanders by itself.
constexpr model::Duration kSettlePace = std::chrono::milliseconds(29'900);
constexpr double kDriftPercent = 2;
constexpr model::MilliCpu kDriftLeast{100};
/// The longest period of a quota, and a fast round. A group that is throttled begins a period at least this often; one
/// without does not run, has none, and a write hands out nothing that it takes.
constexpr model::Duration kPeriodWait = std::chrono::milliseconds(1100);
/// Changes smaller than this much of capacity are not written, except those that reach kKernelMinimum.
constexpr double kDeadBandPercent = 1;
/// A pod sample is stale after max(this, two pod intervals): one late loop is not a gap.
constexpr model::Duration kPodSampleMaxAge = std::chrono::seconds(2);
/// A fast sample is stale after two of its windows, but not before the first and at the latest after the second of
/// these: five loops of 100 ms, two of 1 s.
constexpr model::Duration kFastSampleLeastAge = std::chrono::milliseconds(500);
constexpr model::Duration kFastSampleMaxAge = std::chrono::seconds(2);
/// BE's limit when an unwatched host is not protected by kernel ordering and cpuSuppressMinPercent is unset.
constexpr double kSafePercent = 1;

struct NodeFacts {
  model::MilliCpu capacity;
  model::MilliCpu allocatable;
  model::MilliCpu annotated{};  // CPU of the node's annotation node.koordinator.sh/reservation
  /// Reserved for the system: capacity - allocatable or what is annotated, the larger, >= 0.
  model::MilliCpu reserved() const;
  friend bool operator==(const NodeFacts&, const NodeFacts&) = default;
};

/// The quota on the besteffort root as the kernel has it now. Not being able to read it is not "no quota".
struct CurrentLimit {
  enum class Kind { kUnknown, kNoQuota, kQuota } kind = Kind::kUnknown;
  model::MilliCpu quota;  // only for kQuota
  static CurrentLimit unknown() { return {}; }
  static CurrentLimit none() { return {Kind::kNoQuota, {}}; }
  static CurrentLimit of(model::MilliCpu quota) { return {Kind::kQuota, quota}; }
  friend bool operator==(const CurrentLimit&, const CurrentLimit&) = default;
};

/// cpuSuppressPolicy cpuset: what BE's CPU set does, and what is left to the quota.
enum class CpusetSide {
  kAbsent,       // nobody moves BE's CPU set: the quota stands in, and the feature list says so
  kNotInPlace,   // the kernel does not hold the wanted set (yet): the quota stands in
  kInPlace,      // it does: no quota
  kComplemented  // it does, and the quota takes off what whole CPUs allow beyond the formula. Not the default: who asks
                 // for cpuset does so to have BE unthrottled, and less than a CPU is at stake above the least number
};

struct SuppressInput {
  model::MonoTime now;
  NodeFacts node;
  std::optional<model::FastSample> fast;  // newest of the fast loop
  std::optional<model::NodeSample>
      pods;  // newest of the pod loop; read: at, node_cpu, ls_cpu, be_cpu, ls_delay_per_cpu, app_cpu, app_cpu_in_be
  model::Duration pod_interval = std::chrono::seconds(1);  // between two pod samples
  /// CPU of BE-labelled pods that live outside the besteffort root, of the same instant as `pods`; 0 if there are none,
  /// nullopt if it could not be read. See be_outside_root(). Stands in where `fast` does not have it.
  std::optional<model::MilliCpu> be_outside_root;
  model::Protection protection;  // newest verdict on kernel ordering
  CurrentLimit current;
  CpusetSide cpuset = CpusetSide::kAbsent;  // read under cpuSuppressPolicy cpuset only
  /// The limit of ours that `current` was written over by somebody else, while that is not to be answered yet
  /// (drift_pace.h); nullopt: `current` is ours, or it is time. An urgent fall below both is written all the same.
  std::optional<model::MilliCpu> overwritten = std::nullopt;
};

/// What is remembered from round to round. A default-constructed one is right after a start.
struct SuppressState {
  /// The quota now on the besteffort root was set by this agent. Set it after a start from the guard's journal: a quota
  /// of somebody else's is not released only because our policy is off.
  bool ours = false;
  std::optional<model::MilliCpu> last_limit;   // last limit decided; stands in for a quota that cannot be read
  std::optional<model::MonoTime> last_change;  // when the quota was last changed; paces growth
  std::optional<model::MonoTime> last_period;  // when a period of it was last seen to begin
  RiseWatch rise;
  LimitNoise noise;
  PressureState pressure;
};

/// Every number the decision rests on, for `explain`. nullopt = not known or not needed.
struct SuppressTerms {
  model::MilliCpu capacity;
  int threshold_percent = 0;
  model::MilliCpu threshold;  // capacity * threshold_percent / 100
  std::optional<model::MilliCpu> node_used;
  std::optional<model::MilliCpu> be_used;  // besteffort root - services below it + BE pods outside it where fresh
  /// With host applications; nullopt: no fresh pod sample, or one of them could not be read.
  std::optional<model::MilliCpu> non_be_pods_used;
  model::MilliCpu reserved;
  std::optional<model::MilliCpu> non_be_used;  // max(node - be, pods + reserved)
  std::optional<model::MilliCpu> formula;      // threshold - non_be_used; may be negative
  /// The same, with non-BE pods counted as node - BE at most: a reading above that is of before their use fell. What
  /// urgent falls follow where kernel ordering is verified.
  std::optional<model::MilliCpu> window_formula;
  /// The same, of what services used in this window and the system on average (rise_watch.h); nullopt: not known, and
  /// watched rises follow window_formula.
  std::optional<model::MilliCpu> rise_formula;
  /// The formula from the pod loop's longer window; nullopt: no fresh pod sample.
  std::optional<model::MilliCpu> steady_formula;
  /// From the mean use of kMeanSpan, which small changes follow; nullopt: likewise, or no limit is wanted.
  std::optional<model::MilliCpu> mean_formula;
  /// What is one now; nullopt: no formula, or no limit is wanted.
  std::optional<model::MilliCpu> urgent_fall;
  model::MilliCpu floor;                      // max(capacity * cpuSuppressMinPercent / 100, kKernelMinimum)
  bool from_fast_loop = false;                // node_used and be_used are the fast loop's, else the pod loop's
  std::optional<model::Duration> sample_age;  // of the sample node_used and be_used come from
  std::optional<model::Duration> pods_age;
  CurrentLimit current;
  PressureVerdict pressure;  // only judged in workConserving
  bool by_weights = false;   // workConserving: weights alone hold BE, no quota is wanted
};

struct SuppressDecision {
  /// kHold: leave the besteffort root's quota as it is. kLimit: set it to `limit`. kRelease: set it to "no quota".
  enum class Action { kHold, kLimit, kRelease } action = Action::kHold;
  model::MilliCpu limit;  // only for kLimit
  /// Why there is a limit, or none. cfsQuota: same as `rule`. workConserving: kNotPressed, kPressed, kPressedHold,
  /// kPressureUnknown or kUnprotected. cpuset: kSuppressedCpus once BE's CPU set does it. kStaleSample, kDisabled,
  /// kNoPolicy, and kDrift of somebody else's value that stays for now, in any mode.
  model::Reason reason = model::Reason::kNone;
  /// Where the number comes from: kThresholdFormula, kMinPercentFloor, kKernelMinimum, kGrowthCapped; of a limit that
  /// stays: kWithinDeadBand, kPaced or kDrift. kNone without a limit.
  model::Reason rule = model::Reason::kNone;
  SuppressTerms terms;
  /// "cpuSuppress" and "cpuSuppress.<policy>", for NodeStatus.features. The latter is cpuset_control's to tell where
  /// the policy is cpuset and CpusetSide is not kAbsent.
  std::vector<model::FeatureState> features;
  /// Something is to be written: kLimit, or kRelease of a quota that is there or cannot be read. False for kHold.
  bool write = false;
};
std::string_view name_of(SuppressDecision::Action action);  // "hold", "limit", "release"

struct SuppressStep {
  SuppressState state;
  SuppressDecision decision;
};

/// One round, at any rate (20 ms to 1 s). `policy` nullopt: none was ever received.
///
/// * The first limit after "no quota" and an urgent fall are set at once, by the formula over the newest window. Every
///   other change waits for its pace and the begin of a period. One of the least urgent fall's size follows the steady
///   formula, at kPace or, where kernel ordering is verified, kDriftPace; a smaller one the mean formula, at kDriftPace
///   or, below kDriftPercent or kDriftLeast, kSettlePace. No such rise goes beyond what the newest window says. It
///   is limited to kGrowthPercentPerSecond of capacity, counted from the last change and at most one second's worth at
///   once; one that was watched for kRiseWait on a verified host is not, nor paced, and takes the system's use as its
///   mean of that time where it can be told from services' (rise_watch.h).
/// * Without fresh node and BE readings the quota stays as it is, also "no quota". Fresh ones with stale pod data may
///   set or lower a limit and never raise it: non-BE use is then at least node - BE, so the formula cannot come out too
///   low.
/// * `cfsQuota`: the formula. `workConserving`: no quota while kernel ordering is verified and LS is not pressed, else
///   the formula. `cpuset`: the formula as a quota until BE's CPU set is in place, see CpusetSide; then our own quota
///   is released, on fresh samples only.
/// * Only our own quota is ever released. enable=false: it is. No policy at all: it stays, for absence of a policy must
///   not raise what BE gets.
/// * A quota that cannot be read counts as the last one decided; if there was none, it is left alone.
/// * A value that somebody else wrote stays while SuppressInput::overwritten says so, but for an urgent fall below it
///   and below ours. Then it counts as any other: a rise from it is limited, too.
SuppressStep cpu_suppress(const SuppressState& state, const SuppressInput& input,
                          const std::optional<model::NodePolicy>& policy);
/// The same without `features`, ten times a second; suppress_features() tells them when somebody asks.
SuppressStep cpu_suppress_untold(const SuppressState& state, const SuppressInput& input,
                                 const std::optional<model::NodePolicy>& policy);
/// SuppressDecision::features of a decision by this input and policy.
std::vector<model::FeatureState> suppress_features(const SuppressInput& input,
                                                   const std::optional<model::NodePolicy>& policy,
                                                   const SuppressDecision& decision);

/// Whether a change of the quota that is not urgent may be written in this round, `since` the last one: after `pace`,
/// at the begin of a period if the group has any (kPeriodWait). Of the state after cpu_suppress() in this round.
bool change_is_due(const SuppressState& state, model::MonoTime now, model::Duration since, model::Duration pace);

/// CPU of the running BE-labelled pods whose Kubernetes QoS puts them outside the besteffort root. nullopt if one of
/// them has no reading; 0 without such pods.
std::optional<model::MilliCpu> be_outside_root(const model::NodeSample& sample, const std::vector<model::Pod>& pods);

/// For the feature's text: how many pods that are not BE lie below the besteffort root, where its quota throttles them
/// with batch, and the first of them; "" without any.
std::string throttled_with_be(const std::vector<model::Pod>& pods);

/// BE's limit in the guard's declared safe state where kernel ordering is not verified: cpuSuppressMinPercent, or
/// kSafePercent if unset or no policy, at least kKernelMinimum.
model::MilliCpu safe_be_limit(const NodeFacts& node, const std::optional<model::NodePolicy>& policy);

}  // namespace tideline::decide
