#include "node-actor/decide/memory_evict.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

namespace tideline::decide {
namespace {

using model::Bytes;
using model::FeatureState;
using model::Reason;

std::vector<RunningPod> running_with_memory(const MemoryEvictInput& input) {
  std::unordered_map<std::string_view, Bytes> used;
  used.reserve(input.used.size());
  for (const auto& each : input.used) {
    if (each.pod != nullptr && each.used) used.try_emplace(each.pod->uid.str(), *each.used);
  }
  auto running = running_pods(input.pods, nullptr);
  for (auto& pod : running) {
    const auto found = used.find(pod.pod->uid.str());
    if (found != used.end()) pod.memory = found->second;
  }
  return running;
}

/// Those on their way out, of a known use.
std::vector<EvictCredit> credits_of(std::span<const RunningPod> pods, const Leaving& leaving) {
  return pick_victims(EvictTask::kBeMemory, EvictAmount(), pods, leaving, {}).credits;
}

Bytes sum_of(const std::vector<EvictCredit>& credits) {
  EvictAmount sum;
  for (const auto& credit : credits)
    sum += credit.amount;
  return Bytes(sum.value());
}

/// `missing`: above the lower percent. `credited`: what leaves already frees.
Bytes target_of(const ReliefDecision& relief, Bytes missing, Bytes credited) {
  if (relief.evict > Bytes(0)) return relief.evict + relief.terms.pending_release;
  // Those that leave are enough. By how much is known only where relief does not act on growth alone.
  return missing > Bytes(0) ? std::min(missing, credited) : credited;
}

/// Without those that are leaving, memory is full.
bool is_full(const ReliefDecision& relief, const MemoryBound& bound, int threshold) {
  if (relief.evict > Bytes(0) || relief.rung >= model::ReliefRung::kEvict) return true;
  return relief.terms.pending_release > Bytes(0) && bound.used_percent() >= threshold;
}

EvictOutcome judge_use(EvictTask task, const MemoryEvictInput& input, Bytes credited,
                       const model::ThresholdPolicy& policy) {
  EvictOutcome outcome;
  const int threshold = policy.memory_evict_threshold_percent;
  const int lower = policy.memory_evict_lower_percent.value_or(std::max(threshold - 2, 0));
  outcome.threshold_percent = threshold;
  outcome.lower_percent = lower;
  if (task == EvictTask::kNodeMemory) outcome.priority_threshold = policy.evict_enabled_priority_threshold;
  const auto say = [&](Reason trigger, std::string why) {
    outcome.trigger = trigger;
    outcome.why = std::move(why);
    return outcome;
  };
  if (!policy.enable) return say(Reason::kDisabled, "resource-threshold-config enable is false");
  if (threshold == 0) return say(Reason::kDisabled, "memoryEvictThresholdPercent is 0");
  if (threshold < 0 || threshold > 100 || lower < 0 || lower >= threshold) {
    return say(Reason::kBadEvictPolicy,
               fmt::format("memoryEvictThresholdPercent {} with memoryEvictLowerPercent {}", threshold, lower));
  }
  if (task == EvictTask::kNodeMemory && !outcome.priority_threshold) {
    return say(Reason::kDisabled, "evictEnabledPriorityThreshold is not set");
  }
  if (input.relief == nullptr) return say(Reason::kStaleSample, "memory relief has not looked at the host yet");
  const auto& relief = *input.relief;
  const auto& bound = relief.terms.bound;
  if (!bound || bound->capacity <= Bytes(0)) return say(Reason::kStaleSample, "the host's use of memory is not known");
  outcome.measured = bound->used();
  outcome.whole = bound->capacity;
  auto text = fmt::format("{} of {} bytes used ({}), threshold {} %", bound->used().value(), bound->capacity.value(),
                          name_of(bound->kind), threshold);
  if (!is_full(relief, *bound, threshold)) return say(Reason::kSatisfied, std::move(text));
  if (!relief.why.empty()) text += ", " + relief.why;
  outcome.target = target_of(relief, bound->used() - bound->capacity.percent(lower), credited);
  return say(Reason::kNodeMemoryFull, std::move(text));
}

EvictOutcome judge_allocatable_memory(EvictTask task, std::optional<Bytes> allocatable, std::string_view resource,
                                      std::span<const RunningPod> pods, const model::ThresholdPolicy& policy) {
  return judge_over_allocation({.task = task,
                                .resource = resource,
                                .allocatable = allocatable,
                                .threshold_percent = policy.memory_allocatable_evict_threshold_percent,
                                .lower_percent = policy.memory_allocatable_evict_lower_percent,
                                .keys = "memoryAllocatableEvict",
                                .trigger = Reason::kMemoryOverAllocated},
                               pods, policy);
}

/// Of the host's memory: there is no host without.
std::optional<Bytes> known_whole(const std::optional<Bytes>& memory) {
  return memory && *memory > Bytes(0) ? memory : std::nullopt;
}

/// 0 is known: there is none.
std::optional<Bytes> known_batch_memory(const std::optional<Bytes>& allocatable) {
  return allocatable && *allocatable >= Bytes(0) ? allocatable : std::nullopt;
}

std::vector<FeatureState> memory_evict_features(const MemoryEvictDecision& decision) {
  auto features = evict_features(decision.outcomes);
  const auto& allocatable = decision.of(EvictTask::kBatchMemoryAllocatable);
  if (allocatable.trigger != Reason::kDisabled && allocatable.trigger != Reason::kNoPolicy) {
    features.push_back({"memoryEvict.allocatable.mid-memory", FeatureState::State::kUnsupported,
                        "kubernetes.io/mid-memory: what mid may have in all is not told to nodes"});
  }
  return features;
}

/// Whether one of `before` is not among those that leave now.
bool has_one_gone(const std::vector<model::PodUid>& before, const std::vector<EvictCredit>& now) {
  return std::any_of(before.begin(), before.end(), [&](const model::PodUid& uid) {
    return std::none_of(now.begin(), now.end(), [&](const EvictCredit& credit) { return credit.uid == uid; });
  });
}

}  // namespace

MemoryEvictStep memory_evict(MemoryEvictState state, std::vector<EvictState::Asked>& asked,
                             const MemoryEvictInput& input, const std::optional<model::NodePolicy>& policy) {
  MemoryEvictStep step{std::move(state), {}};
  auto& decision = step.decision;
  auto& remembered = step.state;
  const auto threshold = policy ? policy->threshold : model::ThresholdPolicy{};
  const bool dry_run = policy && policy->dry_run.memory_evict;
  const auto leaving_now = [&] { return leaving_of(asked, {}, model::Controller::kMemoryEvict, dry_run); };

  expire_asked(asked, input.now);
  const auto pods = running_with_memory(input);
  const auto credits = credits_of(pods, leaving_now());
  const auto credited = sum_of(credits);
  decision.outcomes = {
      judge_use(EvictTask::kBeMemory, input, credited, threshold),
      judge_allocatable_memory(EvictTask::kBatchMemoryAllocatable, known_batch_memory(input.allocatable_batch_memory),
                               "kubernetes.io/batch-memory", pods, threshold),
      judge_allocatable_memory(EvictTask::kMemoryAllocatable, known_whole(input.memory_allocatable), "memory", pods,
                               threshold),
      judge_use(EvictTask::kNodeMemory, input, credited, threshold)};
  follow_triggers(decision.outcomes, kAllMemoryEvictTasks, remembered.since, policy.has_value(), input.now);
  std::string_view wait;
  if (remembered.quiet_until && input.now < *remembered.quiet_until) {
    wait = "cooling down";
  } else if (has_one_gone(remembered.leaving, credits)) {
    wait = "one that was leaving is gone: what that freed must show first";
  }
  decision.victims = serve_triggers(decision.outcomes, asked,
                                    {.now = input.now,
                                     .boot_id = input.boot_id,
                                     .pods = pods,
                                     .work = input.work,
                                     .held = input.held,
                                     .since = remembered.since,
                                     .dry_run = dry_run,
                                     .wait = wait,
                                     .policy = threshold});
  if (!decision.victims.empty()) remembered.quiet_until = input.now + kMemoryEvictCoolDown;
  remembered.leaving.clear();
  for (const auto& credit : credits_of(pods, leaving_now()))
    remembered.leaving.push_back(credit.uid);
  decision.features = memory_evict_features(decision);
  return step;
}

Bytes pending_release(std::span<const PodMemory> used, std::span<const EvictState::Asked> asked) {
  Bytes sum;
  for (const auto& each : used) {
    if (each.pod == nullptr || !each.used) continue;
    const bool leaves =
        each.pod->eviction.terminating || std::any_of(asked.begin(), asked.end(), [&](const EvictState::Asked& other) {
          return other.uid == each.pod->uid && !other.refused && other.dry_run_of == model::Controller::kNone;
        });
    if (leaves) sum += std::clamp(*each.used, Bytes(0), Bytes(model::ReportLimits::kMaxMemoryBytes));
  }
  return sum;
}

}  // namespace tideline::decide
