#pragma once
// What the API server has: its lists of resources (metav1.APIResourceList) -> the little that is looked for.

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "messages/model/result.h"

namespace tideline::k8s {

/// Where the resources of core/v1 are listed, subresources with them.
inline constexpr std::string_view kCoreResourcesPath = "/api/v1";

/// The version that evictions are written in, "policy/v1" or "policy/v1beta1", out of what kCoreResourcesPath gives:
/// the better of them, where a list names both. kMalformed: no such list; kUnsupported: it has no pods/eviction, or one
/// of another version.
model::Result<std::string> eviction_version(const nlohmann::json& resources);

}  // namespace tideline::k8s
