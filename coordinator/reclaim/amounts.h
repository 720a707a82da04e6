#pragma once
// The amounts of an account as a list, for whoever treats them all alike: sums, means, comparisons. `used`, which may
// not be known, is not among them.

#include <array>
#include <cstdint>
#include <limits>

#include "messages/model/reclaimed.h"

namespace tideline::reclaim {

template <class Unit>
inline constexpr std::array kAmounts{
    &model::ReclaimTerms<Unit>::capacity,      &model::ReclaimTerms<Unit>::margin,
    &model::ReclaimTerms<Unit>::system,        &model::ReclaimTerms<Unit>::high_priority,
    &model::ReclaimTerms<Unit>::offered,       &model::ReclaimTerms<Unit>::deficit,
    &model::ReclaimTerms<Unit>::committed,     &model::ReclaimTerms<Unit>::mid_charged,
    &model::ReclaimTerms<Unit>::mid_committed, &model::ReclaimTerms<Unit>::mid,
    &model::ReclaimTerms<Unit>::mid_offered,   &model::ReclaimTerms<Unit>::requested,
    &model::ReclaimTerms<Unit>::prod_used,     &model::ReclaimTerms<Unit>::mid_used,
    &model::ReclaimTerms<Unit>::batch_used,    &model::ReclaimTerms<Unit>::reservation,
    &model::ReclaimTerms<Unit>::third_party,   &model::ReclaimTerms<Unit>::origin,
    &model::ReclaimTerms<Unit>::host_charged,  &model::ReclaimTerms<Unit>::host_used,
    &model::ReclaimTerms<Unit>::published};

/// Thousands of hostile nodes at the largest valid capacity would overflow a plain sum.
template <class Unit>
void saturating_add(Unit& sum, Unit value) {
  std::int64_t total = 0;
  if (__builtin_add_overflow(sum.value(), value.value(), &total)) {
    total = value.value() > 0 ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min();
  }
  sum = Unit(total);
}

}  // namespace tideline::reclaim
