#pragma once
// The accounts of all nodes, each computed anew when something that it rests on changed: a report, the policy, or data
// that grew too old. And which of them history is to have. A plain value, like the views it reads.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "coordinator/fleet/fleet_view.h"
#include "coordinator/policy/rollout.h"
#include "coordinator/reclaim/reclaim.h"

namespace tideline::coordinator {

class LedgerBook {
 public:
  struct Change {
    std::optional<model::Reclaimed> before;  // nullopt: the first of this node
    model::Reclaimed now;
  };

  /// The node is new, or its usage, its labels or its session are others.
  void touch(const model::NodeName& node) { rows_[node].touched = true; }
  /// The policy is another.
  void touch_all();
  void forget(const model::NodeName& node) { rows_.erase(node); }

  /// Computes what was touched and what is stale by now; gives those accounts, changed or not, by name. All others are
  /// what they were, but for their data's age. At most `most` accounts: as many, and there may be more to compute.
  std::vector<Change> run(const fleet::FleetView& fleet, const policy::Rollout& rollout, model::MonoTime now,
                          std::size_t most = SIZE_MAX);

  /// The cluster's own account is kept so often.
  static constexpr model::Duration kClusterEvery = std::chrono::minutes(1);
  /// Of nodes' accounts at most so many are kept in one call; the others have their turn in the next ones.
  static constexpr std::size_t kMostKeptAtOnce = 1000;

  /// Accounts as of `now` that history is to have and has not yet: those that reclaim::worth_keeping says, and each
  /// kClusterEvery the cluster's own. They count as kept from then on.
  std::vector<model::Reclaimed> to_keep(const fleet::FleetView& fleet, model::MonoTime now);

  /// The sum over the nodes that are not gone: what a machine that is gone once offered is not the cluster's any more.
  model::Reclaimed cluster(const fleet::FleetView& fleet, model::MonoTime now) const;

  /// Accounts as of `now`, by name; of the nodes that `of` admits.
  template <class Predicate>
  std::vector<model::Reclaimed> accounts(model::MonoTime now, Predicate of) const {
    std::vector<model::Reclaimed> found;
    found.reserve(rows_.size());
    for (const auto& [name, row] : rows_) {
      if (row.account && of(name)) found.push_back(model::aged(*row.account, now - row.computed));
    }
    return found;
  }

 private:
  struct Row {
    bool touched = true;
    std::optional<model::Reclaimed> account;
    model::MonoTime computed;
    int degrade_minutes = 0;               // of the policy it was computed by
    std::optional<model::Reclaimed> kept;  // as history has it
    model::MonoTime kept_at;
    bool unkept = false;  // computed since it was kept
  };
  static bool is_due(const Row& row, model::MonoTime now);
  static bool is_to_keep(const Row& row, model::MonoTime now);
  std::map<model::NodeName, Row> rows_;
  model::NodeName turn_;  // where the next to_keep begins
  std::optional<model::MonoTime> cluster_kept_;
};

}  // namespace tideline::coordinator
