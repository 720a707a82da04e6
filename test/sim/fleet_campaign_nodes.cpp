// The nodes' side of the campaign: agents on their hosts, and what faults do to them.

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "test/sim/fleet_campaign.h"

namespace tideline::sim {
namespace {

using std::chrono::seconds;

constexpr std::int64_t kReportEvery = 10 * kSecond;
constexpr std::int64_t kFastLoop = 100 * kMs;
constexpr model::Duration kPodLoop = seconds(1);
/// One step a report: pods are read once in it.
constexpr model::Duration kCoarsePodLoop = seconds(10);
/// Few, so that a long loss of the link overflows the spool.
constexpr std::size_t kMostSpooled = 24;
/// What is left in a spool of reports that are on their way.
constexpr std::size_t kMostOnTheirWay = 2;
constexpr std::int64_t kBatchMaxAge = 2 * kMinute;
constexpr std::int64_t kWipedPercent = 25;
/// How long a node's services go on until one of them ends.
constexpr std::int64_t kServicesLeast = 2 * kMinute;
constexpr std::int64_t kServicesMost = 15 * kMinute;
constexpr simulation::HostShape kShape{
    .pods = 3, .cpu = model::MilliCpu(32'000), .memory = model::Bytes(std::int64_t{128} << 30)};

}  // namespace

std::size_t FleetCampaign::add_seat(std::size_t number, bool is_duplicate) {
  const std::size_t index = seats_.size();
  seats_.push_back(std::make_unique<Seat>());
  Seat& seat = *seats_.back();
  seat.number = number;
  seat.name = model::NodeName(fmt::format("n{:04}", number));
  seat.is_duplicate = is_duplicate;
  seat.mono_base = faults_.between(1, 1'000'000) * kSecond;
  seat.lineage = std::make_shared<Lineage>();
  seat.disk = std::make_shared<test::MemoryDisk>();
  seat.disk->max_reports = kMostSpooled;
  seat.disk->draw = [this] { return ++incarnations_; };
  // Not the seat itself: it would hold the disk that holds this.
  seat.disk->on_store = [this, index](const model::Report& report) { history_.made(report, seats_[index]->lineage); };

  rehearsal::NodeOptions options;
  options.name = seat.name;
  options.boot_id = fmt::format("{}-{}", seat.name.str(), index);
  options.shape = kShape;
  options.labels = {{"pool", number % 2 == 0 ? "fast" : "slow"}};
  options.pod_interval = kCoarsePodLoop;
  options.report_interval = model::Duration(kReportEvery);
  options.open_reports =
      [disk = seat.disk](const std::string& boot_id) -> model::Result<std::unique_ptr<rehearsal::ReportQueue>> {
    return std::unique_ptr<rehearsal::ReportQueue>(std::make_unique<test::MemoryReports>(disk, boot_id));
  };
  auto opened = rehearsal::SimulatedNode::open(
      std::move(options), simulation::Workload(seat.name, config_.seed + index, kShape), mono(seat), wall());
  if (!opened) {
    violated(5, seat, "it cannot be opened: " + opened.error().message());
    return index;
  }
  seat.node = *std::move(opened);
  queue_.after(faults_.between(0, kReportEvery), [this, index] { step(index); });
  connect_after(index, faults_.between(kMs, is_duplicate ? kSecond : kReportEvery));
  return index;
}

void FleetCampaign::step(std::size_t index) {
  Seat& seat = *seats_[index];
  if (!seat.node) return;
  if (!seat.is_duplicate && now() >= seat.next_effects) apply_faults(index);
  const bool full = plans_[seat.number].is_near(now());
  const auto pod_interval = full ? kPodLoop : kCoarsePodLoop;
  if (std::exchange(seat.full_rate, full) != full) seat.node->set_pod_interval(pod_interval);
  ++(full ? counts_.full_rounds : counts_.coarse_rounds);

  seat.check.watch(*seat.node);
  const auto progress = seat.node->advance(mono(seat), wall());
  if (const auto wrong = seat.check.judge(*seat.node, progress, mono(seat), pod_interval, counts_.nodes)) {
    return violated(wrong->invariant, seat, wrong->what);
  }
  if (seat.node->spooled() > kMostSpooled) {
    return violated(5, seat, fmt::format("its spool of {} holds {} reports", kMostSpooled, seat.node->spooled()));
  }
  exchange(seat);
  ask_evictions(seat);
  plan_step(index);
}

void FleetCampaign::plan_step(std::size_t index) {
  const Seat& seat = *seats_[index];
  auto next = now() + kFastLoop;
  if (!seat.full_rate) {
    next = now() + kReportEvery;
    const auto& due = seat.node->next_report();
    if (seat.node->agent_runs() && due && *due > mono(seat)) next = std::min(next, due->ns - seat.mono_base);
    if (const auto near = plans_[seat.number].next_near(now())) next = std::min(next, *near);
  }
  if (!seat.is_duplicate && seat.next_effects > now()) next = std::min(next, seat.next_effects);
  queue_.at(next, [this, index] { step(index); });
}

void FleetCampaign::apply_faults(std::size_t index) {
  Seat& seat = *seats_[index];
  rehearsal::SimulatedNode& node = *seat.node;
  const auto& schedule = plans_[seat.number].schedule();
  const model::Duration since(now());
  for (const auto& change : schedule.changes(model::Duration(seat.effects_through), since)) {
    if (change.begins) ++counts_.faults.at(static_cast<std::size_t>(schedule.faults()[change.fault].kind));
  }
  seat.effects_through = now();
  const auto next = schedule.next(since);
  seat.next_effects = next ? next->count() : std::numeric_limits<std::int64_t>::max();
  const auto wanted = schedule.effects(0, since);
  if (wanted == seat.effects) return;
  const auto before = std::exchange(seat.effects, wanted);

  const bool ran = node.agent_runs();
  const bool runs = !wanted.agent_down && !wanted.host_down;
  if (ran && !runs) {
    // A killed process has its connections closed for it; a host without power does not.
    cut(index, false, wanted.host_down || network_.percent(20));
  } else if (wanted.link_down && !before.link_down) {
    // A duplicate gets in where its host's end does not show.
    cut(index, network_.percent(35), network_.percent(wanted.duplicates > 0 ? 90 : 35));
  }
  if (!ran && runs && !before.host_down && faults_.percent(kWipedPercent)) {
    ++counts_.wiped_disks;
    // What lay on it nobody can count.
    seat.lineage = std::make_shared<Lineage>();
    seat.disk->wipe();
  }
  if (const auto set = node.suffer(wanted, mono(seat), wall()); !set) {
    return violated(5, seat, "its agent does not start: " + set.error().message());
  }
  if (!ran && node.agent_runs()) {
    seat.batch_from.reset();
    if (const auto wrong = seat.check.started(node, counts_.nodes)) {
      return violated(wrong->invariant, seat, wrong->what);
    }
  }
  if (runs && !wanted.link_down && seat.session == 0) connect_after(index, network_.between(kMs, 2 * kSecond));
  set_duplicates(index, wanted.duplicates);
}

void FleetCampaign::set_duplicates(std::size_t index, std::size_t wanted) {
  while (seats_[index]->duplicates.size() > wanted)
    end_duplicate(*seats_[index]);
  while (seats_[index]->duplicates.size() < wanted && !failed_) {
    const auto added = add_seat(seats_[index]->number, true);
    seats_[index]->duplicates.push_back(added);
  }
}

void FleetCampaign::end_duplicate(Seat& of) {
  const std::size_t index = of.duplicates.back();
  of.duplicates.pop_back();
  Seat& seat = *seats_[index];
  cut(index, false, network_.percent(20));
  seat.node.reset();
  seat.disk.reset();
}

void FleetCampaign::plan_service_end(std::size_t index) {
  queue_.after(services_.between(kServicesLeast, kServicesMost), [this, index] { end_service(index); });
}

void FleetCampaign::end_service(std::size_t index) {
  plan_service_end(index);
  auto& node = *seats_[index]->node;
  if (!node.is_on()) return;
  const auto& pods = node.host()->pods();
  const auto service =
      std::find_if(pods.begin(), pods.end(), [](const model::Pod& pod) { return pod.qos != model::QosClass::kBe; });
  if (service != pods.end()) node.end_pod(service->uid);
}

void FleetCampaign::exchange(Seat& seat) {
  for (const auto& given : seat.node->take_answers()) {
    if (!given.policy) continue;
    to_coordinator(seat, [this, name = seat.name, version = *given.policy, problem = given.problem] {
      coordinator_->fleet().policy_answered(name, version, problem);
    });
  }
  if (seat.session == 0) return;
  auto report = seat.node->to_send(mono(seat));
  if (!report) return;
  to_coordinator(seat, [this, session = seat.session,
                        sent = std::make_shared<const model::Report>(*std::move(report))] { arrive(session, sent); });
}

void FleetCampaign::ask_evictions(Seat& seat) {
  // While one is open the next is not taken: the agent asks again.
  if (seat.session == 0 || seat.asking) return;
  const auto ask = seat.node->take_ask();
  if (!ask) return;
  const auto& sample = seat.node->sample();
  const auto& policy = seat.node->policy();
  const bool of_now = sample && sample->at == mono(seat);
  const bool by_ledger = policy && policy->threshold.cpu_evict_policy == model::CpuEvictPolicy::kAllocatable;
  const bool is_known = seat.batch_from && now() - *seat.batch_from <= kBatchMaxAge;
  if (of_now && by_ledger && !is_known) {
    return violated(8, seat, "it asks for an eviction by allocatable batch-cpu, which it does not know");
  }
  if (const auto valid = model::validate(*ask); !valid) {
    return violated(5, seat, "its eviction ask is invalid: " + valid.error().message());
  }
  seat.asking = true;
  to_coordinator(seat, [this, session = seat.session, asked = *ask] { evict(session, asked); });
}

void FleetCampaign::acked(Seat& seat, const ReportId& id, const std::optional<model::BatchAllocatable>& batch) {
  if (!seat.node->acked(model::Seq(id.second), mono(seat))) {
    return violated(4, seat, fmt::format("an ack of report {}, which is not on its way", id.second));
  }
  history_.acked(seat.name, id, now());
  if (batch) {
    seat.node->take_batch(*batch, mono(seat));
    seat.batch_from.reset();
    if (batch->cpu) seat.batch_from = now() - batch->age.count();
  }
  exchange(seat);
}

void FleetCampaign::check_end(const Seat& seat) {
  const auto& node = *seat.node;
  if (!node.agent_runs() || seat.session == 0) return violated(5, seat, "it does not come back after the last fault");
  if (node.spooled() > kMostOnTheirWay) {
    return violated(4, seat, fmt::format("{} reports wait, and nothing keeps them", node.spooled()));
  }
  auto wanted = wanted_of({{"pool", seat.number % 2 == 0 ? "fast" : "slow"}});
  wanted.version = version_;
  wanted.epoch = model::Epoch(terms_);
  if (node.policy() != wanted) return violated(5, seat, "another policy is in force than is wanted");
  const auto view = coordinator_->fleet().node(seat.name, {now()});
  if (!view || view->liveness != fleet::Liveness::kLive || view->policy_applied != version_) {
    return violated(5, seat, "the coordinator does not see it as it is");
  }
  std::uint64_t missing = 0;
  for (const auto& lost : history_.missing(seat.name)) {
    const auto& held = seat.disk->entries;
    const bool waits =
        lost.id.first == seat.disk->incarnation && !held.empty() && lost.id.second >= held.front().report.seq.value();
    if (lost.lineage == seat.lineage && !waits) ++missing;
  }
  std::uint64_t untold = seat.disk->gap;
  for (const auto& entry : seat.disk->entries)
    untold += entry.report.gap_reports;
  if (missing > seat.lineage->counted + untold) {
    return violated(
        4, seat,
        fmt::format("{} reports are missing, and {} are counted as gaps", missing, seat.lineage->counted + untold));
  }
  if (node.dropped() == 0 && seat.lineage->counted > 0) {
    return violated(4, seat,
                    fmt::format("{} reports are counted as gaps, and none was dropped", seat.lineage->counted));
  }
}

}  // namespace tideline::sim
