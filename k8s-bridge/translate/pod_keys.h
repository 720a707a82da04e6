#pragma once
// What a pod's labels and annotations say, by the keys of Koordinator and of what was before it.

#include "k8s-bridge/translate/fields.h"
#include "messages/model/pod.h"

namespace tideline::k8s {

/// model::apply_metadata() with older spellings, and kPriorityClassLabel. `pod` comes with its containers, its kube_qos
/// and spec.priority. `metadata` is the pod's.
void apply_keys(const Fields& metadata, Problems& problems, model::Pod& pod);

}  // namespace tideline::k8s
