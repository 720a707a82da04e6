#include "coordinator/reclaim/reclaim.h"

#include <algorithm>
#include <chrono>
#include <limits>

namespace tideline::reclaim {
namespace {

using model::Bytes;
using model::CalculatePolicy;
using model::MilliCpu;
using model::ReclaimRule;
using model::ReclaimTerms;
using model::Tier;

/// A reclaim threshold may exceed 100; beyond this the products with the largest valid capacity leave 64 bits.
constexpr int kMaxPercent = 100'000;

template <class Unit>
Unit share(Unit of, int percent) {
  return of.percent(std::clamp(percent, 0, kMaxPercent));
}

/// What the pods want of one resource.
template <class Unit>
struct Demand {
  Unit high_priority;
  Unit requested;  // by prod
  Unit mid_charged;
  Unit mid_committed;
  Unit committed;
};

/// How CPU and memory differ in the account.
template <class Unit>
struct Account {
  Unit capacity;
  Unit allocatable;
  Unit reserved;
  std::optional<Unit> system;
  std::optional<Unit> used;
  std::optional<Unit> prod_reclaimable;
  int reclaim_threshold_percent = 0;
  std::optional<int> cap_percent;
  CalculatePolicy calculate = CalculatePolicy::kUsage;
  int mid_threshold_percent = 0;
  int mid_static_percent = 0;
};

struct Cpu {
  using Unit = MilliCpu;
  static std::optional<Unit> used(const PodInput& pod) { return pod.cpu; }
  static std::optional<Unit> request(const model::Resources& of) { return of.cpu; }
  static std::optional<Unit> mid_request(const model::MidRequests& of) { return of.cpu; }
  static std::optional<Unit> batch_request(const model::Resources& of) { return of.batch_cpu; }
  // An LSE pod's CPUs are its own whether it uses them or not.
  static bool is_all_its_own(const PodInput& pod) { return pod.qos == model::QosClass::kLse; }
};

struct Memory {
  using Unit = Bytes;
  static std::optional<Unit> used(const PodInput& pod) { return pod.memory; }
  static std::optional<Unit> request(const model::Resources& of) { return of.memory; }
  static std::optional<Unit> mid_request(const model::MidRequests& of) { return of.memory; }
  static std::optional<Unit> batch_request(const model::Resources& of) { return of.batch_memory; }
  static bool is_all_its_own(const PodInput&) { return false; }
};

template <class Unit>
Unit charge(CalculatePolicy policy, std::optional<Unit> used, std::optional<Unit> request, bool all_its_own) {
  const Unit zero{0};
  switch (policy) {
    case CalculatePolicy::kUsage:
      return all_its_own && request ? *request : used.value_or(request.value_or(zero));
    case CalculatePolicy::kRequest:
      return request.value_or(zero);
    case CalculatePolicy::kMaxUsageRequest:
      return std::max(used.value_or(zero), request.value_or(zero));
  }
  return zero;
}

template <class Resource>
Demand<typename Resource::Unit> demand(const std::vector<PodInput>& pods, CalculatePolicy policy) {
  using Unit = typename Resource::Unit;
  const Unit zero{0};
  Demand<Unit> sum;
  for (const PodInput& pod : pods) {
    const bool high = pod.tier == Tier::kProd || pod.tier == Tier::kMid;
    if (!pod.listed) {
      const Unit used = Resource::used(pod).value_or(zero);
      if (high) sum.high_priority += used;
      if (pod.tier == Tier::kMid) sum.mid_charged += used;
      continue;
    }
    if (pod.phase != model::PodPhase::kRunning && pod.phase != model::PodPhase::kPending) continue;
    if (!high) {
      sum.committed += Resource::batch_request(pod.requests).value_or(zero);
      continue;
    }
    const auto request = Resource::request(pod.requests);
    Unit charged = charge(policy, Resource::used(pod), request, Resource::is_all_its_own(pod));
    if (pod.tier == Tier::kMid) {
      const Unit promised = Resource::mid_request(pod.mid_requests).value_or(zero);
      charged = std::max(charged, promised);
      sum.mid_charged += charged;
      sum.mid_committed += promised;
    } else {
      sum.requested += request.value_or(zero);
    }
    sum.high_priority += charged;
  }
  return sum;
}

ReclaimRule rule_of(CalculatePolicy policy) {
  switch (policy) {
    case CalculatePolicy::kUsage:
      return ReclaimRule::kUsage;
    case CalculatePolicy::kRequest:
      return ReclaimRule::kRequest;
    case CalculatePolicy::kMaxUsageRequest:
      return ReclaimRule::kMaxUsageRequest;
  }
  return ReclaimRule::kUsage;
}

/// Mid's whole before it is cut to what the charges leave. `busy`: the system's use or reservation, the larger.
template <class Unit>
void give_mid(ReclaimTerms<Unit>& terms, const Account<Unit>& account, const Demand<Unit>& demand, Unit busy,
              const model::ColocationPolicy& policy) {
  const Unit zero{0};
  if (policy.mid_reclaim_mode == model::MidReclaimMode::kStatic) {
    terms.mid = share(account.capacity, account.mid_static_percent);
    terms.mid_rule = ReclaimRule::kStatic;
  } else {
    const Unit unused = account.used ? account.capacity - *account.used : zero;
    const Unit unallocated = std::max(account.capacity - busy - demand.requested, zero);
    terms.mid = std::max(std::min(account.prod_reclaimable.value_or(zero), unused), zero) +
                share(unallocated, policy.mid_unallocated_percent);
    terms.mid_rule = ReclaimRule::kPredicted;
  }
  if (const Unit cap = share(account.capacity, account.mid_threshold_percent); cap < terms.mid) {
    terms.mid = cap;
    terms.mid_rule = ReclaimRule::kThresholdCap;
  }
}

/// `withdrawn` says why nothing may be offered, whatever the terms are.
template <class Unit>
ReclaimTerms<Unit> settle(const Account<Unit>& account, const Demand<Unit>& demand,
                          const model::ColocationPolicy& policy, std::optional<ReclaimRule> withdrawn) {
  const Unit zero{0};
  ReclaimTerms<Unit> terms;
  terms.capacity = account.capacity;
  terms.margin = account.capacity.percent(100 - std::clamp(account.reclaim_threshold_percent, 0, kMaxPercent));
  const Unit reserved = std::max({account.capacity - account.allocatable, account.reserved, zero});
  const Unit busy = std::max(account.system.value_or(zero), reserved);
  terms.system = account.calculate == CalculatePolicy::kRequest ? reserved : busy;
  terms.high_priority = demand.high_priority;
  terms.committed = demand.committed;
  terms.mid_charged = demand.mid_charged;
  terms.mid_committed = demand.mid_committed;
  const bool predicts = policy.mid_reclaim_mode == model::MidReclaimMode::kPredicted && account.prod_reclaimable;
  // What mid is then not offered must not be batch's either.
  const bool unknown = account.capacity <= zero || !account.system || (predicts && !account.used);
  if (!withdrawn && unknown) withdrawn = ReclaimRule::kUnknownUsage;
  if (withdrawn) {
    terms.rule = terms.mid_rule = *withdrawn;
    return terms;
  }
  const Unit room = terms.capacity - terms.margin - terms.system - terms.high_priority;
  give_mid(terms, account, demand, busy, policy);
  // What batch pods hold already is not for sale again.
  if (const Unit most = terms.mid_committed + std::max(room - terms.committed, zero); most < terms.mid) {
    terms.mid = most;
    terms.mid_rule = ReclaimRule::kSafeCapacity;
  }
  terms.mid_offered = std::max(terms.mid - terms.mid_committed, zero);
  if (room < zero) {
    terms.deficit = zero - room;
    terms.rule = ReclaimRule::kDeficit;
    return terms;
  }
  terms.offered = room - terms.mid_offered;
  terms.rule = rule_of(account.calculate);
  if (account.cap_percent) {
    const Unit cap = share(terms.capacity, *account.cap_percent);
    if (cap < terms.offered) {
      terms.offered = cap;
      terms.rule = ReclaimRule::kThresholdCap;
    }
  }
  return terms;
}

/// Thousands of hostile nodes at the largest valid capacity would overflow a plain sum.
template <class Unit>
void add(Unit& sum, Unit value) {
  std::int64_t total = 0;
  if (__builtin_add_overflow(sum.value(), value.value(), &total)) {
    total = value.value() > 0 ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min();
  }
  sum = Unit(total);
}

/// Of the cluster: a deficit anywhere is named, a rule only if all share it.
ReclaimRule common(ReclaimRule sum, ReclaimRule rule, ReclaimRule otherwise) {
  if (sum == rule) return rule;
  return sum == ReclaimRule::kDeficit || rule == ReclaimRule::kDeficit ? ReclaimRule::kDeficit : otherwise;
}

template <class Unit>
void add(ReclaimTerms<Unit>& sum, const ReclaimTerms<Unit>& terms, bool first) {
  add(sum.capacity, terms.capacity);
  add(sum.margin, terms.margin);
  add(sum.system, terms.system);
  add(sum.high_priority, terms.high_priority);
  add(sum.offered, terms.offered);
  add(sum.deficit, terms.deficit);
  add(sum.committed, terms.committed);
  add(sum.mid_charged, terms.mid_charged);
  add(sum.mid_committed, terms.mid_committed);
  add(sum.mid, terms.mid);
  add(sum.mid_offered, terms.mid_offered);
  sum.rule = first ? terms.rule : common(sum.rule, terms.rule, ReclaimRule::kUsage);
  sum.mid_rule = first ? terms.mid_rule : common(sum.mid_rule, terms.mid_rule, ReclaimRule::kPredicted);
}

}  // namespace

model::Reclaimed reclaim(const NodeInput& input, const model::ColocationPolicy& policy, model::MonoTime now) {
  model::Reclaimed result;
  result.node = input.node;
  result.policy = input.policy;
  if (input.arrived) result.data_age = std::max(now - *input.arrived, model::kZeroDuration);

  std::optional<ReclaimRule> withdrawn;
  if (!policy.enable) {
    withdrawn = ReclaimRule::kDisabled;
  } else if (!result.data_age || is_too_old(*result.data_age, policy.degrade_time_minutes)) {
    withdrawn = ReclaimRule::kStale;
  }

  const auto cpu_calculate =
      policy.cpu_calculate_policy == CalculatePolicy::kRequest ? CalculatePolicy::kUsage : policy.cpu_calculate_policy;
  result.cpu = settle<MilliCpu>({.capacity = input.cpu_capacity,
                                 .allocatable = input.cpu_allocatable,
                                 .reserved = input.cpu_reserved,
                                 .system = input.system_cpu,
                                 .used = input.used_cpu,
                                 .prod_reclaimable = input.prod_reclaimable_cpu,
                                 .reclaim_threshold_percent = policy.cpu_reclaim_threshold_percent,
                                 .cap_percent = policy.batch_cpu_threshold_percent,
                                 .calculate = cpu_calculate,
                                 .mid_threshold_percent = policy.mid_cpu_threshold_percent,
                                 .mid_static_percent = policy.mid_static_cpu_reserved_percent},
                                demand<Cpu>(input.pods, cpu_calculate), policy, withdrawn);
  result.memory = settle<Bytes>({.capacity = input.memory_capacity,
                                 .allocatable = input.memory_allocatable,
                                 .reserved = input.memory_reserved,
                                 .system = input.system_memory,
                                 .used = input.used_memory,
                                 .prod_reclaimable = input.prod_reclaimable_memory,
                                 .reclaim_threshold_percent = policy.memory_reclaim_threshold_percent,
                                 .cap_percent = policy.batch_memory_threshold_percent,
                                 .calculate = policy.memory_calculate_policy,
                                 .mid_threshold_percent = policy.mid_memory_threshold_percent,
                                 .mid_static_percent = policy.mid_static_memory_reserved_percent},
                                demand<Memory>(input.pods, policy.memory_calculate_policy), policy, withdrawn);
  return result;
}

bool is_too_old(model::Duration age, int degrade_minutes) {
  // In minutes: any int is safe to compare.
  return std::chrono::ceil<std::chrono::minutes>(age).count() > degrade_minutes;
}

model::Reclaimed cluster_sum(std::span<const model::Reclaimed> nodes) {
  model::Reclaimed sum;
  bool first = true;
  for (const model::Reclaimed& node : nodes) {
    add(sum.cpu, node.cpu, first);
    add(sum.memory, node.memory, first);
    sum.policy = std::max(sum.policy, node.policy);
    if (node.data_age) sum.data_age = std::max(sum.data_age.value_or(model::kZeroDuration), *node.data_age);
    first = false;
  }
  return sum;
}

}  // namespace tideline::reclaim
