#include "coordinator/planner/fine_node.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "node-actor/sense/sample.h"

namespace tideline::planner {
namespace {

using model::MilliCpu;

constexpr std::int64_t kMilliOfCpu = 1'000;
constexpr double kNsOfMilliRound = static_cast<double>(FineNode::kFastRound.count()) / 1'000;
/// Groups have some number.
constexpr std::uint64_t kBatchGroup = 1;
constexpr std::uint64_t kServicesGroup = 2;
constexpr std::uint64_t kPodsGroup = 3;
/// What services wait for their own crowd, seconds for each second of CPU: the rehearsal's (node-actor/simulation).
constexpr double kOwnDelay = 0.02;
/// Of a host: more than that is not wanted by anybody who waits, so that what waits is a number.
constexpr double kMostWanted = 4;

model::Duration counter_of(double ns) {
  return model::Duration(std::llround(ns));
}

}  // namespace

FineNode::FineNode(const model::ThresholdPolicy& policy, MilliCpu capacity, std::uint64_t pod_phase)
    : capacity_(static_cast<double>(capacity.value())),
      pod_phase_(pod_phase),
      cpus_(static_cast<int>(std::max<std::int64_t>(capacity.value() / kMilliOfCpu, 1))),
      be_cpus_(cpus_) {
  policy_.emplace().threshold = policy;
  input_.node.capacity = capacity;
  input_.node.allocatable = capacity;
  input_.pod_interval = static_cast<std::int64_t>(kFastRoundsAPodRound) * kFastRound;
  input_.be_outside_root = MilliCpu(0);
  input_.protection.verified = true;
  input_.current = decide::CurrentLimit::none();
}

std::optional<MilliCpu> FineNode::limit() const {
  std::optional<MilliCpu> least;
  if (input_.current.kind == decide::CurrentLimit::Kind::kQuota) least = input_.current.quota;
  if (input_.cpuset != decide::CpusetSide::kInPlace) return least;
  const MilliCpu by_cpus(kMilliOfCpu * be_cpus_);
  return std::min(least.value_or(by_cpus), by_cpus);
}

double FineNode::round(const Demand& demand) {
  const double system = std::min(demand.system, capacity_);
  const double wanted = std::min(demand.services, kMostWanted * capacity_);
  const double services = std::min(wanted, capacity_ - system);
  double batch = std::min(demand.batch, capacity_ - system - services);
  if (const auto most = limit()) batch = std::min(batch, static_cast<double>(most->value()));
  node_used_ += (system + services + batch) * kNsOfMilliRound;
  be_used_ += batch * kNsOfMilliRound;
  services_used_ += services * kNsOfMilliRound;
  services_waited_ += (wanted - services + kOwnDelay * services) * kNsOfMilliRound;
  ++rounds_;
  input_.now = input_.now + kFastRound;
  if (rounds_ % kFastRoundsAPodRound == pod_phase_) look_at_pods();
  look();
  return batch;
}

void FineNode::look() {
  model::FastCounters now;
  now.at = input_.now;
  now.node_cpu = counter_of(node_used_);
  now.be_cpu = counter_of(be_used_);
  now.be_inode = kBatchGroup;
  if (decide::wants_uses(state_.rise, now.at)) now.pods = {kPodsGroup, counter_of(services_used_ + be_used_)};
  if (fast_before_) input_.fast = sense::fast_sample(*fast_before_, now);
  fast_before_ = std::move(now);
  auto step = decide::cpu_suppress_untold(state_, input_, policy_);
  state_ = step.state;
  const auto& decision = step.decision;
  if (decision.write) {
    const bool limits = decision.action == decide::SuppressDecision::Action::kLimit;
    input_.current = limits ? decide::CurrentLimit::of(decision.limit) : decide::CurrentLimit::none();
    ++writes_;
  }
  terms_ = step.decision.terms;
}

void FineNode::look_at_pods() {
  model::PodCounters services;
  services.uid = model::PodUid("services");
  services.qos = model::QosClass::kLs;
  services.group.inode = kServicesGroup;
  services.group.cpu = counter_of(services_used_);
  services.group.run_delay = counter_of(services_waited_);
  model::HostCounters now;
  now.at = input_.now;
  now.node_cpu = counter_of(node_used_);
  now.best_effort.inode = kBatchGroup;
  now.best_effort.cpu = counter_of(be_used_);
  now.be_limit_known = true;
  if (input_.current.kind == decide::CurrentLimit::Kind::kQuota) now.be_limit = input_.current.quota;
  now.pods.push_back(std::move(services));
  auto sample = host_before_ ? sense::node_sample(*host_before_, now) : sense::first_sample(now);
  sample.pods.clear();
  input_.pods = std::move(sample);
  host_before_ = std::move(now);
  if (policy_->threshold.enable && policy_->threshold.cpu_suppress_policy == model::SuppressPolicy::kCpuset) {
    move_cpus();
  }
}

/// As decide::cpuset_control has it of a host whose CPUs are all alike and none of them bound.
void FineNode::move_cpus() {
  const decide::BeCpuCountInput input{
      .now = input_.now, .host_cpus = cpus_, .pool_cpus = cpus_, .current = std::optional(be_cpus_)};
  const auto counted_cpus = decide::be_cpu_count(count_, input, terms_);
  count_ = counted_cpus.state;
  const auto& decision = counted_cpus.decision;
  if (!decision.count || decision.rule == model::Reason::kStaleSample) return;
  input_.cpuset = decide::CpusetSide::kInPlace;
  if (*decision.count == be_cpus_) return;
  be_cpus_ = *decision.count;
  ++writes_;
}

}  // namespace tideline::planner
