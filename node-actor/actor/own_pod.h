#pragma once
// The pod this agent runs in, if it is listed: the agent neither throttles nor evicts itself.

#include <optional>
#include <set>
#include <vector>

#include "messages/model/pod.h"
#include "node-actor/decide/hands_off.h"
#include "node-actor/kernel/cgroup_tree.h"

namespace tideline::node {

class OwnPod {
 public:
  /// `tree` must outlive it.
  explicit OwnPod(const kernel::CgroupTree& tree) : tree_(tree) {}

  /// Looks for this process or its parent in the pods that are new, and gives what the agent must keep off;
  /// nullopt: it runs in none of them. A pod whose group is not there yet is looked at again the next time.
  const std::optional<decide::Hold>& look(const std::vector<model::Pod>& pods);

 private:
  const kernel::CgroupTree& tree_;
  std::set<model::PodUid> others_;  // it is in none of these
  std::optional<model::PodUid> own_;
  std::optional<decide::Hold> hold_;
};

}  // namespace tideline::node
