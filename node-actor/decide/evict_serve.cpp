#include "node-actor/decide/evict_serve.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace tideline::decide {
namespace {

using model::FeatureState;
using model::Reason;

std::optional<model::Duration> work_of(std::span<const PodWork> work, const model::PodUid& uid) {
  const auto found = std::find_if(work.begin(), work.end(), [&](const PodWork& entry) { return entry.uid == uid; });
  return found == work.end() ? std::nullopt : std::optional(found->cpu_time);
}

EvictVictim victim_of(const EvictOutcome& outcome, const RunningPod& running, model::MonoTime since,
                      const ServeInput& input) {
  const auto& pod = *running.pod;
  return {.id = fmt::format("{}/{}/{}/{}", input.boot_id, feature_of(outcome.task), since.ns, pod.uid.str()),
          .uid = pod.uid,
          .name_space = pod.name_space,
          .name = pod.name,
          .task = outcome.task,
          .reason = outcome.trigger,
          .releases = released_by(outcome.task, running, input.policy),
          .used = running.used,
          .memory_used = running.memory,
          .cpu_time_used = work_of(input.work, pod.uid)};
}

/// A service that begins is charged its request until it is measured, and a coordinator that begins has one report.
bool may_be_none_for_a_moment(const EvictOutcome& outcome, model::MonoTime since, model::MonoTime now) {
  const bool of_batch =
      outcome.task == EvictTask::kBatchAllocatable || outcome.task == EvictTask::kBatchMemoryAllocatable;
  return of_batch && outcome.whole == EvictAmount() && now - since < kNothingHold;
}

FeatureState::State evict_feature_state(Reason trigger) {
  switch (trigger) {
    case Reason::kDisabled:
    case Reason::kNoPolicy:
    case Reason::kBadEvictPolicy:
    case Reason::kStaleSample:
      return FeatureState::State::kInactive;
    default:
      return FeatureState::State::kActive;
  }
}

}  // namespace

void expire_asked(std::vector<AskedPod>& asked, model::MonoTime now) {
  std::erase_if(asked, [&](const AskedPod& each) { return now - each.at >= kEvictMemory; });
}

bool is_evict_trigger(Reason reason) {
  switch (reason) {
    case Reason::kBeStarved:
    case Reason::kOverAllocated:
    case Reason::kNodeCpuFull:
    case Reason::kNodeMemoryFull:
    case Reason::kMemoryOverAllocated:
      return true;
    default:
      return false;
  }
}

void follow_triggers(std::span<EvictOutcome> outcomes, std::span<const EvictTask> tasks,
                     std::span<std::optional<model::MonoTime>> since, bool has_policy, model::MonoTime now) {
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    auto& outcome = outcomes[i];
    outcome.task = tasks[i];
    if (!has_policy) {
      outcome.trigger = Reason::kNoPolicy;
      outcome.why = "no policy was ever received";
    }
    outcome.reason = outcome.trigger;
    if (is_evict_trigger(outcome.trigger)) {
      if (!since[i]) since[i] = now;
    } else if (outcome.trigger != Reason::kStaleSample && outcome.trigger != Reason::kTooFewSamples) {
      since[i].reset();
    }
  }
}

EvictOutcome judge_over_allocation(const OverAllocation& what, std::span<const RunningPod> pods,
                                   const model::ThresholdPolicy& policy) {
  EvictOutcome outcome;
  outcome.threshold_percent = what.threshold_percent;
  outcome.lower_percent = what.lower_percent;
  outcome.priority_threshold = policy.allocatable_evict_priority_threshold;
  const auto say = [&](Reason trigger, std::string why) {
    outcome.trigger = trigger;
    outcome.why = std::move(why);
    return outcome;
  };
  const auto& threshold = outcome.threshold_percent;
  const auto& lower = outcome.lower_percent;
  const auto& priority = outcome.priority_threshold;
  if (!policy.enable) return say(Reason::kDisabled, "resource-threshold-config enable is false");
  if (!threshold && !lower) {
    return say(Reason::kDisabled, fmt::format("{0}ThresholdPercent and {0}LowerPercent are not set", what.keys));
  }
  if (!threshold || !lower) {
    return say(Reason::kBadEvictPolicy,
               fmt::format("{0}ThresholdPercent and {0}LowerPercent act together only", what.keys));
  }
  if (*lower < 0 || *lower > *threshold) {
    return say(Reason::kBadEvictPolicy,
               fmt::format("{}LowerPercent {} is not within 0..{}", what.keys, *lower, *threshold));
  }
  if (!priority || *priority < 0 || *priority > 7999) {
    return say(Reason::kBadEvictPolicy, "allocatableEvictPriorityThreshold is not set to a value of 0..7999");
  }
  EvictAmount requested;
  for (const auto& pod : pods)
    requested += released_by(what.task, pod, policy);
  outcome.measured = requested;
  outcome.whole = what.allocatable;
  if (!outcome.whole) {
    return say(Reason::kStaleSample, fmt::format("allocatable {} is not known now", what.resource));
  }
  const auto text = fmt::format("{} of {} requested, {} allocatable", text_of(what.task, requested), what.resource,
                                outcome.whole->value());
  const EvictAmount target = requested - outcome.whole->percent(*lower);
  if (requested <= outcome.whole->percent(*threshold) || target <= EvictAmount()) {
    return say(Reason::kSatisfied, text);
  }
  outcome.target = target;
  return say(what.trigger, text);
}

Leaving leaving_of(std::span<const AskedPod> asked, std::span<const model::PodUid> held, model::Controller mechanism,
                   bool dry_run) {
  Leaving leaving;
  leaving.barred.assign(held.begin(), held.end());
  for (const auto& each : asked) {
    const bool stays = each.dry_run_of != model::Controller::kNone;
    if (stays && (each.dry_run_of != mechanism || !dry_run)) continue;
    (each.refused ? leaving.barred : leaving.credited).push_back(each.uid);
  }
  return leaving;
}

std::vector<EvictVictim> serve_triggers(std::span<EvictOutcome> outcomes, std::vector<AskedPod>& asked,
                                        const ServeInput& input) {
  std::vector<EvictVictim> victims;
  if (outcomes.empty()) return victims;
  const auto mechanism = controller_of(outcomes.front().task);
  auto leaving = leaving_of(asked, input.held, mechanism, input.dry_run);
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    auto& outcome = outcomes[i];
    if (!is_evict_trigger(outcome.trigger)) continue;
    auto picked = pick_victims(outcome.task, outcome.target, input.pods, leaving, input.policy);
    outcome.credited = picked.credited;
    outcome.credits = std::move(picked.credits);
    outcome.candidates = picked.candidates;
    outcome.why += fmt::format("; {} to release, {} of it by pods that are leaving",
                               text_of(outcome.task, outcome.target), outcome.credited.value());
    if (outcome.credited >= outcome.target) continue;
    const auto wait = [&](std::string_view why) {
      outcome.reason = Reason::kCoolingDown;
      outcome.why += fmt::format("; {}", why);
    };
    if (!input.wait.empty()) {
      wait(input.wait);
      continue;
    }
    const auto since = input.since[i].value_or(input.now);
    if (may_be_none_for_a_moment(outcome, since, input.now)) {
      wait(fmt::format("nothing is allocatable, for less than {} s",
                       std::chrono::duration_cast<std::chrono::seconds>(kNothingHold).count()));
      continue;
    }
    outcome.released = picked.released;
    outcome.why += fmt::format("; {} of {} candidates evicted", picked.victims.size(), picked.candidates);
    for (const auto& running : picked.victims) {
      victims.push_back(victim_of(outcome, running, since, input));
      leaving.credited.push_back(running.pod->uid);
      asked.push_back({running.pod->uid, input.now, false, input.dry_run ? mechanism : model::Controller::kNone});
    }
  }
  return victims;
}

std::vector<FeatureState> evict_features(std::span<const EvictOutcome> outcomes) {
  std::vector<FeatureState> features;
  for (const auto& outcome : outcomes) {
    const auto feature = feature_of(outcome.task);
    const auto state = evict_feature_state(outcome.trigger);
    if (features.empty() || features.back().feature != feature) {
      features.push_back({std::string(feature), state, outcome.why});
      continue;
    }
    auto& both = features.back();
    if (state == FeatureState::State::kActive) both.state = state;
    if (outcome.why != both.why) both.why += "; " + outcome.why;
  }
  return features;
}

}  // namespace tideline::decide
