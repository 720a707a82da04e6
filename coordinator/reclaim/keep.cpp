#include "coordinator/reclaim/keep.h"

#include <algorithm>

#include "coordinator/reclaim/amounts.h"

namespace tideline::reclaim {
namespace {

template <class Unit>
bool has_moved(const model::ReclaimTerms<Unit>& kept, const model::ReclaimTerms<Unit>& now) {
  const Unit step = std::max(kept.capacity, now.capacity).percent(kMovedPercent);
  const auto moved = [&](Unit a, Unit b) { return std::max(a, b) - std::min(a, b) > step; };
  if (kept.mid_rule != now.mid_rule || kept.used.has_value() != now.used.has_value()) return true;
  if (now.used && moved(*kept.used, *now.used)) return true;
  return std::any_of(kAmounts<Unit>.begin(), kAmounts<Unit>.end(),
                     [&](auto amount) { return moved(kept.*amount, now.*amount); });
}

}  // namespace

bool worth_keeping(const model::Reclaimed& kept, const model::Reclaimed& account, model::Duration since) {
  if (kept.cpu.rule != account.cpu.rule || kept.memory.rule != account.memory.rule) return true;
  if (kept.policy != account.policy) return true;
  if (since < kKeepAtMostEvery) return false;
  return since >= kKeepAtLeastEvery || has_moved(kept.cpu, account.cpu) || has_moved(kept.memory, account.memory);
}

}  // namespace tideline::reclaim
