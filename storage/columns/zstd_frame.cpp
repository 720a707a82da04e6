#include "storage/columns/zstd_frame.h"

#include <fmt/format.h>
#include <zstd.h>

namespace tideline::columns {
namespace {

/// RFC 8878, 3.1.1.2: a block is at most so large, and takes at least these bytes of a frame.
constexpr std::size_t kMaxBlockContent = 128 << 10;
constexpr std::size_t kMinBlockBytes = 4;

model::Error bad_frame(std::string_view why) {
  return {model::ErrorCode::kMalformed, fmt::format("its zstd frame {}", why)};
}

}  // namespace

int max_level() {
  return ZSTD_maxCLevel();
}

void FrameWriter::Free::operator()(ZSTD_CCtx_s* context) const {
  ZSTD_freeCCtx(context);
}

FrameWriter::FrameWriter() : context_(ZSTD_createCCtx()) {}

model::Result<std::string> FrameWriter::write(std::string_view content, int level) {
  if (context_ == nullptr) return model::Error(model::ErrorCode::kInternal, "zstd: no memory to compress with");
  const std::size_t most = ZSTD_compressBound(content.size());
  if (room_.size() < most) room_.resize(most);
  const std::size_t size =
      ZSTD_compressCCtx(context_.get(), room_.data(), room_.size(), content.data(), content.size(), level);
  if (ZSTD_isError(size) != 0) {
    return model::Error(model::ErrorCode::kInternal, fmt::format("zstd cannot compress {} bytes at level {}: {}",
                                                                 content.size(), level, ZSTD_getErrorName(size)));
  }
  return room_.substr(0, size);
}

model::Result<std::string> compress(std::string_view content, int level) {
  return FrameWriter().write(content, level);
}

std::size_t compressed_size(std::string_view content) {
  const auto frame = compress(content, 1);
  return frame ? frame->size() : content.size();
}

model::Result<std::string> decompress(std::string_view frame, std::size_t most) {
  const unsigned long long size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (size == ZSTD_CONTENTSIZE_ERROR) return bad_frame("is none");
  if (size == ZSTD_CONTENTSIZE_UNKNOWN) return bad_frame("does not say how large its content is");
  if (size > most) return bad_frame(fmt::format("claims {} bytes, and all its rows can take {} at most", size, most));
  if (size / kMaxBlockContent > frame.size() / kMinBlockBytes) {
    return bad_frame(fmt::format("claims {} bytes, which {} bytes cannot hold", size, frame.size()));
  }
  if (ZSTD_findFrameCompressedSize(frame.data(), frame.size()) != frame.size()) return bad_frame("is cut or not alone");
  std::string content(static_cast<std::size_t>(size), '\0');
  const std::size_t got = ZSTD_decompress(content.data(), content.size(), frame.data(), frame.size());
  if (ZSTD_isError(got) != 0) return bad_frame(fmt::format("cannot be read: {}", ZSTD_getErrorName(got)));
  if (got != content.size()) return bad_frame(fmt::format("has {} bytes, and claims {}", got, content.size()));
  return content;
}

}  // namespace tideline::columns
