#pragma once
// The accounts of all nodes, each computed anew when something that it rests on changed: a report, the policy, or data
// that grew too old; and which of them history is to have. Beside them, what prod pods are predicted not to need. A
// plain value, like the views it reads.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/fleet/fleet_view.h"
#include "coordinator/policy/rollout.h"
#include "coordinator/profile/profile_book.h"
#include "coordinator/reclaim/reclaim.h"
#include "messages/model/cluster.h"
#include "messages/model/policy.h"

namespace tideline::coordinator {

class LedgerBook {
 public:
  struct Change {
    /// nullopt: the first of this node. The first after remember() comes after what history has.
    std::optional<model::Reclaimed> before;
    model::Reclaimed now;
    model::ColocationPolicy policy = {};  // it was computed by; of one that was not, the defaults
    model::ScalingPolicy scaling = {};    // likewise
  };

  /// `profiles`: what was learnt in an earlier life.
  explicit LedgerBook(profile::ProfileBook profiles = {}) : profiles_(std::move(profiles)) {}

  /// A remembered node that has not reported after so long is withdrawn for history, too; run() then gives it once. By
  /// then those that are to come back are back, and nothing had to be written of them.
  static constexpr model::Duration kReturnWithin = std::chrono::minutes(15);

  /// Takes over the account of a node that an earlier life kept last, at `kept_at`. Until the node reports to this one
  /// it stands as reclaim::as_stale(), whoever touches it. A node that is there already stays as it is.
  void remember(const model::Reclaimed& kept, model::MonoTime kept_at, model::MonoTime now);
  /// Such an account as of `now`; nullopt = there is none, or it was computed since.
  std::optional<model::Reclaimed> remembered(const model::NodeName& node, model::MonoTime now) const;

  /// The node is new, or its labels or its session are others.
  void touch(const model::NodeName& node) { rows_[node].touched = true; }
  /// A live report that the fleet view took.
  void reported(const model::Report& report, model::MonoTime at) {
    touch(report.node);
    profiles_.take(report, at);
  }
  /// The policy is another.
  void touch_all();
  void set_prediction(const profile::PredictionPolicy& policy) {
    profiles_.set_policy(policy);
    touch_all();
  }
  void forget(const model::NodeName& node) {
    rows_.erase(node);
    profiles_.forget(node);
  }

  profile::ProfileBook& profiles() { return profiles_; }
  const profile::ProfileBook& profiles() const { return profiles_; }

  /// What a node's account rests on, as of now. `policy` is the node's.
  reclaim::NodeInput input(const model::NodeName& node, const fleet::FleetView& fleet,
                           const model::NodePolicy& policy) const;

  /// Computes what was touched and what is stale by now; gives those accounts, changed or not, by name. All others are
  /// what they were, but for their data's age. At most `most` accounts: as many, and there may be more to compute.
  std::vector<Change> run(const fleet::FleetView& fleet, const policy::Rollout& rollout, model::MonoTime now,
                          std::size_t most = SIZE_MAX);

  /// The cluster's own account is kept so often, and those of its parts by model::kClusterLabels.
  static constexpr model::Duration kClusterEvery = std::chrono::minutes(1);
  /// Of nodes' accounts at most so many are kept in one call; the others have their turn in the next ones.
  static constexpr std::size_t kMostKeptAtOnce = 1000;

  /// Accounts as of `now` that history is to have and has not yet: those that reclaim::worth_keeping says, and each
  /// kClusterEvery the cluster's own and its parts', which have text_of(model::ClusterPart) as their names. Of each
  /// label the ClusterLimits::kMaxKeptGroups with the most CPU capacity, and none where no node has it. They count as
  /// kept from then on.
  std::vector<model::Reclaimed> to_keep(const fleet::FleetView& fleet, model::MonoTime now);
  /// Parts that were left out when the cluster's account was kept last.
  std::uint32_t parts_left_out() const { return parts_left_out_; }

  /// The sum over the nodes that are not gone: what a machine that is gone once offered is not the cluster's any more.
  model::Reclaimed cluster(const fleet::FleetView& fleet, model::MonoTime now) const;
  /// What is predicted for the same nodes; the scores are of all.
  profile::Summary predicted(const fleet::FleetView& fleet, model::MonoTime now) const;

  /// Accounts as of `now`, by name: at most `most` of those after `after`; "" = from the first on.
  std::vector<model::Reclaimed> accounts(model::MonoTime now, const model::NodeName& after = {},
                                         std::size_t most = SIZE_MAX) const;

 private:
  struct Row {
    bool touched = true;
    std::optional<model::Reclaimed> account;
    model::MonoTime computed;
    int degrade_minutes = 0;               // of the policy it was computed by
    std::optional<model::Reclaimed> kept;  // as history has it
    model::MonoTime kept_at;
    bool unkept = false;      // computed since it was kept
    bool remembered = false;  // by remember(), and not computed since
  };
  static bool is_due(const Row& row, model::MonoTime now);
  /// Of a remembered one.
  static bool is_given_up(const Row& row, model::MonoTime now);
  static bool is_to_keep(const Row& row, model::MonoTime now);
  void keep_cluster(const fleet::FleetView& fleet, model::MonoTime now, std::vector<model::Reclaimed>& kept);
  std::map<model::NodeName, Row> rows_;
  model::NodeName turn_;  // where the next to_keep begins
  std::optional<model::MonoTime> cluster_kept_;
  std::uint32_t parts_left_out_ = 0;
  profile::ProfileBook profiles_;
};

}  // namespace tideline::coordinator
