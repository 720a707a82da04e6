#pragma once

#include <string>

#include "messages/model/action.h"
#include "messages/model/units.h"
#include "node-actor/guard/journal_gate.h"
#include "node-actor/kernel/cgroup_tree.h"

namespace tideline::node {

/// What becomes of the file of `write`, which held `original`, when the worker is gone (docs/concepts.md, safe state).
/// `safe_limit`: BE's where kernel ordering does not protect LS.
guard::Declaration safe_state_of(const kernel::CgroupTree& tree, model::MilliCpu safe_limit,
                                 const model::KernelWrite& write, const std::string& original);

}  // namespace tideline::node
