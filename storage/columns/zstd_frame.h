#pragma once
// One zstd frame (RFC 8878) that says how large its content is.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "messages/model/result.h"

// NOLINTNEXTLINE(readability-identifier-naming): zstd's.
struct ZSTD_CCtx_s;

namespace tideline::columns {

/// Makes one frame after the other in the same memory: of contents of some KB, to get and clear that anew takes longer
/// than the work. For one thread at a time.
class FrameWriter {
 public:
  FrameWriter();
  /// level: 1 to max_level(). The same content gives the same bytes, whatever was written before.
  model::Result<std::string> write(std::string_view content, int level);

 private:
  struct Free {
    void operator()(ZSTD_CCtx_s* context) const;
  };
  std::unique_ptr<ZSTD_CCtx_s, Free> context_;  // null: there was no memory for it
  std::string room_;
};

/// As FrameWriter::write().
model::Result<std::string> compress(std::string_view content, int level);
int max_level();

/// Of its frame at the fastest level, to compare with others: what it would take, more or less.
std::size_t compressed_size(std::string_view content);

/// kMalformed unless `frame` is one whole frame and has up to `most` bytes of content. Takes no memory for a content
/// larger than any frame of that size can have.
model::Result<std::string> decompress(std::string_view frame, std::size_t most);

}  // namespace tideline::columns
