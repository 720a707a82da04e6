#pragma once
// The `applications` of host-application-config: a JSON list -> checked host applications.

#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "messages/model/host_application.h"
#include "messages/model/result.h"

namespace tideline::policy {

/// Of each: `name`; `priority`, by default koord-batch for qos BE and koord-prod for any other; `qos`, by default BE
/// for koord-batch and koord-free and SYSTEM for any other; `cgroupPath`, by default model::default_path_of. A null
/// counts as absent. The error names path, value and what is wanted: an unknown key, priority, qos or base, a path that
/// leads out of its base, a name or a group that two have.
model::Result<std::vector<model::HostApplication>> read_applications(const std::string& path,
                                                                     const nlohmann::json& value);

/// Places and reasons of what is accepted without being acted on, or acts in a way that is easily missed; of a value
/// that read_applications() takes.
std::vector<std::pair<std::string, std::string>> application_notices(const std::string& path,
                                                                     const nlohmann::json& value);

}  // namespace tideline::policy
