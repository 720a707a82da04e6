#pragma once
// Finds where an HTTP/1.1 response ends, without keeping its body.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "messages/model/result.h"

namespace tideline::loadgen {

/// Bytes of a status line with its headers, or of one chunk-size line, that are accepted.
inline constexpr std::size_t kHeaderBytesMax = 16 * 1024;

struct ResponseHead {
  int status = 0;
  bool keep_alive = true;
};

class ResponseReader {
 public:
  /// Takes the next bytes of the stream. true: the response is complete. Errors: kMalformed for bytes that are no
  /// HTTP/1.x response, that come after its end, or for one whose end cannot be told without closing the connection.
  model::Result<bool> feed(std::string_view bytes);
  /// Meaningful once feed() has answered true.
  const ResponseHead& head() const { return head_; }
  /// Body bytes on the wire so far.
  std::uint64_t body_bytes() const { return body_bytes_; }
  void reset() { *this = ResponseReader(); }

 private:
  enum class Part { kHead, kBody, kChunkSize, kChunk, kTrailer, kDone };

  model::Result<void> take_head(std::string_view text);
  model::Result<void> take_header(std::string_view name, std::string_view value);
  model::Result<std::optional<std::string>> take_line(std::string_view& bytes);
  model::Result<void> take_chunk_size(std::string_view line);

  Part part_ = Part::kHead;
  std::string line_;
  ResponseHead head_;
  bool chunked_ = false;
  std::optional<std::uint64_t> content_length_;
  std::uint64_t remaining_ = 0;
  std::uint64_t body_bytes_ = 0;
};

}  // namespace tideline::loadgen
