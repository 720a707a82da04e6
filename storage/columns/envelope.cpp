#include "storage/columns/envelope.h"

#include <utility>

#include <fmt/format.h>

#include "storage/columns/crc32c.h"
#include "storage/columns/cursor.h"
#include "storage/columns/varint.h"
#include "storage/columns/zstd_frame.h"

namespace tideline::columns {
namespace {

constexpr std::string_view kChunkMagic = "TDC";
constexpr std::size_t kCrcAt = 4;
constexpr std::size_t kHeadAt = 8;

/// Of all but itself.
std::uint32_t seal_of(std::string_view start, std::string_view rest) {
  return crc32c(rest, crc32c(start));
}

model::Error no_chunk(std::string_view why) {
  return {model::ErrorCode::kMalformed, fmt::format("chunk: {}", why)};
}

}  // namespace

std::string head_bytes(const ChunkHead& head) {
  std::string bytes;
  bytes.push_back(static_cast<char>(head.kind));
  bytes.push_back(static_cast<char>(head.series.size()));
  bytes.append(head.series);
  put_varint(bytes, head.rows);
  put_varint(bytes, head.columns);
  return bytes;
}

std::string sealed(std::string_view head, std::string_view frame) {
  std::string bytes(kChunkMagic);
  bytes.push_back(static_cast<char>(kChunkVersion));
  const std::uint32_t crc = crc32c(frame, crc32c(head, crc32c(bytes)));
  bytes.reserve(kHeadAt + head.size() + frame.size());
  put_fixed(bytes, crc, kHeadAt - kCrcAt);
  bytes.append(head);
  bytes.append(frame);
  return bytes;
}

model::Result<void> check_seal(std::string_view bytes) {
  if (bytes.size() < kHeadAt || bytes.substr(0, kChunkMagic.size()) != kChunkMagic) {
    return no_chunk(fmt::format("{} bytes that do not begin as one", bytes.size()));
  }
  const auto said = static_cast<std::uint32_t>(Cursor(bytes.substr(kCrcAt)).fixed(kHeadAt - kCrcAt));
  const std::uint32_t found = seal_of(bytes.substr(0, kCrcAt), bytes.substr(kHeadAt));
  if (found == said) return {};
  return no_chunk(fmt::format("its CRC-32C is {:08x}, and was {:08x} when it was written", found, said));
}

model::Result<Envelope> open_envelope(std::string_view bytes) {
  if (bytes.size() < kHeadAt || bytes.substr(0, kChunkMagic.size()) != kChunkMagic) {
    return no_chunk(fmt::format("{} bytes that do not begin as one", bytes.size()));
  }
  const int version = static_cast<std::uint8_t>(bytes[kChunkMagic.size()]);
  if (version > kChunkVersion) {
    return model::Error(model::ErrorCode::kUnsupported,
                        fmt::format("chunk: it has version {}, this build reads up to {}", version, kChunkVersion));
  }
  if (version == 0) return no_chunk("it has version 0, which there is not");
  Envelope envelope;
  Cursor in(bytes.substr(kHeadAt));
  envelope.head.kind = static_cast<SeriesKind>(in.byte());
  envelope.head.series = in.text(in.byte());
  envelope.head.rows = static_cast<std::size_t>(in.number());
  envelope.head.columns = static_cast<std::size_t>(in.number());
  envelope.frame = in.rest();
  const ChunkHead& head = envelope.head;
  if (!in.ok()) return no_chunk("it ends within its head");
  if (!is_known(head.kind)) return no_chunk(fmt::format("kind {} of series is none", static_cast<int>(head.kind)));
  if (head.series.empty() || head.series.size() > ChunkLimits::kMaxName) {
    return no_chunk(
        fmt::format("its series' name has {} bytes, not 1 to {}", head.series.size(), ChunkLimits::kMaxName));
  }
  if (head.rows == 0 || head.rows > ChunkLimits::kMaxRows) {
    return no_chunk(fmt::format("it has {} rows, not 1 to {}", head.rows, ChunkLimits::kMaxRows));
  }
  if (head.columns > ChunkLimits::kMaxColumns) {
    return no_chunk(
        fmt::format("it has {} columns, and {} at most are allowed", head.columns, ChunkLimits::kMaxColumns));
  }
  if (head.rows * head.columns > ChunkLimits::kMaxCells) {
    return no_chunk(fmt::format("its {} rows of {} columns are more than {} values", head.rows, head.columns,
                                ChunkLimits::kMaxCells));
  }
  return envelope;
}

model::Result<Chunk> decode_intact(std::string_view bytes) {
  const auto envelope = open_envelope(bytes);
  if (!envelope) return envelope.error();
  const auto body = decompress(envelope->frame, max_body_bytes(envelope->head));
  if (!body) return body.error().in("chunk");
  return chunk_from(envelope->head, *body);
}

}  // namespace tideline::columns
