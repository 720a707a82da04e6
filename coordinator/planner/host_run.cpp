#include "coordinator/planner/host_run.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>

#include "coordinator/planner/future_peak.h"
#include "coordinator/planner/whole_units.h"
#include "coordinator/reclaim/reclaim.h"
#include "messages/model/report.h"
#include "node-actor/decide/be_satisfaction.h"

namespace tideline::planner {
namespace {

using model::Bytes;
using model::MilliCpu;

/// What adding floats up may make of a need that is just met, as a share of capacity; and of each service, millicores:
/// accounts are in whole ones.
constexpr double kNeedRounding = 1e-6;
constexpr double kServiceRounding = 0.5;

/// Of each step with its whole horizon in the data, the most in the steps of it after the first.
std::vector<double> peaks_after(const RunSetting& setting, std::size_t host) {
  const std::size_t after = setting.horizon - 1;
  if (setting.horizon > setting.data.steps) return {};
  const std::size_t checked = setting.data.steps - after;
  if (after == 0) return std::vector<double>(checked, 0.0);
  std::vector<UsedSteps> used;
  for (const auto number : setting.world.hosts[host])
    used.push_back({setting.data.workloads[number].cpu_used, setting.data.workloads[number].first});
  if (setting.world.recorded) used.push_back({setting.data.hosts[host].cpu_system, 0});
  return future_peaks(used, 0, checked, after);
}

/// The live judgement over a step, which is longer than its window: the step's means are the window's.
MilliCpu release_of(const model::ThresholdPolicy& policy, const decide::BeView& over_step, const decide::BeView& now) {
  // Only a limit this low can be one of a starved BE; the judgement's text is not for every step.
  const auto lower = policy.cpu_evict_be_satisfaction_lower_percent;
  if (!policy.enable || !lower || over_step.limit > over_step.request.percent(*lower)) return MilliCpu(0);
  constexpr model::Duration kWindow = std::chrono::seconds(1);
  return decide::judge_be_satisfaction(policy, kWindow, {over_step, kWindow}, now, "").release;
}

/// What is to be released by memoryEvictThresholdPercent, as decide::memory_evict has it of a host that does not grow.
Bytes memory_release_of(const model::ThresholdPolicy& policy, Bytes capacity, Bytes used) {
  const int threshold = policy.memory_evict_threshold_percent;
  const int lower = policy.memory_evict_lower_percent.value_or(std::max(threshold - 2, 0));
  if (!policy.enable || threshold <= 0 || threshold > 100 || lower < 0 || lower >= threshold) return Bytes(0);
  if (used < capacity.percent(threshold)) return Bytes(0);
  return std::max(used - capacity.percent(lower), Bytes(0));
}

}  // namespace

HostRun::HostRun(const RunSetting& setting, std::size_t host)
    : setting_(&setting),
      host_(host),
      input_(setting, host),
      tally_(setting, host),
      peaks_(peaks_after(setting, host)) {}

void HostRun::settle(std::size_t step) {
  outcome_ = {};
  outcome_.step = step;
  outcome_.there = setting_->host_at(host_, step).there;
  published_cpu_ = MilliCpu(0);
  if (!outcome_.there) return;
  const auto account =
      reclaim::reclaim(input_.settle(step, batch_, batch_used_), setting_->options.colocation, kReportTime);
  outcome_.offered = account.cpu.offered;
  outcome_.offered_memory = account.memory.offered;
  outcome_.deficit = account.cpu.deficit;
  outcome_.has_deficit = account.cpu.deficit > MilliCpu(0) || account.memory.deficit > Bytes(0);
  outcome_.committed = account.cpu.committed;
  published_cpu_ = account.cpu.published;
}

bool HostRun::has_room() const {
  return batch_.cpu() < outcome_.offered && batch_.memory() <= outcome_.offered_memory && free_places() > 0;
}

MilliCpu HostRun::free_cpu() const {
  return has_room() ? outcome_.offered - batch_.cpu() : MilliCpu(0);
}

Bytes HostRun::free_memory() const {
  return has_room() ? outcome_.offered_memory - batch_.memory() : Bytes(0);
}

std::size_t HostRun::free_places() const {
  const std::size_t pods = input_.service_count() + batch_.pods().size();
  return pods < model::ReportLimits::kMaxPods ? model::ReportLimits::kMaxPods - pods : 0;
}

void HostRun::place(const PlacedPod& pod) {
  batch_.place(pod);
}

void HostRun::fill() {
  const auto& setting = *setting_;
  const std::int64_t by_cpu = free_cpu().value() / setting.pod_cpu.value();
  const std::int64_t by_memory = setting.pod_memory > Bytes(0) ? free_memory().value() / setting.pod_memory.value()
                                                               : std::numeric_limits<std::int64_t>::max();
  const PlacedPod pod{.cpu = setting.pod_cpu,
                      .memory = setting.pod_memory,
                      .work = cores_of(setting.pod_cpu) * static_cast<double>(setting.options.pod_runtime_s),
                      .queued_s = setting.data.time_of(outcome_.step)};
  for (auto left = std::min({by_cpu, by_memory, static_cast<std::int64_t>(free_places())}); left > 0; --left)
    batch_.place(pod);
}

void HostRun::finish() {
  evicted_.clear();
  // Its pods wait until it is there again.
  batch_used_ = MilliCpu(0);
  if (!outcome_.there) return;
  const HostNow now = setting_->host_at(host_, outcome_.step);
  const ServicesNow services = input_.services(outcome_.step);
  outcome_.batch_pods = batch_.pods().size();
  outcome_.requested = services.requested;
  outcome_.demand = {.capacity = now.capacity, .services = services.used, .system = now.system, .wanted = batch_.cpu()};
  outcome_.limit = batch_limit(setting_->options.threshold, outcome_.demand);
  const MilliCpu wanted = outcome_.demand.wanted;
  outcome_.may_use = std::min({wanted, outcome_.limit.limit.value_or(wanted), outcome_.demand.left()});
  advance();
  evict_starved();
  evict_for_memory(services.memory + now.system_memory, now.memory_capacity);
  for (const auto& pod : evicted_) {
    outcome_.wasted += pod.done;
    outcome_.evicted += pod.cpu;
  }
  outcome_.evictions = evicted_.size();
  judge_offer();
  tally_.add(outcome_);
}

void HostRun::advance() {
  const auto& data = setting_->data;
  const bool within_offer = batch_.cpu() <= outcome_.offered && batch_.memory() <= outcome_.offered_memory;
  const MilliCpu wanted = outcome_.demand.wanted;
  BatchStep step{.share = 0,
                 .begin_s = data.time_of(outcome_.step),
                 .length_s = data.step_s,
                 .refills = setting_->options.demand == BatchDemand::kFill && within_offer};
  if (wanted > MilliCpu(0)) {
    step.share = static_cast<double>(outcome_.may_use.value()) / static_cast<double>(wanted.value());
  }
  const auto progress = batch_.advance(step, tally_.completions());
  outcome_.batch_used = progress.used;
  outcome_.completed = progress.completed;
  batch_used_ = whole_millicores(progress.used * 1'000 / static_cast<double>(data.step_s));
}

void HostRun::evict_starved() {
  const auto& policy = setting_->options.threshold;
  const bool by_allocatable = policy.cpu_evict_policy == model::CpuEvictPolicy::kAllocatable;
  const MilliCpu left = outcome_.demand.left();
  const MilliCpu limit =
      by_allocatable ? std::max(published_cpu_, MilliCpu(1)) : std::min(outcome_.limit.limit.value_or(left), left);
  const decide::BeView over_step{limit, outcome_.demand.wanted, outcome_.may_use};
  const decide::BeView now{limit, batch_.cpu(), std::min(outcome_.may_use, batch_.cpu())};
  batch_.evict_cpu(release_of(policy, over_step, now), evicted_);
}

void HostRun::evict_for_memory(Bytes others, Bytes capacity) {
  batch_.evict_memory(memory_release_of(setting_->options.threshold, capacity, others + batch_.memory()), evicted_);
}

void HostRun::judge_offer() {
  if (outcome_.offered <= MilliCpu(0) || outcome_.step >= peaks_.size()) return;
  const auto& demand = outcome_.demand;
  const auto system = static_cast<double>(demand.system.value());
  const double now = static_cast<double>(demand.services.value()) + system;
  // A system that was recorded is among the peaks.
  const double later = peaks_[outcome_.step] + (setting_->world.recorded ? 0 : system);
  const double needed = std::max(now, later);
  const auto kept = static_cast<double>((demand.capacity - outcome_.offered).value());
  const double beyond = needed - kept;
  const double rounding = kNeedRounding * static_cast<double>(demand.capacity.value()) +
                          kServiceRounding * static_cast<double>(input_.service_count());
  outcome_.violated_by = beyond > rounding ? beyond : 0.0;
}

}  // namespace tideline::planner
