#include "coordinator/reclaim/reclaim.h"

#include <algorithm>
#include <chrono>
#include <limits>

namespace tideline::reclaim {
namespace {

using model::Bytes;
using model::MilliCpu;
using model::ReclaimRule;
using model::ReclaimTerms;

/// How CPU and memory differ in the account.
template <class Unit>
struct Account {
  Unit capacity;
  Unit allocatable;
  Unit reserved;
  std::optional<Unit> system;
  int reclaim_threshold_percent = 0;
  std::optional<int> cap_percent;
};

/// A reclaim threshold may exceed 100; beyond this the products with the largest valid capacity leave 64 bits.
constexpr int kMaxPercent = 100'000;

bool is_charged(const PodInput& pod) {
  if (pod.tier == model::Tier::kBatch || pod.tier == model::Tier::kFree) return false;
  if (!pod.listed) return true;
  return pod.phase == model::PodPhase::kRunning || pod.phase == model::PodPhase::kPending;
}

MilliCpu cpu_charge(const PodInput& pod) {
  // An LSE pod's CPUs are its own whether it uses them or not.
  const bool by_request = pod.listed && pod.requests.cpu && (pod.qos == model::QosClass::kLse || !pod.cpu);
  return by_request ? *pod.requests.cpu : pod.cpu.value_or(MilliCpu(0));
}

Bytes memory_charge(const PodInput& pod) {
  if (pod.memory) return *pod.memory;
  return pod.listed ? pod.requests.memory.value_or(Bytes(0)) : Bytes(0);
}

/// `withdrawn` says why nothing may be offered, whatever the terms are.
template <class Unit>
ReclaimTerms<Unit> settle(const Account<Unit>& account, Unit high_priority, std::optional<ReclaimRule> withdrawn) {
  const Unit zero{0};
  ReclaimTerms<Unit> terms;
  terms.capacity = account.capacity;
  terms.margin = account.capacity.percent(100 - std::clamp(account.reclaim_threshold_percent, 0, kMaxPercent));
  const Unit reserved = std::max({account.capacity - account.allocatable, account.reserved, zero});
  terms.system = std::max(account.system.value_or(zero), reserved);
  terms.high_priority = high_priority;
  if (withdrawn) {
    terms.rule = *withdrawn;
    return terms;
  }
  if (account.capacity <= zero || !account.system) {
    terms.rule = ReclaimRule::kUnknownUsage;
    return terms;
  }
  const Unit left = terms.capacity - terms.margin - terms.system - terms.high_priority;
  if (left < zero) {
    terms.deficit = zero - left;
    terms.rule = ReclaimRule::kDeficit;
    return terms;
  }
  terms.offered = left;
  if (account.cap_percent) {
    const Unit cap = terms.capacity.percent(std::clamp(*account.cap_percent, 0, kMaxPercent));
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

template <class Unit>
void add(ReclaimTerms<Unit>& sum, const ReclaimTerms<Unit>& terms, bool first) {
  add(sum.capacity, terms.capacity);
  add(sum.margin, terms.margin);
  add(sum.system, terms.system);
  add(sum.high_priority, terms.high_priority);
  add(sum.offered, terms.offered);
  add(sum.deficit, terms.deficit);
  if (first || sum.rule == terms.rule) {
    sum.rule = terms.rule;
  } else if (sum.rule == ReclaimRule::kDeficit || terms.rule == ReclaimRule::kDeficit) {
    sum.rule = ReclaimRule::kDeficit;
  } else {
    sum.rule = ReclaimRule::kUsage;
  }
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
  } else if (!result.data_age || std::chrono::ceil<std::chrono::minutes>(*result.data_age).count() >
                                     policy.degrade_time_minutes) {  // in minutes: any int is safe to compare
    withdrawn = ReclaimRule::kStale;
  }

  MilliCpu cpu{0};
  Bytes memory{0};
  for (const PodInput& pod : input.pods) {
    if (!is_charged(pod)) continue;
    cpu += cpu_charge(pod);
    memory += memory_charge(pod);
  }
  result.cpu = settle<MilliCpu>({.capacity = input.cpu_capacity,
                                 .allocatable = input.cpu_allocatable,
                                 .reserved = input.cpu_reserved,
                                 .system = input.system_cpu,
                                 .reclaim_threshold_percent = policy.cpu_reclaim_threshold_percent,
                                 .cap_percent = policy.batch_cpu_threshold_percent},
                                cpu, withdrawn);
  result.memory = settle<Bytes>({.capacity = input.memory_capacity,
                                 .allocatable = input.memory_allocatable,
                                 .reserved = input.memory_reserved,
                                 .system = input.system_memory,
                                 .reclaim_threshold_percent = policy.memory_reclaim_threshold_percent,
                                 .cap_percent = policy.batch_memory_threshold_percent},
                                memory, withdrawn);
  return result;
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
