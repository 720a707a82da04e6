#pragma once

#include "messages/model/counters.h"
#include "node-actor/kernel/cgroup_tree.h"

namespace tideline::kernel {

/// Reads the weight and idle of the besteffort root and of every sibling that can hold LS: the burstable root when it
/// has a pod, and each other group directly below kubepods. Never fails: what is absent or unreadable is said in the
/// value, and tideline::sense::judge_protection() takes it as unprotected.
model::SiblingWeights read_sibling_weights(const CgroupTree& tree);

}  // namespace tideline::kernel
