#pragma once
// Operators' questions about all nodes, as surveys of the live view. The view and the ledger must outlive them.

#include <string>
#include <vector>

#include "coordinator/actor/ledger_book.h"
#include "coordinator/actor/survey_desk.h"
#include "coordinator/admin/backend.h"
#include "coordinator/fleet/fleet_view.h"
#include "messages/model/cluster.h"
#include "messages/model/ids.h"

namespace tideline::coordinator {

SurveyDesk::Survey survey_nodes(const fleet::FleetView& fleet, admin::Reply<std::vector<fleet::NodeView>> reply);
SurveyDesk::Survey survey_policy(const fleet::FleetView& fleet, admin::PolicyState state,
                                 admin::Reply<admin::PolicyStatus> reply);
/// kOverloaded when they are more than AdminLimits::kMaxPods, at once where they are so now.
SurveyDesk::Survey survey_pods(const fleet::FleetView& fleet, admin::Reply<std::vector<fleet::PodView>> reply);
/// The cluster's own account is the sum of these very rows, without those of nodes that are gone.
SurveyDesk::Survey survey_accounts(const fleet::FleetView& fleet, const LedgerBook& ledger,
                                   admin::Reply<admin::ReclaimedReport> reply);
/// All but the trend. `labels`: keys to group by, a few.
SurveyDesk::Survey survey_cluster(const fleet::FleetView& fleet, const LedgerBook& ledger,
                                  const std::vector<std::string>& labels, admin::Reply<model::ClusterReport> reply);
/// Nodes that tell this of themselves; an empty value: those that report and do not tell of the label.
SurveyDesk::Survey survey_label(const fleet::FleetView& fleet, model::ClusterPart label,
                                admin::Reply<std::vector<model::NodeName>> reply);

}  // namespace tideline::coordinator
