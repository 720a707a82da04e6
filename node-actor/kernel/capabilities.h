#pragma once
// What this kernel lets us do with a group's CPU and memory, probed once at start.

#include <string_view>

#include "messages/model/knob.h"
#include "node-actor/kernel/cgroup_tree.h"

namespace tideline::kernel {

/// Looks for every knob on the besteffort root: the file must be there, read as this knob, and open for writing. Writes
/// nothing. What is missing says why: no hierarchy mounted (v1), which cgroup.subtree_control leaves the controller out
/// (v2), no such file in this kernel or in any but Alibaba Cloud Linux, or what the kernel answered. bvt-warp is
/// missing, too, while kernel.sched_group_identity_enabled, where there is such a sysctl, is 0: the kernel then takes
/// values to no effect.
model::KnobSet probe_knobs(const CgroupTree& tree);

/// What this kernel demands of values that belong together: a write that goes against it is refused, whatever the
/// others will be. Known, not probed: trying would change groups that are not ours.
struct KernelOrder {
  /// v1: no group's quota per period may exceed that of a group above it, EINVAL (sched-bwc.rst, "Hierarchical
  /// considerations"). v2 takes any and enforces the least.
  bool quota_within_parent = false;
  /// v1: a group's cpuset lies within its parent's (EACCES) and holds its children's (EBUSY) (cgroup-v1/cpusets.rst).
  bool cpuset_within_parent = false;
  /// A burst above the quota is refused, and so is a quota below the burst, also the first one of a group that had none
  /// (EINVAL; kernel/sched/core.c). Alibaba Cloud Linux takes it (not verified here).
  bool burst_within_quota = true;
  /// While cpu.idle is 1 the weight cannot be written (EINVAL), and either write to cpu.idle changes it: 1 to the least
  /// there is, 0 to the default, never to what it was (kernel/sched/fair.c, sched_group_set_idle).
  bool idle_takes_weight = true;
  friend bool operator==(const KernelOrder&, const KernelOrder&) = default;
};
/// `kernel_release` as in HostFacts.
KernelOrder kernel_order(const CgroupTree& tree, std::string_view kernel_release);

/// Says with each knob that is supported what `order` demands of its values.
void tell(const KernelOrder& order, model::KnobSet& knobs);

}  // namespace tideline::kernel
