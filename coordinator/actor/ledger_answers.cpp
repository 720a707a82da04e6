#include "coordinator/actor/ledger_answers.h"

#include <map>
#include <utility>

#include <fmt/format.h>

#include "coordinator/reclaim/explain.h"

namespace tideline::coordinator {

model::ExplainedAccount explain_reclaimed(const model::NodeName& node, const LedgerBook& ledger,
                                          const fleet::FleetView& fleet, const policy::Rollout& rollout,
                                          const fleet::Arrival& now) {
  if (auto account = ledger.remembered(node, now.mono); account && !fleet.knows_host(node)) {
    return reclaim::explain(model::AccountAt{now.wall, *std::move(account)});
  }
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
    const model::Pod& pod = *view.summary.pod;
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

model::Result<void> known_part(const model::ClusterReport& report, const model::ClusterPart& part) {
  constexpr std::size_t kMostNamed = 20;
  std::vector<std::string> values;
  std::size_t unnamed = 0;
  for (const auto& grouping : report.groupings) {
    if (grouping.label != part.label) continue;
    unnamed += grouping.left_out;
    for (const auto& group : grouping.groups) {
      if (group.value == part.value) return {};
      if (values.size() < kMostNamed) {
        values.push_back(group.value.empty() ? "(none)" : group.value);
      } else {
        ++unnamed;
      }
    }
  }
  auto text = fmt::format("history has no account of {} in this range; ", model::text_of(part));
  text += values.empty() ? fmt::format("no node has {}", part.label)
                         : fmt::format("of {} there are: {}", part.label, fmt::join(values, ", "));
  if (unnamed > 0) text += fmt::format(" and {} more", unnamed);
  return model::Error(model::ErrorCode::kNotFound, std::move(text));
}

}  // namespace tideline::coordinator
