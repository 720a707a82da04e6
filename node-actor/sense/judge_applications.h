#pragma once

#include <optional>
#include <vector>

#include "messages/model/report.h"
#include "messages/model/sample.h"

namespace tideline::sense {

/// Feature "hostApplications" of a node's status: how many are measured, and which are not, where and why. nullopt: the
/// policy names none.
std::optional<model::FeatureState> judge_applications(const std::vector<model::ApplicationUse>& applications);

}  // namespace tideline::sense
