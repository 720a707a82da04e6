#pragma once
// A copy of an open store beside those that its directory of backups has.
// Only the .cpp files of this room include this header.

#include <functional>
#include <string>

#include "storage/rocks/database.h"
#include "storage/series/store_care.h"

namespace tideline::rocks {

/// As StoreCare::backup.
model::Result<series::BackupInfo> copy_to_backup(Database& database, const std::string& directory,
                                                 const std::function<bool(std::uint64_t bytes)>& progress);

}  // namespace tideline::rocks
