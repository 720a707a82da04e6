#include "node-actor/actor/node_loop.h"

#include <algorithm>

#include <fmt/format.h>

#include "messages/clock/clock.h"
#include "messages/log/log.h"
#include "node-actor/actor/safe_state.h"
#include "node-actor/decide/cpu_burst.h"
#include "node-actor/decide/drift_pace.h"
#include "node-actor/kernel/host_facts.h"
#include "node-actor/kernel/protection.h"
#include "node-actor/kernel/quota.h"
#include "node-actor/sense/judge_applications.h"
#include "node-actor/sense/judge_protection.h"
#include "node-actor/sense/sample.h"

namespace tideline::node {
namespace {

/// memory.stat costs as much as all other files of a pod; nothing that is decided each second rests on it but relief of
/// memory, and what goes for memory.
constexpr std::size_t kMemoryEvery = 5;
/// Once in the mean over a report of 10 s.
constexpr std::size_t kDetailEvery = 10;
/// Most pods of most hosts do next to nothing most of the time.
constexpr std::size_t kQuietEvery = 5;

/// The ledger's word comes with the acks of reports, and is as old as the report before: a few may be lost.
constexpr model::Duration kBatchAllocatableMaxAge = std::chrono::minutes(2);
constexpr int kBatchAllocatableReports = 4;

bool is_quota(std::string_view file) {
  return file == "cpu.cfs_quota_us" || file == "cpu.max";
}

std::string path_of(const model::KernelWrite& write) {
  return write.group + "/" + write.file;
}

model::KnobSupport probe_core_sched(const NodeConfig& config) {
  if (!config.simulated || config.cookies != &kernel::this_kernel()) return kernel::probe_core_sched(*config.cookies);
  return {.knob = model::Knob::kCoreSched, .supported = false, .file = {}, .why = "a simulated host has no threads"};
}

guard::SlowWriterConfig slow_writer(const NodeConfig& config, const guard::Lease& lease) {
  return {.argv = config.slow_writer, .state_dir = config.state_dir, .epoch = lease.epoch()};
}

/// For an event: a list of many CPUs may be long.
std::string online_text(const model::CpuSet& cpus) {
  constexpr std::size_t kMost = 200;
  auto text = fmt::format("{} CPUs: {}", cpus.size(), cpus.text());
  if (text.size() > kMost) text = text.substr(0, kMost) + "...";
  return text;
}

/// The sample without applications, and with none of its pods but the BE ones outside the besteffort root
/// (decide::be_outside_root).
model::NodeSample levels_of(model::NodeSample& sample, const std::vector<model::Pod>& pods) {
  auto uses = std::exchange(sample.pods, {});
  auto applications = std::exchange(sample.applications, {});
  auto levels = sample;
  sample.pods = std::move(uses);
  sample.applications = std::move(applications);
  for (const auto& pod : pods) {
    if (pod.qos != model::QosClass::kBe || pod.kube_qos == model::KubeQos::kBestEffort) continue;
    const auto use = std::find_if(sample.pods.begin(), sample.pods.end(),
                                  [&](const model::PodUse& candidate) { return candidate.uid == pod.uid; });
    if (use != sample.pods.end()) levels.pods.push_back(*use);
  }
  return levels;
}

}  // namespace

model::Result<std::unique_ptr<NodeLoop>> NodeLoop::open(const NodeConfig& config, guard::Journal& journal,
                                                        const guard::Lease& lease, guard::AuditRing* audit) {
  auto tree = kernel::CgroupTree::discover(config.kernel, config.tree);
  if (!tree) return tree.error();
  const auto facts = kernel::read_host_facts(config.kernel);
  if (!facts) return facts.error();
  const auto memory = kernel::read_memory_capacity(config.kernel);
  if (!memory) return memory.error();
  kernel::OnlineCpus online(config.kernel);
  if (const auto looked = online.look(); !looked) return looked.error();

  const auto claims = model::read_claims(config.annotations);
  const auto cpus_annotated = claims.reservation.cpus | claims.system_cpus;
  const auto cpus_reserved = config.cpus_reserved | cpus_annotated;
  if (cpus_reserved.contains(online.cpus())) {
    return model::Error(
        model::ErrorCode::kInvalidArgument,
        fmt::format("--reserved-cpus {}{}: the host has {} CPUs, and one at least must be left", cpus_reserved.text(),
                    cpus_annotated.empty() ? "" : ", with those that are annotated", online.cpus().size()));
  }

  const auto period_us = config.quota_period
                             ? std::chrono::duration_cast<std::chrono::microseconds>(*config.quota_period).count()
                             : kernel::best_period_us(facts->kernel_release);
  std::unique_ptr<NodeLoop> loop(new NodeLoop(config, std::move(*tree), period_us, journal, lease, audit));
  if (!config.record_file.empty()) {
    auto recorder = Recorder::open(config.record_file, config.record_max_bytes);
    if (recorder) {
      loop->recorder_ = std::move(*recorder);
    } else {
      // As when its disk refuses later: it must never cost the host its control.
      log::error("recording-ended", "{}", recorder.error().message());
    }
  }
  auto& status = loop->status_;
  status.memory_capacity = *memory;
  status.cgroup_version = (config.simulated ? "simulated " : "") + std::string(kernel::name_of(loop->tree_.version()));
  status.kernel_release = facts->kernel_release;
  status.boot_id = facts->boot_id;
  status.agent_version = TIDELINE_VERSION;
  status.labels = config.labels;
  status.annotations = config.annotations;
  loop->online_ = std::move(online);
  loop->reservation_ = claims.reservation;
  loop->system_cpus_ = claims.system_cpus;
  loop->take_capacity();
  loop->input_.pod_interval = config.pod_interval;
  loop->suppress_.ours = loop->be_limit_.inherited();
  loop->protection_.why = "not looked at yet";
  auto* self = loop.get();
  const CpuSide::Tell tell = [self](model::Controller controller, model::Reason reason, std::string subject,
                                    std::string before, std::string after) {
    self->note(controller, reason, std::move(subject), std::move(before), std::move(after));
  };
  loop->cpu_side_.emplace(
      loop->tree_, journal,
      CpuSide::Host{.boot_id = status.boot_id,
                    .kernel_release = status.kernel_release,
                    .state_dir = config.state_dir,
                    .kubelet = config.kubelet,
                    .reserved = cpus_reserved,
                    .core_sched = probe_core_sched(config),
                    .evictions_by = loop->evicts_through_api() ? Evictions::By::kApi : Evictions::By::kNode},
      Cookies(
          loop->tree_, *config.cookies, guard::CookieRecord::open(config.state_dir, status.boot_id),
          [self] { return self->lease_.still_mine(); }, tell),
      [self](const model::KernelWrite& write) { return self->perform(write); }, tell);
  auto scores = guard::OomScoreRecord::open(config.state_dir, status.boot_id);
  if (!scores.problem().empty()) log::error("oom-scores", "{}", scores.problem());
  loop->memory_side_.emplace(
      loop->tree_, journal,
      MemorySide::Host{
          .boot_id = status.boot_id, .slow = slow_writer(config, lease), .v1 = !loop->tree_.is_unified("memory.stat")},
      std::move(scores),
      MemorySide::Writes{
          .perform = [self](const model::KernelWrite& write) { return self->perform(write); },
          .prepare = [self](const model::KernelWrite& write) { return self->prepare(write); },
          .made = [self](const model::KernelWrite& write, const std::string& before) { self->made(write, before); }},
      [self] { return self->lease_.still_mine(); }, tell);
  loop->make_zones();
  return loop;
}

NodeLoop::NodeLoop(const NodeConfig& config, kernel::CgroupTree tree, std::int64_t quota_period_us,
                   guard::Journal& journal, const guard::Lease& lease, guard::AuditRing* audit)
    : config_(config),
      journal_(journal),
      lease_(lease),
      audit_(audit),
      tree_(std::move(tree)),
      online_(config.kernel),
      fast_reader_(tree_),
      pod_reader_(tree_, {.memory_every = kMemoryEvery, .detail_every = kDetailEvery, .quiet_every = kQuietEvery}),
      application_reader_(tree_, kMemoryEvery),
      weights_reader_(tree_),
      gate_(journal, lease,
            [this](const model::KernelWrite& write, const std::string& original) {
              return safe_state_of(tree_, decide::safe_be_limit(facts_, policy_), write, original);
            }),
      writer_(tree_, gate_),
      slow_writes_(tree_, writer_, slow_writer(config, lease)),
      be_limit_(
          BeQuota(tree_, journal, quota_period_us, [this](const model::KernelWrite& write) { return perform(write); }),
          [this](model::MilliCpu limit) { return cpu_side_->lift_be_quotas(limit); }),
      own_pod_(tree_) {}

void NodeLoop::take_capacity() {
  status_.cpu_capacity = online_.capacity();
  status_.cpu = kernel::read_cpu_kind(config_.kernel);
  take_allocatable();
}

void NodeLoop::make_zones() {
  // A reading that waits for the round after its report is one report late.
  zones_.emplace(tree_, cpu_side_->topology(), config_.report_interval - config_.pod_interval / 2);
  status_.zones = static_cast<int>(zones_->count());
}

void NodeLoop::look_at_cpus() {
  const auto changed = online_.look();
  if (!changed) note_trouble(changed.error());
  if (!changed || !*changed) return;
  const auto before = fmt::format("{} CPUs", status_.cpu_capacity.value() / 1000);
  const auto now = online_text(online_.cpus());
  log::info("cpus-online", "{}, before {}", now, before);
  note(model::Controller::kGuard, model::Reason::kCpusOnline, "online CPUs", before, now);
  take_capacity();
  cpu_side_->cpus_changed();
  make_zones();
}

void NodeLoop::set_pods(std::vector<model::Pod> pods) {
  pods_ = std::move(pods);
  pods_known_ = true;
  judged_ = false;
  look_outside();
  keep_off_own_pod();
  std::vector<std::string> outside;
  for (const auto& pod : pods_) {
    if (decide::is_outside_be(pod)) outside.push_back(tree_.pod_group(pod));
  }
  fast_reader_.watch_outside(tree_, outside);
  read_applications();
  look_for_bursts();
}

void NodeLoop::look_outside() {
  if (input_.pods) input_.be_outside_root = decide::be_outside_root(*input_.pods, pods_);
}

void NodeLoop::set_policy(std::optional<model::NodePolicy> policy) {
  if (!told_) told_ = suppress_features();
  policy_ = std::move(policy);
  read_applications();
  look_for_bursts();
}

void NodeLoop::look_for_bursts() {
  const auto bursts = [&](const model::Pod& pod) {
    return decide::effective_burst(policy_->burst, pod.cpu_burst).policy != model::BurstPolicy::kNone;
  };
  reads_containers_ = policy_ && std::any_of(pods_.begin(), pods_.end(), bursts);
}

void NodeLoop::read_applications() {
  static const std::vector<model::HostApplication> kNone;
  application_reader_.set(policy_ ? policy_->host_applications : kNone, pods_);
}

void NodeLoop::set_batch_allocatable(std::optional<model::MilliCpu> cpu, std::optional<model::Bytes> memory,
                                     model::MonoTime as_of) {
  batch_allocatable_ = cpu;
  batch_memory_allocatable_ = memory;
  batch_as_of_ = as_of;
}

bool NodeLoop::batch_is_fresh(model::MonoTime now) const {
  const auto oldest =
      std::max<model::Duration>(kBatchAllocatableMaxAge, kBatchAllocatableReports * config_.report_interval);
  return now - batch_as_of_ <= oldest;
}

model::Result<void> NodeLoop::fast_round() {
  if (fenced_) return *fenced_;
  if (auto done = suppress(); !done) return done;
  wants_round_soon_ = falls_.may_have_begun(decided_.terms);
  return relieve(input_.now);
}

model::Result<void> NodeLoop::suppress() {
  const auto begin = clock::mono_now();
  const auto counters =
      fast_reader_.read(decide::wants_uses(suppress_.rise, begin) || decide::wants_uses(dry_suppress_.rise, begin));
  if (!counters) {
    note_trouble(counters.error());
  } else {
    if (fast_before_) input_.fast = sense::fast_sample(*fast_before_, *counters);
    fast_before_ = *counters;
  }
  input_.now = clock::mono_now();
  input_.current = be_limit_.whole();
  input_.overwritten = be_limit_.overwritten(input_.now);
  input_.cpuset = cpu_side_->cpuset_side();
  if (std::exchange(protection_is_new_, false)) input_.protection = protection_;
  told_.reset();
  drop_ended_holds(input_.now);
  if (const auto* hold = decide::covering(holds_, tree_.best_effort(), input_.now)) {
    held_ = true;
    held_why_ = decide::why(*hold);
    decided_ = decide::cpu_suppress_untold(suppress_, input_, policy_).decision;
    if (decided_.action == decide::SuppressDecision::Action::kLimit) be_limit_.fall_outside(decided_.limit);
    return {};
  }
  // What was decided before the hold says nothing about what the kernel holds after it.
  if (std::exchange(held_, false)) {
    const bool ours = suppress_.ours;
    suppress_ = {};
    suppress_.ours = ours;
  }
  const bool dry_run = policy_ && policy_->dry_run.cpu_suppress;
  const auto read = counters ? *counters : model::FastCounters{};
  auto step = dry_run ? decide_dry(read) : step_of(suppress_, policy_);
  if (!dry_run) recorder_.suppress(read, policy_, suppress_, input_, false, step);
  suppress_ = std::move(step.state);
  if (!dry_run) decided_ = step.decision;
  if (!step.decision.write) {
    // Somebody else took our limit away before it was let go of.
    if (!suppress_.ours) be_limit_.disown();
    // Nothing is wanted that the kernel does not hold: the refusal is over.
    if (step.decision.terms.current.kind != decide::CurrentLimit::Kind::kUnknown) be_limit_.clear_problem();
    return rebalance(input_.now);
  }
  return act(step.decision);
}

decide::SuppressStep NodeLoop::step_of(const decide::SuppressState& state,
                                       const std::optional<model::NodePolicy>& policy) const {
  return recorder_.on() ? decide::cpu_suppress(state, input_, policy)
                        : decide::cpu_suppress_untold(state, input_, policy);
}

decide::SuppressStep NodeLoop::decide_dry(const model::FastCounters& counters) {
  auto would = step_of(dry_suppress_, policy_);
  recorder_.suppress(counters, policy_, dry_suppress_, input_, false, would);
  dry_suppress_ = std::move(would.state);
  decided_ = std::move(would.decision);
  auto off = policy_;
  off->threshold.enable = false;
  auto step = step_of(suppress_, off);
  recorder_.suppress(counters, policy_, suppress_, input_, true, step);
  return step;
}

model::Result<kernel::WriteOutcome> NodeLoop::perform(const model::KernelWrite& write) {
  if (const auto off = held_off(write)) return *off;
  const bool may_block = slow_writes_.may_block(write);
  if (!may_block) slow_writes_.withdraw(write);
  auto outcome = may_block ? slow_writes_.perform(write) : writer_.perform(write);
  tell_of_gate(write);
  if (outcome && outcome->changed) made(write, outcome->old_value);
  return outcome;
}

model::Result<kernel::PreparedWrite> NodeLoop::prepare(const model::KernelWrite& write) {
  if (const auto off = held_off(write)) return *off;
  // Another process writes it from here on.
  slow_writes_.withdraw(write);
  auto prepared = writer_.prepare(write);
  tell_of_gate(write);
  return prepared;
}

void NodeLoop::made(const model::KernelWrite& write, const std::string& before) {
  recorder_.write(write, before);
  note(write.controller, write.reason, path_of(write), before, write.value);
}

std::optional<model::Error> NodeLoop::held_off(const model::KernelWrite& write) const {
  const auto* hold = decide::covering(holds_, write.group, clock::mono_now());
  if (hold == nullptr) return std::nullopt;
  return model::Error(model::ErrorCode::kPermissionDenied,
                      fmt::format("{} not written: {}", path_of(write), decide::why(*hold)));
}

void NodeLoop::tell_of_gate(const model::KernelWrite& write) {
  const bool is_told = be_limit_.is_overwritten() && write.group == tree_.best_effort() && is_quota(write.file);
  for (const auto& drift : gate_.take_drifts()) {
    if (write.controller == model::Controller::kMemoryRelief && !is_news_of_relief(drift.found)) continue;
    if (!is_told) note_drift(write.controller, path_of(write), drift.found, write.value);
  }
  if (const auto trouble = gate_.take_trouble()) note_trouble(*trouble);
}

bool NodeLoop::is_news_of_relief(const std::string& found) {
  const auto now = clock::mono_now();
  const bool is_same =
      relief_drift_ && relief_drift_->found == found && now - relief_drift_->at < decide::DriftPace::kLongestWait;
  if (!is_same) relief_drift_ = ReliefDrift{.found = found, .at = now};
  return !is_same;
}

std::optional<model::MilliCpu> NodeLoop::be_whole() const {
  if (!policy_ || !policy_->threshold.enable) return std::nullopt;
  if (policy_->dry_run.cpu_suppress) return dry_suppress_.last_limit;
  if (!suppress_.ours) return std::nullopt;
  // What somebody else gave the root is not to be divided with the pods outside.
  if (const auto ours = be_limit_.overwritten(input_.now)) return ours;
  const auto whole = be_limit_.whole();
  if (whole.kind == decide::CurrentLimit::Kind::kQuota) return whole.quota;
  return whole.kind == decide::CurrentLimit::Kind::kUnknown ? suppress_.last_limit : std::nullopt;
}

std::optional<decide::Aside> NodeLoop::unwritten_limit() const {
  const bool dry_run = policy_ && policy_->dry_run.cpu_suppress && !held_;
  const auto whole = dry_run ? be_whole() : std::nullopt;
  if (!whole) return std::nullopt;
  return decide::Aside{.key = {.knob = {model::root_of(model::KubeQos::kBestEffort), model::Knob::kCpuQuota},
                               .kind = decide::AsideKey::Kind::kDryRun,
                               .controller = model::Controller::kCpuSuppress},
                       .value = model::Limit{std::max(*whole - outside_allowance(), decide::kKernelMinimum)},
                       .reason = decided_.reason};
}

model::MilliCpu NodeLoop::outside_allowance() const {
  if (const auto& split = cpu_side_->split()) return split->outside;
  return input_.be_outside_root.value_or(model::MilliCpu(0));
}

model::Result<void> NodeLoop::rebalance(model::MonoTime now) {
  const auto whole = be_whole();
  const auto& split = cpu_side_->split();
  const bool limited = whole && suppress_.ours && be_limit_.root().kind == decide::CurrentLimit::Kind::kQuota;
  if (!limited || (!be_limit_.is_divided() && !split) || be_limit_.overwritten(now)) return {};
  const auto outside = outside_allowance();
  const auto root = decide::rebalanced_root(
      {.root = be_limit_.root().quota,
       .whole = *whole,
       .in_force = split ? split->in_force : outside,
       .outside = outside,
       .is_due = decide::change_is_due(suppress_, now, now - be_limit_.changed(), decide::kPace),
       .may_raise = decided_.terms.formula && decided_.terms.non_be_pods_used});
  return root ? settle(be_limit_.limit(*whole, *root, model::Reason::kOutsideBe, now)) : model::Result<void>{};
}

model::Result<void> NodeLoop::act(const decide::SuppressDecision& decision) {
  if (decision.action == decide::SuppressDecision::Action::kLimit) {
    const auto root = std::max(decision.limit - outside_allowance(), decide::kKernelMinimum);
    return settle(be_limit_.limit(decision.limit, root, decision.reason, input_.now));
  }
  return settle(be_limit_.release(decision.reason));
}

model::Result<void> NodeLoop::settle(const model::Result<void>& done) {
  // A besteffort root that is gone has nothing to limit.
  if (done || done.error().code() == model::ErrorCode::kNotFound) return {};
  if (done.error().code() == model::ErrorCode::kFenced) return done.error();
  note_trouble(done.error());
  return {};
}

model::NodeSample NodeLoop::pod_round() {
  look_at_cpus();
  const bool by_pressure = policy_ && policy_->threshold.enable &&
                           policy_->threshold.cpu_suppress_policy == model::SuppressPolicy::kWorkConserving;
  const bool relieves = policy_ && policy_->threshold.enable && policy_->threshold.memory_evict_threshold_percent > 0;
  // Who goes is picked by what it has now: one that had nothing some seconds ago may be what fills the host. Whoever is
  // killed is picked between two rounds.
  const auto picks_from =
      relieves && policy_->relief.emergency_kill ? model::ReliefRung::kTighten : model::ReliefRung::kEvict;
  const bool picks_by_memory = memory_side_->relief().rung >= picks_from;
  pod_reader_.read(pods_, {.waiting = by_pressure, .relief = relieves, .be_memory = picks_by_memory}, reading_,
                   reads_containers_);
  auto& counters = reading_.counters;
  if (!application_reader_.empty()) counters.applications = application_reader_.read(counters.at, reading_.errors);
  for (const auto& error : reading_.errors)
    note_trouble(error);
  recorder_.host(counters);
  auto sample = host_before_ ? sense::node_sample(*host_before_, counters) : sense::first_sample(counters);
  applications_ = sense::judge_applications(sample.applications);
  if (auto weights = weights_reader_.read(); !judged_ || weights != weights_) {
    weights_ = std::move(weights);
    protection_ = awaits_pods() ? model::Protection{.verified = false, .why = "no list of pods yet"}
                                : sense::judge_protection(weights_, sense::be_beside_ls(pods_));
    judged_ = protection_is_new_ = true;
  }
  // Below a hold others write by right.
  if (decide::covering(holds_, tree_.best_effort(), clock::mono_now()) != nullptr) be_limit_.disown();
  if (const auto drift = be_limit_.seen(counters)) {
    note_drift(model::Controller::kCpuSuppress, tree_.best_effort() + "/" + drift->file, drift->found, drift->ours);
  }
  if (!host_before_) host_before_.emplace();
  std::swap(*host_before_, counters);
  memory_side_->seen(*host_before_, sample);
  memory_side_->add_to(sample);
  // Levels of a node whose pods are not known tell too little of its services: they must not raise BE's limit.
  if (!awaits_pods()) input_.pods = levels_of(sample, pods_);
  look_outside();
  const auto now = clock::mono_now();
  std::vector<model::Error> zone_errors;
  sample.zones = zones_->round(pods_, host_before_->applications, now, zone_errors);
  for (const auto& error : zone_errors)
    note_trouble(error);
  cpu_side_->step_evictions(now, pods_known_ ? &pods_ : nullptr);
  // Before the first list of pods, no pod is no reason to take anything back.
  if (!pods_known_) return sample;
  const bool batch_is_known = batch_is_fresh(now);
  const auto done = cpu_side_->round(
      {.now = now,
       .node = facts_,
       .pods = pods_,
       .sample = sample,
       .counters = *host_before_,
       .pod_interval = config_.pod_interval,
       .policy = policy_,
       .suppress = decided_.terms,
       .be_limit = be_limit_.root(),
       .be_whole = be_whole(),
       .holds = holds_,
       .allocatable_batch_cpu = batch_is_known ? batch_allocatable_ : std::nullopt,
       .dry_suppress = unwritten_limit(),
       .memory_allocatable =
           status_.memory_allocatable > model::Bytes(0) ? std::optional(status_.memory_allocatable) : std::nullopt,
       .allocatable_batch_memory = batch_is_known ? batch_memory_allocatable_ : std::nullopt,
       .memory = *memory_side_,
       .recorder = recorder_});
  if (!done) fenced_ = done.error();
  return sample;
}

}  // namespace tideline::node
