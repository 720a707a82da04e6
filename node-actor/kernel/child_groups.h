#pragma once

#include <string>
#include <vector>

#include "messages/model/result.h"

namespace tideline::kernel {

/// Names of the groups right below a cgroup's directory, in order.
model::Result<std::vector<std::string>> child_groups(const std::string& directory);

/// Whether there may be any: one stat where the file system counts a directory's links, as the kernel's do, so that a
/// hundred groups without need not be listed. A directory that cannot be read may hold some.
bool may_hold_groups(const std::string& directory);

}  // namespace tideline::kernel
