#include "coordinator/reclaim/reclaim.h"

#include <algorithm>
#include <chrono>

#include "coordinator/reclaim/account.h"
#include "coordinator/reclaim/zones.h"

namespace tideline::reclaim {
namespace {

using model::CalculatePolicy;
using model::ReclaimRule;
using model::ReclaimTerms;
using model::Tier;

template <class Unit>
Unit share(Unit of, int percent) {
  return of.percent(std::clamp(percent, 0, kMaxPercent));
}

/// What the pods want and use of one resource.
template <class Unit>
struct Demand {
  Unit high_priority;
  Unit requested;  // by prod
  Unit mid_charged;
  Unit mid_committed;
  Unit committed;
  Unit prod_used;
  Unit mid_used;
  Unit batch_used;
  Unit host_used;     // used by host applications of all tiers
  Unit host_charged;  // what is charged of it: those of prod and mid
};

template <class Unit>
void add_applications(Demand<Unit>& sum, const std::vector<ApplicationInput>& applications,
                      const Account<Unit>& account) {
  for (const ApplicationInput& application : applications) {
    const Unit used = (application.*account.application_use).value_or(Unit{0});
    const Unit charged = account.calculate == CalculatePolicy::kRequest ? Unit{0} : used;
    sum.host_used += used;
    switch (application.tier) {
      case Tier::kProd:
        sum.prod_used += used;
        break;
      case Tier::kMid:
        sum.mid_used += used;
        sum.mid_charged += charged;
        break;
      case Tier::kBatch:
      case Tier::kFree:
        sum.batch_used += used;
        continue;
    }
    sum.host_charged += charged;
  }
  sum.high_priority += sum.host_charged;
}

template <class Unit>
Demand<Unit> demand(const NodeInput& input, const Account<Unit>& account) {
  Demand<Unit> sum;
  add_applications(sum, input.applications, account);
  for (const PodInput& pod : input.pods) {
    const PodCharge<Unit> one = account.charge(pod, account.calculate);
    const Unit used = one.used.value_or(Unit{0});
    sum.high_priority += one.charged;
    switch (pod.tier) {
      case Tier::kProd:
        sum.requested += one.requested;
        sum.prod_used += used;
        break;
      case Tier::kMid:
        sum.mid_charged += one.charged;
        sum.mid_committed += one.committed;
        sum.mid_used += used;
        break;
      case Tier::kBatch:
      case Tier::kFree:
        sum.committed += one.committed;
        sum.batch_used += used;
        break;
    }
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

/// Mid's whole before it is cut to what the charges leave.
template <class Unit>
void give_mid(ReclaimTerms<Unit>& terms, const Account<Unit>& account, const Demand<Unit>& demand,
              const model::ColocationPolicy& policy) {
  const Unit zero{0};
  // Koordinator counts those of prod alone. Here it would matter to batch whether one of the others could be measured.
  const Unit busy = std::max(account.system.value_or(zero) + demand.host_used, reserved_of(account));
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
  terms.margin = margin_of(account.capacity, account.reclaim_threshold_percent);
  const Unit reserved = reserved_of(account);
  terms.system = account.calculate == CalculatePolicy::kRequest
                     ? reserved
                     : std::max(account.system.value_or(zero), reserved - demand.host_charged);
  terms.reservation = account.reserved;
  terms.third_party = account.third_party;
  terms.high_priority = demand.high_priority;
  terms.committed = demand.committed;
  terms.mid_charged = demand.mid_charged;
  terms.mid_committed = demand.mid_committed;
  terms.requested = demand.requested;
  terms.used = account.used;
  terms.prod_used = demand.prod_used;
  terms.mid_used = demand.mid_used;
  terms.batch_used = demand.batch_used;
  terms.host_charged = demand.host_charged;
  terms.host_used = demand.host_used;
  const bool predicts = policy.mid_reclaim_mode == model::MidReclaimMode::kPredicted && account.prod_reclaimable;
  // What mid is then not offered must not be batch's either.
  const bool unknown = account.capacity <= zero || !account.system || (predicts && !account.used);
  if (!withdrawn && unknown) withdrawn = ReclaimRule::kUnknownUsage;
  if (withdrawn) {
    terms.rule = terms.mid_rule = *withdrawn;
    return terms;
  }
  const Unit room = room_of(terms);
  give_mid(terms, account, demand, policy);
  // What batch pods and third parties hold already is not for sale again.
  const Unit third_party = account.normalization.into(terms.third_party);
  const Unit held = account.normalization.into(terms.committed) + third_party;
  if (const Unit most = terms.mid_committed + std::max(room - held, zero); most < terms.mid) {
    terms.mid = most;
    terms.mid_rule = ReclaimRule::kSafeCapacity;
  }
  terms.mid_offered = std::max(terms.mid - terms.mid_committed, zero);
  if (room < zero) {
    terms.deficit = zero - room;
    terms.rule = ReclaimRule::kDeficit;
    return terms;
  }
  Unit whole = room - terms.mid_offered;
  terms.rule = rule_of(account.calculate);
  if (account.cap_percent) {
    const Unit cap = share(terms.capacity, *account.cap_percent);
    if (cap < whole) {
      whole = cap;
      terms.rule = ReclaimRule::kThresholdCap;
    }
  }
  terms.offered = std::max(whole - third_party, zero);
  terms.origin = account.normalization.times(whole);
  terms.published = std::max(terms.origin - terms.third_party, zero);
  return terms;
}

/// As settle() leaves terms that it does not come to.
template <class Unit>
void make_stale(ReclaimTerms<Unit>& terms) {
  terms.offered = terms.deficit = terms.mid = terms.mid_offered = terms.origin = terms.published = Unit{0};
  terms.rule = terms.mid_rule = ReclaimRule::kStale;
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
  } else if (!input.unreadable.empty()) {
    withdrawn = ReclaimRule::kBadAnnotation;
  }

  const auto cpu = cpu_account(input, policy);
  const auto memory = memory_account(input, policy);
  result.cpu = settle(cpu, demand(input, cpu), policy, withdrawn);
  result.memory = settle(memory, demand(input, memory), policy, withdrawn);
  result.zones = split(result, input.zones, policy);
  return result;
}

model::Reclaimed as_stale(model::Reclaimed account) {
  if (account.cpu.rule == ReclaimRule::kDisabled) return account;
  make_stale(account.cpu);
  make_stale(account.memory);
  for (auto& zone : account.zones) {
    zone.cpu.offered = model::MilliCpu(0);
    zone.memory.offered = model::Bytes(0);
  }
  return account;
}

bool is_too_old(model::Duration age, int degrade_minutes) {
  // In minutes: any int is safe to compare.
  return std::chrono::ceil<std::chrono::minutes>(age).count() > degrade_minutes;
}

}  // namespace tideline::reclaim
