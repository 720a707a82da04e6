#include "node-actor/decide/eviction_requests.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace tideline::decide {
namespace {

using model::EvictionVerdict;
using model::MilliCpu;
using model::Reason;
using Dropped = RequestsDecision::Dropped;
using Waiting = EvictionRequests::Waiting;

enum class Need { kThere, kUnknown, kOver };

Need need_of(Reason trigger) {
  switch (trigger) {
    case Reason::kBeStarved:
    case Reason::kOverAllocated:
    case Reason::kNodeCpuFull:
      return Need::kThere;
    case Reason::kStaleSample:
    case Reason::kTooFewSamples:
      return Need::kUnknown;
    default:
      return Need::kOver;
  }
}

bool contains(std::span<const model::PodUid> uids, const model::PodUid& uid) {
  return std::find(uids.begin(), uids.end(), uid) != uids.end();
}

bool runs(std::span<const model::Pod> pods, const model::PodUid& uid) {
  return std::any_of(pods.begin(), pods.end(), [&](const model::Pod& pod) {
    return pod.uid == uid && pod.phase == model::PodPhase::kRunning && !pod.eviction.terminating;
  });
}

/// Takes the verdict over; a refusal gives what is dropped for it.
std::optional<Dropped> take(Waiting& waiting, const EvictionVerdict& verdict, model::MonoTime now) {
  // An old coordinator's word: as if it had said nothing.
  if (verdict.reason == Reason::kOldEpoch) return std::nullopt;
  waiting.unanswered_since.reset();
  waiting.granted = verdict.answer == EvictionVerdict::Answer::kGranted;
  if (verdict.answer == EvictionVerdict::Answer::kDeferred) waiting.next_ask = now + verdict.retry_after;
  if (verdict.answer != EvictionVerdict::Answer::kRefused) return std::nullopt;
  return Dropped{waiting.victim, verdict.reason, verdict.why};
}

/// What each task's victims in waiting are to release: credited by cpu_evict, and not leaving yet.
std::array<MilliCpu, kEvictTasks> promised(const std::vector<Waiting>& waiting) {
  std::array<MilliCpu, kEvictTasks> sums{};
  for (const auto& each : waiting)
    sums[static_cast<std::size_t>(each.victim.task)] += each.victim.releases;
  return sums;
}

/// Why this one is not to be evicted any more, whatever the others do; nullopt: it still is.
std::optional<Dropped> settled(const Waiting& waiting, const RequestsInput& input) {
  const auto& victim = waiting.victim;
  const auto& outcome = input.decision.of(victim.task);
  if (!runs(input.pods, victim.uid)) return Dropped{victim, Reason::kNone, "it ended by itself"};
  if (contains(input.leaving, victim.uid)) return Dropped{victim, Reason::kNone, "it is being evicted"};
  if (contains(input.held, victim.uid)) return Dropped{victim, Reason::kHandsOff, "an operator keeps the agent off it"};
  if (need_of(outcome.trigger) != Need::kOver) return std::nullopt;
  return Dropped{victim, Reason::kEvictionWithdrawn, "not needed any more: " + outcome.why};
}

/// Whether those that leave already, and those that wait before it, release enough.
std::optional<Dropped> needless(const Waiting& waiting, const RequestsInput& input,
                                std::array<MilliCpu, kEvictTasks>& promised_of) {
  const auto& victim = waiting.victim;
  const auto& outcome = input.decision.of(victim.task);
  auto& promised_here = promised_of[static_cast<std::size_t>(victim.task)];
  if (need_of(outcome.trigger) == Need::kThere && outcome.credited - promised_here >= outcome.target) {
    return Dropped{victim, Reason::kEvictionWithdrawn, "others that leave are enough: " + outcome.why};
  }
  // From here on it counts as what the ones after it may rest on.
  promised_here -= victim.releases;
  return std::nullopt;
}

bool may_go_alone(const EvictionRequests& state, const Waiting& waiting, model::MonoTime now) {
  if (!waiting.unanswered_since || now - *waiting.unanswered_since < kArbiterDeadline) return false;
  return !state.last_alone || now - *state.last_alone >= kAloneEvery;
}

/// Asks, goes or waits; true: it goes.
bool advance(EvictionRequests& state, Waiting& waiting, model::MonoTime now, RequestsDecision& decision) {
  if (waiting.granted) {
    decision.go.push_back({waiting.victim, Reason::kEvictionGranted, "granted by the coordinator"});
    return true;
  }
  if (may_go_alone(state, waiting, now)) {
    state.last_alone = now;
    const auto waited = std::chrono::duration_cast<std::chrono::seconds>(now - *waiting.unanswered_since);
    decision.go.push_back({waiting.victim, Reason::kNoArbiter,
                           fmt::format("no answer from the coordinator for {} s, alone", waited.count())});
    return true;
  }
  if (now < waiting.next_ask) return false;
  if (!waiting.unanswered_since) waiting.unanswered_since = now;
  waiting.next_ask = now + kAskAgain;
  decision.ask.push_back(waiting.victim);
  return false;
}

void add_new(EvictionRequests& state, const RequestsInput& input, RequestsDecision& decision) {
  for (const auto& victim : input.decision.victims) {
    const auto same = [&](const Waiting& each) { return each.victim.uid == victim.uid; };
    if (std::any_of(state.waiting.begin(), state.waiting.end(), same)) continue;
    if (contains(input.leaving, victim.uid)) continue;
    if (contains(input.held, victim.uid)) {
      decision.dropped.push_back({victim, Reason::kHandsOff, "an operator keeps the agent off it"});
    } else if (state.waiting.size() >= model::EvictionLimits::kMaxRequests) {
      decision.dropped.push_back({victim, Reason::kEvictionWithdrawn, "too many wait already"});
    } else {
      state.waiting.push_back({.victim = victim, .unanswered_since = {}, .next_ask = input.now, .granted = false});
    }
  }
}

}  // namespace

model::EvictionUrgency urgency_of(EvictTask task) {
  return task == EvictTask::kNodeUsage ? model::EvictionUrgency::kServices : model::EvictionUrgency::kBatch;
}

RequestsStep eviction_requests(EvictionRequests state, const RequestsInput& input) {
  RequestsStep step{std::move(state), {}};
  auto& waiting = step.state.waiting;
  auto& decision = step.decision;
  const auto drop_if = [&](const auto& why) {
    std::erase_if(waiting, [&](Waiting& each) {
      auto dropped = why(each);
      if (!dropped) return false;
      decision.dropped.push_back(std::move(*dropped));
      return true;
    });
  };
  drop_if([&](Waiting& each) -> std::optional<Dropped> {
    const auto verdict = std::find_if(input.verdicts.begin(), input.verdicts.end(),
                                      [&](const auto& made) { return made.id == each.victim.id; });
    return verdict == input.verdicts.end() ? std::nullopt : take(each, *verdict, input.now);
  });
  drop_if([&](Waiting& each) { return settled(each, input); });
  auto promised_of = promised(waiting);
  drop_if([&](Waiting& each) { return needless(each, input, promised_of); });
  add_new(step.state, input, decision);
  std::erase_if(waiting, [&](Waiting& each) {
    if (need_of(input.decision.of(each.victim.task).trigger) == Need::kThere) {
      return advance(step.state, each, input.now, decision);
    }
    // Who did not ask has waited for nobody.
    each.unanswered_since.reset();
    return false;
  });
  return step;
}

}  // namespace tideline::decide
