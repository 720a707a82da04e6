#pragma once
// What a store of history has of a range, as the archive that questions are asked of.

#include <string>

#include "coordinator/planner/dataset.h"
#include "coordinator/planner_program/scene.h"
#include "coordinator/planner_program/session.h"
#include "messages/model/result.h"

namespace tideline::planner_program {

/// Where the store is: `directory`, a coordinator's --data-dir, or the store in it. kInvalidArgument: neither.
model::Result<std::string> store_in(const std::string& directory);

/// `directory`: as store_in() takes it; a coordinator may have the store open: it is read as it is now. The tier is the
/// coarsest whose step divides range.step_s; without one that of 5 minutes, which becomes the range's. Takes a file in
/// TMPDIR that has no name any more once it is open. Errors name the directory.
model::Result<OpenArchive> export_of_store(const std::string& directory, planner::DatasetRange& range,
                                           Session& session);

}  // namespace tideline::planner_program
