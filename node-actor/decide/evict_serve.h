#pragma once
// What CPU eviction and memory eviction have in common: each judges its triggers, and from there on both go the same
// way over the same books, each in its own currency.

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/action.h"
#include "messages/model/ids.h"
#include "messages/model/policy.h"
#include "messages/model/reason.h"
#include "messages/model/report.h"
#include "messages/model/units.h"
#include "node-actor/decide/victims.h"

namespace tideline::decide {

/// Allocatable batch-cpu or batch-memory of 0 evicts only when it was so for as long.
constexpr model::Duration kNothingHold = std::chrono::seconds(60);
/// A victim is credited and not picked again for this long, if it is still listed.
constexpr model::Duration kEvictMemory = std::chrono::minutes(2);

/// CPU time a pod has used since it started: what its eviction throws away.
struct PodWork {
  model::PodUid uid;
  model::Duration cpu_time{0};
};

/// A pod that was picked, by either of the two.
struct AskedPod {
  model::PodUid uid;
  model::MonoTime at;
  bool refused = false;
  /// Not kNone: picked while that mechanism was in dry run. It does not leave: it is credited to that mechanism alone,
  /// and only for as long as the dry run lasts.
  model::Controller dry_run_of = model::Controller::kNone;
};
/// Forgets those of longer than kEvictMemory ago.
void expire_asked(std::vector<AskedPod>& asked, model::MonoTime now);

struct EvictVictim {
  /// "<boot id>/<feature>/<ns on the monotonic clock when the trigger began to hold>/<pod uid>": asking again in the
  /// same episode is the same request.
  std::string id;
  model::PodUid uid;
  std::string name_space;
  std::string name;
  EvictTask task = EvictTask::kBeSatisfaction;
  model::Reason reason = model::Reason::kNone;
  EvictAmount releases;                                    // in the task's currency
  std::optional<model::MilliCpu> used;                     // CPU it uses now
  std::optional<model::Bytes> memory_used = std::nullopt;  // memory it has now, without page cache
  std::optional<model::Duration> cpu_time_used;            // work that is thrown away; nullopt: not known
  friend bool operator==(const EvictVictim&, const EvictVictim&) = default;
};

/// What one task saw and did.
struct EvictOutcome {
  EvictTask task = EvictTask::kBeSatisfaction;
  /// What the trigger says: kBeStarved, kOverAllocated, kNodeCpuFull, kNodeMemoryFull, kMemoryOverAllocated, or why
  /// there is none: kSatisfied, kNotUsing, kTooFewSamples, kStaleSample, kBadEvictPolicy, kDisabled, kNoPolicy.
  model::Reason trigger = model::Reason::kNone;
  model::Reason reason = model::Reason::kNone;  // the same, or kCoolingDown
  EvictAmount target;                           // to be released; 0 without a trigger
  EvictAmount credited;                         // of it, by those that are leaving already
  std::vector<EvictCredit> credits;             // which these are, by what they have now; not recorded
  EvictAmount released;                         // of it, by this round's victims of this task
  std::size_t candidates = 0;
  /// Of the tasks of allocatable: requested and allocatable; of kNodeUsage: mean use and capacity; of kBeMemory and
  /// kNodeMemory: use and capacity of the tightest bound.
  std::optional<EvictAmount> measured;
  std::optional<EvictAmount> whole;
  std::optional<EvictAmount> newest;  // kNodeUsage: use in the newest reading
  // The policy's bounds as they act; of kBeSatisfaction see EvictTerms::satisfaction.
  std::optional<int> threshold_percent;
  std::optional<int> lower_percent;
  std::optional<int> priority_threshold;
  std::string why;  // for people
};

/// Whether it is why pods are evicted, and not why none is.
bool is_evict_trigger(model::Reason reason);

/// What both do with what their triggers say, before it is served: the outcomes are of `tasks`, in their order; without
/// a policy each is kNoPolicy. `since`: since when each trigger has held. Data that is missing says nothing of it: then
/// it is as it was.
void follow_triggers(std::span<EvictOutcome> outcomes, std::span<const EvictTask> tasks,
                     std::span<std::optional<model::MonoTime>> since, bool has_policy, model::MonoTime now);

/// The trigger of the tasks of allocatable, as CPUAllocatableEvict and MemoryAllocatableEvict have it.
struct OverAllocation {
  EvictTask task = EvictTask::kBatchAllocatable;
  std::string_view resource;
  std::optional<EvictAmount> allocatable;  // nullopt: not known now
  std::optional<int> threshold_percent;
  std::optional<int> lower_percent;
  std::string_view keys;  // "cpuAllocatableEvict": what the policy's two keys begin with
  model::Reason trigger = model::Reason::kNone;
};
EvictOutcome judge_over_allocation(const OverAllocation& what, std::span<const RunningPod> pods,
                                   const model::ThresholdPolicy& policy);

struct ServeInput {
  model::MonoTime now;
  std::string_view boot_id;
  std::span<const RunningPod> pods;
  std::span<const PodWork> work;
  std::span<const model::PodUid> held;
  /// Of each outcome, in their order.
  std::span<const std::optional<model::MonoTime>> since;
  bool dry_run = false;   // the mechanism is
  std::string_view wait;  // why nobody is picked now; "": nothing is in the way
  const model::ThresholdPolicy& policy;
};
/// Serves the triggers in their order; what one releases is credited to the next. The victims are in `asked` then.
std::vector<EvictVictim> serve_triggers(std::span<EvictOutcome> outcomes, std::vector<AskedPod>& asked,
                                        const ServeInput& input);

/// Who counts as leaving for that mechanism, by `asked` alone.
Leaving leaving_of(std::span<const AskedPod> asked, std::span<const model::PodUid> held, model::Controller mechanism,
                   bool dry_run);

/// Of each task's feature, those of one feature together.
std::vector<model::FeatureState> evict_features(std::span<const EvictOutcome> outcomes);

}  // namespace tideline::decide
