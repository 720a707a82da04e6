#pragma once
// What writing a table as a chunk and reading it back have in common.

#include <string>

#include "storage/columns/chunk.h"
#include "storage/series/table.h"

namespace tideline::series {

/// Has the counts of all fields that do not have their own.
inline constexpr Field kEveryField{0};
inline constexpr unsigned kIdsOfAField = 8;

std::string series_in_chunk(const Subject& subject);
columns::SeriesKind kind_in_chunk(const Subject& subject);

}  // namespace tideline::series
