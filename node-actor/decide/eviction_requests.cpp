#include "node-actor/decide/eviction_requests.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace tideline::decide {
namespace {

using model::EvictionVerdict;
using model::Reason;
using Answer = EvictionVerdict::Answer;
using Dropped = RequestsDecision::Dropped;
using Waiting = EvictionRequests::Waiting;

enum class Need { kThere, kUnknown, kOver };

/// nullptr: its mechanism did not judge in this round.
const EvictOutcome* outcome_of(const RequestsInput& input, EvictTask task) {
  const auto& outcomes = is_of_memory(task) ? input.memory.outcomes : input.cpu.outcomes;
  const auto found =
      std::find_if(outcomes.begin(), outcomes.end(), [&](const EvictOutcome& outcome) { return outcome.task == task; });
  return found == outcomes.end() ? nullptr : &*found;
}

Need need_of(const EvictOutcome* outcome) {
  if (outcome == nullptr) return Need::kUnknown;
  if (is_evict_trigger(outcome->trigger)) return Need::kThere;
  const bool unknown = outcome->trigger == Reason::kStaleSample || outcome->trigger == Reason::kTooFewSamples;
  return unknown ? Need::kUnknown : Need::kOver;
}

bool contains(std::span<const model::PodUid> uids, const model::PodUid& uid) {
  return std::find(uids.begin(), uids.end(), uid) != uids.end();
}

const model::Pod* find(std::span<const model::Pod> pods, const model::PodUid& uid) {
  const auto pod = std::find_if(pods.begin(), pods.end(), [&](const model::Pod& each) { return each.uid == uid; });
  return pod == pods.end() ? nullptr : &*pod;
}

bool runs(std::span<const model::Pod> pods, const model::PodUid& uid) {
  const auto* pod = find(pods, uid);
  return pod != nullptr && pod->phase == model::PodPhase::kRunning && !pod->eviction.terminating;
}

/// Kubernetes has it still, and nobody deletes it.
bool ended_by_itself(std::span<const model::Pod> pods, const model::PodUid& uid) {
  const auto* pod = find(pods, uid);
  return pod != nullptr && pod->phase != model::PodPhase::kRunning && !pod->eviction.terminating;
}

void hear(Waiting& waiting, Reason reason, std::string why, RequestsDecision& decision) {
  if (std::exchange(waiting.word, reason) == reason) return;
  decision.words.push_back({waiting.victim, reason, std::move(why)});
}

/// The newest: several rounds' answers may have come.
const EvictionVerdict* verdict_on(const Waiting& waiting, std::span<const EvictionVerdict> verdicts) {
  const auto found = std::find_if(verdicts.rbegin(), verdicts.rend(),
                                  [&](const EvictionVerdict& made) { return made.id == waiting.victim.id; });
  return found == verdicts.rend() ? nullptr : &*found;
}

/// Where the API server itself said no; with any other refusal a try may have been taken all the same.
bool was_not_taken(Reason refusal) {
  return refusal == Reason::kDisruptionBudget || refusal == Reason::kApiRefused;
}

/// Takes over a verdict on an eviction through the API; true: it waits no longer.
bool take_of_api(Waiting& waiting, const EvictionVerdict& verdict, const RequestsInput& input,
                 RequestsDecision& decision) {
  const auto now = input.now;
  switch (verdict.answer) {
    case Answer::kGranted:
      waiting.next_ask = now + kNoApiAskAgain;
      hear(waiting, Reason::kNoKubernetes, "granted by a coordinator that does not evict through the API: not evicted",
           decision);
      return false;
    case Answer::kDeferred:
      waiting.next_ask = now + verdict.retry_after;
      hear(waiting, verdict.reason, verdict.why, decision);
      return false;
    case Answer::kRefused:
      hear(waiting, verdict.reason, verdict.why, decision);
      if (verdict.reason == Reason::kNoKubernetes) {
        waiting.next_ask = now + kNoApiAskAgain;
        return false;
      }
      decision.dropped.push_back(
          {waiting.victim, verdict.reason, verdict.why, waiting.under_way && !was_not_taken(verdict.reason)});
      return true;
    case Answer::kUnderWay:
      waiting.under_way = true;
      waiting.next_ask = now + std::clamp<model::Duration>(verdict.retry_after, kRenewAtMostEvery, kAskAgain);
      hear(waiting, verdict.reason, verdict.why, decision);
      return false;
    case Answer::kEvicted:
      if (ended_by_itself(input.pods, waiting.victim.uid)) {
        decision.dropped.push_back({waiting.victim, Reason::kNone, "it ended by itself"});
      } else {
        decision.leaves.push_back({waiting.victim, verdict.why});
      }
      return true;
  }
  return false;
}

/// Takes the verdict over; true: it waits no longer.
bool take(Waiting& waiting, const EvictionVerdict& verdict, const RequestsInput& input, RequestsDecision& decision) {
  // An old coordinator's word: as if it had said nothing.
  if (verdict.reason == Reason::kOldEpoch) return false;
  const bool is_of_api = verdict.answer == Answer::kUnderWay || verdict.answer == Answer::kEvicted;
  // Nobody was asked for that.
  if (is_of_api && !input.through_api) return false;
  waiting.unanswered_since.reset();
  if (input.through_api) return take_of_api(waiting, verdict, input, decision);
  waiting.granted = verdict.answer == Answer::kGranted;
  if (verdict.answer == Answer::kDeferred) waiting.next_ask = input.now + verdict.retry_after;
  if (verdict.answer != Answer::kRefused) return false;
  decision.dropped.push_back({waiting.victim, verdict.reason, verdict.why});
  return true;
}

/// The list of pods often tells of an eviction before the coordinator does.
bool shows_leaving(const Waiting& waiting, const RequestsInput& input, RequestsDecision& decision) {
  if (!input.through_api || !waiting.under_way) return false;
  const auto* pod = find(input.pods, waiting.victim.uid);
  if (pod != nullptr && !pod->eviction.terminating) return false;
  decision.leaves.push_back({waiting.victim, "the list of pods shows that it leaves"});
  return true;
}

/// One that waits for what only batch needs is counted on where memory is full, too: then it is services' need, is
/// asked for as such, and waits no longer than that can.
void make_urgent(Waiting& waiting, const RequestsInput& input) {
  auto& victim = waiting.victim;
  const auto* full = outcome_of(input, EvictTask::kBeMemory);
  if (need_of(full) != Need::kThere || urgency_of(victim.task) == model::EvictionUrgency::kServices) return;
  const auto* pod = find(input.pods, victim.uid);
  if (!victim.memory_used || pod == nullptr || !allows(*pod, EvictTask::kBeMemory)) return;
  victim.task = EvictTask::kBeMemory;
  victim.reason = full->trigger;
  victim.releases = *victim.memory_used;
  waiting.next_ask = std::min(waiting.next_ask, input.now);
}

/// What its leaving was credited with when its task was judged; nullopt: with nothing.
std::optional<EvictAmount> credit_of(const EvictVictim& victim, const RequestsInput& input) {
  const auto* outcome = outcome_of(input, victim.task);
  if (outcome == nullptr) return std::nullopt;
  const auto& credits = outcome->credits;
  const auto found =
      std::find_if(credits.begin(), credits.end(), [&](const EvictCredit& credit) { return credit.uid == victim.uid; });
  return found == credits.end() ? std::nullopt : std::optional(found->amount);
}

/// By EvictTask.
using TaskSums = std::array<EvictAmount, kEvictTasks + kMemoryEvictTasks>;

/// What each task's victims in waiting are to release: credited when it was judged, and not leaving yet. So are those
/// that were refused in this round, which will not leave at all.
TaskSums promised(const std::vector<Waiting>& waiting, const std::vector<Dropped>& dropped,
                  const RequestsInput& input) {
  TaskSums sums{};
  const auto add = [&](const EvictVictim& victim) {
    sums[static_cast<std::size_t>(victim.task)] += credit_of(victim, input).value_or(EvictAmount());
  };
  for (const auto& each : waiting)
    add(each.victim);
  for (const auto& each : dropped) {
    if (each.reason != Reason::kNone) add(each.victim);
  }
  return sums;
}

/// Why this one is not to be evicted any more, whatever the others do; nullopt: it still is.
std::optional<Dropped> settled(const Waiting& waiting, const RequestsInput& input) {
  const auto& victim = waiting.victim;
  const auto* outcome = outcome_of(input, victim.task);
  if (!runs(input.pods, victim.uid)) return Dropped{victim, Reason::kNone, "it ended by itself"};
  if (contains(input.leaving, victim.uid)) return Dropped{victim, Reason::kNone, "it is being evicted"};
  if (contains(input.held, victim.uid)) return Dropped{victim, Reason::kHandsOff, "an operator keeps the agent off it"};
  if (need_of(outcome) != Need::kOver) return std::nullopt;
  return Dropped{victim, Reason::kEvictionWithdrawn, "not needed any more: " + outcome->why};
}

/// Whether those that leave already, and those that wait before it, release enough.
std::optional<Dropped> needless(const Waiting& waiting, const RequestsInput& input, TaskSums& promised_of) {
  const auto& victim = waiting.victim;
  const auto* outcome = outcome_of(input, victim.task);
  const auto own = credit_of(victim, input);
  // Of one that was credited with nothing it is not known how much the others release without it.
  if (!own) return std::nullopt;
  auto& promised_here = promised_of[static_cast<std::size_t>(victim.task)];
  if (need_of(outcome) == Need::kThere && outcome->credited - promised_here >= outcome->target) {
    return Dropped{victim, Reason::kEvictionWithdrawn, "others that leave are enough: " + outcome->why};
  }
  // From here on it counts as what the ones after it may rest on.
  promised_here -= *own;
  return std::nullopt;
}

/// Because memory is full.
bool cannot_wait(EvictTask task) {
  return task == EvictTask::kBeMemory || task == EvictTask::kNodeMemory;
}

bool is_silent(const Waiting& waiting, model::MonoTime now) {
  const auto deadline = cannot_wait(waiting.victim.task) ? kFullArbiterDeadline : kArbiterDeadline;
  return waiting.unanswered_since && now - *waiting.unanswered_since >= deadline;
}

std::string silence_of(const Waiting& waiting, model::MonoTime now) {
  const auto waited = std::chrono::duration_cast<std::chrono::seconds>(now - *waiting.unanswered_since);
  return fmt::format("no answer from the coordinator for {} s", waited.count());
}

/// By this node, without the API; true: it goes.
bool goes(EvictionRequests& state, const Waiting& waiting, model::MonoTime now, RequestsDecision& decision) {
  if (waiting.granted) {
    decision.go.push_back({waiting.victim, Reason::kEvictionGranted, "granted by the coordinator"});
    return true;
  }
  const auto every = cannot_wait(waiting.victim.task) ? kFullAloneEvery : kAloneEvery;
  const bool may_go_alone = !state.last_alone || now - *state.last_alone >= every;
  if (!is_silent(waiting, now) || !may_go_alone) return false;
  state.last_alone = now;
  decision.go.push_back({waiting.victim, Reason::kNoArbiter, silence_of(waiting, now) + ", alone"});
  return true;
}

/// Asks, goes or waits; true: it goes.
bool advance(EvictionRequests& state, Waiting& waiting, const RequestsInput& input, RequestsDecision& decision) {
  const auto now = input.now;
  if (!input.through_api && goes(state, waiting, now, decision)) return true;
  if (input.through_api && is_silent(waiting, now)) {
    hear(waiting, Reason::kNoArbiter, silence_of(waiting, now) + ": not evicted", decision);
  }
  if (now < waiting.next_ask) return false;
  // Of this very round is the same ask.
  if (state.last_ask && *state.last_ask != now && now - *state.last_ask < kBetweenAsks) return false;
  state.last_ask = now;
  if (!waiting.unanswered_since) waiting.unanswered_since = now;
  waiting.next_ask = now + kAskAgain;
  decision.ask.push_back(waiting.victim);
  return false;
}

void add_new(EvictionRequests& state, std::span<const EvictVictim> victims, const RequestsInput& input,
             RequestsDecision& decision) {
  for (const auto& victim : victims) {
    const auto same = [&](const Waiting& each) { return each.victim.uid == victim.uid; };
    if (std::any_of(state.waiting.begin(), state.waiting.end(), same)) continue;
    if (contains(input.leaving, victim.uid)) continue;
    if (contains(input.held, victim.uid)) {
      decision.dropped.push_back({victim, Reason::kHandsOff, "an operator keeps the agent off it"});
    } else if (state.waiting.size() >= model::EvictionLimits::kMaxRequests) {
      decision.dropped.push_back({victim, Reason::kEvictionWithdrawn, "too many wait already"});
    } else {
      Waiting waiting{.victim = victim, .unanswered_since = {}, .next_ask = input.now};
      if (input.through_api) waiting.victim.id += fmt::format("/{}", input.now.ns);
      decision.picked.push_back(waiting.victim);
      state.waiting.push_back(std::move(waiting));
    }
  }
}

}  // namespace

model::EvictionUrgency urgency_of(EvictTask task) {
  switch (task) {
    case EvictTask::kNodeUsage:
    case EvictTask::kBeMemory:
    case EvictTask::kNodeMemory:
      return model::EvictionUrgency::kServices;
    case EvictTask::kBeSatisfaction:
    case EvictTask::kBatchAllocatable:
    case EvictTask::kCpuAllocatable:
    case EvictTask::kBatchMemoryAllocatable:
    case EvictTask::kMemoryAllocatable:
      return model::EvictionUrgency::kBatch;
  }
  return model::EvictionUrgency::kBatch;
}

RequestsStep eviction_requests(EvictionRequests state, const RequestsInput& input) {
  RequestsStep step{std::move(state), {}};
  auto& waiting = step.state.waiting;
  auto& decision = step.decision;
  const auto drop_if = [&](const auto& why) {
    std::erase_if(waiting, [&](Waiting& each) {
      auto dropped = why(each);
      if (!dropped) return false;
      dropped->under_way = each.under_way;
      decision.dropped.push_back(std::move(*dropped));
      return true;
    });
  };
  std::erase_if(waiting, [&](Waiting& each) {
    const auto* verdict = verdict_on(each, input.verdicts);
    return verdict != nullptr && take(each, *verdict, input, decision);
  });
  std::erase_if(waiting, [&](const Waiting& each) { return shows_leaving(each, input, decision); });
  for (auto& each : waiting)
    make_urgent(each, input);
  drop_if([&](const Waiting& each) { return settled(each, input); });
  auto promised_of = promised(waiting, decision.dropped, input);
  drop_if([&](const Waiting& each) { return needless(each, input, promised_of); });
  // Services wait for none of those that only batch needs.
  add_new(step.state, input.memory.victims, input, decision);
  add_new(step.state, input.cpu.victims, input, decision);
  std::erase_if(waiting, [&](Waiting& each) {
    if (need_of(outcome_of(input, each.victim.task)) == Need::kThere) {
      return advance(step.state, each, input, decision);
    }
    // Who did not ask has waited for nobody.
    each.unanswered_since.reset();
    return false;
  });
  return step;
}

}  // namespace tideline::decide
