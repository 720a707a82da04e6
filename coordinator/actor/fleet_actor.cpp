#include "coordinator/actor/fleet_actor.h"

#include <fmt/format.h>

#include "coordinator/actor/computed_accounts.h"
#include "coordinator/actor/fleet_answers.h"
#include "coordinator/actor/fleet_surveys.h"
#include "coordinator/actor/ledger_change.h"
#include "coordinator/ledger/steps.h"
#include "coordinator/policy/content.h"
#include "messages/clock/clock.h"
#include "messages/log/log.h"

namespace tideline::coordinator {
namespace {

constexpr auto kLedgerInterval = std::chrono::seconds(1);
/// Those who are due soon after one another are told together.
constexpr auto kPushDelay = std::chrono::milliseconds(20);
// What concerns all nodes is done in parts: operators and nodes that want an answer come in between.
constexpr std::size_t kPushSlice = 100;
constexpr std::size_t kLedgerSlice = 200;
// As the link sends policies.
constexpr std::size_t kPaceSlice = 25;
constexpr auto kPaceSliceEvery = std::chrono::milliseconds(10);

fleet::Arrival arrival_now() {
  return {clock::mono_now(), clock::wall_now()};
}

}  // namespace

FleetActor::FleetActor(caf::actor_config& config, model::Epoch epoch, fleet::FleetOptions options, caf::actor history,
                       LinkPortPtr link, fleet::HandsOffBook hands_off, std::optional<fleet::EvictionArbiter> evictions,
                       profile::ProfileBook profiles, const std::vector<RememberedNode>& remembered, caf::actor bridge,
                       std::shared_ptr<ledger::Witness> witness)
    : caf::event_based_actor(config),
      fleet_(options),
      rollout_(epoch),
      history_(std::move(history)),
      bridge_(std::move(bridge)),
      link_(std::move(link)),
      ledger_(std::move(profiles)),
      keeper_(ledger_.profiles()),
      desk_(epoch, std::move(hands_off), desk_out()),
      evictions_(evictions ? std::move(*evictions) : fleet::EvictionArbiter(epoch), eviction_out()),
      witness_(std::move(witness)) {
  if (witness_) witness_->began(epoch, fleet_.options(), arrival_now());
  const auto now = clock::mono_now();
  for (const auto& node : remembered) {
    if (!fleet_.remember(node.name, node.heard) || !node.account) continue;
    ledger_.remember(*node.account, node.kept_at, now);
    if (const auto account = ledger_.remembered(node.name, now)) fleet_.set_reclaimed(*account, now);
  }
}

caf::behavior FleetActor::make_behavior() {
  delayed_send(this, kLedgerInterval, LedgerTick{});
  return {
      [this](const Enrolled& enrolled) { session_opened(enrolled.session); },
      [this](const Closed& closed) { session_closed(closed); },
      [this](const Durable& durable) { take(durable.arrived); },
      [this](const PolicyAnswered& answered) {
        if (!answered.problem.empty()) {
          log::warn("policy-answer", "{} version {}: {}", answered.node.str(), answered.pushed.value(),
                    answered.problem);
        }
        fleet_.policy_answered(answered.node, answered.pushed, answered.problem);
      },
      [this](const PolicyLoaded& loaded) {
        rollout_.set(loaded.policy, loaded.version);
        if (witness_) witness_->policy_loaded(loaded.policy, loaded.version, arrival_now());
        policy_ = loaded.version;
        const auto of_fleet = policy::fleet_policy(*loaded.policy);
        ledger_.set_prediction(of_fleet.prediction);
        evictions_.set_rates(of_fleet.evictions);
        look_at_evictions();
        push_soon();
      },
      [this](const PushTick&) {
        push_due_ = false;
        push_due_policies();
      },
      [this](const HandsOffAnswered& answered) {
        if (!answered.problem.empty()) log::warn("hands-off", "{}: {}", answered.node.str(), answered.problem);
        desk_.answered(answered.node, answered.number, answered.problem);
      },
      [this](const HandsOffKept& kept) {
        desk_.kept(kept.change, kept.outcome, arrival_now());
        look_at_evictions();
      },
      [this](const EvictionAsked& asked) { evictions_.asked(asked.ask, standing_of(asked.ask.node), arrival_now()); },
      [this](const EvictionsKept& kept) { evictions_.kept(kept.change, kept.outcome); },
      [this](const ApiEvictionChanged& changed) { evictions_.changed(changed.node, changed.verdict, arrival_now()); },
      [this](const MeasureNodes& ask) {
        send(bridge_, measures_.measured(ask, {fleet_, rollout_, ledger_.profiles()}, arrival_now()));
      },
      [this](const AskHandsOffBegin& ask) { hands_off(ask); },
      [this](const AskHandsOffList& ask) { ask.reply(desk_.rows(ask.node, clock::mono_now())); },
      [this](const AskHandsOffEnd& ask) {
        desk_.end(ask.node, ask.group, ask.release, ask.who, arrival_now(), ask.reply);
      },
      [this](const LedgerRest&) {
        rest_due_ = false;
        run_ledger();
      },
      [this](const LedgerTick&) {
        forget_long_gone(clock::mono_now());
        run_ledger();
        desk_.expire(arrival_now());
        keep_predictions();
        delayed_send(this, kLedgerInterval, LedgerTick{});
      },
      [this](const SurveyTick&) {
        survey_due_ = false;
        surveys_.go_on();
        survey_soon();
      },
      [this](const AskNodes& ask) { survey(survey_nodes(fleet_, ask.reply)); },
      [this](const AskNode& ask) { ask.reply(answer_node(fleet_, ask.name, clock::mono_now())); },
      [this](const AskPods& ask) {
        if (ask.name.empty()) return survey(survey_pods(fleet_, ask.reply));
        ask.reply(answer_pods(fleet_, ask.name, clock::mono_now()));
      },
      [this](const AskReclaimed& ask) { survey(survey_accounts(fleet_, ledger_, ask.reply)); },
      [this](const AskExplainReclaimed& ask) {
        ask.reply(answer_explain(ask.query.node, ledger_, fleet_, rollout_, arrival_now()));
      },
      [this](const AskCluster& ask) { survey(survey_cluster(fleet_, ledger_, ask.query.labels, ask.reply)); },
      [this](const AskFleetReport& ask) { ask.reply(fleet_report(fleet_, ledger_, policy_, clock::mono_now())); },
      [this](const AskWatch& ask) { ask.reply(watch(ask)); },
      [this](const PaceTick&) {
        pace_due_ = false;
        send_paces();
      },
      [this](const AskEffective& ask) { ask.reply(answer_effective(ask, fleet_, rollout_, clock::mono_now())); },
      [this](const AskCheckNodes& ask) { give_reports(ask); },
      [this](const AskLabelled& ask) { survey(survey_label(fleet_, ask.label, ask.reply)); },
      [this](const AskPolicyNodes& ask) { survey(survey_policy(fleet_, ask.state, ask.reply)); },
  };
}

void FleetActor::session_opened(const link::SessionInfo& session) {
  const auto& name = session.hello.node;
  const auto at = arrival_now();
  const auto event = fleet_.connected(name, at, session.hello.incarnation);
  if (!event) {
    link_->with([&](link::NodeServer& server) { server.close(session.id, event.error().message()); });
    return;
  }
  sessions_[name] = {session.id, std::nullopt};
  ledger_.touch(name);
  ledger::session_opened(fleet_, rollout_, name);
  if (witness_) witness_->opened(name, session.hello.incarnation, at);
  desk_.opened(name, arrival_now());
  keep(name, {*event});
  push_soon();
}

void FleetActor::session_closed(const Closed& closed) {
  paces_.closed(closed.session);
  const auto found = sessions_.find(closed.node);
  // A session that replaced this one is open already.
  if (found == sessions_.end() || found->second.id != closed.session) return;
  sessions_.erase(found);
  rollout_.closed(closed.node);
  desk_.closed(closed.node);
  const auto at = arrival_now();
  if (auto event = fleet_.disconnected(closed.node, at)) keep(closed.node, {*event});
  if (witness_) witness_->closed(closed.node, at);
}

void FleetActor::take(const std::shared_ptr<const link::ArrivedReport>& arrived) {
  const model::Report& report = *arrived->report;
  const auto intake = fleet_.intake(report, {arrived->mono, arrived->wall});
  if (!intake) {
    log::warn("intake-refused", "{}: {}", report.node.str(), intake.error().message());
    return;
  }
  keep(report.node, intake->events);
  if (intake->outcome != fleet::IntakeOutcome::kLive) return;
  ledger_.reported(report, arrived->mono);
  measures_.reported(report);
  if (witness_) witness_->reported(arrived->report, {arrived->mono, arrived->wall});
  for (const auto& problem : ledger::report_taken(rollout_, report))
    log::warn("node-metadata", "{}: {}", report.node.str(), problem);
  push_soon();
}

void FleetActor::push_soon() {
  if (!rollout_.has_due() || std::exchange(push_due_, true)) return;
  delayed_send(this, kPushDelay, PushTick{});
}

void FleetActor::push_due_policies() {
  std::vector<std::pair<link::SessionId, model::NodePolicy>> pushes;
  policy::ContentMemo contents;
  for (auto& [name, policy] : rollout_.take_due(kPushSlice)) {
    const auto found = sessions_.find(name);
    if (found == sessions_.end()) continue;
    (void)fleet_.policy_wanted(name, policy.version, contents.of(policy)).ok();
    pushes.emplace_back(found->second.id, std::move(policy));
  }
  push_soon();
  if (pushes.empty()) return;
  link_->with([&](link::NodeServer& server) { server.push_policy(std::move(pushes)); });
}

void FleetActor::run_ledger() {
  const auto now = clock::mono_now();
  std::vector<std::pair<link::SessionId, link::BatchAccount>> told;
  const auto changes = ledger_.run(fleet_, rollout_, now, kLedgerSlice);
  // Ticks come meanwhile, and each would make one more that goes round.
  if (changes.size() == kLedgerSlice && !std::exchange(rest_due_, true)) send(this, LedgerRest{});
  tell_bridge(changes);
  for (const auto& change : changes) {
    const auto& account = change.now;
    keep(account.node, events_of(change, clock::wall_now()));
    fleet_.set_reclaimed(account, now);
    // One of an earlier life was not computed.
    if (witness_ && !ledger_.remembered(account.node, now)) {
      witness_->accounted(account, ledger_.profiles().reclaimable(account.node), {now, clock::wall_now()});
    }
    const auto session = sessions_.find(account.node);
    if (session == sessions_.end()) continue;
    const auto batch = batch_account(account, now);
    if (session->second.told == batch) continue;
    session->second.told = batch;
    told.emplace_back(session->second.id, batch);
  }
  keep(ledger_.to_keep(fleet_, now));
  if (const auto left_out = ledger_.parts_left_out(); left_out > std::exchange(parts_left_out_, left_out)) {
    log::warn("trend-groups", "{} groups of nodes have no trend: at most {} of a label have one", left_out,
              model::ClusterLimits::kMaxKeptGroups);
  }
  if (told.empty()) return;
  link_->with([&](link::NodeServer& server) { server.set_batch(std::move(told)); });
}

void FleetActor::tell_bridge(const std::vector<LedgerBook::Change>& changes) {
  if (!bridge_) return;
  auto computed = computed_accounts(changes);
  if (computed.empty()) return;
  send(bridge_, AccountsComputed{std::make_shared<const std::vector<ComputedAccount>>(std::move(computed))});
}

fleet::EvictionStanding FleetActor::standing_of(const model::NodeName& node) const {
  return eviction_standing(rollout_.wanted(node), desk_.rows(node, clock::mono_now()));
}

void FleetActor::look_at_evictions() {
  evictions_.look_again([this](const model::NodeName& node) { return standing_of(node); });
}

EvictionDesk::Out FleetActor::eviction_out() {
  EvictionDesk::Out out;
  out.keep = [this](std::string text, std::uint64_t change) {
    KeepSetting setting{std::string(kEvictionsSetting), std::move(text)};
    if (change != 0) {
      setting.kept = [self = caf::actor_cast<caf::actor>(this), change](model::Result<void> outcome) {
        caf::anon_send(self, EvictionsKept{change, std::move(outcome)});
      };
    }
    send(history_, std::move(setting));
  };
  out.note = [this](const model::NodeName& node, std::vector<model::Event> events) { keep(node, std::move(events)); };
  out.answer = [this](link::EvictionTicket ticket, model::EvictionAnswer answer) {
    link_->with([&](link::NodeServer& server) { server.answer_evictions(ticket, std::move(answer)); });
  };
  out.refuse = [this](link::EvictionTicket ticket, model::Error why) {
    // As many as a node cares to ask.
    if (const auto held = refused_asks_.admit(clock::mono_now().ns)) {
      log::warn("eviction-ask", "session {}: {}{}", ticket.session.value(), why.message(),
                *held == 0 ? "" : fmt::format(" ({} more held back)", *held));
    }
    link_->with([&](link::NodeServer& server) { server.refuse_evictions(ticket, std::move(why)); });
  };
  if (!bridge_) return out;
  out.evict = [this](const model::NodeName& node, const model::EvictionRequest& request, bool again) {
    send(bridge_, EvictThroughApi{node, request, again});
  };
  out.withdraw = [this](const model::NodeName& node, const std::string& id) { send(bridge_, EvictNoMore{node, id}); };
  return out;
}

void FleetActor::forget_long_gone(model::MonoTime now) {
  for (const auto& name : fleet_.long_gone(now)) {
    log::info("node-forgotten", "{}: not heard of for as long as history is kept", name.str());
    fleet_.forget(name);
    rollout_.forget(name);
    desk_.forget(name, arrival_now());
    evictions_.forget(name);
    measures_.forget(name);
    ledger_.forget(name);
    if (witness_) witness_->forgot(name, arrival_now());
  }
}

void FleetActor::keep_predictions() {
  // One at a time: they would pile up before a disk that hangs.
  if (keeps_prediction_->load()) return;
  auto setting = keeper_.next(ledger_.profiles(), arrival_now());
  if (!setting) return;
  keeps_prediction_->store(true);
  setting->kept = [keeps = keeps_prediction_](const model::Result<void>&) { keeps->store(false); };
  send(history_, std::move(*setting));
}

void FleetActor::keep(const model::NodeName& node, std::vector<model::Event> events) {
  if (events.empty()) return;
  KeepEvents keep;
  for (auto& event : events)
    keep.events.push_back({node, std::move(event)});
  send(history_, std::move(keep));
}

void FleetActor::keep(std::vector<model::Reclaimed> accounts) {
  if (accounts.empty()) return;
  KeepAccounts keep;
  for (auto& account : accounts)
    keep.accounts.push_back({clock::wall_now(), std::move(account)});
  send(history_, std::move(keep));
}

void FleetActor::survey(SurveyDesk::Survey asked) {
  surveys_.begin(std::move(asked));
  survey_soon();
}

void FleetActor::survey_soon() {
  if (surveys_.open() == 0 || std::exchange(survey_due_, true)) return;
  send(this, SurveyTick{});
}

model::Result<model::Duration> FleetActor::watch(const AskWatch& ask) {
  const auto now = clock::mono_now();
  const auto length = std::chrono::seconds(ask.seconds);
  model::Duration interval{0};
  if (ask.name.empty()) {
    std::vector<link::SessionId> all;
    all.reserve(sessions_.size());
    for (const auto& [name, session] : sessions_)
      all.push_back(session.id);
    interval = paces_.watch_all(all, length, now);
  } else if (const auto found = sessions_.find(ask.name); found != sessions_.end()) {
    interval = paces_.watch_one(found->second.id, sessions_.size(), length, now);
  } else if (!fleet_.liveness(ask.name, now)) {
    return unknown_node(ask.name);
  } else {
    return no_session(ask.name);
  }
  if (!pace_due_) send_paces();
  return interval;
}

void FleetActor::send_paces() {
  const auto orders = paces_.take_due(kPaceSlice);
  link_->with([&](link::NodeServer& server) {
    for (const auto& order : orders)
      server.set_report_interval(order.session, order.interval, order.length);
  });
  if (!paces_.has_due()) return;
  pace_due_ = true;
  delayed_send(this, kPaceSliceEvery, PaceTick{});
}

HandsOffDesk::Out FleetActor::desk_out() {
  HandsOffDesk::Out out;
  out.keep = [this](std::string text, std::uint64_t change) {
    KeepSetting setting{std::string(kHandsOffSetting), std::move(text)};
    if (change != 0) {
      setting.kept = [self = caf::actor_cast<caf::actor>(this), change](model::Result<void> outcome) {
        caf::anon_send(self, HandsOffKept{change, std::move(outcome)});
      };
    }
    send(history_, std::move(setting));
  };
  out.note = [this](const model::NodeName& node, model::Event event) { keep(node, {std::move(event)}); };
  out.push = [this](const model::NodeName& node, model::HandsOffOrder order) {
    const auto found = sessions_.find(node);
    if (found == sessions_.end()) return;
    link_->with([&](link::NodeServer& server) { server.push_hands_off(found->second.id, std::move(order)); });
  };
  return out;
}

void FleetActor::hands_off(const AskHandsOffBegin& ask) {
  if (!fleet_.liveness(ask.node, clock::mono_now())) {
    ask.reply(unknown_node(ask.node));
    return;
  }
  desk_.begin(ask.node, ask.hands_off, arrival_now(), ask.reply);
}

void FleetActor::give_reports(const AskCheckNodes& ask) {
  const auto& name = ask.job->node;
  if (!name.empty() && !fleet_.liveness(name, clock::mono_now())) {
    ask.job->reply(unknown_node(name));
    return;
  }
  send(ask.answer_to, CheckNodes{ask.job, fleet_.newest_statuses(name)});
}

}  // namespace tideline::coordinator
