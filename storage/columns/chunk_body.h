#pragma once
// A chunk's columns as the bytes that are compressed, and back.

#include <cstddef>
#include <string>
#include <string_view>

#include "messages/model/result.h"
#include "storage/columns/chunk.h"
#include "storage/columns/column_bytes.h"

namespace tideline::columns {

/// What stands before the compressed bytes.
struct ChunkHead {
  SeriesKind kind{};
  std::string_view series;
  std::size_t rows = 0;     // 1 to kMaxRows
  std::size_t columns = 0;  // 0 to kMaxColumns
};

/// Of a chunk by the rules of chunk.h.
std::string body_of(const Chunk& chunk);
/// The same in the memory of `columns` and `body`, whose content it takes the place of.
void put_body(const Chunk& chunk, ColumnEncoder& columns, std::string& body);
/// The most that it can be.
std::size_t max_body_bytes(const ChunkHead& head);
/// kMalformed names the column and what is wrong there.
model::Result<Chunk> chunk_from(const ChunkHead& head, std::string_view body);

bool is_known(SeriesKind kind);
/// Kept by a reader: of the enumeration, or history's.
bool is_known(ColumnId id);
/// Two rows of one series may have one time.
bool may_stand_still(SeriesKind kind);

}  // namespace tideline::columns
