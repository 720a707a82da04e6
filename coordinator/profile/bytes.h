#pragma once
// Numbers in LEB128 (7 bits a byte, the lowest first) and short texts, written and read with every bound checked.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace tideline::profile {

class ByteWriter {
 public:
  ByteWriter& number(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7)
      bytes_.push_back(static_cast<char>((value & 0x7f) | 0x80));
    bytes_.push_back(static_cast<char>(value));
    return *this;
  }
  ByteWriter& text(std::string_view value) {
    number(value.size());
    return raw(value);
  }
  ByteWriter& raw(std::string_view bytes) {
    bytes_.append(bytes);
    return *this;
  }
  const std::string& bytes() const { return bytes_; }
  /// The bytes, once.
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

/// After any read beyond the end or over a bound, ok() is false for good and values are 0 or empty.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  std::uint64_t number(std::uint64_t most = UINT64_MAX) {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (!ok_ || rest_.empty()) break;
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      const std::uint64_t bits = byte & 0x7f;
      if (shift == 63 && bits > 1) break;
      value |= bits << shift;
      if (byte >= 0x80) continue;
      if (value > most) break;
      return value;
    }
    ok_ = false;
    return 0;
  }
  std::string_view text(std::size_t most) {
    const auto size = number(most);
    if (!ok_ || size > rest_.size()) {
      ok_ = false;
      return {};
    }
    const auto value = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return value;
  }
  bool ok() const { return ok_; }
  /// There is more to read.
  bool more() const { return ok_ && !rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace tideline::profile
