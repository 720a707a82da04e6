#pragma once
// A chunk: one series over a stretch of time, as columns of integers. Its bytes are documented in
// docs/archive-format.md, and held by golden files.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/result.h"

namespace tideline::columns {

/// What a series is of. The numbers are in files and never change.
enum class SeriesKind : std::uint8_t {
  kWorkload = 1,  // what asks for and uses resources: a VM, a pod, a container
  kHost = 2,      // a machine as a whole
  kTasks = 3      // batch work with a begin and an end: a row a task, its time is its begin
};

/// What a column holds. The numbers are in files and never change; a reader passes over those that it does not know,
/// and keeps all from kFirstHistoryColumn on, whatever they mean: these are storage/series'.
enum class ColumnId : std::uint16_t {
  kCpuRequest = 1,      // millicores
  kCpuUsed = 2,         // millicores, mean over the step that ends at the row's time
  kMemoryRequest = 3,   // bytes
  kMemoryUsed = 4,      // bytes
  kCpuCapacity = 5,     // millicores
  kMemoryCapacity = 6,  // bytes
  kTaskEnd = 7,         // s since the epoch
  kTaskInstances = 8,
  kQos = 9  // model::QosClass as a number
};
inline constexpr std::uint16_t kFirstHistoryColumn = 1024;

/// In place of a value that is not known.
inline constexpr std::int64_t kMissing = std::numeric_limits<std::int64_t>::min();

struct Column {
  ColumnId id{};
  /// Kept are value / step, rounded to the nearest: a value comes back within step / 2. 1 to 2^53.
  std::int64_t step = 1;
  std::vector<std::int64_t> values;  // one a row; kMissing, or 0 <= value <= 2^53
  friend bool operator==(const Column&, const Column&) = default;
};

struct Chunk {
  SeriesKind kind = SeriesKind::kWorkload;
  std::string series;               // its name: 1 to ChunkLimits::kMaxName bytes
  std::vector<std::int64_t> times;  // s since the epoch, within 2^53 either side of it; 1 to kMaxRows of them, never
                                    // descending; strictly ascending but for kTasks
  std::vector<Column> columns;      // by id, each once
  std::size_t rows() const { return times.size(); }
  friend bool operator==(const Chunk&, const Chunk&) = default;
};

struct ChunkLimits {
  static constexpr std::size_t kMaxName = 253;
  static constexpr std::size_t kMaxRows = 1 << 20;
  static constexpr std::size_t kMaxColumns = 256;
  static constexpr std::size_t kMaxCells = std::size_t{1} << 26;    // rows times columns
  static constexpr std::int64_t kMaxValue = std::int64_t{1} << 53;  // of values, steps and times
};

/// Values as they are or as differences of their neighbours, whichever gets smaller, times as differences, or as what
/// these grow by: as variable-length integers, a column after another, compressed by zstd at `level` (1 to 22) as a
/// whole. The same chunk gives the same bytes. kInvalidArgument names what breaks the rules above.
model::Result<std::string> encode_chunk(const Chunk& chunk, int level = 9);

/// What encode_chunk() took, values rounded to their steps. kMalformed for anything else, kUnsupported with both
/// versions for a chunk of a newer one; never more memory than `bytes` can honestly hold by ChunkLimits. Columns of ids
/// that are unknown, and below kFirstHistoryColumn, are left out.
model::Result<Chunk> decode_chunk(std::string_view bytes);

/// The largest step for which values come back within 0.1 % of `capacity`: capacity / 500, at least 1.
std::int64_t step_for(std::int64_t capacity);

}  // namespace tideline::columns
