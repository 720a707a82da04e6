#include "coordinator/reclaim/account_sum.h"

#include <algorithm>

#include "coordinator/reclaim/amounts.h"
#include "coordinator/reclaim/reclaim.h"

namespace tideline::reclaim {
namespace {

using model::ReclaimRule;
using model::ReclaimTerms;

/// Of the cluster: a deficit anywhere is named, a rule only if all share it.
ReclaimRule common(ReclaimRule sum, ReclaimRule rule, ReclaimRule otherwise) {
  if (sum == rule) return rule;
  return sum == ReclaimRule::kDeficit || rule == ReclaimRule::kDeficit ? ReclaimRule::kDeficit : otherwise;
}

template <class Unit>
model::Shortfall<Unit> shortfall_of(const ReclaimTerms<Unit>& terms) {
  if (terms.shortfall) return *terms.shortfall;
  return {std::max(terms.mid_committed - terms.mid, Unit{0}), std::max(terms.committed - terms.published, Unit{0})};
}

template <class Unit>
void add_terms(ReclaimTerms<Unit>& sum, const ReclaimTerms<Unit>& terms, bool first) {
  for (const auto amount : kAmounts<Unit>)
    saturating_add(sum.*amount, terms.*amount);
  if (terms.used) {
    Unit used = sum.used.value_or(Unit{0});
    saturating_add(used, *terms.used);
    sum.used = used;
  }
  auto shortfall = sum.shortfall.value_or(model::Shortfall<Unit>{});
  const auto more = shortfall_of(terms);
  saturating_add(shortfall.mid, more.mid);
  saturating_add(shortfall.batch, more.batch);
  sum.shortfall = shortfall;
  sum.rule = first ? terms.rule : common(sum.rule, terms.rule, ReclaimRule::kUsage);
  sum.mid_rule = first ? terms.mid_rule : common(sum.mid_rule, terms.mid_rule, ReclaimRule::kPredicted);
}

}  // namespace

void AccountSum::add(const model::Reclaimed& account) {
  add_terms(sum_.cpu, account.cpu, first_);
  add_terms(sum_.memory, account.memory, first_);
  sum_.policy = std::max(sum_.policy, account.policy);
  if (account.data_age) sum_.data_age = std::max(sum_.data_age.value_or(model::kZeroDuration), *account.data_age);
  first_ = false;
}

model::Reclaimed cluster_sum(std::span<const model::Reclaimed> nodes) {
  AccountSum sum;
  for (const model::Reclaimed& node : nodes)
    sum.add(node);
  return sum.total();
}

}  // namespace tideline::reclaim
