#pragma once
// Many chunks one after the other.

#include <string>

#include "messages/model/result.h"
#include "storage/columns/chunk.h"
#include "storage/columns/column_bytes.h"
#include "storage/columns/zstd_frame.h"

namespace tideline::columns {

/// Writes chunks in memory that stays from one to the next. For one thread at a time.
class ChunkWriter {
 public:
  /// As encode_chunk(), the same bytes.
  model::Result<std::string> write(const Chunk& chunk, int level);
  /// For frames beside the chunks.
  FrameWriter& frames() { return frames_; }

 private:
  FrameWriter frames_;
  ColumnEncoder columns_;
  std::string body_;
};

}  // namespace tideline::columns
