#include "node-actor/frames/frames.h"

#include <cstring>

#include "messages/model/crc32.h"

namespace tideline::frames {
namespace {

std::uint32_t crc_of(const FrameHeader& header) {
  char bytes[kHeaderBytes];
  std::memcpy(bytes, &header, kHeaderBytes);
  return model::crc32({bytes, offsetof(FrameHeader, header_crc)});
}

bool read_header(std::string_view bytes, FrameHeader& header) {
  std::memcpy(&header, bytes.data(), kHeaderBytes);
  return header.magic == FrameHeader::kMagic && header.header_crc == crc_of(header);
}

}  // namespace

std::string make_frame(std::uint64_t incarnation, std::uint64_t seq, std::uint64_t gap, std::string_view payload) {
  FrameHeader header;
  header.length = static_cast<std::uint32_t>(payload.size());
  header.incarnation = incarnation;
  header.seq = seq;
  header.gap = gap;
  header.payload_crc = model::crc32(payload);
  header.header_crc = crc_of(header);
  std::string frame(kHeaderBytes + payload.size(), '\0');
  std::memcpy(frame.data(), &header, kHeaderBytes);
  std::memcpy(frame.data() + kHeaderBytes, payload.data(), payload.size());
  return frame;
}

bool read_frame(std::string_view frame, FrameHeader& header, std::string& payload) {
  if (frame.size() < kHeaderBytes || !read_header(frame, header)) return false;
  const auto rest = frame.substr(kHeaderBytes);
  if (rest.size() != header.length || model::crc32(rest) != header.payload_crc) return false;
  payload.assign(rest);
  return true;
}

Scan scan(std::string_view bytes) {
  Scan found;
  while (found.good_bytes < bytes.size()) {
    const auto rest = bytes.substr(found.good_bytes);
    FrameHeader header;
    if (rest.size() < kHeaderBytes) {
      found.torn = true;
      return found;
    }
    if (!read_header(rest, header)) return found;
    const std::size_t length = kHeaderBytes + header.length;
    if (rest.size() < length) {
      found.torn = true;
      return found;
    }
    if (model::crc32(rest.substr(kHeaderBytes, header.length)) == header.payload_crc) {
      found.frames.push_back({header.incarnation, header.seq, header.gap, found.good_bytes, length});
    } else {
      ++found.rotten;
    }
    found.good_bytes += length;
  }
  return found;
}

}  // namespace tideline::frames
