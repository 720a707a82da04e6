#pragma once
// The last policy this node took, on disk, so that it controls on without a coordinator and after a restart.

#include <optional>
#include <string>

#include "messages/model/policy.h"
#include "messages/model/result.h"

namespace tideline::node {

/// nullopt: none was ever kept. kMalformed names the file.
model::Result<std::optional<model::NodePolicy>> load_policy(const std::string& state_dir);
/// Durable when it returns, and either the old or the new one is there after a crash.
model::Result<void> keep_policy(const std::string& state_dir, const model::NodePolicy& policy);

}  // namespace tideline::node
