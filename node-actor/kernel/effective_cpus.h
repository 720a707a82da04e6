#pragma once

#include <optional>
#include <vector>

#include "node-actor/kernel/cgroup_tree.h"
#include "node-actor/kernel/group_files.h"

namespace tideline::kernel {

/// How many CPUs a group may run on: the effective set of its cpuset, or where it has none of its own, of the nearest
/// group above it that has (v2 leaves the file out where the controller is not enabled), at last the host's online
/// CPUs.
class EffectiveCpus {
 public:
  EffectiveCpus(const CgroupTree& tree, const std::string& group);
  /// nullopt: unreadable or garbled, which is listed, or an empty set (a v1 cpuset that nobody filled).
  std::optional<int> read(ReadBuffer& buffer, Errors& errors);

 private:
  std::vector<KeptFile> files_;  // nearest first
};

}  // namespace tideline::kernel
