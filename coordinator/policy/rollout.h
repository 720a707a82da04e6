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
  /// A node may send other labels with every report.
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
  /// Labels as the node's newest report has them. A node whose labels were never told is sent nothing: until then it
  /// acts on the policy it has on disk, which is better than another node's.
  /// Gives what is wrong with them (effective()'s label_problems), each text once a node, at most kMaxLabelProblems.
  std::vector<std::string> labels(const model::NodeName& node, const Labels& labels);

  /// What the node should act on; nullopt while no policy was loaded. Unknown labels count as none.
  std::optional<model::NodePolicy> wanted(const model::NodeName& node) const;
  model::NodePolicy effective_for(const Labels& labels) const;

  /// Whether take_due() might give anything.
  bool has_due() const { return policy_ && !check_.empty(); }
  /// Policies to send now, each told once a session and once a change; of at most `most` nodes, by name. The others are
  /// due still.
  std::vector<std::pair<model::NodeName, model::NodePolicy>> take_due(std::size_t most = SIZE_MAX);

 private:
  struct Node {
    bool open = false;
    std::optional<Labels> labels;
    std::optional<model::NodePolicy> sent;  // what the labels give, unless the node is in check_
    std::vector<std::string> told_problems;
  };
  model::Epoch epoch_;
  std::shared_ptr<const ClusterPolicy> policy_;
  model::PolicyVersion version_;
  std::map<model::NodeName, Node> nodes_;
  std::set<model::NodeName> check_;  // whose policy may be another than what was sent
};

}  // namespace tideline::policy
