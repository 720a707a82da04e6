#include "coordinator/actor/ledger_answers.h"

#include <map>

#include "coordinator/reclaim/cluster.h"
#include "coordinator/reclaim/explain.h"

namespace tideline::coordinator {

model::ExplainedAccount explain_reclaimed(const model::NodeName& node, const LedgerBook& ledger,
                                          const fleet::FleetView& fleet, const policy::Rollout& rollout,
                                          const fleet::Arrival& now) {
  const auto policy = rollout.wanted(node).value_or(model::NodePolicy{});
  reclaim::Origin origin;
  origin.averaged = fleet.options().aggregate;
  if (const auto used = ledger.profiles().policy().used) origin.predictor = profile::name_of(*used);
  if (const auto view = fleet.node(node, now.mono); view && fleet.knows_host(node)) origin.report = view->last_seq;
  origin.normalized_by = rollout.normalized_by(node);
  origin.scaling = policy.scaling;
  auto explained = reclaim::explain(ledger.input(node, fleet, policy), policy.colocation, now.mono, origin);
  explained.at = now.wall;
  std::map<model::PodUid, std::string> names;
  for (const auto& view : fleet.pods(node)) {
    const auto& pod = view.summary.pod;
    names[pod.uid] = pod.name_space + "/" + pod.name;
  }
  if (const auto usage = fleet.usage(node)) {
    for (const auto& pod : usage->pods) {
      if (!pod.listed) names[pod.uid] = pod.name;
    }
  }
  for (auto& pod : explained.cpu.pods)
    pod.name = names[pod.uid];
  for (auto& pod : explained.memory.pods)
    pod.name = names[pod.uid];
  return explained;
}

model::ClusterReport cluster_report(const LedgerBook& ledger, const fleet::FleetView& fleet,
                                    const std::vector<std::string>& labels, const fleet::Arrival& now) {
  reclaim::ClusterReporter reporter(labels);
  std::uint32_t gone = 0;
  const auto accounts = ledger.accounts(now.mono, [&](const model::NodeName& name) {
    const bool there = fleet.liveness(name, now.mono) != fleet::Liveness::kGone;
    gone += there ? 0 : 1;
    return there;
  });
  std::vector<std::string> values(labels.size());
  for (const auto& account : accounts) {
    for (std::size_t i = 0; i < labels.size(); ++i)
      values[i] = fleet.label(account.node, labels[i]);
    reporter.add(account, values);
  }
  auto report = reporter.take();
  report.at = now.wall;
  report.gone = gone;
  return report;
}

}  // namespace tideline::coordinator
