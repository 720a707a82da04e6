#pragma once
// Division of whole numbers, of which a fold has some per cell.

#include <cstdint>

namespace tideline::columns {

/// a / b, b above 0. Most numbers have 32 bits, and those take processors a fraction of the time of 64.
constexpr std::uint64_t quotient(std::uint64_t a, std::uint64_t b) {
  if (((a | b) >> 32U) == 0) return static_cast<std::uint32_t>(a) / static_cast<std::uint32_t>(b);
  return a / b;
}

}  // namespace tideline::columns
