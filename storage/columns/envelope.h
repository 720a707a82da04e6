#pragma once
// What a chunk's compressed bytes are wrapped in: version, CRC, and what can be told without unpacking.

#include <cstdint>
#include <string>
#include <string_view>

#include "messages/model/result.h"
#include "storage/columns/chunk_body.h"

namespace tideline::columns {

inline constexpr std::uint8_t kChunkVersion = 1;

/// The bytes between CRC and frame.
std::string head_bytes(const ChunkHead& head);
/// The chunk of that head and that frame.
std::string sealed(std::string_view head, std::string_view frame);

struct Envelope {
  ChunkHead head;
  std::string_view frame;
};

/// kMalformed: `bytes` are no chunk, or not as they were written.
model::Result<void> check_seal(std::string_view bytes);
/// Of bytes that something else vouches for. kUnsupported for a newer version.
model::Result<Envelope> open_envelope(std::string_view bytes);
/// decode_chunk() without the CRC.
model::Result<Chunk> decode_intact(std::string_view bytes);

}  // namespace tideline::columns
