#pragma once

#include <vector>

#include "messages/model/pod.h"
#include "messages/model/result.h"

namespace tideline::node {

/// Whether the pods leave room in a report for all else, for a report that does not fit is lost; and whether a report
/// may tell of each. kInvalidArgument.
model::Result<void> check_pods_room(const std::vector<model::Pod>& pods);

}  // namespace tideline::node
