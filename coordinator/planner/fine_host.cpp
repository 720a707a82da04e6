#include "coordinator/planner/fine_host.h"

#include <algorithm>
#include <tuple>

#include "coordinator/planner/batch_limit.h"
#include "coordinator/planner/whole_units.h"
#include "node-actor/decide/cpu_suppress.h"

namespace tideline::planner {
namespace {

using model::MilliCpu;

constexpr std::uint64_t kTicksASecond = 10;
constexpr std::uint64_t kWarmUpTicks = 30 * kTicksASecond;
/// A run of the loops no longer than this: counters of a large host have an end.
constexpr std::uint64_t kMostRunTicks = 86'400 * kTicksASecond;

double in_millicores(MilliCpu cpu) {
  return static_cast<double>(cpu.value());
}

/// By how much batch must be above what it may, to be late.
double urgent_of(MilliCpu capacity) {
  return in_millicores(std::max(capacity.percent(decide::kUrgentFallPercent), decide::kUrgentFallLeast));
}

}  // namespace

FineHost::FineHost(const RunSetting& setting, const FineOptions& options, std::size_t host,
                   const FineVariation& variation)
    : setting_(&setting),
      options_(&options),
      host_(host),
      seed_(mixed_seed(options.seed, setting.world.first_host + host)),
      noise_(options.demand, variation.noise, variation.bursts) {}

bool FineHost::is_chosen(std::size_t step) const {
  return options_->choice.has(setting_->world.first_host + host_, step, setting_->data.time_of(step));
}

/// Means of the services on the host, each by its place there; of one that is not there 0.
void FineHost::draw(std::size_t step) {
  means_.clear();
  for (const auto number : setting_->world.hosts[host_]) {
    const auto& workload = setting_->data.workloads[number];
    means_.push_back(in_millicores(whole_millicores(static_cast<double>(workload.at(workload.cpu_used, step)))));
  }
  noise_.draw(mixed_seed(seed_, step + 1), means_, static_cast<std::size_t>(setting_->data.step_s), services_);
}

void FineHost::begin(const StepOutcome& outcome) {
  end_late();
  const auto& demand = outcome.demand;
  node_.emplace(setting_->options.threshold, demand.capacity, mixed_seed(seed_, 0) % FineNode::kFastRoundsAPodRound);
  capacity_ = demand.capacity;
  const FineNode::Demand means{.services = in_millicores(demand.services),
                               .system = in_millicores(demand.system),
                               .batch = in_millicores(demand.wanted)};
  for (std::uint64_t tick = 0; tick < kWarmUpTicks; ++tick)
    node_->round(means);
}

void FineHost::end_late() {
  if (late_ > 0) sums_.late.add(late_);
  late_ = 0;
}

void FineHost::second(const StepOutcome& outcome, double services) {
  const auto& means = outcome.demand;
  const FineNode::Demand demand{
      .services = services, .system = in_millicores(means.system), .batch = in_millicores(means.wanted)};
  const double capacity = in_millicores(means.capacity);
  const double left = std::max(capacity - demand.system - services, 0.0);
  const double brim = in_millicores(means.capacity.percent(kBrimPercent));
  HostDemand now = means;
  now.services = whole_millicores(services);
  const auto due = batch_limit(setting_->options.threshold, now).limit;
  const double late_from = due ? in_millicores(*due) + urgent_of(means.capacity) : 0;
  for (std::uint64_t tick = 0; tick < kTicksASecond; ++tick) {
    const auto limit = node_->limit();
    const double batch = node_->round(demand);
    ++sums_.ticks;
    sums_.at_risk += services + demand.system + batch >= brim ? 1U : 0U;
    sums_.suppressed += limit && in_millicores(*limit) < std::min(demand.batch, left) ? 1U : 0U;
    used_ += std::min(services, std::max(capacity - demand.system, 0.0));
    batch_ += batch;
    if (due && !node_->is_by_weights() && batch >= late_from) {
      ++late_;
    } else {
      end_late();
    }
  }
}

void FineHost::add_closed(const StepOutcome& outcome) {
  const auto ticks = static_cast<std::uint64_t>(setting_->data.step_s) * kTicksASecond;
  const auto seconds = static_cast<double>(setting_->data.step_s);
  closed_.ticks += ticks;
  closed_.at_risk += outcome.above_brim() >= MilliCpu(0) ? ticks : 0;
  closed_.suppressed += outcome.suppressed_by() > MilliCpu(0) ? ticks : 0;
  closed_.used.add(cores_of(outcome.services_used()) * seconds);
  closed_.batch.add(cores_of(outcome.may_use) * seconds);
}

void FineHost::run(const StepOutcome& outcome) {
  const std::size_t step = outcome.step;
  if (!outcome.there || !is_chosen(step)) return;
  const bool goes_on =
      node_ && step == next_ && outcome.demand.capacity == capacity_ && node_->rounds() < kMostRunTicks;
  if (!goes_on) begin(outcome);
  next_ = step + 1;
  draw(step);
  const std::uint64_t risk_before = sums_.at_risk;
  const std::uint64_t suppressed_before = sums_.suppressed;
  const std::uint64_t writes_before = node_->writes();
  used_ = 0;
  batch_ = 0;
  for (const double services : services_)
    second(outcome, services);
  constexpr double kCoreSecondsOfMilliTick = 1.0 / (1'000 * static_cast<double>(kTicksASecond));
  sums_.used.add(used_ * kCoreSecondsOfMilliTick);
  sums_.batch.add(batch_ * kCoreSecondsOfMilliTick);
  const std::uint64_t writes = node_->writes() - writes_before;
  sums_.writes += writes;
  ++step_count_;
  add_closed(outcome);
  const auto in_seconds = [](std::uint64_t ticks) {
    return static_cast<double>(ticks) / static_cast<double>(kTicksASecond);
  };
  const bool closed_at_risk = outcome.above_brim() >= MilliCpu(0);
  steps_.push_back({.host = static_cast<std::uint32_t>(setting_->world.first_host + host_),
                    .begin_s = setting_->data.time_of(step),
                    .closed_at_risk_s = closed_at_risk ? static_cast<double>(setting_->data.step_s) : 0.0,
                    .at_risk_s = in_seconds(sums_.at_risk - risk_before),
                    .suppressed_s = in_seconds(sums_.suppressed - suppressed_before),
                    .limit_writes = writes});
  if (steps_.size() > 4 * kMaxFineSteps) keep_longest_at_risk(steps_);
}

const FineSums& FineHost::sums() {
  end_late();
  return sums_;
}

void keep_longest_at_risk(std::vector<FineStep>& steps) {
  std::sort(steps.begin(), steps.end(), [](const FineStep& a, const FineStep& b) {
    return std::tie(b.at_risk_s, a.begin_s, a.host) < std::tie(a.at_risk_s, b.begin_s, b.host);
  });
  if (steps.size() > kMaxFineSteps) steps.resize(kMaxFineSteps);
}

}  // namespace tideline::planner
