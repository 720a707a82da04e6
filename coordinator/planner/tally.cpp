#include "coordinator/planner/tally.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace tideline::planner {
namespace {

using model::MilliCpu;

constexpr double kBytesOfGib = kBytesOfMib * 1'024;

double tallied(MilliCpu cpu) {
  return static_cast<double>(cpu.value());
}

void add_totals(ReplayTotals& sum, const ReplayTotals& more) {
  sum.host_steps += more.host_steps;
  sum.capacity_core_h += more.capacity_core_h;
  sum.requested_core_h += more.requested_core_h;
  sum.used_core_h += more.used_core_h;
  sum.offered_core_h += more.offered_core_h;
  sum.batch_used_core_h += more.batch_used_core_h;
  sum.batch_wasted_core_h += more.batch_wasted_core_h;
  sum.batch_completed += more.batch_completed;
  sum.evictions += more.evictions;
  sum.suppressed_s += more.suppressed_s;
  sum.at_risk_s += more.at_risk_s;
  sum.deficits += more.deficits;
  sum.violation_checks += more.violation_checks;
  sum.violations += more.violations;
  sum.violation_core_h += more.violation_core_h;
  sum.offered_memory_gib_h += more.offered_memory_gib_h;
}

bool is_violation(const StepOutcome& outcome) {
  return outcome.violated_by.value_or(0) > 0;
}

ReplayTotals totals_of(const StepOutcome& outcome, const RunSetting& setting) {
  const double step_h = setting.step_h();
  const auto step_s = static_cast<double>(setting.data.step_s);
  const auto core_h = [step_h](MilliCpu cpu) { return cores_of(cpu) * step_h; };
  ReplayTotals totals;
  totals.host_steps = 1;
  totals.capacity_core_h = core_h(outcome.demand.capacity);
  totals.requested_core_h = core_h(outcome.requested);
  totals.used_core_h = core_h(outcome.services_used());
  totals.offered_core_h = core_h(outcome.offered);
  totals.batch_used_core_h = outcome.batch_used / 3'600;
  totals.batch_wasted_core_h = outcome.wasted / 3'600;
  totals.batch_completed = outcome.completed;
  totals.evictions = outcome.evictions;
  totals.suppressed_s = outcome.suppressed_by() > MilliCpu(0) ? step_s : 0;
  totals.at_risk_s = outcome.above_brim() >= MilliCpu(0) ? step_s : 0;
  totals.deficits = outcome.has_deficit ? 1 : 0;
  totals.violation_checks = outcome.violated_by ? 1 : 0;
  totals.violations = is_violation(outcome) ? 1 : 0;
  totals.violation_core_h = outcome.violated_by.value_or(0) / 1'000 * step_h;
  totals.offered_memory_gib_h = static_cast<double>(outcome.offered_memory.value()) / kBytesOfGib * step_h;
  return totals;
}

bool comes_before(const ReplayEvent& a, const ReplayEvent& b) {
  return std::tie(a.begin_s, a.host, a.kind) < std::tie(b.begin_s, b.host, b.kind);
}

}  // namespace

MilliCpu StepOutcome::services_used() const {
  return std::min(demand.services, std::max(demand.capacity - demand.system, MilliCpu(0)));
}

MilliCpu StepOutcome::suppressed_by() const {
  if (!limit.limit) return MilliCpu(0);
  return std::max(std::min(demand.wanted, demand.left()) - *limit.limit, MilliCpu(0));
}

MilliCpu StepOutcome::above_brim() const {
  return demand.services + demand.system + may_use - demand.capacity.percent(kBrimPercent);
}

HostTally::HostTally(const RunSetting& setting, std::size_t host)
    : setting_(&setting),
      days_(setting.days.count),
      course_(setting.points()),
      events_(static_cast<std::uint32_t>(setting.world.first_host + host)),
      number_(static_cast<std::uint32_t>(setting.world.first_host + host)),
      fullest_(setting.options.fullest) {}

void HostTally::add(const StepOutcome& outcome) {
  add_totals(days_[setting_->days.of_step[outcome.step]], totals_of(outcome, *setting_));
  auto& point = course_[outcome.step / setting_->steps_a_point];
  point.capacity += tallied(outcome.demand.capacity);
  point.requested += tallied(outcome.requested);
  point.used += tallied(outcome.services_used());
  point.offered += tallied(outcome.offered);
  point.batch_used += outcome.batch_used * 1'000 / static_cast<double>(setting_->data.step_s);
  point.violations += is_violation(outcome) ? 1 : 0;
  point.evictions += static_cast<std::uint32_t>(outcome.evictions);
  if (outcome.above_brim() >= MilliCpu(0)) point.at_risk = 1;
  capacity_ = std::max(capacity_, outcome.demand.capacity);
  add_full(outcome);
  add_events(outcome);
}

void HostTally::add_full(const StepOutcome& outcome) {
  const auto& demand = outcome.demand;
  if (fullest_.most() == 0 || demand.capacity <= MilliCpu(0)) return;
  const MilliCpu used = demand.services + demand.system + outcome.may_use;
  fullest_.add(FullStep{{number_, outcome.step}, tallied(used) / tallied(demand.capacity)});
}

void HostTally::add_events(const StepOutcome& outcome) {
  const std::int64_t begin_s = setting_->data.time_of(outcome.step);
  const std::int64_t end_s = begin_s + setting_->data.step_s;
  const auto note = [&](ReplayEventKind kind, bool stands, double cores) {
    if (stands) events_.stands(kind, begin_s, end_s, cores);
  };
  const MilliCpu suppressed = outcome.suppressed_by();
  note(ReplayEventKind::kDeficit, outcome.has_deficit, cores_of(outcome.deficit));
  note(ReplayEventKind::kViolation, is_violation(outcome), outcome.violated_by.value_or(0) / 1'000);
  note(ReplayEventKind::kEviction, outcome.evictions > 0, cores_of(outcome.evicted));
  note(ReplayEventKind::kSuppressed, suppressed > MilliCpu(0), cores_of(suppressed));
  note(ReplayEventKind::kAtRisk, outcome.above_brim() >= MilliCpu(0), cores_of(outcome.above_brim()));
}

FleetTally::FleetTally(const RunSetting& setting) : setting_(setting) {
  const auto& data = setting.data;
  const auto& world = setting.world;
  part_.fleet_hosts = world.hosts_of_fleet();
  part_.first_host = world.first_host;
  part_.begin_s = data.begin_s;
  part_.step_s = data.step_s;
  part_.steps = data.steps;
  part_.days.resize(setting.days.count);
  part_.course.resize(setting.points());
  part_.by_host.reserve(world.hosts.size());
  // What was made of data that all hosts share is told once.
  if (world.recorded || world.first_host == 0) part_.counts = data.counts;
  if (!world.recorded) return;
  for (const auto& host : data.hosts)
    part_.host_names.push_back(host.name);
}

void FleetTally::add(const HostTally& host) {
  auto& of_host = part_.by_host.emplace_back();
  for (std::size_t day = 0; day < part_.days.size(); ++day) {
    add_totals(of_host, host.days()[day]);
    part_.days[day].add(host.days()[day]);
  }
  for (std::size_t i = 0; i < part_.course.size(); ++i)
    part_.course[i].add(host.course()[i]);
  const auto& events = host.events().events();
  part_.events.insert(part_.events.end(), events.begin(), events.end());
  part_.events_left_out += host.events().left_out();
  if (part_.events.size() > 4 * kMaxEvents) keep_first_events(part_);
  part_.completions.add(host.completions());
  part_.fullest.add(host.fullest());
  for (const ReplayEvent& event : events) {
    if (event.kind != ReplayEventKind::kViolation || host.capacity() <= MilliCpu(0)) continue;
    part_.violations.add(SeverityCounts::degree_of(event.cores / cores_of(host.capacity())));
  }
}

ReplayPart FleetTally::take() {
  keep_first_events(part_);
  return std::move(part_);
}

void keep_first_events(ReplayPart& part) {
  std::sort(part.events.begin(), part.events.end(), comes_before);
  if (part.events.size() <= kMaxEvents) return;
  part.events_left_out += part.events.size() - kMaxEvents;
  part.events.resize(kMaxEvents);
}

}  // namespace tideline::planner
