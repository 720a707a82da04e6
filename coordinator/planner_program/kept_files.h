#pragma once
// What a long command has computed, in a directory, for when it is begun again: --resume.

#include <string>

#include "coordinator/planner/kept.h"
#include "messages/model/result.h"

namespace tideline::planner_program {

/// Files DIRECTORY/KEY-NAME.json, each whole or not there; one that is damaged, or of another question, is as if it
/// were not there. The directory is made. "" for none: nothing is kept.
model::Result<planner::Kept> kept_in(const std::string& directory, const std::string& key);

}  // namespace tideline::planner_program
