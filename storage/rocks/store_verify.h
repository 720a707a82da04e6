#pragma once
// Whether what a store holds can be read, row by row.
// Only the .cpp files of this room include this header.

#include <cstdint>
#include <string>
#include <vector>

#include "storage/rocks/database.h"
#include "storage/series/store_care.h"

namespace tideline::rocks {

/// What is damaged of the manifest and of the logs: what was written last is in no file of a family yet.
std::vector<series::Finding> damaged_files(const std::string& directory);

/// As StoreCare::verify_slice. Where a slice begins is "family:key", the key in hex.
model::Result<series::VerifySlice> verify_slice(Database& database, const std::string& from, std::uint64_t bytes);

}  // namespace tideline::rocks
