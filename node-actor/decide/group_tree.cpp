#include "node-actor/decide/group_tree.h"

namespace tideline::decide {

using model::GroupRef;
using model::KubeQos;
using Level = GroupRef::Level;

int depth_of(const GroupRef& group) {
  switch (group.level) {
    case Level::kRoot:
      return group.qos == KubeQos::kGuaranteed ? 0 : 1;
    case Level::kPod:
      return 2;
    case Level::kContainer:
      return 3;
  }
  return 3;
}

std::vector<GroupRef> groups_above(const GroupRef& group) {
  std::vector<GroupRef> above;
  if (group.level == Level::kContainer) above.push_back({Level::kPod, group.qos, group.pod, {}});
  const bool below_a_root = group.level != Level::kRoot;
  if (below_a_root && group.qos != KubeQos::kGuaranteed) above.push_back(model::root_of(group.qos));
  if (depth_of(group) > 0) above.push_back(model::root_of(KubeQos::kGuaranteed));
  return above;
}

bool is_within(const GroupRef& group, const GroupRef& top) {
  switch (top.level) {
    case Level::kRoot:
      return top.qos == KubeQos::kGuaranteed || group.qos == top.qos;
    case Level::kPod:
      return group.level != Level::kRoot && group.pod == top.pod;
    case Level::kContainer:
      return group.level == Level::kContainer && group.pod == top.pod && group.container_id == top.container_id;
  }
  return false;
}

}  // namespace tideline::decide
