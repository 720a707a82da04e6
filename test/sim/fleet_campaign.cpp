#include "test/sim/fleet_campaign.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <utility>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "coordinator/actor/ledger_change.h"
#include "messages/link/limits.h"
#include "test/sim/random_policy.h"

namespace tideline::sim {
namespace {

constexpr std::int64_t kCommitWindow = 20 * kMs;
constexpr std::int64_t kPushDelay = 20 * kMs;
constexpr std::size_t kPushSlice = 100;
constexpr std::int64_t kVerifyEvery = 5 * kMinute;
constexpr std::int64_t kPolicyPermille = 5;  // of seconds, a new one
constexpr std::int64_t kHour = 60 * kMinute;
/// Evictions that are granted in a minute; few, so that some must wait.
std::int64_t evictions_per_minute(std::size_t nodes) {
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(nodes) / 10, 5, 600);
}
/// A flapping node leaves a report behind with each of its sessions while the disk is slow.
std::size_t most_waiting(std::size_t seats) {
  return 2 * seats + 64;
}

std::int64_t resident_mib() {
  std::ifstream statm("/proc/self/statm");
  std::int64_t whole = 0;
  std::int64_t resident = 0;
  statm >> whole >> resident;
  return (resident * ::sysconf(_SC_PAGESIZE)) >> 20;
}

}  // namespace

void CampaignCounts::add(const CampaignCounts& other) {
  for (std::size_t i = 0; i < faults.size(); ++i)
    faults[i] += other.faults[i];
  for (const auto member :
       {&CampaignCounts::coordinator_crashes, &CampaignCounts::slow_commits, &CampaignCounts::half_open,
        &CampaignCounts::wiped_disks, &CampaignCounts::claims_refused, &CampaignCounts::takeovers,
        &CampaignCounts::policies, &CampaignCounts::granted, &CampaignCounts::deferred, &CampaignCounts::alone,
        &CampaignCounts::duplicates, &CampaignCounts::backfilled, &CampaignCounts::gaps, &CampaignCounts::gone})
    this->*member += other.*member;
  for (const auto member :
       {&CampaignCounts::coarse_rounds, &CampaignCounts::full_rounds, &CampaignCounts::made, &CampaignCounts::verified})
    this->*member += other.*member;
  for (const auto member : {&NodeCheck::Counts::rises, &NodeCheck::Counts::falls, &NodeCheck::Counts::blind,
                            &NodeCheck::Counts::writes, &NodeCheck::Counts::starts})
    nodes.*member += other.nodes.*member;
  offers.add(other.offers);
}

std::string CampaignCounts::text() const {
  std::string struck;
  for (std::size_t i = 0; i < faults.size(); ++i)
    struck += fmt::format("{} {}, ", faults[i], simulation::name_of(static_cast<simulation::FaultKind>(i)));
  return fmt::format(
      "{} reports made, {} verified, {} twice, {} late, {} with gaps; {} coarse and {} full rounds; {}{} disks wiped, "
      "{} half open, {} claims refused, {} takeovers; {} crashes and {} slow commits of the coordinator; {} policies; "
      "batch raised {} times and lowered {}, {} rounds blind, {} writes, {} starts; evictions {} granted, {} deferred, "
      "{} alone; {} offers, {} of mid, {} deficits, {} withdrawn, {} accounts with services that are gone",
      made, verified, duplicates, backfilled, gaps, coarse_rounds, full_rounds, struck, wiped_disks, half_open,
      claims_refused, takeovers, coordinator_crashes, slow_commits, policies, nodes.rises, nodes.falls, nodes.blind,
      nodes.writes, nodes.starts, granted, deferred, alone, offers.offers, offers.mid_offers, offers.deficits,
      offers.withdrawn, gone);
}

FleetCampaign::FleetCampaign(const CampaignConfig& config)
    : config_(config),
      faults_(4 * config.seed),
      network_(4 * config.seed + 1),
      policies_(4 * config.seed + 2),
      services_(~config.seed) {
  Random planning(4 * config.seed + 3);
  const auto coordinators = coordinator_faults(planning, config_.length);
  for (std::size_t i = 0; i < config_.nodes; ++i) {
    plans_.emplace_back(planning, config_.length);
    // They strike all nodes: some of them are watched.
    if (i % 16 != config_.seed % 16) continue;
    for (const auto& fault : coordinators) {
      plans_.back().add_strike(fault.at);
      plans_.back().add_strike(fault.at + fault.length);
    }
  }
  known_.resize(config_.nodes);
  change_policy();
  start_coordinator();
  for (std::size_t i = 0; i < config_.nodes; ++i) {
    const auto index = add_seat(i, false);
    numbers_[seats_[index]->name] = i;
    plan_service_end(index);
    // With one event that stays, the store remembers its node's numbers, however little of its history is kept.
    model::Event stays;
    stays.at = arrival_at(2 * config_.length).wall;
    stays.controller = model::Controller::kCoordinator;
    const store::CoordinatorEvent kept{seats_[index]->name, stays};
    if (!store_.append_events({&kept, 1})) violated(5, *seats_[index], "the store takes no event of it");
  }
  for (const auto& fault : coordinators) {
    queue_.at(fault.at, [this, fault] {
      if (fault.kind == CoordinatorFault::Kind::kCrash) return crash_coordinator(fault.length);
      slow_until_ = fault.at + fault.length;
      slow_most_ = fault.delay;
    });
  }
  queue_.at(kSecond, [this] { ledger(); });
  queue_.at(kVerifyEvery, [this] { verify_history(); });
  if (config_.tells_hours) queue_.at(kHour, [this] { tell_hour(); });
}

FleetCampaign::~FleetCampaign() = default;

void FleetCampaign::run() {
  // Room for each agent's next round and what is on its way.
  const std::size_t most_planned = 64 * (config_.nodes + 16);
  while (now() < config_.length && !failed_ && !testing::Test::HasFailure() && queue_.step()) {
    if (queue_.size() > most_planned) violated(5, "the fleet", "events pile up");
  }
  if (!failed_ && !testing::Test::HasFailure()) check_end();
}

CampaignCounts FleetCampaign::counts() const {
  CampaignCounts counts = counts_;
  counts.made = history_.made_ever();
  counts.verified = history_.verified_ever();
  return counts;
}

void FleetCampaign::violated(int invariant, const std::string& node, const std::string& what) {
  if (std::exchange(failed_, true)) return;
  ADD_FAILURE() << fmt::format("invariant {}, {} at {:.3f} s: {}", invariant, node,
                               static_cast<double>(now()) / static_cast<double>(kSecond), what);
}

void FleetCampaign::start_coordinator() {
  ++terms_;
  const model::Epoch epoch(terms_);
  coordinator_ = std::make_unique<CoordinatorSim>(store_, epoch, kept_profiles_, now());
  coordinator_->set_policy(policy_, version_);
  fleet::EvictionArbiter arbiter(epoch);
  const auto kept = store_.setting(coordinator::kEvictionsSetting);
  if (kept && *kept) {
    auto remembered = fleet::EvictionArbiter::from_text(epoch, **kept, arrival_at(now()));
    if (!remembered) return violated(5, "the coordinator", remembered.error().message());
    arbiter = *std::move(remembered);
  }
  desk_ = std::make_unique<coordinator::EvictionDesk>(std::move(arbiter), desk_out());
  desk_->set_rates(policy::fleet_policy(*policy_).evictions);
  const link::SessionLimits limits;
  pace_.emplace(limits.enroll_burst, limits.enroll_every);
  for (auto& known : known_)
    known = {};
}

void FleetCampaign::crash_coordinator(std::int64_t length) {
  ++counts_.coordinator_crashes;
  // What it was writing is there, or not; nobody was told.
  if (network_.percent(50)) CoordinatorSim::commit_unheard(store_, committing_);
  if (unkept_evictions_ && network_.percent(50)) {
    if (!store_.put_setting(coordinator::kEvictionsSetting, *unkept_evictions_)) {
      violated(5, "the coordinator", "what it knows of evictions does not fit");
    }
  }
  committing_.clear();
  unkept_evictions_.reset();
  commit_planned_ = push_planned_ = false;
  disk_free_ = now();
  coordinator_.reset();
  desk_.reset();
  const bool machine_dies = network_.percent(40);
  for (const auto& [id, session] : sessions_) {
    const auto index = session.seat;
    if (seats_[index]->session != id) continue;
    const auto latest = machine_dies ? link::SessionLimits{}.idle_deadline.count() + kSecond : 500 * kMs;
    queue_.after(network_.between(kMs, latest), [this, index, ended = id] {
      if (seats_[index]->session == ended) node_end(index);
    });
  }
  sessions_.clear();
  queue_.after(length, [this] { start_coordinator(); });
}

/// When a write that begins now is on the coordinator's disk; one after the other.
std::int64_t FleetCampaign::written_at() {
  const bool slow = now() < slow_until_;
  const auto takes = slow ? network_.between(kSecond / 2, slow_most_) : network_.between(kMs, 10 * kMs);
  counts_.slow_commits += takes >= kSecond ? 1 : 0;
  disk_free_ = std::max(disk_free_, now()) + takes;
  return disk_free_;
}

void FleetCampaign::arrive(std::uint64_t id, std::shared_ptr<const model::Report> report) {
  Session& session = sessions_.at(id);
  const Seat& seat = *seats_[session.seat];
  if (report->node != seat.name || report->incarnation != session.incarnation) {
    return violated(6, seat, "it reports as another one");
  }
  if (std::exchange(session.outstanding, true)) return violated(5, seat, "a report before the one before was answered");
  coordinator_->arrived(std::move(report), now(), id);
  const auto waiting = coordinator_->waiting() + committing_.size();
  if (waiting > most_waiting(config_.nodes)) {
    return violated(5, seat, fmt::format("{} reports wait for the coordinator's disk", waiting));
  }
  plan_commit();
}

void FleetCampaign::plan_commit() {
  if (commit_planned_ || !committing_.empty()) return;
  commit_planned_ = true;
  queue_.after(kCommitWindow, [this, term = terms_] {
    if (!coordinator_ || term != terms_) return;
    commit_planned_ = false;
    committing_ = coordinator_->take_waiting();
    queue_.at(written_at(), [this, term] {
      if (coordinator_ && term == terms_) finish_commit();
    });
  });
}

void FleetCampaign::finish_commit() {
  coordinator_->commit(std::exchange(committing_, {}),
                       [this](const auto& waiting, const fleet::Intake* intake) { answer(waiting, intake); });
  if (coordinator_->waiting() > 0) plan_commit();
}

void FleetCampaign::answer(const CoordinatorSim::Waiting& waiting, const fleet::Intake* intake) {
  const auto& report = *waiting.report;
  if (intake != nullptr) {
    take(waiting, *intake);
  } else {
    ++counts_.duplicates;
  }
  const auto found = sessions_.find(waiting.tag);
  if (found == sessions_.end()) return;
  Session& session = found->second;
  session.outstanding = false;
  std::optional<model::BatchAllocatable> batch;
  if (session.batch) {
    batch = {session.batch->cpu, arrival_at(now()).mono - session.batch->data_from, session.batch->memory};
  }
  to_node(waiting.tag, [this, index = session.seat, id = id_of(report), batch] { acked(*seats_[index], id, batch); });
}

void FleetCampaign::take(const CoordinatorSim::Waiting& waiting, const fleet::Intake& intake) {
  const auto& report = *waiting.report;
  Known& known = known_[numbers_.at(report.node)];
  const bool live = intake.outcome == fleet::IntakeOutcome::kLive;
  if (live != known.newest.is_news(report)) {
    return violated(1, report.node.str(),
                    fmt::format("report {} of incarnation {} counts as {}", report.seq.value(),
                                report.incarnation.value(), live ? "news, and is none" : "old, and is news"));
  }
  counts_.backfilled += report.lane == model::Lane::kBackfill ? 1 : 0;
  counts_.gaps += report.gap_reports > 0 ? 1 : 0;
  const bool told = std::any_of(intake.events.begin(), intake.events.end(),
                                [](const model::Event& event) { return event.reason == model::Reason::kGap; });
  if (told != (report.gap_reports > 0)) {
    return violated(4, report.node.str(),
                    fmt::format("a gap of {} reports is {}", report.gap_reports, told ? "told" : "not told"));
  }
  for (const auto& event : report.events)
    counts_.alone += event.reason == model::Reason::kNoArbiter ? 1 : 0;
  if (live) {
    known.newest.take(report, waiting.arrival.mono.ns);
    known.use.take(waiting.report, waiting.arrival.mono);
    push_soon();
  }
}

void FleetCampaign::change_policy() {
  const auto rate = fmt::format(R"(, "eviction": {{"maxPerMinute": {}}})", evictions_per_minute(config_.nodes));
  std::vector<policy::Document> documents;
  documents.push_back(random_colocation(policies_));
  documents.push_back(random_prediction(policies_, rate));
  documents.push_back(random_threshold(policies_));
  documents.push_back(random_burst(policies_));
  auto policy = parsed(documents);
  if (!policy) return violated(5, "the coordinator", "a policy is refused");
  policy_ = std::move(policy);
  version_ = version_.next();
  wanted_.clear();
  ++counts_.policies;
  if (!coordinator_) return;
  coordinator_->set_policy(policy_, version_);
  desk_->set_rates(policy::fleet_policy(*policy_).evictions);
  push_soon();
}

const model::NodePolicy& FleetCampaign::wanted_of(const policy::Labels& labels) {
  const auto found = wanted_.find(labels);
  if (found != wanted_.end()) return found->second;
  return wanted_.emplace(labels, policy::effective(*policy_, labels)).first->second;
}

void FleetCampaign::push_soon() {
  if (!coordinator_->rollout().has_due() || std::exchange(push_planned_, true)) return;
  queue_.after(kPushDelay, [this, term = terms_] {
    if (!coordinator_ || term != terms_) return;
    push_planned_ = false;
    for (auto& push : coordinator_->take_pushes(kPushSlice)) {
      to_node(push.session, [this, index = sessions_.at(push.session).seat, policy = std::move(push.policy)] {
        seats_[index]->node->take_policy(policy, mono(*seats_[index]));
        exchange(*seats_[index]);
      });
    }
    push_soon();
  });
}

void FleetCampaign::ledger() {
  queue_.after(kSecond, [this] { ledger(); });
  if (faulty() && policies_.between(0, 999) < kPolicyPermille) change_policy();
  if (!coordinator_) return;
  const auto tick = now() / kSecond;
  for (const auto& change : coordinator_->run_ledger(now())) {
    const auto& account = change.now;
    check_account(account);
    const auto session = sessions_.find(coordinator_->session_of(account.node));
    if (session != sessions_.end()) session->second.batch = coordinator::batch_account(account, {now()});
  }
  for (std::size_t i = 0; i < known_.size(); ++i) {
    const Known& known = known_[i];
    if (!known.offers) continue;
    if (known.newest.is_replaced()) return violated(1, *seats_[i], "an offer stands on another host's data");
    if (now() - known.newest.arrived() <= known.degrade_after) continue;
    return violated(1, *seats_[i], "an offer stands on stale data");
  }
  if (tick % 60 == 0) {
    coordinator_->check_ledger(now());
    pace_->forget_rested(arrival_at(now()).mono);
  }
  coordinator_->keep_profiles(static_cast<std::size_t>(tick) % profile::ProfileBook::kSlices, kept_profiles_, now());
}

void FleetCampaign::check_account(const model::Reclaimed& account) {
  const auto number = numbers_.at(account.node);
  Known& known = known_[number];
  const auto any_of = [](const auto& terms) { return terms.offered.value() > 0 || terms.mid_offered.value() > 0; };
  known.offers = any_of(account.cpu) || any_of(account.memory);
  const auto* report = known.use.newest();
  if (report == nullptr) {
    if (known.offers) violated(1, *seats_[number], "something is offered, and it never reported");
    return;
  }
  const auto& wanted = wanted_of(report->status.labels).colocation;
  known.degrade_after = wanted.degrade_time_minutes * kMinute;
  const bool stale = known.newest.is_replaced() || now() - known.newest.arrived() > known.degrade_after;
  const auto charged = known.use.charged();
  counts_.gone += known.use.gone() > 0 ? 1 : 0;
  const auto judge = [&](std::string_view name, const auto& terms, auto capacity, int percent, auto charge,
                         bool known_use) {
    using Unit = decltype(capacity);
    // Averages of each pod and of the system are rounded.
    const auto pods = report->pods.size() + known.use.gone();
    const Unit slack(static_cast<std::int64_t>(pods) + 2 + capacity.value() / 100'000);
    if (!known_use && any_of(terms)) return violated(1, *seats_[number], fmt::format("{}: use is not known", name));
    const auto problem = problem_of(terms,
                                    OfferTruth<Unit>{.capacity = capacity,
                                                     .percent = percent,
                                                     .charged = charge,
                                                     .slack = slack,
                                                     .stale = stale,
                                                     .enabled = wanted.enable},
                                    counts_.offers);
    if (!problem.empty()) violated(1, *seats_[number], fmt::format("{}, {}", name, problem));
  };
  const auto& status = report->status;
  judge("CPU", account.cpu, status.cpu_capacity, wanted.cpu_reclaim_threshold_percent, charged.cpu,
        known.use.knows_system_cpu());
  judge("memory", account.memory, status.memory_capacity, wanted.memory_reclaim_threshold_percent, charged.memory,
        known.use.knows_system_memory());
}

void FleetCampaign::verify_history() {
  queue_.after(kVerifyEvery, [this] { verify_history(); });
  const auto until = now() - kVerifyEvery;
  if (until <= 0) return;
  for (std::size_t i = 0; i < config_.nodes; ++i) {
    if (const auto wrong = history_.verify(store_, seats_[i]->name, until)) return violated(4, *seats_[i], *wrong);
  }
  if (!store_.drop_before(arrival_at(until).wall)) violated(5, "the coordinator", "history cannot be dropped");
}

coordinator::EvictionDesk::Out FleetCampaign::desk_out() {
  coordinator::EvictionDesk::Out out;
  out.keep = [this](const std::string& text, std::uint64_t change) {
    unkept_evictions_ = text;
    queue_.at(written_at(), [this, term = terms_, text, change] {
      if (!coordinator_ || term != terms_) return;
      if (unkept_evictions_ == text) unkept_evictions_.reset();
      desk_->kept(change, store_.put_setting(coordinator::kEvictionsSetting, text));
    });
  };
  out.note = [this](const model::NodeName& node, const std::vector<model::Event>& events) {
    note_evictions(node, events);
  };
  out.answer = [this](link::EvictionTicket ticket, const model::EvictionAnswer& answer) {
    const auto found = sessions_.find(ticket.session.value());
    if (found == sessions_.end()) return;
    to_node(found->first, [this, index = found->second.seat, answer] {
      seats_[index]->asking = false;
      seats_[index]->node->take_verdicts(answer);
    });
  };
  out.refuse = [this](link::EvictionTicket ticket, const model::Error&) {
    const auto found = sessions_.find(ticket.session.value());
    if (found == sessions_.end()) return;
    to_node(found->first, [this, index = found->second.seat] { seats_[index]->asking = false; });
  };
  return out;
}

void FleetCampaign::evict(std::uint64_t session, const model::EvictionAsk& ask) {
  const auto& name = seats_[sessions_.at(session).seat]->name;
  fleet::EvictionStanding standing;
  if (const auto policy = coordinator_->rollout().wanted(name)) standing.dry_run = policy->dry_run.cpu_evict;
  desk_->asked({.ticket = {link::SessionId(session), ++slots_}, .node = name, .ask = ask}, standing, arrival_at(now()));
}

void FleetCampaign::note_evictions(const model::NodeName& node, const std::vector<model::Event>& events) {
  for (const auto& event : events) {
    const bool granted = event.reason == model::Reason::kEvictionGranted;
    counts_.granted += granted ? 1 : 0;
    counts_.deferred +=
        event.reason == model::Reason::kFleetRate || event.reason == model::Reason::kWorkloadRate ? 1 : 0;
    if (!granted) continue;
    // A restart may round each grant by a millisecond.
    while (!grants_ms_.empty() && event.at.ms - grants_ms_.front() >= 60'000 - 2)
      grants_ms_.pop_front();
    grants_ms_.push_back(event.at.ms);
    if (std::ssize(grants_ms_) > evictions_per_minute(config_.nodes)) {
      violated(8, node.str(), fmt::format("{} evictions are granted within a minute", grants_ms_.size()));
    }
  }
}

void FleetCampaign::tell_hour() {
  queue_.after(kHour, [this] { tell_hour(); });
  fmt::print(stderr, "seed {}, hour {}: {}; {} reports remembered, {} events planned, {} MiB\n", config_.seed,
             now() / kHour, counts().text(), history_.size(), queue_.size(), resident_mib());
}

void FleetCampaign::check_end() {
  if (!coordinator_) return violated(5, "the coordinator", "it does not come back");
  for (std::size_t i = 0; i < config_.nodes; ++i) {
    if (const auto wrong = history_.verify(store_, seats_[i]->name, 2 * config_.length - kMinute)) {
      return violated(4, *seats_[i], *wrong);
    }
  }
  for (const auto& change : coordinator_->run_ledger(now()))
    check_account(change.now);
  coordinator_->check_ledger(now());
  for (std::size_t i = 0; i < config_.nodes && !failed_; ++i)
    check_end(*seats_[i]);
  if (coordinator_->sessions().size() != config_.nodes) {
    violated(6, "the fleet", fmt::format("{} nodes have {} sessions", config_.nodes, coordinator_->sessions().size()));
  }
}

}  // namespace tideline::sim
