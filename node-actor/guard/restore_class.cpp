#include "node-actor/guard/restore_class.h"

#include <algorithm>
#include <array>

namespace tideline::guard {

RestoreClass restore_class_of(std::string_view file) {
  constexpr std::array<std::string_view, 9> kKept = {"cpu.shares", "cpu.weight", "cpu.weight.nice",
                                                     "cpu.idle",   "memory.min", "cpu.bvt_warp_ns",
                                                     "memory.low", "memory.max", "memory.limit_in_bytes"};
  return std::find(kKept.begin(), kKept.end(), file) != kKept.end() ? RestoreClass::kKeep : RestoreClass::kRestore;
}

Declaration declare_original(const model::KernelWrite& write, const std::string& original) {
  const auto restore_class = restore_class_of(write.file);
  return {restore_class, restore_class == RestoreClass::kRestore ? original : ""};
}

}  // namespace tideline::guard
