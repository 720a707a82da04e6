#pragma once
// A store of an older format as one of this.
// Only the .cpp files of this room include this header.

#include "messages/model/result.h"

namespace tideline::rocks {

class Database;

/// Moves what a store of format 3 has in other places than this format, where that is not done yet: tables of pods and
/// jobs, some MB in each atomic step, with their counts. Killed in between, the next call goes on. Rows that cannot be
/// read stay where they are: they can be read nowhere.
model::Result<void> finish_upgrade(Database& database);

}  // namespace tideline::rocks
