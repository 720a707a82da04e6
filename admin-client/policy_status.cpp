#include "admin-client/policy_status.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "coordinator/policy/features.h"
#include "coordinator/policy/node_annotations.h"

namespace tideline::tidectl {

bool has_policy(const Node& node) {
  // None was computed for it: what it is has not been told.
  if (node.policy_wanted == 0) return false;
  const bool known = node.policy_content.value() != 0 && node.policy_content_applied.value() != 0;
  return known ? node.policy_content == node.policy_content_applied : node.policy_wanted == node.policy_applied;
}

std::string policy_state(const Node& node) {
  if (has_policy(node)) {
    return node.policy_wanted == node.policy_applied ? "in force"
                                                     : fmt::format("in force as version {}", node.policy_applied);
  }
  return fmt::format("{}{}", node.policy_problem.empty() ? "pending" : "refused", node.connected ? "" : ", no session");
}

std::vector<ContentGroup> content_groups(const std::vector<Node>& nodes) {
  std::map<std::uint64_t, ContentGroup> by_content;
  for (const Node& node : nodes) {
    ContentGroup& group = by_content[node.policy_content.value()];
    group.content = node.policy_content;
    ++group.nodes;
    ++(has_policy(node) ? group.in_force : node.policy_problem.empty() ? group.behind : group.problems);
  }
  std::vector<ContentGroup> groups;
  groups.reserve(by_content.size());
  for (const auto& [content, group] : by_content)
    groups.push_back(group);
  std::stable_sort(groups.begin(), groups.end(),
                   [](const ContentGroup& a, const ContentGroup& b) { return a.nodes > b.nodes; });
  return groups;
}

std::vector<model::FeatureState> unsupported_by_policy(const Node& node) {
  std::vector<model::FeatureState> found;
  if (!node.status) return found;
  for (const auto& feature : node.status->features) {
    if (feature.state == model::FeatureState::State::kUnsupported && policy::is_of_policy(feature.feature)) {
      found.push_back(feature);
    }
  }
  return found;
}

std::vector<UnsupportedGroup> unsupported_groups(const std::vector<Node>& nodes) {
  std::map<std::pair<std::string, std::string>, UnsupportedGroup> by_reason;
  for (const Node& node : nodes) {
    for (auto& feature : unsupported_by_policy(node)) {
      UnsupportedGroup& group = by_reason[{feature.feature, feature.why}];
      group.nodes.push_back(node.name);
      group.feature = std::move(feature);
    }
  }
  std::vector<UnsupportedGroup> groups;
  groups.reserve(by_reason.size());
  for (auto& [reason, group] : by_reason)
    groups.push_back(std::move(group));
  std::stable_sort(groups.begin(), groups.end(), [](const UnsupportedGroup& a, const UnsupportedGroup& b) {
    return a.nodes.size() > b.nodes.size();
  });
  return groups;
}

std::vector<AnnotationGroup> annotation_groups(const std::vector<Node>& nodes) {
  std::map<std::string, std::vector<std::string>> by_text;
  for (const Node& node : nodes) {
    if (!node.status) continue;
    for (auto& problem : policy::annotation_problems(node.status->annotations))
      by_text[std::move(problem)].push_back(node.name);
  }
  std::vector<AnnotationGroup> groups;
  groups.reserve(by_text.size());
  for (auto& [problem, names] : by_text)
    groups.push_back({problem, std::move(names)});
  std::stable_sort(groups.begin(), groups.end(),
                   [](const AnnotationGroup& a, const AnnotationGroup& b) { return a.nodes.size() > b.nodes.size(); });
  return groups;
}

}  // namespace tideline::tidectl
