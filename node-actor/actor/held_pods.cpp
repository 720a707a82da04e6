#include "node-actor/actor/held_pods.h"

#include <algorithm>

namespace tideline::node {

bool is_held(const kernel::CgroupTree& tree, const std::vector<decide::Hold>& holds, const model::Pod& pod,
             model::MonoTime now) {
  if (holds.empty()) return false;
  const auto group = tree.pod_group(pod);
  if (decide::covering(holds, group, now) != nullptr) return true;
  const auto above = group + "/";
  return std::any_of(holds.begin(), holds.end(), [&](const decide::Hold& hold) {
    return !decide::is_over(hold, now) && hold.what.group.starts_with(above);
  });
}

std::vector<model::PodUid> held_be_pods(const kernel::CgroupTree& tree, const std::vector<decide::Hold>& holds,
                                        const std::vector<model::Pod>& pods, model::MonoTime now) {
  std::vector<model::PodUid> held;
  if (holds.empty()) return held;
  for (const auto& pod : pods) {
    if (pod.qos == model::QosClass::kBe && is_held(tree, holds, pod, now)) held.push_back(pod.uid);
  }
  return held;
}

}  // namespace tideline::node
