#include "coordinator/actor/ledger_book.h"

#include <algorithm>
#include <utility>

#include "coordinator/actor/cluster_parts.h"
#include "coordinator/ledger/input.h"
#include "coordinator/reclaim/account_sum.h"
#include "coordinator/reclaim/keep.h"
#include "storage/store/limits.h"

namespace tideline::coordinator {

void LedgerBook::remember(const model::Reclaimed& kept, model::MonoTime kept_at, model::MonoTime now) {
  const auto [found, is_new] = rows_.try_emplace(kept.node);
  if (!is_new) return;
  Row& row = found->second;
  row.touched = false;
  row.account = reclaim::as_stale(model::aged(kept, now - kept_at));
  row.computed = now;
  row.kept = kept;
  row.kept_at = kept_at;
  row.remembered = true;
}

std::optional<model::Reclaimed> LedgerBook::remembered(const model::NodeName& node, model::MonoTime now) const {
  const auto found = rows_.find(node);
  if (found == rows_.end() || !found->second.remembered) return std::nullopt;
  return model::aged(*found->second.account, now - found->second.computed);
}

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

bool LedgerBook::is_given_up(const Row& row, model::MonoTime now) {
  return !row.unkept && now - row.computed > kReturnWithin &&
         reclaim::worth_keeping(*row.kept, *row.account, model::kZeroDuration);
}

reclaim::NodeInput LedgerBook::input(const model::NodeName& node, const fleet::FleetView& fleet,
                                     const model::NodePolicy& policy) const {
  return ledger::input_of(node, fleet.usage(node), policy, profiles_.reclaimable(node));
}

std::vector<LedgerBook::Change> LedgerBook::run(const fleet::FleetView& fleet, const policy::Rollout& rollout,
                                                model::MonoTime now, std::size_t most) {
  std::vector<Change> changes;
  for (auto& [name, row] : rows_) {
    if (changes.size() == most) break;
    // There is nothing to compute a remembered one from.
    if (row.remembered && !(row.touched && fleet.knows_host(name))) {
      if (!is_given_up(row, now)) continue;
      row.unkept = true;
      changes.push_back({row.kept, model::aged(*row.account, now - row.computed), {}, {}});
      continue;
    }
    if (!is_due(row, now)) continue;
    const auto policy = rollout.wanted(name).value_or(model::NodePolicy{});
    auto account = reclaim::reclaim(input(name, fleet, policy), policy.colocation, now);
    auto before = std::exchange(row.account, account);
    if (std::exchange(row.remembered, false)) before = row.kept;
    changes.push_back({std::move(before), std::move(account), policy.colocation, policy.scaling});
    row.touched = false;
    row.computed = now;
    row.unkept = true;
    row.degrade_minutes = policy.colocation.degrade_time_minutes;
  }
  return changes;
}

bool LedgerBook::is_to_keep(const Row& row, model::MonoTime now) {
  if (!row.account || !row.unkept) return false;
  // A node that has only connected, as all do after a start, has no account yet.
  if (!row.kept && !row.account->data_age) return false;
  return !row.kept || reclaim::worth_keeping(*row.kept, *row.account, now - row.kept_at);
}

std::vector<model::Reclaimed> LedgerBook::to_keep(const fleet::FleetView& fleet, model::MonoTime now) {
  std::vector<model::Reclaimed> kept;
  auto it = rows_.lower_bound(turn_);
  for (std::size_t seen = 0; seen < rows_.size() && kept.size() < kMostKeptAtOnce; ++seen, ++it) {
    if (it == rows_.end()) it = rows_.begin();
    Row& row = it->second;
    if (!is_to_keep(row, now)) continue;
    kept.push_back(model::aged(*row.account, now - row.computed));
    row.kept = row.account;
    row.kept_at = now;
    row.unkept = false;
  }
  turn_ = it == rows_.end() ? model::NodeName() : it->first;
  if (rows_.empty()) return kept;
  // Not before all nodes had time to come back after a start: a trend would show a fleet that was lost.
  if (!cluster_kept_) cluster_kept_ = now;
  if (now - *cluster_kept_ >= kClusterEvery) {
    keep_cluster(fleet, now, kept);
    cluster_kept_ = now;
  }
  return kept;
}

void LedgerBook::keep_cluster(const fleet::FleetView& fleet, model::MonoTime now, std::vector<model::Reclaimed>& kept) {
  const std::vector<std::string> labels(model::kClusterLabels.begin(), model::kClusterLabels.end());
  ClusterParts parts(labels, model::ClusterLimits::kMaxKeptGroups);
  for (const auto& [name, row] : rows_) {
    if (row.account) parts.add(model::aged(*row.account, now - row.computed), fleet, now);
  }
  auto report = parts.take();
  kept.push_back(std::move(report.total.account));
  parts_left_out_ = 0;
  for (auto& grouping : report.groupings) {
    const bool unlabelled = grouping.groups.size() == 1 && grouping.groups.front().value.empty();
    if (unlabelled) continue;  // the cluster once more
    parts_left_out_ += grouping.left_out;
    for (auto& group : grouping.groups) {
      auto name = model::text_of(model::ClusterPart{grouping.label, group.value});
      // Labels are what nodes say, and one that does not fit would cost history all that is kept beside it.
      if (name.size() > store::kMaxNodeNameBytes) {
        ++parts_left_out_;
        continue;
      }
      group.account.node = model::NodeName(std::move(name));
      kept.push_back(std::move(group.account));
    }
  }
}

std::vector<model::Reclaimed> LedgerBook::accounts(model::MonoTime now, const model::NodeName& after,
                                                   std::size_t most) const {
  std::vector<model::Reclaimed> found;
  found.reserve(std::min(most, rows_.size()));
  for (auto next = rows_.upper_bound(after); next != rows_.end() && found.size() < most; ++next) {
    const Row& row = next->second;
    if (row.account) found.push_back(model::aged(*row.account, now - row.computed));
  }
  return found;
}

model::Reclaimed LedgerBook::cluster(const fleet::FleetView& fleet, model::MonoTime now) const {
  reclaim::AccountSum sum;
  for (const auto& [name, row] : rows_) {
    if (!row.account || fleet.liveness(name, now) == fleet::Liveness::kGone) continue;
    sum.add(model::aged(*row.account, now - row.computed));
  }
  return sum.total();
}

profile::Summary LedgerBook::predicted(const fleet::FleetView& fleet, model::MonoTime now) const {
  return profiles_.summary([&](const model::NodeName& name) {
    // A node may be remembered of an earlier life by its profile alone.
    const auto liveness = fleet.liveness(name, now);
    return liveness && *liveness != fleet::Liveness::kGone;
  });
}

}  // namespace tideline::coordinator
