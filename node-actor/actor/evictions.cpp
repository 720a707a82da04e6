#include "node-actor/actor/evictions.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "messages/log/log.h"
#include "node-actor/decide/victim_text.h"

namespace tideline::node {
namespace {

using model::Controller;
using model::Reason;

double seconds(model::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

const model::Pod* find(const std::vector<model::Pod>& pods, const model::PodUid& uid) {
  const auto pod = std::find_if(pods.begin(), pods.end(), [&](const auto& each) { return each.uid == uid; });
  return pod == pods.end() ? nullptr : &*pod;
}

/// Of an event whose reason is not why it was picked.
std::string trigger_and_cost_of(const decide::EvictVictim& victim) {
  return fmt::format("{}, {}", model::name_of(victim.reason), cost_of(victim));
}

std::string picked_for(const decide::EvictVictim& victim) {
  return fmt::format("picked: {}", model::name_of(victim.reason));
}

/// Of one that went for memory.
std::string freed_by(const decide::EvictVictim& victim) {
  if (!is_of_memory(victim.task) || !victim.memory_used) return {};
  return fmt::format("; it had {} bytes when it was picked", victim.memory_used->value());
}

}  // namespace

std::vector<model::PodUid> Evictions::waiting() const {
  std::vector<model::PodUid> uids;
  for (const auto& each : asked_.waiting)
    uids.push_back(each.victim.uid);
  return uids;
}

std::vector<model::PodUid> Evictions::leaving() const {
  std::vector<model::PodUid> uids;
  for (const auto& each : leaving_)
    uids.push_back(each.what.victim.uid);
  for (auto& uid : decide::leaving_for_sure(evicted_))
    uids.push_back(std::move(uid));
  return uids;
}

std::vector<model::PodUid> Evictions::maybe_leaving() const {
  auto uids = leaving();
  for (const auto& row : evicted_.rows) {
    if (!row.sure) uids.push_back(row.victim.uid);
  }
  for (const auto& each : asked_.waiting) {
    // The answer to an open ask may be that it was evicted.
    const bool may_be_evicted = each.under_way || each.unanswered_since;
    if (by_ == By::kApi && may_be_evicted) uids.push_back(each.victim.uid);
  }
  return uids;
}

void Evictions::keep(const KeptEviction* more) {
  KeptEvictions kept{.under_way = {}, .through_api = {}, .last_alone = asked_.last_alone};
  for (const auto& each : leaving_)
    kept.under_way.push_back(each.what);
  if (more != nullptr) kept.under_way.push_back(*more);
  for (const auto& row : evicted_.rows) {
    if (row.sure) kept.through_api.push_back({row.victim, row.since});
  }
  if (const auto done = keep_evictions(state_dir_, boot_id_, kept); !done) {
    // Carried out all the same, as long as this worker lives.
    log::error("evictions-not-kept", "{}", done.error().message());
  }
}

void Evictions::resume(model::MonoTime now) {
  const auto kept = load_evictions(state_dir_, boot_id_);
  if (!kept) {
    log::error("evictions-file", "{}; what was under way is not known", kept.error().message());
    return;
  }
  asked_.last_alone = kept->last_alone;
  for (const auto& what : kept->under_way)
    resume(what, now);
  for (const auto& each : kept->through_api) {
    if (by_ != By::kApi) continue;
    log::info("eviction", "{}: evicted through the API before this worker began", subject_of(each.victim));
    decide::goes_on(evicted_, each.victim, each.since, now);
  }
  if (leaving_.size() + evicted_.rows.size() != kept->under_way.size() + kept->through_api.size()) keep(nullptr);
}

void Evictions::resume(const KeptEviction& what, model::MonoTime now) {
  const auto tell = [&](std::string after) {
    tell_(controller_of(what.victim.task), what.told, subject_of(what.victim), "leaving when the agent's worker ended",
          std::move(after));
  };
  // kubelet would start again what is ended here.
  if (by_ == By::kApi) return tell("left alone: this node's pods are Kubernetes' now");
  const auto grace = std::max<model::Duration>(what.deadline - now, kLeastGrace);
  auto kill = kernel::PodKill::begin(what.place, grace, now);
  if (!kill) {
    return tell(kill.error().code() == model::ErrorCode::kNotFound ? "gone meanwhile"
                                                                   : "not evicted: " + kill.error().message());
  }
  log::info("eviction", "{}: begun by an earlier worker, goes on", subject_of(what.victim));
  tell(fmt::format("goes on, {:.0f} s of grace left; {}", seconds(grace), what.victim.id));
  auto again = what;
  again.deadline = now + grace;
  leaving_.push_back({std::move(again), std::move(*kill), false});
}

std::vector<Evictions::Gone> Evictions::step(decide::EvictState& state, model::MonoTime now,
                                             const std::vector<model::Pod>* pods) {
  if (!std::exchange(resumed_, true)) resume(now);
  std::vector<Gone> gone;
  end(state, now, gone);
  if (pods != nullptr && !evicted_.rows.empty()) see_off(state, now, *pods, gone);
  if (!gone.empty()) keep(nullptr);
  return gone;
}

void Evictions::end(decide::EvictState& state, model::MonoTime now, std::vector<Gone>& gone) {
  std::erase_if(leaving_, [&](Leaving& leaving) {
    const auto& victim = leaving.what.victim;
    const auto progress = leaving.kill.step(now);
    if (!progress) log::warn("eviction", "{}: {}", subject_of(victim), progress.error().message());
    const bool done = progress && progress->done();
    if (done) {
      tell_(controller_of(victim.task), leaving.what.told, subject_of(victim), "leaving",
            fmt::format("gone after {:.1f} s, {} SIGTERM, {} SIGKILL{}", seconds(now - leaving.what.since),
                        progress->terms, progress->kills, freed_by(victim)));
      gone.push_back({victim.uid, victim.name_space, victim.name, victim.cpu_time_used});
    } else if (!leaving.stuck && now - leaving.what.deadline >= kStuckAfter) {
      leaving.stuck = true;
      const auto why = !progress ? progress.error().message() : progress->last_failure;
      tell_(controller_of(victim.task), leaving.what.told, subject_of(victim), "leaving",
            fmt::format("not gone after {:.0f} s, tried on: {}", seconds(now - leaving.what.since),
                        why.empty() ? "its processes do not die" : why));
      decide::refuse(state, victim.uid);
    } else if (!leaving.stuck) {
      decide::credit(state, victim.uid, now);
    }
    return done;
  });
}

bool Evictions::has_no_group(const std::vector<model::Pod>& pods, const model::PodUid& uid) const {
  const auto* pod = find(pods, uid);
  if (pod == nullptr) return false;
  const auto place = kernel::pod_kill_place(tree_, *pod);
  return !place && place.error().code() == model::ErrorCode::kNotFound;
}

void Evictions::see_off(decide::EvictState& state, model::MonoTime now, const std::vector<model::Pod>& pods,
                        std::vector<Gone>& gone) {
  std::vector<model::PodUid> without_group;
  for (const auto& uid : decide::leaving_for_sure(evicted_)) {
    if (has_no_group(pods, uid)) without_group.push_back(uid);
  }
  const auto seen = decide::see_off(evicted_, pods, without_group, now);
  const auto tell = [&](const decide::EvictedPods::Row& row, std::string before, std::string after) {
    log::info("eviction", "{}: {}", subject_of(row.victim), after);
    tell_(controller_of(row.victim.task), Reason::kApiEvicted, subject_of(row.victim), std::move(before),
          std::move(after));
  };
  for (const auto& row : seen.after_all) {
    tell(row, trigger_and_cost_of(row.victim),
         "evicted through the API although it was not asked for any more; " + row.victim.id);
  }
  for (const auto& row : seen.gone) {
    tell(row, "leaving", fmt::format("gone after {:.1f} s{}", seconds(now - row.since), freed_by(row.victim)));
    gone.push_back({row.victim.uid, row.victim.name_space, row.victim.name, row.victim.cpu_time_used});
  }
  for (const auto& row : seen.stayed) {
    tell(row, "leaving",
         fmt::format("Kubernetes shows it running {:.0f} s after it was evicted", seconds(now - row.since)));
    decide::refuse(state, row.victim.uid);
  }
  for (const auto& uid : decide::leaving_for_sure(evicted_))
    decide::credit(state, uid, now);
  if (!seen.after_all.empty() || !seen.stayed.empty()) keep(nullptr);
}

void Evictions::evicted(decide::EvictState& state, const decide::RequestsDecision::Leaves& leaves,
                        model::MonoTime now) {
  const auto& victim = leaves.victim;
  decide::leaves(evicted_, victim, now);
  keep(nullptr);
  log::info("eviction", "{}: {}, {}; evicted through the API: {}", subject_of(victim), model::name_of(victim.reason),
            cost_of(victim), leaves.why);
  tell_(controller_of(victim.task), Reason::kApiEvicted, subject_of(victim), trigger_and_cost_of(victim),
        fmt::format("evicted through the API: {}; {}", leaves.why, victim.id));
  decide::credit(state, victim.uid, now);
  if (!is_of_memory(victim.task)) decide::cool_down(state, now);
}

void Evictions::begin(decide::EvictState& state, const decide::RequestsDecision::Go& go,
                      const std::vector<model::Pod>& pods, model::MonoTime now) {
  const auto& victim = go.victim;
  const auto* pod = find(pods, victim.uid);
  if (pod == nullptr) return;
  // Whoever goes alone must be found by it; else the reason is why it was picked.
  const auto told = go.by == Reason::kNoArbiter ? go.by : victim.reason;
  const auto before = go.by == Reason::kNoArbiter ? trigger_and_cost_of(victim) : cost_of(victim);
  const auto fail = [&](const model::Error& why) {
    log::warn("eviction", "{}: {}", subject_of(victim), why.message());
    tell_(controller_of(victim.task), told, subject_of(victim), before, "not evicted: " + why.message());
    decide::refuse(state, victim.uid);
  };
  const auto place = kernel::pod_kill_place(tree_, *pod);
  if (!place) return fail(place.error());
  KeptEviction what{victim, told, *place, now, now + kGrace};
  // Before the first signal: whoever got it must be seen through.
  keep(&what);
  auto kill = kernel::PodKill::begin(*place, kGrace, now);
  if (!kill) {
    keep(nullptr);
    return fail(kill.error());
  }
  log::info("eviction", "{}: {}, {}; {}", subject_of(victim), model::name_of(victim.reason), cost_of(victim), go.why);
  tell_(controller_of(victim.task), told, subject_of(victim), before,
        fmt::format("asked to end, {:.0f} s of grace; {}; {}", seconds(kGrace), go.why, victim.id));
  leaving_.push_back({std::move(what), std::move(*kill), false});
  decide::credit(state, victim.uid, now);
  if (!is_of_memory(victim.task)) decide::cool_down(state, now);
}

void Evictions::drop(decide::EvictState& state, const decide::RequestsDecision::Dropped& dropped, model::MonoTime now) {
  const auto& victim = dropped.victim;
  if (dropped.reason != Reason::kNone) log::info("eviction", "{}: {}", subject_of(victim), dropped.why);
  if (dropped.reason == Reason::kNone) {
    // Whether it is credited is told by the list of pods, or by step().
    return;
  }
  if (dropped.under_way) decide::may_leave(evicted_, victim, now);
  if (dropped.reason != Reason::kEvictionWithdrawn) {
    decide::refuse(state, victim.uid);
    return;
  }
  decide::forget(state, victim.uid);
  tell_(controller_of(victim.task), dropped.reason, subject_of(victim), picked_for(victim), dropped.why);
}

void Evictions::ask(const std::vector<decide::EvictVictim>& victims, const std::vector<model::Pod>& pods) {
  for (const auto& victim : victims) {
    const auto* pod = find(pods, victim.uid);
    if (pod == nullptr) continue;
    // Through the API it is asked for each second, and was told when it was picked.
    if (by_ == By::kNode) log::info("eviction", "{}: asked for, {}", subject_of(victim), victim.id);
    requests_.push_back({.id = victim.id,
                         .uid = victim.uid,
                         .name_space = victim.name_space,
                         .name = victim.name,
                         .workload = pod->workload,
                         .group = tree_.pod_group(*pod),
                         .reason = victim.reason,
                         .urgency = decide::urgency_of(victim.task)});
  }
}

void Evictions::tell_of_api(const decide::RequestsDecision& decision) {
  for (const auto& victim : decision.picked) {
    log::info("eviction", "{}: {}, asked for through the API, {}", subject_of(victim), model::name_of(victim.reason),
              victim.id);
    tell_(controller_of(victim.task), victim.reason, subject_of(victim), cost_of(victim),
          "asked for through the API; " + victim.id);
  }
  for (const auto& word : decision.words) {
    log::info("eviction", "{}: {}, {}", subject_of(word.victim), model::name_of(word.reason), word.why);
    tell_(controller_of(word.victim.task), word.reason, subject_of(word.victim), picked_for(word.victim), word.why);
  }
}

void Evictions::answered(const model::EvictionAnswer& answer) {
  verdicts_.insert(verdicts_.end(), answer.verdicts.begin(), answer.verdicts.end());
  // Of answers that nobody asks for any more no more are kept than one ask can bring.
  constexpr auto kMost = model::EvictionLimits::kMaxRequests;
  if (verdicts_.size() > kMost) verdicts_.erase(verdicts_.begin(), verdicts_.end() - kMost);
}

void Evictions::leave_alone(decide::EvictState& state, Controller mechanism,
                            std::span<const decide::EvictVictim> victims, model::MonoTime now) {
  std::erase_if(asked_.waiting, [&](const auto& each) {
    if (controller_of(each.victim.task) != mechanism) return false;
    if (each.under_way) decide::may_leave(evicted_, each.victim, now);
    decide::forget(state, each.victim.uid);
    return true;
  });
  for (const auto& victim : victims) {
    tell_(mechanism, Reason::kDryRun, subject_of(victim), cost_of(victim),
          fmt::format("would be evicted: {}", model::name_of(victim.reason)));
  }
}

void Evictions::round(decide::EvictState& state, const Round& round) {
  requests_.clear();
  const auto verdicts = std::exchange(verdicts_, {});
  decide::EvictRound cpu{round.decision.victims, round.decision.outcomes};
  decide::EvictRound memory;
  if (round.memory != nullptr) memory = {round.memory->victims, round.memory->outcomes};
  if (round.dry_run) leave_alone(state, Controller::kCpuEvict, std::exchange(cpu, {}).victims, round.now);
  if (round.memory_dry_run) leave_alone(state, Controller::kMemoryEvict, std::exchange(memory, {}).victims, round.now);
  const auto already = leaving();
  auto step = decide::eviction_requests(std::move(asked_), {.now = round.now,
                                                            .cpu = cpu,
                                                            .memory = memory,
                                                            .pods = round.pods,
                                                            .verdicts = verdicts,
                                                            .held = round.held,
                                                            .leaving = already,
                                                            .through_api = by_ == By::kApi});
  asked_ = std::move(step.state);
  if (by_ == By::kApi) tell_of_api(step.decision);
  for (const auto& dropped : step.decision.dropped)
    drop(state, dropped, round.now);
  for (const auto& leaves : step.decision.leaves)
    evicted(state, leaves, round.now);
  for (const auto& go : step.decision.go)
    begin(state, go, round.pods, round.now);
  for (const auto& each : asked_.waiting)
    decide::credit(state, each.victim.uid, round.now);
  ask(step.decision.ask, round.pods);
}

}  // namespace tideline::node
