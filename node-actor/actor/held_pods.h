#pragma once

#include <vector>

#include "messages/model/pod.h"
#include "messages/model/units.h"
#include "node-actor/decide/hands_off.h"
#include "node-actor/kernel/cgroup_tree.h"

namespace tideline::node {

/// Whether a hold keeps the agent off this pod: off its group, one above it, or one below it, whose processes would end
/// with the pod's.
bool is_held(const kernel::CgroupTree& tree, const std::vector<decide::Hold>& holds, const model::Pod& pod,
             model::MonoTime now);

/// Those of the BE pods.
std::vector<model::PodUid> held_be_pods(const kernel::CgroupTree& tree, const std::vector<decide::Hold>& holds,
                                        const std::vector<model::Pod>& pods, model::MonoTime now);

}  // namespace tideline::node
