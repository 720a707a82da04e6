#include "k8s-bridge/translate/api_resources.h"

#include <cstddef>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "k8s-bridge/translate/fields.h"
#include "messages/model/json_text.h"

namespace tideline::k8s {
namespace {

using model::Error;
using model::ErrorCode;
using nlohmann::json;

// A server has some dozens in a group.
constexpr std::size_t kMaxResources = 4096;

std::string resource_text(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return {};
  return model::printable(found->get_ref<const std::string&>(), kMaxNameBytes);
}

}  // namespace

model::Result<std::string> eviction_version(const json& resources) {
  if (!resources.is_object() || resource_text(resources, "kind") != "APIResourceList") {
    return Error(ErrorCode::kMalformed, "want an APIResourceList");
  }
  const auto list = resources.find("resources");
  if (list == resources.end() || !list->is_array()) {
    return Error(ErrorCode::kMalformed, "APIResourceList: resources is no list");
  }
  std::optional<std::string> older;
  std::string other;
  std::size_t seen = 0;
  for (const auto& resource : *list) {
    if (++seen > kMaxResources) break;
    if (!resource.is_object() || resource_text(resource, "name") != "pods/eviction") continue;
    const auto version = fmt::format("{}/{}", resource_text(resource, "group"), resource_text(resource, "version"));
    if (version == "policy/v1") return version;
    if (version == "policy/v1beta1") {
      older = version;
    } else {
      other = version;
    }
  }
  if (older) return *older;
  if (other.empty()) return Error(ErrorCode::kUnsupported, "this API server has no pods/eviction");
  return Error(ErrorCode::kUnsupported, fmt::format("pods/eviction is of {}; want policy/v1 or policy/v1beta1", other));
}

}  // namespace tideline::k8s
