#pragma once

#include <string>
#include <vector>

#include "messages/model/result.h"

namespace tideline::kernel {

/// Names of the groups right below a cgroup's directory, in order.
model::Result<std::vector<std::string>> child_groups(const std::string& directory);

/// Paths of a cgroup's directory and of all groups below it, each after the one it lies in. A group that vanishes
/// meanwhile, as pods' do, holds none. kNotFound: the directory itself is not there. Any other trouble is an error: a
/// part must not pass for the whole.
model::Result<std::vector<std::string>> all_groups_of(const std::string& directory);

/// Paths of all groups below a cgroup's directory, each after the one it lies in. One that cannot be read, or that
/// vanishes meanwhile as pods' do, holds none.
std::vector<std::string> groups_below(const std::string& directory);

/// Whether there may be any: one stat where the file system counts a directory's links, as the kernel's do, so that a
/// hundred groups without need not be listed. A directory that cannot be read may hold some.
bool may_hold_groups(const std::string& directory);

}  // namespace tideline::kernel
