#pragma once
// Reads numbers and texts off bytes that may be anything.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "storage/columns/varint.h"

namespace tideline::columns {

/// After any read beyond the end or over a bound, ok() is false for good and values are 0 or empty.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : rest_(bytes) {}

  std::uint64_t number(std::uint64_t most = kMaxVarint) {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 7 * kMaxVarintBytes && ok_ && !rest_.empty(); shift += 7) {
      const std::uint64_t next = byte();
      value |= (next & 0x7FU) << shift;
      if (next >= 0x80) continue;
      if (value > most) break;
      return value;
    }
    return fail();
  }
  /// -most <= value <= most.
  std::int64_t signed_number(std::int64_t most) {
    const std::int64_t value = unzigzag(number());
    if (value >= -most && value <= most) return value;
    fail();
    return 0;
  }
  std::uint8_t byte() {
    const auto one = text(1);
    return one.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(one.front());
  }
  std::uint64_t fixed(std::size_t bytes) {
    const auto digits = text(bytes);
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < digits.size(); ++i)
      value |= std::uint64_t{static_cast<std::uint8_t>(digits[i])} << (8 * i);
    return value;
  }
  std::string_view text(std::uint64_t size) {
    if (!ok_ || size > rest_.size()) {
      fail();
      return {};
    }
    const auto value = rest_.substr(0, static_cast<std::size_t>(size));
    rest_.remove_prefix(value.size());
    return value;
  }
  std::string_view rest() const { return rest_; }
  bool ok() const { return ok_; }

 private:
  std::uint64_t fail() {
    ok_ = false;
    return 0;
  }

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace tideline::columns
