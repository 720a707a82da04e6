#include "deploy/demo/loadgen/response.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include <fmt/format.h>

namespace tideline::loadgen {
namespace {

using model::Error;
using model::ErrorCode;
using model::Result;

Error malformed(std::string_view what, std::string_view bytes) {
  return {ErrorCode::kMalformed, fmt::format("HTTP response: {} in '{}'", what, bytes.substr(0, 60))};
}

bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

template <class Number>
std::optional<Number> parse_whole(std::string_view text, int base) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

}  // namespace

Result<std::optional<std::string>> ResponseReader::take_line(std::string_view& bytes) {
  const auto end = bytes.find('\n');
  const auto taken = bytes.substr(0, end);
  if (line_.size() + taken.size() > kHeaderBytesMax) return malformed("a line over the bound", taken);
  line_ += taken;
  if (end == std::string_view::npos) {
    bytes = {};
    return std::optional<std::string>();
  }
  bytes.remove_prefix(end + 1);
  std::string whole;
  whole.swap(line_);
  return std::optional<std::string>(trimmed(whole));
}

Result<void> ResponseReader::take_head(std::string_view text) {
  // "HTTP/1.1 200 OK"
  if (text.size() < 12 || text.substr(0, 7) != "HTTP/1." || text[8] != ' ') return malformed("no status line", text);
  const auto status = parse_whole<int>(text.substr(9, 3), 10);
  if (!status) return malformed("no status", text);
  head_.status = *status;
  head_.keep_alive = text[7] != '0';
  return {};
}

Result<void> ResponseReader::take_header(std::string_view name, std::string_view value) {
  if (same_word(name, "content-length")) {
    content_length_ = parse_whole<std::uint64_t>(value, 10);
    if (!content_length_) return malformed("bad Content-Length", value);
  } else if (same_word(name, "transfer-encoding")) {
    if (!same_word(value, "chunked")) return malformed("unknown Transfer-Encoding", value);
    chunked_ = true;
  } else if (same_word(name, "connection")) {
    head_.keep_alive = !same_word(value, "close");
  }
  return {};
}

Result<void> ResponseReader::take_chunk_size(std::string_view line) {
  if (line.empty() && body_bytes_ > 0) return {};  // the line end after a chunk's bytes
  const auto size = parse_whole<std::uint64_t>(trimmed(line.substr(0, line.find(';'))), 16);
  if (!size) return malformed("bad chunk size", line);
  remaining_ = *size;
  part_ = *size == 0 ? Part::kTrailer : Part::kChunk;
  return {};
}

Result<bool> ResponseReader::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    if (part_ == Part::kDone) return malformed("bytes after the end", bytes);
    if (part_ == Part::kBody || part_ == Part::kChunk) {
      const auto taken = std::min<std::uint64_t>(remaining_, bytes.size());
      bytes.remove_prefix(taken);
      remaining_ -= taken;
      body_bytes_ += taken;
      if (remaining_ == 0) part_ = part_ == Part::kBody ? Part::kDone : Part::kChunkSize;
      continue;
    }
    auto line = take_line(bytes);
    if (!line) return line.error();
    if (!*line) break;
    const std::string& text = **line;
    Result<void> taken;
    if (part_ == Part::kChunkSize) {
      taken = take_chunk_size(text);
    } else if (part_ == Part::kTrailer) {
      if (text.empty()) part_ = Part::kDone;
    } else if (head_.status == 0) {
      taken = take_head(text);
    } else if (!text.empty()) {
      const auto colon = text.find(':');
      if (colon == std::string::npos) return malformed("no header", text);
      taken = take_header(std::string_view(text).substr(0, colon), trimmed(std::string_view(text).substr(colon + 1)));
    } else if (chunked_) {
      part_ = Part::kChunkSize;
    } else if (content_length_) {
      remaining_ = *content_length_;
      part_ = remaining_ == 0 ? Part::kDone : Part::kBody;
    } else if (head_.status == 204 || head_.status == 304) {
      part_ = Part::kDone;
    } else {
      return malformed("neither Content-Length nor chunks", "the headers");
    }
    if (!taken) return taken.error();
  }
  return part_ == Part::kDone;
}

}  // namespace tideline::loadgen
