#pragma once
// How long a pod's cgroup has been there.

#include <optional>

#include "messages/model/pod.h"
#include "messages/model/units.h"
#include "node-actor/kernel/cgroup_tree.h"

namespace tideline::kernel {

/// By the earliest time that the group's directory bears. cgroupfs stamps a directory when the kernel first makes its
/// inode: with the group, or later where memory was short since. So it is never longer than the truth. nullopt: there
/// is no such group now.
std::optional<model::Duration> group_age(const CgroupTree& tree, const model::Pod& pod, model::WallTime now);

}  // namespace tideline::kernel
