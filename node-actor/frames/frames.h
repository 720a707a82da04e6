#pragma once
// The bytes of an append-only file: frames one after the other, each a header and a payload with a CRC of its own. All
// numbers are in this host's byte order: such a file never leaves its host.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tideline::frames {

struct FrameHeader {
  static constexpr std::uint32_t kMagic = 0x4c4c4454;  // "TDLL"
  std::uint32_t magic = kMagic;
  std::uint32_t length = 0;       // of the payload
  std::uint64_t incarnation = 0;  // these three are the file's owner's: what they count is told in its own header
  std::uint64_t seq = 0;
  std::uint64_t gap = 0;
  std::uint32_t payload_crc = 0;
  std::uint32_t header_crc = 0;  // of all the above
};
constexpr std::size_t kHeaderBytes = sizeof(FrameHeader);
static_assert(kHeaderBytes == 40);

std::string make_frame(std::uint64_t incarnation, std::uint64_t seq, std::uint64_t gap, std::string_view payload);
/// The payload of a whole frame, checked; false if header or payload are not what was written.
bool read_frame(std::string_view frame, FrameHeader& header, std::string& payload);

struct ScannedFrame {
  std::uint64_t incarnation = 0;
  std::uint64_t seq = 0;
  std::uint64_t gap = 0;
  std::size_t offset = 0;
  std::size_t bytes = 0;  // header included
};
struct Scan {
  std::vector<ScannedFrame> frames;  // whole and sound ones
  std::size_t good_bytes = 0;        // up to here every header is sound; beyond, nothing can be told apart
  std::size_t rotten = 0;            // frames with a sound header and a rotten payload, left out
  bool torn = false;                 // the file ends within a frame
};
Scan scan(std::string_view bytes);

}  // namespace tideline::frames
