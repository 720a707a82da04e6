#pragma once
// Big-endian integers and short texts, written and read with every bound checked.

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace tideline::rocks {

class ByteWriter {
 public:
  template <class Int>
  ByteWriter& integer(Int value) {
    const auto bits = static_cast<std::make_unsigned_t<Int>>(value);
    for (std::size_t i = sizeof(Int); i > 0; --i)
      bytes_.push_back(static_cast<char>((bits >> (8 * (i - 1))) & 0xff));
    return *this;
  }
  ByteWriter& raw(std::string_view bytes) {
    bytes_.append(bytes);
    return *this;
  }
  /// Text with a length of type Length before it; must fit.
  template <class Length>
  ByteWriter& text(std::string_view value) {
    return integer(static_cast<Length>(value.size())).raw(value);
  }
  /// The bytes, once.
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

/// After any read beyond the end, ok() is false for good and values are 0 or empty.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  template <class Int>
  Int integer() {
    const std::string_view bytes = raw(sizeof(Int));
    std::make_unsigned_t<Int> value = 0;
    for (const char byte : bytes)
      value = static_cast<std::make_unsigned_t<Int>>((std::uint64_t{value} << 8) | static_cast<unsigned char>(byte));
    return static_cast<Int>(value);
  }
  std::string_view raw(std::size_t size) {
    if (!ok_ || size > rest_.size()) {
      ok_ = false;
      return {};
    }
    const std::string_view bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return bytes;
  }
  template <class Length>
  std::string_view text() {
    return raw(integer<Length>());
  }
  std::string_view rest() const { return ok_ ? rest_ : std::string_view(); }
  bool ok() const { return ok_; }
  /// All was read, and nothing more.
  bool done() const { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace tideline::rocks
