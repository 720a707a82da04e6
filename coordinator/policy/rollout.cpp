#include "coordinator/policy/rollout.h"

#include <algorithm>
#include <utility>

#include "coordinator/policy/node_annotations.h"

namespace tideline::policy {

void Rollout::set(std::shared_ptr<const ClusterPolicy> policy, model::PolicyVersion version) {
  policy_ = std::move(policy);
  version_ = version;
  for (const auto& [name, node] : nodes_)
    check_.insert(check_.end(), name);
}

void Rollout::opened(const model::NodeName& node) {
  Node& entry = nodes_[node];
  entry.open = true;
  entry.sent.reset();
  check_.insert(node);
}

void Rollout::closed(const model::NodeName& node) {
  const auto found = nodes_.find(node);
  if (found != nodes_.end()) found->second.open = false;
}

std::vector<std::string> Rollout::told(const model::NodeName& node, const NodeFacts& facts) {
  Node& entry = nodes_[node];
  if (entry.facts == facts) return {};
  const bool same = entry.facts && entry.facts->labels == facts.labels && entry.facts->cpu == facts.cpu &&
                    same_strategy(entry.facts->annotations, facts.annotations);
  entry.facts = facts;
  if (!same) check_.insert(node);
  std::vector<std::string> problems;
  (void)effective_on(ClusterPolicy{}, facts, &problems);
  for (auto& problem : annotation_problems(facts.annotations))
    problems.push_back(std::move(problem));
  auto& told = entry.told_problems;
  std::erase_if(problems, [&](const std::string& problem) {
    if (told.size() == kMaxLabelProblems || std::find(told.begin(), told.end(), problem) != told.end()) return true;
    told.push_back(problem);
    return false;
  });
  return problems;
}

model::NodePolicy Rollout::effective_for(const NodeFacts& facts) const {
  model::NodePolicy policy = policy_ ? effective_on(*policy_, facts) : model::NodePolicy{};
  policy.version = version_;
  policy.epoch = epoch_;
  return policy;
}

std::string Rollout::normalized_by(const model::NodeName& node) const {
  if (!policy_) return {};
  const auto found = nodes_.find(node);
  return normalization_on(*policy_, found == nodes_.end() || !found->second.facts ? NodeFacts{} : *found->second.facts)
      .by;
}

std::optional<model::NodePolicy> Rollout::wanted(const model::NodeName& node) const {
  if (!policy_) return std::nullopt;
  const auto found = nodes_.find(node);
  if (found == nodes_.end()) return effective_for({});
  if (found->second.sent && !check_.contains(node)) return found->second.sent;
  return effective_for(found->second.facts ? *found->second.facts : NodeFacts{});
}

std::vector<std::pair<model::NodeName, model::NodePolicy>> Rollout::take_due(std::size_t most) {
  std::vector<std::pair<model::NodeName, model::NodePolicy>> due;
  if (!policy_) return due;
  for (; most > 0 && !check_.empty(); --most) {
    const auto name = check_.extract(check_.begin()).value();
    const auto found = nodes_.find(name);
    if (found == nodes_.end()) continue;
    Node& node = found->second;
    // It comes again with what it lacks.
    if (!node.open || !node.facts) {
      node.sent.reset();
      continue;
    }
    const auto policy = effective_for(*node.facts);
    if (node.sent == policy) continue;
    node.sent = policy;
    due.emplace_back(name, policy);
  }
  return due;
}

}  // namespace tideline::policy
