#pragma once
// Whose pod it is.

#include <string>

#include "k8s-bridge/translate/fields.h"

namespace tideline::k8s {

/// "Kind/name" of the controller; a Deployment's instead of its ReplicaSet's. "" = none. `metadata` is the pod's.
std::string workload_of(const Fields& metadata, Problems& problems);

}  // namespace tideline::k8s
