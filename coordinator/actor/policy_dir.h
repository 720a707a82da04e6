#pragma once
// --policy-source=dir:PATH: ConfigMap-shaped JSON files in a directory, or a mounted ConfigMap.

#include <string>
#include <vector>

#include "coordinator/policy/policy.h"

namespace tideline::coordinator {

/// All `*.json` files directly in `directory`, by name, symbolic links followed, hidden ones left out. Errors name the
/// path: kNotFound, kPermissionDenied, kOverloaded (more or larger files than policy::Limits allow).
model::Result<std::vector<policy::Document>> read_policy_dir(const std::string& directory);

}  // namespace tideline::coordinator
