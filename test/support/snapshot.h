#pragma once

#include <map>
#include <string>
#include <vector>

#include "test/support/scratch_cgroup.h"

namespace tideline::test {

/// What kernel files held at one moment: "group/file" -> text.
using Snapshot = std::map<std::string, std::string>;

/// All files that a CPU mechanism writes, of these groups of the tree. Files this kernel has not are left out. On
/// cgroup v2 a CPU set of all there are reads as none: the kernel takes none of a group with processes.
Snapshot cpu_files(const ScratchCgroup& tree, const std::vector<std::string>& groups);

/// The same of all files that a memory mechanism writes.
Snapshot memory_files(const ScratchCgroup& tree, const std::vector<std::string>& groups);

/// What differs from `wanted`, one line each; empty: nothing.
std::string difference(const Snapshot& wanted, const Snapshot& found);

}  // namespace tideline::test
