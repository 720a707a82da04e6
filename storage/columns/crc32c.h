#pragma once
// CRC-32C (Castagnoli's polynomial, as iSCSI has it: RFC 3720), eight bytes a step.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tideline::columns {

/// Row k: what a byte does to the CRC with k bytes after it.
inline constexpr std::array<std::array<std::uint32_t, 256>, 8> kCrc32cTables = [] {
  std::array<std::array<std::uint32_t, 256>, 8> tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit)
      value = (value & 1U) != 0 ? 0x82F63B78U ^ (value >> 1U) : value >> 1U;
    tables[0][i] = value;
  }
  for (std::size_t row = 1; row < tables.size(); ++row) {
    for (std::size_t i = 0; i < 256; ++i) {
      const std::uint32_t before = tables[row - 1][i];
      tables[row][i] = tables[0][before & 0xFFU] ^ (before >> 8U);
    }
  }
  return tables;
}();

/// `before`: the CRC of what comes before these bytes.
constexpr std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0) {
  const auto& tables = kCrc32cTables;
  const auto byte = [bytes](std::size_t i) { return std::uint32_t{static_cast<std::uint8_t>(bytes[i])}; };
  std::uint32_t crc = ~before;
  std::size_t at = 0;
  for (; bytes.size() - at >= 8; at += 8) {
    const std::uint32_t low = crc ^ (byte(at) | byte(at + 1) << 8U | byte(at + 2) << 16U | byte(at + 3) << 24U);
    crc = tables[7][low & 0xFFU] ^ tables[6][(low >> 8U) & 0xFFU] ^ tables[5][(low >> 16U) & 0xFFU] ^
          tables[4][low >> 24U] ^ tables[3][byte(at + 4)] ^ tables[2][byte(at + 5)] ^ tables[1][byte(at + 6)] ^
          tables[0][byte(at + 7)];
  }
  for (; at < bytes.size(); ++at)
    crc = tables[0][(crc ^ byte(at)) & 0xFFU] ^ (crc >> 8U);
  return ~crc;
}

static_assert(crc32c("123456789") == 0xE3069283U);
static_assert(crc32c("6789", crc32c("12345")) == 0xE3069283U);

}  // namespace tideline::columns
