#pragma once
// A pod's containers out of its spec, with their ids out of its status.

#include <cstddef>
#include <vector>

#include "k8s-bridge/translate/demand.h"
#include "k8s-bridge/translate/fields.h"

namespace tideline::k8s {

/// Of init and main containers together; those beyond are not looked at, which is a problem.
inline constexpr std::size_t kMaxParts = 1024;

/// Init containers and sidecars in the order of their start, then the main ones.
std::vector<Part> parts_of(const Fields& spec, const Fields& status, Problems& problems);

}  // namespace tideline::k8s
