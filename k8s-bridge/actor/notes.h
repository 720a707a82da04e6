#pragma once
// What the bridge says in events. Plain functions.

#include <string>
#include <vector>

#include "coordinator/policy/policy.h"
#include "k8s-bridge/actor/config_choice.h"
#include "k8s-bridge/publish/publisher.h"
#include "k8s-bridge/translate/event.h"
#include "messages/model/ids.h"

namespace tideline::bridge {

/// Its policy is refused; `problem` names data key, place and value. The reason is Koordinator's.
k8s::EventNote refused_note(const k8s::ObjectKey& config_map, const std::string& problem);
/// Its policy made this version; with what is accepted and not acted on.
k8s::EventNote applied_note(const k8s::ObjectKey& config_map, model::PolicyVersion version,
                            const std::vector<policy::Notice>& notices);
/// Another one is in force.
k8s::EventNote left_aside_note(const k8s::ObjectKey& config_map, const ConfigMapName& in_force);
/// Somebody else wrote what Tideline publishes there.
k8s::EventNote foreign_note(const publish::Foreign& foreign);

/// "kubernetes.io/batch-cpu is 4000 and not 3500; ..." of the resources that differ, "absent" for one that is not
/// there.
std::string differences(const k8s::Extended& found, const k8s::Extended& ours);

}  // namespace tideline::bridge
