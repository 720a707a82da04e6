#pragma once
// Operators' questions about one node, and the fleet in numbers, answered from the live view. A node that is not known
// is kNotFound with its name.

#include <vector>

#include "coordinator/actor/ledger_book.h"
#include "coordinator/actor/messages.h"
#include "coordinator/fleet/arrival.h"
#include "coordinator/fleet/fleet_view.h"
#include "coordinator/policy/rollout.h"
#include "messages/model/explained.h"
#include "messages/model/ids.h"
#include "messages/model/result.h"

namespace tideline::coordinator {

model::Error unknown_node(const model::NodeName& name);
/// kNotFound as well: kUnavailable would say of the coordinator that it cannot be reached.
model::Error no_session(const model::NodeName& name);

model::Result<fleet::NodeView> answer_node(const fleet::FleetView& fleet, const model::NodeName& name,
                                           model::MonoTime now);
model::Result<std::vector<fleet::PodView>> answer_pods(const fleet::FleetView& fleet, const model::NodeName& name,
                                                       model::MonoTime now);
/// Of now; explain_reclaimed() says what of.
model::Result<model::ExplainedAccount> answer_explain(const model::NodeName& name, const LedgerBook& ledger,
                                                      const fleet::FleetView& fleet, const policy::Rollout& rollout,
                                                      const fleet::Arrival& now);
/// The policy of the node, of the cluster with an empty name.
model::Result<admin::PolicyReport> answer_effective(const AskEffective& ask, const fleet::FleetView& fleet,
                                                    const policy::Rollout& rollout, model::MonoTime now);
/// `policy`: the version in force.
FleetReport fleet_report(const fleet::FleetView& fleet, const LedgerBook& ledger, model::PolicyVersion policy,
                         model::MonoTime now);

}  // namespace tideline::coordinator
