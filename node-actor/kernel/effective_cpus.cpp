#include "node-actor/kernel/effective_cpus.h"

#include <string>

namespace tideline::kernel {

EffectiveCpus::EffectiveCpus(const CgroupTree& tree, const std::string& group) {
  const auto* file = tree.is_unified("cpuset.cpus") ? "cpuset.cpus.effective" : "cpuset.effective_cpus";
  for (std::string above = group;;) {
    if (auto path = tree.path(above, file)) files_.emplace_back(std::move(*path));
    if (above.empty()) break;
    const auto slash = above.rfind('/');
    above.resize(slash == std::string::npos ? 0 : slash);
  }
  files_.emplace_back(tree.root().sys + "/devices/system/cpu/online");
}

std::optional<int> EffectiveCpus::read(ReadBuffer& buffer, Errors& errors) {
  for (auto& file : files_) {
    const auto text = file.read(buffer.data(), buffer.size());
    if (!text) {
      if (text.error().code() == model::ErrorCode::kNotFound) continue;
      errors.push_back(text.error());
      return std::nullopt;
    }
    if (trimmed(*text).empty()) return std::nullopt;
    const auto count = count_cpus(*text);
    if (!count) {
      errors.push_back(malformed(file.path(), *text));
      return std::nullopt;
    }
    return static_cast<int>(*count);
  }
  return std::nullopt;
}

}  // namespace tideline::kernel
