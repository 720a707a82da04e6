#pragma once
// Which node wants which policy now, and who has been sent it. A plain value: no clock, no socket.

#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "coordinator/policy/policy.h"

namespace tideline::policy {

class Rollout {
 public:
  explicit Rollout(model::Epoch epoch) : epoch_(epoch) {}

  /// A new policy is in force for all nodes.
  void set(std::shared_ptr<const ClusterPolicy> policy, model::PolicyVersion version);
  /// The node has a session that was sent nothing yet.
  void opened(const model::NodeName& node);
  void closed(const model::NodeName& node);
  /// Labels as the node's newest report has them. A node whose labels were never told is sent nothing: until then it
  /// acts on the policy it has on disk, which is better than another node's.
  void labels(const model::NodeName& node, const Labels& labels);

  /// What the node should act on; nullopt while no policy was loaded. Unknown labels count as none.
  std::optional<model::NodePolicy> wanted(const model::NodeName& node) const;
  model::NodePolicy effective_for(const Labels& labels) const;

  /// Policies to send now, each told once a session and once a change.
  std::vector<std::pair<model::NodeName, model::NodePolicy>> take_due();

 private:
  struct Node {
    bool open = false;
    std::optional<Labels> labels;
    std::optional<model::NodePolicy> sent;
    bool check = true;
  };
  model::Epoch epoch_;
  std::shared_ptr<const ClusterPolicy> policy_;
  model::PolicyVersion version_;
  std::map<model::NodeName, Node> nodes_;
};

}  // namespace tideline::policy
