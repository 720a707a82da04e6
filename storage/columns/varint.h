#pragma once
// Numbers as bytes: LEB128 (7 bits a byte, the lowest first), zigzag, and fixed widths, little-endian.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace tideline::columns {

/// Eight bytes are enough for twice the difference of two numbers of 53 bits and a sign.
inline constexpr std::size_t kMaxVarintBytes = 8;
inline constexpr std::uint64_t kMaxVarint = (std::uint64_t{1} << 56) - 1;

/// 0, -1, 1, -2, 2 ... as 0, 1, 2, 3, 4 ...
constexpr std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t number) {
  return static_cast<std::int64_t>((number >> 1U) ^ (~(number & 1U) + 1));
}

/// number: <= kMaxVarint.
inline void put_varint(std::string& out, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7U)
    out.push_back(static_cast<char>((number & 0x7FU) | 0x80U));
  out.push_back(static_cast<char>(number));
}

/// The lowest `bytes` bytes of it.
inline void put_fixed(std::string& out, std::uint64_t number, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i)
    out.push_back(static_cast<char>((number >> (8 * i)) & 0xFFU));
}

/// Calls take(row, number) for each of `rows` varints. false: `bytes` are not exactly these, or one is too long; take()
/// has had some by then.
template <class Take>
bool for_each_varint(std::string_view bytes, std::size_t rows, Take take) {
  const auto* at = reinterpret_cast<const std::uint8_t*>(bytes.data());
  const std::uint8_t* const end = at + bytes.size();
  std::size_t row = 0;
  while (row < rows) {
    // Most columns are runs of small numbers.
    while (rows - row >= 8 && end - at >= 8) {
      std::uint64_t eight = 0;
      std::memcpy(&eight, at, sizeof eight);
      if ((eight & 0x8080808080808080U) != 0) break;
      for (std::size_t i = 0; i < 8; ++i)
        take(row + i, std::uint64_t{at[i]});
      row += 8;
      at += 8;
    }
    if (row == rows) break;
    if (at == end) return false;
    std::uint64_t byte = *at++;
    std::uint64_t number = byte & 0x7FU;
    for (unsigned shift = 7; byte >= 0x80; shift += 7) {
      if (at == end || shift >= 7 * kMaxVarintBytes) return false;
      byte = *at++;
      number |= (byte & 0x7FU) << shift;
    }
    take(row, number);
    ++row;
  }
  return at == end;
}

}  // namespace tideline::columns
