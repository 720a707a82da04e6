#pragma once
// Which node wants which policy now, and who has been sent it. A plain value: no clock, no socket.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/policy/policy.h"

namespace tideline::policy {

class Rollout {
 public:
  /// A node may send other labels and annotations with every report.
  static constexpr std::size_t kMaxLabelProblems = 8;

  explicit Rollout(model::Epoch epoch) : epoch_(epoch) {}

  /// A new policy is in force for all nodes.
  void set(std::shared_ptr<const ClusterPolicy> policy, model::PolicyVersion version);
  /// The node has a session that was sent nothing yet.
  void opened(const model::NodeName& node);
  void closed(const model::NodeName& node);
  /// The node is no longer known.
  void forget(const model::NodeName& node) {
    nodes_.erase(node);
    check_.erase(node);
  }
  /// What the node's newest report says. A node of which that was never told is sent nothing: until then it acts on the
  /// policy it has on disk, which is better than another node's.
  /// Gives what is wrong with labels and annotations (effective_on()'s label_problems, annotation_problems()), each
  /// text once a node, at most kMaxLabelProblems.
  std::vector<std::string> told(const model::NodeName& node, const NodeFacts& facts);

  /// What the node should act on; nullopt while no policy was loaded. Unknown labels count as none.
  std::optional<model::NodePolicy> wanted(const model::NodeName& node) const;
  /// For people: what gives wanted()'s cpu_normalization, or why it is 1. "" while no policy was loaded.
  std::string normalized_by(const model::NodeName& node) const;
  model::NodePolicy effective_for(const NodeFacts& facts) const;

  /// Whether take_due() might give anything.
  bool has_due() const { return policy_ && !check_.empty(); }
  /// Policies to send now, each told once a session and once a change; of at most `most` nodes, by name. The others are
  /// due still.
  std::vector<std::pair<model::NodeName, model::NodePolicy>> take_due(std::size_t most = SIZE_MAX);

 private:
  struct Node {
    bool open = false;
    std::optional<NodeFacts> facts;
    std::optional<model::NodePolicy> sent;  // what the facts give, unless the node is in check_
    std::vector<std::string> told_problems;
  };
  model::Epoch epoch_;
  std::shared_ptr<const ClusterPolicy> policy_;
  model::PolicyVersion version_;
  std::map<model::NodeName, Node> nodes_;
  std::set<model::NodeName> check_;  // whose policy may be another than what was sent
};

}  // namespace tideline::policy
