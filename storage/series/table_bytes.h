#pragma once
// Tables as bytes: columns as a chunk (storage/columns/chunk.h), sketches beside them. docs/history-format.md has the
// bytes, and golden files hold them.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/result.h"
#include "storage/columns/chunk.h"
#include "storage/columns/zstd_frame.h"
#include "storage/series/table.h"

namespace tideline::series {

/// What a field's column of a chunk says of it: id = 1024 + 8 * field + statistic. The numbers are in files; those that
/// are not here are passed over.
enum class Statistic : std::uint8_t { kMean = 0, kMin = 1, kMax = 2, kCount = 3 };
/// Fields have numbers of 1 to kLastField; 0 stands for all of a table.
inline constexpr std::uint16_t kLastField = 8063;
columns::ColumnId column_of(Field field, Statistic statistic);

/// Of a node kHost, else kWorkload; series = the subject's name up to ChunkLimits::kMaxName bytes of it, "node" of a
/// node. A field's kMean column has kMissing where nothing is known; a field of which nothing is known has none. kMin
/// and kMax are left out, each by itself, where they are the mean in every row. kCount is kept once, as that of the
/// field 0: the largest count of each row; and by itself of a field that has another one in some row in which it is
/// known. Values are rounded to the column's step.
/// For other readers of archives (planner): of a node and of pods also kCpuUsed, kMemoryUsed, kCpuRequest,
/// kMemoryRequest, kCpuCapacity, kMemoryCapacity and kQos in chunk_for_archive(), whose times are the ends of steps.
columns::Chunk chunk_of(const Table& table);
columns::Chunk chunk_for_archive(const Table& table, std::string series);
/// kMalformed names what is wrong: times off the tier's grid or outside of one block, a mean without a count, min >
/// mean, a chunk of another subject. Fields that are unknown are kept. Takes chunks of either function (times of the
/// latter are set back, and its name is not looked at).
model::Result<Table> table_of(const columns::Chunk& chunk, Subject subject, Tier tier, bool of_archive = false);

/// "" where there are none. A magic, a version, CRC-32C and one zstd frame: rows, then by field the bins of each row.
/// kInvalidArgument for columns that are not by field, not of as many rows, or more than 16.
model::Result<std::string> encode_sketches(const std::vector<SketchColumn>& sketches);
/// The same with `frames`, at a level of zstd's.
model::Result<std::string> encode_sketches(const std::vector<SketchColumn>& sketches, columns::FrameWriter& frames,
                                           int level);
/// `rows`: as many as the table has. kMalformed for other bytes; never more memory than they can honestly hold.
model::Result<std::vector<SketchColumn>> decode_sketches(std::string_view bytes, std::size_t rows);
/// kMalformed where the bytes are not as encode_sketches() sealed them; "" is as it should be. Unpacks nothing.
model::Result<void> check_sketch_seal(std::string_view bytes);

}  // namespace tideline::series
