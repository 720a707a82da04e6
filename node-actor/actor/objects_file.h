#pragma once
// The pods, labels and annotations that the coordinator told this node last, on disk: a node that is alone, or that
// starts again, keeps them.

#include <optional>
#include <string>

#include "messages/model/node_objects.h"
#include "messages/model/result.h"

namespace tideline::node {

/// Where they are, for people.
std::string objects_path(const std::string& state_dir);
/// nullopt: none were ever kept. kMalformed names the file: torn, damaged, or of a version that this build cannot read.
model::Result<std::optional<model::NodeObjects>> load_objects(const std::string& state_dir);
/// For root alone. Durable when it returns, and either the old or the new ones are there after a crash.
model::Result<void> keep_objects(const std::string& state_dir, const model::NodeObjects& objects);

}  // namespace tideline::node
