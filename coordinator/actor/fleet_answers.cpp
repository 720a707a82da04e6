#include "coordinator/actor/fleet_answers.h"

#include <utility>

#include "coordinator/actor/ledger_answers.h"
#include "coordinator/policy/content.h"

namespace tideline::coordinator {

model::Error unknown_node(const model::NodeName& name) {
  return {model::ErrorCode::kNotFound, "node \"" + name.str() + "\" is not known here"};
}

model::Error no_session(const model::NodeName& name) {
  return {model::ErrorCode::kNotFound, "node \"" + name.str() + "\" is known, but has no session now"};
}

model::Result<fleet::NodeView> answer_node(const fleet::FleetView& fleet, const model::NodeName& name,
                                           model::MonoTime now) {
  auto view = fleet.node(name, now);
  if (!view) return unknown_node(name);
  return *std::move(view);
}

model::Result<std::vector<fleet::PodView>> answer_pods(const fleet::FleetView& fleet, const model::NodeName& name,
                                                       model::MonoTime now) {
  if (!fleet.liveness(name, now)) return unknown_node(name);
  return fleet.pods(name);
}

model::Result<model::ExplainedAccount> answer_explain(const model::NodeName& name, const LedgerBook& ledger,
                                                      const fleet::FleetView& fleet, const policy::Rollout& rollout,
                                                      const fleet::Arrival& now) {
  if (!fleet.liveness(name, now.mono)) return unknown_node(name);
  return explain_reclaimed(name, ledger, fleet, rollout, now);
}

model::Result<admin::PolicyReport> answer_effective(const AskEffective& ask, const fleet::FleetView& fleet,
                                                    const policy::Rollout& rollout, model::MonoTime now) {
  if (!ask.name.empty() && !fleet.liveness(ask.name, now)) return unknown_node(ask.name);
  const auto wanted = rollout.wanted(ask.name);
  admin::PolicyReport report{ask.state, wanted.value_or(rollout.effective_for({})), {}};
  if (wanted) report.content = policy::content_of(*wanted);
  return report;
}

FleetReport fleet_report(const fleet::FleetView& fleet, const LedgerBook& ledger, model::PolicyVersion policy,
                         model::MonoTime now) {
  return {fleet.summary(now), ledger.cluster(fleet, now), ledger.predicted(fleet, now), policy};
}

}  // namespace tideline::coordinator
