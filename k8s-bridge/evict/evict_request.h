#pragma once
// An eviction as it is posted. Plain functions.

#include <string>

#include "k8s-bridge/translate/objects.h"

namespace tideline::evict {

/// "/api/v1/namespaces/NAMESPACE/pods/NAME/eviction".
std::string eviction_path(const k8s::ObjectKey& pod);
/// `version` is the Eviction's own, "policy/v1". Only the pod of that uid is evicted, and with its own grace period.
std::string eviction_body(const k8s::ObjectKey& pod, const std::string& version);

}  // namespace tideline::evict
