#include "coordinator/actor/ledger_book.h"

#include <utility>

#include "coordinator/actor/ledger_input.h"

namespace tideline::coordinator {

void LedgerBook::touch_all() {
  for (auto& [name, row] : rows_)
    row.touched = true;
}

bool LedgerBook::is_due(const Row& row, model::MonoTime now) {
  if (row.touched || !row.account) return true;
  const auto rule = row.account->cpu.rule;
  if (rule == model::ReclaimRule::kStale || rule == model::ReclaimRule::kDisabled) return false;
  const auto& age = row.account->data_age;
  return !age || reclaim::is_too_old(*age + (now - row.computed), row.degrade_minutes);
}

std::vector<LedgerBook::Change> LedgerBook::run(const fleet::FleetView& fleet, const policy::Rollout& rollout,
                                                model::MonoTime now) {
  std::vector<Change> changes;
  for (auto& [name, row] : rows_) {
    if (!is_due(row, now)) continue;
    const auto policy = rollout.wanted(name).value_or(model::NodePolicy{});
    const auto input = ledger_input(name, fleet.usage(name), policy.version, profiles_.reclaimable(name));
    auto account = reclaim::reclaim(input, policy.colocation, now);
    changes.push_back({std::exchange(row.account, account), std::move(account)});
    row.touched = false;
    row.computed = now;
    row.degrade_minutes = policy.colocation.degrade_time_minutes;
  }
  return changes;
}

}  // namespace tideline::coordinator
