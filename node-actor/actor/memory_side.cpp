#include "node-actor/actor/memory_side.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "messages/log/log.h"
#include "node-actor/actor/held_pods.h"
#include "node-actor/decide/cpu_round.h"

namespace tideline::node {
namespace {

using model::Controller;
using model::Reason;
using State = model::FeatureState::State;

bool wants_relief(const model::NodePolicy& policy) {
  return policy.threshold.enable && policy.threshold.memory_evict_threshold_percent > 0;
}

}  // namespace

MemorySide::MemorySide(const kernel::CgroupTree& tree, const guard::Journal& journal, Host host,
                       guard::OomScoreRecord scores, Writes writes, std::function<bool()> may_act, Tell tell)
    : tree_(tree),
      host_(std::move(host)),
      may_act_(std::move(may_act)),
      tell_(std::move(tell)),
      reader_(tree),
      slow_(host_.slow),
      be_memory_(tree, journal, slow_, std::move(writes.perform), std::move(writes.prepare), std::move(writes.made)),
      kills_(tree, tell_),
      scores_(tree, std::move(scores), may_act_, tell_) {}

bool MemorySide::end_writes() {
  be_memory_.stop();
  return slow_.stuck() == 0;
}

void MemorySide::forget() {
  be_memory_.forget();
  state_ = {};
  decision_ = {};
  is_on_ = is_acting_ = false;
}

void MemorySide::seen(const model::HostCounters& counters, const model::NodeSample& sample) {
  kubepods_ = counters.kubepods_memory;
  best_effort_ = counters.best_effort.memory_side;
  host_memory_ = counters.memory_host;
  const auto& stall = sample.memory_side.ls.memory;
  ls_memory_some_ = stall ? std::optional(stall->some) : std::nullopt;
  alloc_stalls_ = sample.memory_side.host.alloc_stalls;
  bound_ = decide::tightest(counters.memory_host, counters.kubepods_memory);
  used_.clear();
  for (const auto& pod : sample.pods) {
    if (pod.memory) used_.emplace(pod.uid.str(), *pod.memory);
  }
}

void MemorySide::add_to(model::NodeSample& sample) const {
  auto& memory = sample.memory_side;
  if (bound_) memory.available = bound_->available;
  memory.be_tightened = be_memory_.tightened();
  memory.rung = is_acting_ ? decision_.rung : model::ReliefRung::kNone;
}

decide::ReliefInput MemorySide::input_of(const model::FastMemoryCounters& counters, model::MonoTime now) const {
  return {.now = now,
          .bound = decide::tightest(counters.host, counters.kubepods),
          .low_watermark = host_memory_.low_watermark,
          .be_usage = counters.best_effort.usage,
          .be_reclaimable = counters.best_effort.reclaimable,
          .ls_memory_some = ls_memory_some_,
          .alloc_stalls = alloc_stalls_,
          .reclaim_busy = be_memory_.busy(),
          .can_reclaim = be_memory_.no_reclaim().empty() && held_why_.empty(),
          .can_tighten = be_memory_.no_tighten().empty() && held_why_.empty(),
          .pending_release = pending_release_,
          .tighten_kills = host_.v1};
}

model::Result<void> MemorySide::fast_round(const Fast& fast) {
  kills_.step(fast.now);
  take_reclaimed(fast.now);
  tell_overwritten();
  // Absence of a policy must not give BE back what an earlier one took.
  if (!fast.policy) return {};
  if (!wants_relief(*fast.policy)) return let_go(fast);
  const auto* hold = decide::covering(fast.holds, tree_.best_effort(), fast.now);
  held_why_ = hold != nullptr ? decide::why(*hold) : std::string();
  auto counters = reader_.read(fast.now, troubles_);
  counters.kubepods.reclaimable = kubepods_.reclaimable;
  counters.kubepods.stat_at = kubepods_.stat_at;
  counters.best_effort.reclaimable = best_effort_.reclaimable;
  counters.best_effort.stat_at = best_effort_.stat_at;
  input_ = input_of(counters, fast.now);
  const bool dry_run = fast.policy->dry_run.memory_relief;
  if (!std::exchange(has_begun_, true) && !dry_run) take_over(fast.now);
  std::optional<decide::ReliefState> before;
  if (fast.recorder.on()) before = state_;
  auto step = decide::memory_relief(std::move(state_), input_, fast.policy);
  if (before) fast.recorder.relief(counters, fast.policy, *before, input_, step);
  state_ = std::move(step.state);
  tell_rung(step.decision, dry_run, fast.now);
  decision_ = std::move(step.decision);
  is_on_ = true;
  is_acting_ = !dry_run && held_why_.empty();
  may_hold_ = true;
  return do_what_was_decided(fast);
}

void MemorySide::take_over(model::MonoTime now) {
  if (!be_memory_.inherited() || !be_memory_.tightened()) return;
  state_.tightened = be_memory_.tightened();
  state_.tightened_at = state_.last_known = now;
  state_.tighten_until = now + decide::kTightenCoolDown;
}

model::Result<void> MemorySide::let_go(const Fast& fast) {
  if (std::exchange(is_on_, false)) {
    tell_rung({}, told_dry_, fast.now);
    state_ = {};
    decision_ = {};
    is_acting_ = false;
  }
  if (!may_hold_) return {};
  const auto* hold = decide::covering(fast.holds, tree_.best_effort(), fast.now);
  held_why_ = hold != nullptr ? decide::why(*hold) : std::string();
  // What a hold keeps in place goes with its end.
  if (hold != nullptr) return {};
  const auto done = be_memory_.tighten(std::nullopt, Reason::kDisabled, fast.now);
  // What is under way may yet put a limit in place, and what takes it off again may fail.
  may_hold_ = be_memory_.busy() || be_memory_.tightened() || !be_memory_.problem().empty();
  return done;
}

model::Result<void> MemorySide::do_what_was_decided(const Fast& fast) {
  const bool dry_run = fast.policy->dry_run.memory_relief;
  if (decision_.emergency && !dry_run) {
    if (const auto done = kill_one(fast); !done) return done;
  }
  if (!held_why_.empty()) return {};
  const auto limit = dry_run ? std::nullopt : decision_.tighten;
  const auto reason = limit ? Reason::kBeTightened : dry_run ? Reason::kDryRun : decision_.reason;
  if (const auto done = be_memory_.tighten(limit, reason, fast.now); !done) return done;
  tell_overwritten();
  if (dry_run || !decision_.reclaim || be_memory_.busy()) return {};
  const auto begun = be_memory_.reclaim(*decision_.reclaim, fast.now);
  if (begun || begun.error().code() == model::ErrorCode::kNotFound) return {};
  if (begun.error().code() == model::ErrorCode::kFenced) return begun;
  ++account_.ended;
  ++account_.failed;
  account_.asked += *decision_.reclaim;
  account_.failure = begun.error().message();
  return {};
}

std::vector<decide::PodMemory> MemorySide::memory_of(const std::vector<model::Pod>& pods) const {
  std::vector<decide::PodMemory> memory;
  memory.reserve(pods.size());
  for (const auto& pod : pods) {
    const auto used = used_.find(pod.uid.str());
    memory.push_back({&pod, used != used_.end() ? std::optional(used->second) : std::nullopt});
  }
  return memory;
}

model::Result<void> MemorySide::kill_one(const Fast& fast) {
  if (!may_act_()) {
    return model::Error(model::ErrorCode::kFenced, "no emergency kill: another owner took the lease");
  }
  auto leaving = kills_.not_to_pick();
  for (auto& uid : fast.leaving())
    leaving.push_back(std::move(uid));
  const auto memory = memory_of(fast.pods);
  const auto* victim = decide::emergency_victim(memory, held_be_pods(tree_, fast.holds, fast.pods, fast.now), leaving);
  if (victim == nullptr) {
    if (fast.now - no_victim_told_ < kTellEvery) return {};
    no_victim_told_ = fast.now;
    tell_(Controller::kMemoryRelief, Reason::kEmergencyKill, tree_.best_effort() + " (emergency)", decision_.why,
          "nobody is killed: no BE pod that runs, is not held and is not leaving has a known use of memory");
    return {};
  }
  const auto used = used_.find(victim->uid.str());
  kills_.kill(*victim, used != used_.end() ? std::optional(used->second) : std::nullopt, decision_.why, fast.now);
  return {};
}

void MemorySide::take_reclaimed(model::MonoTime now) {
  // Also where nothing is under way: a helper that nobody needs is ended, and one that was stuck looked after.
  if (const auto done = be_memory_.poll(now)) {
    ++account_.ended;
    account_.asked += done->asked;
    account_.freed += done->freed;
    account_.took += done->took;
    if (done->error) {
      ++account_.failed;
      account_.failure = done->error->message();
    }
  }
  if (account_.ended > 0 && now - told_at_ >= kTellEvery) {
    told_at_ = now;
    tell_reclaimed();
  }
}

void MemorySide::tell_reclaimed() {
  const auto account = std::exchange(account_, {});
  if (account.ended == 0) return;
  auto after = fmt::format("{} bytes freed in {:.2f} s by {} reclaims", account.freed.value(),
                           std::chrono::duration<double>(account.took).count(), account.ended);
  if (account.failed > 0) after += fmt::format("; {} of them came short: {}", account.failed, account.failure);
  const bool nothing = account.freed <= model::Bytes(0);
  tell_(Controller::kMemoryRelief, nothing ? Reason::kReclaimFailed : Reason::kReclaimed,
        tree_.best_effort() + " (reclaim)", fmt::format("{} bytes asked for", account.asked.value()), std::move(after));
}

void MemorySide::tell_overwritten() {
  const auto over = be_memory_.take_overwritten();
  if (!over) return;
  const auto file = tree_.best_effort() + (host_.v1 ? "/memory.limit_in_bytes" : "/memory.high");
  log::warn("drift", "{} held {}, which is not ours", file, over->found);
  tell_(Controller::kMemoryRelief, Reason::kDrift, file, over->found, over->ours);
}

void MemorySide::tell_rung(const decide::ReliefDecision& decision, bool dry_run, model::MonoTime now) {
  if (decision.rung == told_rung_ && dry_run == told_dry_) return;
  told_at_ = now;
  tell_reclaimed();
  const auto before = std::exchange(told_rung_, decision.rung);
  const bool was_dry = std::exchange(told_dry_, dry_run);
  // Only whether it acts has changed, and it does nothing.
  if (before == decision.rung && before == model::ReliefRung::kNone) return;
  const auto text = [](model::ReliefRung rung) { return fmt::format("rung {}", model::name_of(rung)); };
  auto after = text(decision.rung);
  if (!decision.why.empty()) after += ": " + decision.why;
  const auto subject = tree_.best_effort() + " (relief)";
  log::info("memory-relief", "{} -> {}{}", text(before), after, dry_run ? ", dry run" : "");
  // As of all that dry run leaves undone: nothing says that it is so no longer.
  const auto tell_dry = [&](std::string what) {
    tell_(Controller::kMemoryRelief, Reason::kDryRun, subject, "rung none", std::move(what));
  };
  if (dry_run) return tell_dry(decision.rung == model::ReliefRung::kNone ? std::string() : std::move(after));
  if (was_dry && before != model::ReliefRung::kNone) tell_dry({});
  const auto reason = decision.reason == Reason::kNone ? Reason::kDisabled : decision.reason;
  tell_(Controller::kMemoryRelief, reason, subject, text(was_dry ? model::ReliefRung::kNone : before),
        std::move(after));
}

const decide::MemoryRoundDecision& MemorySide::round(std::vector<decide::EvictState::Asked>& asked,
                                                     const Round& round) {
  const decide::MemoryRoundInput input{.now = round.now,
                                       .pods = round.pods,
                                       .sample = round.sample,
                                       .knobs = round.knobs,
                                       .is_v1 = host_.v1,
                                       .memory_allocatable = round.memory_allocatable,
                                       .allocatable_batch_memory = round.allocatable_batch_memory,
                                       .own_limits = round.own_limits,
                                       .used = round.used,
                                       .boot_id = host_.boot_id,
                                       .relief = is_on_ ? &decision_ : nullptr,
                                       .work = round.work,
                                       .held = round.held,
                                       .in_force = &round.in_force};
  round.recorder.memory_round_begins(round_state_, asked, input, round.policy);
  auto step = decide::memory_round(std::move(round_state_), asked, input, round.policy);
  round.recorder.memory_round_ends(step.decision);
  round_state_ = std::move(step.state);
  decided_ = std::move(step.decision);
  pending_release_ = decide::pending_release(memory_of(round.pods), asked);
  return *decided_;
}

model::Result<void> MemorySide::act(const std::vector<model::Pod>& pods,
                                    const std::function<bool(const model::PodUid&)>& held, model::MonoTime now) {
  if (!decided_) return {};
  return scores_.round({.wants = decided_->oom_scores, .pods = pods, .held = held, .now = now});
}

std::vector<model::FeatureState> MemorySide::features(const std::optional<model::NodePolicy>& policy,
                                                      std::string_view waits_for) const {
  auto features = relief_features(policy);
  if (!policy) {
    for (auto& feature : features)
      feature.why = waits_for;
  }
  if (decided_) {
    features.insert(features.end(), decided_->evict.features.begin(), decided_->evict.features.end());
  } else {
    auto waiting = decide::memory_waiting_features(waits_for);
    std::move(waiting.begin(), waiting.end(), std::back_inserter(features));
  }
  if (policy) decide::tell_dry_run(features, policy->dry_run);
  return features;
}

std::vector<model::FeatureState> MemorySide::relief_features(const std::optional<model::NodePolicy>& policy) const {
  auto features = decide::relief_features(decision_, input_, policy);
  if (!policy || !wants_relief(*policy) || !is_on_) return features;
  const auto say = [&](std::string_view name, bool wanted, State state, const std::string& why) {
    if (!wanted || why.empty()) return;
    for (auto& feature : features) {
      if (feature.feature == name) feature = {feature.feature, state, why};
    }
  };
  const auto& problem = be_memory_.problem();
  const bool is_refused = !problem.empty() && !policy->dry_run.memory_relief;
  const auto& relief = policy->relief;
  say("memoryRelief.tighten", relief.tighten && is_refused, State::kUnsupported,
      "the limit could not be written: " + problem);
  say("memoryRelief.reclaim", relief.reclaim, State::kInactive, held_why_);
  say("memoryRelief.tighten", relief.tighten, State::kInactive, held_why_);
  say("memoryRelief.reclaim", relief.reclaim, State::kUnsupported, be_memory_.no_reclaim());
  say("memoryRelief.tighten", relief.tighten, State::kUnsupported, be_memory_.no_tighten());
  return features;
}

void MemorySide::add_problems(std::vector<model::FeatureState>& features) const {
  const auto& problem = scores_.problem();
  if (!problem) return;
  for (auto& feature : features) {
    if (feature.feature != "memoryQOS.beClass" || feature.state != State::kActive) continue;
    feature.state = State::kUnsupported;
    feature.why = "not all processes of batch have their oom_score_adj: " + problem->message();
  }
}

}  // namespace tideline::node
