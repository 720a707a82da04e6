#include "coordinator/actor/policy_source.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace tideline::coordinator {

PolicySource directory_source(const std::string& directory) {
  return {"dir:" + directory, directory, "edit the .json files there, they are read within 1 s"};
}

PolicySource kubernetes_source(const std::vector<std::string>& config_maps) {
  return {"kubernetes", "", fmt::format("edit configmap {}", fmt::join(config_maps, " or "))};
}

}  // namespace tideline::coordinator
