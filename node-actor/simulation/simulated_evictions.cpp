#include "node-actor/simulation/simulated_evictions.h"

#include <algorithm>

#include <fmt/format.h>

#include "node-actor/decide/victim_text.h"
#include "node-actor/simulation/kernel_text.h"

namespace tideline::simulation {
namespace {

using model::Reason;

double in_seconds(model::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

std::vector<model::PodUid> SimulatedEvictions::waiting() const {
  std::vector<model::PodUid> uids;
  for (const auto& each : asked_.waiting)
    uids.push_back(each.victim.uid);
  return uids;
}

std::vector<model::PodUid> SimulatedEvictions::leaving() const {
  std::vector<model::PodUid> uids;
  for (const auto& each : leaving_)
    uids.push_back(each.victim.uid);
  return uids;
}

std::vector<decide::EvictVictim> SimulatedEvictions::step(decide::EvictState& state, model::MonoTime now) {
  std::vector<decide::EvictVictim> gone;
  std::erase_if(leaving_, [&](const Leaving& leaving) {
    if (now - leaving.since < kTakes) {
      decide::credit(state, leaving.victim.uid, now);
      return false;
    }
    tell_(leaving.told, subject_of(leaving.victim), "leaving",
          fmt::format("gone after {:.1f} s", in_seconds(now - leaving.since)));
    gone.push_back(leaving.victim);
    return true;
  });
  return gone;
}

void SimulatedEvictions::begin(decide::EvictState& state, const decide::RequestsDecision::Go& go, model::MonoTime now) {
  const auto& victim = go.victim;
  const bool alone = go.by == Reason::kNoArbiter;
  const auto before = alone ? fmt::format("{}, {}", model::name_of(victim.reason), cost_of(victim)) : cost_of(victim);
  const auto told = alone ? go.by : victim.reason;
  tell_(told, subject_of(victim), before, fmt::format("asked to end; {}; {}", go.why, victim.id));
  leaving_.push_back({victim, told, now});
  decide::credit(state, victim.uid, now);
  decide::cool_down(state, now);
}

void SimulatedEvictions::drop(decide::EvictState& state, const decide::RequestsDecision::Dropped& dropped) {
  const auto& victim = dropped.victim;
  if (dropped.reason == Reason::kNone) return;
  if (dropped.reason != Reason::kEvictionWithdrawn) {
    decide::refuse(state, victim.uid);
    return;
  }
  decide::forget(state, victim.uid);
  tell_(dropped.reason, subject_of(victim), fmt::format("picked: {}", model::name_of(victim.reason)), dropped.why);
}

void SimulatedEvictions::ask(const std::vector<decide::EvictVictim>& victims, const std::vector<model::Pod>& pods) {
  for (const auto& victim : victims) {
    const auto pod = std::find_if(pods.begin(), pods.end(), [&](const auto& each) { return each.uid == victim.uid; });
    if (pod == pods.end()) continue;
    requests_.push_back({.id = victim.id,
                         .uid = victim.uid,
                         .name_space = victim.name_space,
                         .name = victim.name,
                         .workload = pod->workload,
                         .group = group_path(model::group_of(*pod)),
                         .reason = victim.reason,
                         .urgency = decide::urgency_of(victim.task)});
  }
}

void SimulatedEvictions::answered(const model::EvictionAnswer& answer) {
  verdicts_.insert(verdicts_.end(), answer.verdicts.begin(), answer.verdicts.end());
  // Of answers that nobody asks for any more no more are kept than one ask can bring.
  constexpr auto kMost = static_cast<std::ptrdiff_t>(model::EvictionLimits::kMaxRequests);
  if (std::ssize(verdicts_) > kMost) verdicts_.erase(verdicts_.begin(), verdicts_.end() - kMost);
}

void SimulatedEvictions::round(decide::EvictState& state, const Round& round) {
  requests_.clear();
  const auto verdicts = std::exchange(verdicts_, {});
  if (round.dry_run) {
    for (const auto& each : std::exchange(asked_.waiting, {}))
      decide::forget(state, each.victim.uid);
    for (const auto& victim : round.decision.victims) {
      tell_(Reason::kDryRun, subject_of(victim), cost_of(victim),
            fmt::format("would be evicted: {}", model::name_of(victim.reason)));
    }
    return;
  }
  const auto already = leaving();
  auto step = decide::eviction_requests(std::move(asked_), {.now = round.now,
                                                            .cpu = {round.decision.victims, round.decision.outcomes},
                                                            .pods = round.pods,
                                                            .verdicts = verdicts,
                                                            .held = round.held,
                                                            .leaving = already});
  asked_ = std::move(step.state);
  for (const auto& dropped : step.decision.dropped)
    drop(state, dropped);
  for (const auto& go : step.decision.go)
    begin(state, go, round.now);
  for (const auto& each : asked_.waiting)
    decide::credit(state, each.victim.uid, round.now);
  ask(step.decision.ask, round.pods);
}

}  // namespace tideline::simulation
