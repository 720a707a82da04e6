#include "node-actor/actor/safe_state.h"

#include "node-actor/guard/restore_class.h"
#include "node-actor/kernel/parse.h"
#include "node-actor/kernel/quota.h"

namespace tideline::node {
namespace {

using guard::Declaration;
using guard::RestoreClass;
using kernel::CgroupTree;
using model::KernelWrite;
using model::MilliCpu;

/// Of the besteffort root they are relief's, tight for as long as somebody watches. Those of pods are batch memory's.
bool is_memory_limit(const std::string& file) {
  return file == "memory.limit_in_bytes" || file == "memory.max" || file == "memory.high";
}

Declaration period_of_root(const CgroupTree& tree, MilliCpu safe_limit, const KernelWrite& write) {
  Declaration declared{RestoreClass::kRestore, write.value};
  const auto now = kernel::read_quota(tree, write.group);
  const auto next_us = kernel::parse_number(write.value);
  // In a shorter period the safe quota of the longer one would be many times as much. In a longer one it is less until
  // the quota itself is written.
  if (!now || !next_us || *next_us >= now->period_us) return declared;
  declared.beside = {
      "cpu.cfs_quota_us",
      kernel::quota_write(tree.version(), *next_us, write.group, safe_limit, write.controller, write.reason).value};
  return declared;
}

Declaration below_best_effort(const CgroupTree& tree, MilliCpu safe_limit, const KernelWrite& write,
                              const std::string& original) {
  // Where the host is not protected BE stays on the CPUs it was held to, and within the root's quota: cgroup v1 refuses
  // a pod more than the root has.
  if (write.file == "cpuset.cpus") return {RestoreClass::kRestore, write.value};
  const auto own_us = write.file == "cpu.cfs_quota_us" ? kernel::parse_number(original) : std::nullopt;
  if (!own_us || *own_us <= 0) return guard::declare_original(write, original);
  const auto safe = kernel::quota_write(tree, write.group, safe_limit, write.controller, write.reason);
  const auto safe_us = safe ? kernel::parse_number(safe->value) : std::nullopt;
  if (!safe_us || *safe_us >= *own_us) return guard::declare_original(write, original);
  return {RestoreClass::kRestore, safe->value};
}

}  // namespace

Declaration safe_state_of(const CgroupTree& tree, MilliCpu safe_limit, const KernelWrite& write,
                          const std::string& original) {
  if (write.group.starts_with(tree.best_effort() + "/")) return below_best_effort(tree, safe_limit, write, original);
  if (write.group != tree.best_effort()) return guard::declare_original(write, original);
  const auto quota = kernel::quota_write(tree, write.group, safe_limit, write.controller, write.reason);
  if (quota && quota->file == write.file) return {RestoreClass::kRestore, quota->value};
  // A period stays what its quota was reckoned by, and BE on the CPUs it was held to.
  if (write.file == "cpu.cfs_period_us") return period_of_root(tree, safe_limit, write);
  if (write.file == "cpuset.cpus") return {RestoreClass::kRestore, write.value};
  if (is_memory_limit(write.file)) return {RestoreClass::kRestore, original};
  return guard::declare_original(write, original);
}

}  // namespace tideline::node
