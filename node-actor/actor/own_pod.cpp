#include "node-actor/actor/own_pod.h"

#include <algorithm>

#include "node-actor/kernel/pod_kill.h"

namespace tideline::node {

const std::optional<decide::Hold>& OwnPod::look(const std::vector<model::Pod>& pods) {
  const auto listed = [&](const model::PodUid& uid) {
    return std::any_of(pods.begin(), pods.end(), [&](const model::Pod& pod) { return pod.uid == uid; });
  };
  std::erase_if(others_, [&](const model::PodUid& uid) { return !listed(uid); });
  // Which pod a process is in is settled when it begins.
  if (own_ && listed(*own_)) return hold_;
  own_.reset();
  hold_.reset();
  for (const auto& pod : pods) {
    if (others_.contains(pod.uid)) continue;
    const auto place = kernel::pod_kill_place(tree_, pod);
    const auto ours = place ? kernel::PodKill::holds_agent(*place) : model::Result<bool>(place.error());
    if (!ours) continue;
    if (!*ours) {
      others_.insert(pod.uid);
      continue;
    }
    own_ = pod.uid;
    hold_ = decide::own_hold(pod, tree_.pod_group(pod), tree_.best_effort());
    break;
  }
  return hold_;
}

}  // namespace tideline::node
