#pragma once
// Who is told what the ledger rests on, and what came of it, in the order in which the coordinator took it.

#include <memory>

#include "coordinator/fleet/arrival.h"
#include "coordinator/fleet/limits.h"
#include "coordinator/policy/policy.h"
#include "coordinator/profile/node_profile.h"
#include "messages/model/ids.h"
#include "messages/model/policy.h"
#include "messages/model/reclaimed.h"
#include "messages/model/report.h"

namespace tideline::ledger {

/// Called on the fleet's actor, one call at a time: must be cheap and never wait.
class Witness {
 public:
  Witness() = default;
  virtual ~Witness() = default;
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;

  /// Before all else, once: nothing is known of any node.
  virtual void began(model::Epoch epoch, const fleet::FleetOptions& options, const fleet::Arrival& at) = 0;
  /// A policy is in force.
  virtual void policy_loaded(const std::shared_ptr<const policy::ClusterPolicy>& policy, model::PolicyVersion version,
                             const fleet::Arrival& at) = 0;
  virtual void opened(const model::NodeName& node, model::Incarnation incarnation, const fleet::Arrival& at) = 0;
  virtual void closed(const model::NodeName& node, const fleet::Arrival& at) = 0;
  /// The fleet view took it as the newest of its node.
  virtual void reported(const std::shared_ptr<const model::Report>& report, const fleet::Arrival& at) = 0;
  virtual void forgot(const model::NodeName& node, const fleet::Arrival& at) = 0;
  /// An account that was computed at at.mono, with what was predicted for its node then.
  virtual void accounted(const model::Reclaimed& account, const profile::Reclaimable& predicted,
                         const fleet::Arrival& at) = 0;
};

}  // namespace tideline::ledger
