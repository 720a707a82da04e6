#include "node-actor/guard/restore_class.h"

#include <algorithm>
#include <array>

namespace tideline::guard {

RestoreClass restore_class_of(std::string_view file) {
  constexpr std::array<std::string_view, 19> kKept = {"cpu.shares",
                                                      "cpu.weight",
                                                      "cpu.weight.nice",
                                                      "cpu.idle",
                                                      "cpu.bvt_warp_ns",
                                                      "memory.min",
                                                      "memory.low",
                                                      "memory.max",
                                                      "memory.limit_in_bytes",
                                                      "memory.soft_limit_in_bytes",
                                                      "memory.oom.group",
                                                      "memory.wmark_ratio",
                                                      "memory.wmark_scale_factor",
                                                      "memory.wmark_min_adj",
                                                      "memory.priority",
                                                      "memory.use_priority_oom",
                                                      "memory.pagecache_limit.enable",
                                                      "memory.pagecache_limit.size",
                                                      "memory.pagecache_limit.sync"};
  return std::find(kKept.begin(), kKept.end(), file) != kKept.end() ? RestoreClass::kKeep : RestoreClass::kRestore;
}

Declaration declare_original(const model::KernelWrite& write, const std::string& original) {
  const auto restore_class = restore_class_of(write.file);
  return {restore_class, restore_class == RestoreClass::kRestore ? original : ""};
}

}  // namespace tideline::guard
