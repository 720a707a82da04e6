#pragma once
// Backups that RocksStore::backup() made: what there is, and a store made of one.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "messages/model/result.h"
#include "storage/series/store_care.h"

namespace tideline::rocks {

/// Oldest first. One that is damaged has 0 files; verify_backup() says what is wrong with it. kNotFound, kMalformed
/// name the directory.
model::Result<std::vector<series::BackupInfo>> list_backups(const std::string& directory);

/// kInvalidArgument names the file that is missing or has another size or checksum; kNotFound: there is no such backup.
model::Result<void> verify_backup(const std::string& directory, std::uint32_t id);

/// Makes the store `to` of backup `id` (nullopt: the newest). `to` must not be there or be empty: kInvalidArgument. It
/// appears at once and whole: what a killed restore leaves is beside it as TO.restoring, and named by the next, which
/// is refused until that is removed. `progress`: bytes copied so far, from any thread; false ends it with kUnavailable,
/// once all is copied, and nothing of it stays.
model::Result<series::BackupInfo> restore_backup(const std::string& directory, std::optional<std::uint32_t> id,
                                                 const std::string& to,
                                                 const std::function<bool(std::uint64_t bytes)>& progress = {});

/// All but the newest `keep`.
model::Result<std::size_t> drop_backups(const std::string& directory, std::size_t keep);

}  // namespace tideline::rocks
