#include "coordinator/actor/eviction_desk.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "coordinator/fleet/eviction_event.h"
#include "storage/store/limits.h"

namespace tideline::coordinator {

namespace {

constexpr std::string_view kNoKubernetes =
    "refused: the node's pods are Kubernetes', and this coordinator runs without access to it (--policy-source "
    "kubernetes, or --kubernetes)";

}  // namespace

static_assert(fleet::kMaxEvictionTextBytes <= store::kMaxSettingValueBytes, "what is remembered must fit a setting");

fleet::EvictionStanding eviction_standing(const std::optional<model::NodePolicy>& policy,
                                          std::vector<admin::HandsOffRow> held) {
  fleet::EvictionStanding standing;
  if (policy) {
    standing.dry_run = policy->dry_run.cpu_evict;
    standing.memory_dry_run = policy->dry_run.memory_evict;
  }
  standing.holds.reserve(held.size());
  for (auto& row : held)
    standing.holds.push_back(std::move(row.hands_off));
  return standing;
}

void EvictionDesk::asked(const link::ArrivedEvictionAsk& ask, const fleet::EvictionStanding& standing,
                         const fleet::Arrival& now) {
  const auto last = last_ask_.find(ask.node);
  if (last != last_ask_.end() && now.mono - last->second < kShortestGap) {
    out_.refuse(ask.ticket, model::Error(model::ErrorCode::kOverloaded, "asked a moment ago; ask once a second"));
    return;
  }
  // A grant that is not kept yet would be "granted before" to a second ask, and be answered before it is.
  if (std::any_of(changes_.begin(), changes_.end(), [&](const auto& each) { return each.second.node == ask.node; })) {
    out_.refuse(ask.ticket, model::Error(model::ErrorCode::kOverloaded, "what was granted before is being kept"));
    return;
  }
  last_ask_[ask.node] = now.mono;
  if (ask.ask.through_api && !out_.evict) {
    refuse_without_kubernetes(ask, now);
    return;
  }
  Change change{ask.ticket, ask.node, arbiter_.decide(ask.node, ask.ask, standing, rates_, now), {}, now};
  if (ask.ask.through_api) change.through_api = ask.ask.requests;
  if (change.arbitration.granted.empty()) {
    finish(std::move(change));
    return;
  }
  const auto number = ++last_change_;
  changes_.emplace(number, std::move(change));
  out_.keep(arbiter_.to_text(now), number);
}

void EvictionDesk::kept(std::uint64_t number, const model::Result<void>& outcome) {
  auto node = changes_.extract(number);
  if (node.empty()) return;
  Change change = std::move(node.mapped());
  if (outcome) {
    finish(std::move(change));
    return;
  }
  arbiter_.take_back(change.node, change.arbitration.granted);
  // Whatever was handed out to be kept since has it.
  out_.keep(arbiter_.to_text(change.at), 0);
  out_.refuse(change.ticket, model::Error(model::ErrorCode::kUnavailable,
                                          "the grant could not be kept: " + outcome.error().message()));
}

void EvictionDesk::changed(const model::NodeName& node, model::EvictionVerdict verdict, const fleet::Arrival& now) {
  // Of what the API server said nothing to it may have been taken; and who asks for pods that it has not must not be
  // free to go on.
  const bool is_for_nothing =
      verdict.answer == model::EvictionVerdict::Answer::kRefused &&
      (verdict.reason == model::Reason::kDisruptionBudget || verdict.reason == model::Reason::kApiRefused);
  const auto id = verdict.id;
  auto end = api_.changed(node, std::move(verdict), now);
  if (!end) return;
  if (is_for_nothing) arbiter_.evicted_nobody(node, id);
  out_.note(node, {*std::move(end)});
}

void EvictionDesk::look_again(const StandingOf& standing_of) {
  std::optional<std::pair<model::NodeName, fleet::EvictionStanding>> of;
  for (const auto& open : api_.open()) {
    if (rates_.per_minute > 0) {
      if (!of || of->first != open.node) of.emplace(open.node, standing_of(open.node));
      if (!fleet::is_barred(of->second, open.group, open.trigger)) continue;
    }
    out_.withdraw(open.node, open.id);
  }
  for (auto& [number, change] : changes_)
    hold_back(change, standing_of(change.node));
}

void EvictionDesk::hold_back(Change& change, const fleet::EvictionStanding& standing) const {
  for (const auto& request : change.through_api) {
    if (rates_.per_minute > 0 && !fleet::is_barred(standing, request.group, request.reason)) continue;
    for (auto& verdict : change.arbitration.answer.verdicts) {
      if (verdict.id != request.id || verdict.answer != model::EvictionVerdict::Answer::kGranted) continue;
      verdict.answer = model::EvictionVerdict::Answer::kDeferred;
      verdict.reason = rates_.per_minute == 0                        ? model::Reason::kFleetRate
                       : fleet::is_dry_run(standing, request.reason) ? model::Reason::kDryRun
                                                                     : model::Reason::kHandsOff;
      verdict.why = "deferred: it was stopped while the grant was being kept";
      verdict.retry_after = fleet::ApiEvictions::kAskAgain;
    }
  }
}

void EvictionDesk::forget(const model::NodeName& node) {
  last_ask_.erase(node);
  api_.forget(node);
}

void EvictionDesk::refuse_without_kubernetes(const link::ArrivedEvictionAsk& ask, const fleet::Arrival& now) {
  std::vector<model::Event> events;
  model::EvictionAnswer answer{.epoch = arbiter_.epoch(), .verdicts = {}};
  for (const auto& request : ask.ask.requests) {
    const std::string why(kNoKubernetes);
    events.push_back(fleet::eviction_event(request, model::Reason::kNoKubernetes, why, now.wall));
    answer.verdicts.push_back({.id = request.id,
                               .answer = model::EvictionVerdict::Answer::kRefused,
                               .reason = model::Reason::kNoKubernetes,
                               .why = why,
                               .retry_after = model::kZeroDuration});
  }
  out_.note(ask.node, std::move(events));
  out_.answer(ask.ticket, std::move(answer));
}

void EvictionDesk::finish(Change change) {
  auto& verdicts = change.arbitration.answer.verdicts;
  const auto& granted_now = change.arbitration.granted;
  for (const auto& request : change.through_api) {
    const auto verdict = std::find_if(verdicts.begin(), verdicts.end(),
                                      [&](const model::EvictionVerdict& each) { return each.id == request.id; });
    if (verdict == verdicts.end()) continue;
    if (verdict->answer != model::EvictionVerdict::Answer::kGranted) {
      if (api_.is_open(change.node, request)) out_.withdraw(change.node, request.id);
      continue;
    }
    const bool granted_before = std::find(granted_now.begin(), granted_now.end(), request.id) == granted_now.end();
    *verdict = api_.ask(change.node, request, granted_before, change.at.mono);
    if (!api_.is_open(change.node, request)) continue;
    out_.evict(change.node, request, api_.is_again(change.node, request.id));
  }
  out_.note(change.node, std::move(change.arbitration.events));
  out_.answer(change.ticket, std::move(change.arbitration.answer));
}

}  // namespace tideline::coordinator
