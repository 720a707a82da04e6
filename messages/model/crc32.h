#pragma once
// CRC-32 (IEEE 802.3, as zlib and gzip have it): finds torn and rotten bytes in our own files.

#include <array>
#include <cstdint>
#include <string_view>

namespace tideline::model {

constexpr std::array<std::uint32_t, 256> kCrc32Table = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value & 1U) != 0 ? 0xEDB88320U ^ (value >> 1U) : value >> 1U;
    }
    table[i] = value;
  }
  return table;
}();

constexpr std::uint32_t crc32(std::string_view bytes) {
  std::uint32_t crc = ~0U;
  for (const char c : bytes) {
    crc = kCrc32Table[(crc ^ static_cast<std::uint8_t>(c)) & 0xFFU] ^ (crc >> 8U);
  }
  return ~crc;
}

static_assert(crc32("123456789") == 0xCBF43926U);

}  // namespace tideline::model
