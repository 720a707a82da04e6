#pragma once
// A fine report as an object of a file of the planner's own. For the sources of this room.

#include <optional>

#include "coordinator/planner/fine.h"
#include "coordinator/planner/saved_fields.h"
#include "messages/model/result.h"

namespace tideline::planner {

SavedJson fine_json(const FineReport& report);
/// Of `hosts` hosts. Of the place that `at` names; strict.
void read_fine(const ReadJson& json, const SavedPlace& at, std::optional<model::Error>& problem, std::size_t hosts,
               FineReport& report);

}  // namespace tideline::planner
