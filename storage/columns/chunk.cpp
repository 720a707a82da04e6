#include "storage/columns/chunk.h"

#include <algorithm>

#include <fmt/format.h>

#include "storage/columns/chunk_body.h"
#include "storage/columns/chunk_writer.h"
#include "storage/columns/envelope.h"
#include "storage/columns/printable.h"
#include "storage/columns/zstd_frame.h"

namespace tideline::columns {
namespace {

model::Result<void> check_times(const Chunk& chunk) {
  if (chunk.rows() == 0 || chunk.rows() > ChunkLimits::kMaxRows) {
    return model::invalid(fmt::format("it has {} rows, not 1 to {}", chunk.rows(), ChunkLimits::kMaxRows));
  }
  const std::int64_t least = may_stand_still(chunk.kind) ? 0 : 1;
  for (std::size_t row = 0; row < chunk.rows(); ++row) {
    const std::int64_t time = chunk.times[row];
    if (time < -ChunkLimits::kMaxValue || time > ChunkLimits::kMaxValue) {
      return model::invalid(fmt::format("row {}: time {} is beyond 2^53", row, time));
    }
    if (row > 0 && time - chunk.times[row - 1] < least) {
      return model::invalid(fmt::format("row {}: time {} after {}", row, time, chunk.times[row - 1]));
    }
  }
  return {};
}

model::Result<void> check_column(const Column& column, std::size_t rows) {
  const auto number = static_cast<unsigned>(column.id);
  if (column.step < 1 || column.step > ChunkLimits::kMaxValue) {
    return model::invalid(fmt::format("column {}: its step is {}, not 1 to 2^53", number, column.step));
  }
  if (column.values.size() != rows) {
    return model::invalid(fmt::format("column {}: {} values in {} rows", number, column.values.size(), rows));
  }
  for (std::size_t row = 0; row < rows; ++row) {
    const std::int64_t value = column.values[row];
    if (value != kMissing && (value < 0 || value > ChunkLimits::kMaxValue)) {
      return model::invalid(
          fmt::format("column {}: row {}: value {} is neither missing nor 0 to 2^53", number, row, value));
    }
  }
  return {};
}

model::Result<void> check_chunk(const Chunk& chunk) {
  if (!is_known(chunk.kind)) {
    return model::invalid(fmt::format("kind {} of series is none", static_cast<int>(chunk.kind)));
  }
  if (auto times = check_times(chunk); !times) return times;
  if (chunk.columns.size() > ChunkLimits::kMaxColumns) {
    return model::invalid(
        fmt::format("it has {} columns, and {} at most are allowed", chunk.columns.size(), ChunkLimits::kMaxColumns));
  }
  if (chunk.rows() * chunk.columns.size() > ChunkLimits::kMaxCells) {
    return model::invalid(fmt::format("its {} rows of {} columns are more than {} values", chunk.rows(),
                                      chunk.columns.size(), ChunkLimits::kMaxCells));
  }
  unsigned before = 0;
  for (const Column& column : chunk.columns) {
    const auto number = static_cast<unsigned>(column.id);
    if (number <= before) return model::invalid(fmt::format("column {} stands after column {}", number, before));
    before = number;
    if (auto sound = check_column(column, chunk.rows()); !sound) return sound;
  }
  return {};
}

}  // namespace

model::Result<std::string> ChunkWriter::write(const Chunk& chunk, int level) {
  if (chunk.series.empty() || chunk.series.size() > ChunkLimits::kMaxName) {
    return model::invalid(fmt::format("chunk: its series' name has {} bytes, not 1 to {}: {}", chunk.series.size(),
                                      ChunkLimits::kMaxName, printable(chunk.series.substr(0, 64))));
  }
  if (const auto sound = check_chunk(chunk); !sound) {
    return sound.error().in(fmt::format("chunk of {}", printable(chunk.series)));
  }
  if (level < 1 || level > max_level()) {
    return model::invalid(fmt::format("chunk: level {} is not 1 to {}", level, max_level()));
  }
  put_body(chunk, columns_, body_);
  const auto frame = frames_.write(body_, level);
  if (!frame) return frame.error().in("chunk");
  return sealed(head_bytes({chunk.kind, chunk.series, chunk.rows(), chunk.columns.size()}), *frame);
}

model::Result<std::string> encode_chunk(const Chunk& chunk, int level) {
  return ChunkWriter().write(chunk, level);
}

model::Result<Chunk> decode_chunk(std::string_view bytes) {
  if (const auto intact = check_seal(bytes); !intact) return intact.error();
  return decode_intact(bytes);
}

std::int64_t step_for(std::int64_t capacity) {
  return std::max<std::int64_t>(capacity / 500, 1);
}

}  // namespace tideline::columns
