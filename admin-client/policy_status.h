#pragma once
// Who has what it should, by what the policies say. Pure.

#include <cstddef>
#include <string>
#include <vector>

#include "admin-client/answers.h"

namespace tideline::tidectl {

/// The node applies what is wanted of it: the same content, or where that is not known the same version. False where
/// nothing is wanted yet.
bool has_policy(const Node& node);

/// "in force", "in force as version 6" (another version that says the same), "pending", "refused"; ", no session" after
/// the latter two where the node has none.
std::string policy_state(const Node& node);

/// Nodes that are wanted to have the same.
struct ContentGroup {
  model::PolicyContent content;  // 0 = not known
  std::size_t nodes = 0;
  std::size_t in_force = 0;
  std::size_t behind = 0;    // of the others: no answer yet, or no session
  std::size_t problems = 0;  // of the others: they say why not
};
/// Most nodes first.
std::vector<ContentGroup> content_groups(const std::vector<Node>& nodes);

/// What the policy asks for there and the node says it cannot do.
std::vector<model::FeatureState> unsupported_by_policy(const Node& node);

/// The same of many nodes.
struct UnsupportedGroup {
  model::FeatureState feature;
  std::vector<std::string> nodes;
};
/// By feature and reason, most nodes first.
std::vector<UnsupportedGroup> unsupported_groups(const std::vector<Node>& nodes);

/// What of these nodes' annotations cannot be used or is not acted on.
struct AnnotationGroup {
  std::string problem;
  std::vector<std::string> nodes;
};
/// By text, most nodes first.
std::vector<AnnotationGroup> annotation_groups(const std::vector<Node>& nodes);

}  // namespace tideline::tidectl
