#pragma once
// One column as bytes, before they are compressed: a varint a row.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tideline::columns {

/// How a column's varints mean its numbers. In files, and never changes.
enum class Encoding : std::uint8_t {
  kPlain = 1,             // value / step + 1; 0 is kMissing
  kDifferences = 2,       // zigzag of what value / step grew by since the last that is known, + 1; 0 is kMissing. Of
                          // times, which only grow, and are all known: what they grew by
  kSecondDifferences = 3  // times only: zigzag of what the distance to the row before grew by
};

struct ColumnBytes {
  Encoding encoding{};
  std::string bytes;
};

/// Up to so many rows the smaller of two encodings is guessed by how often each byte is there; beyond, zstd tries both.
/// A table of history has no more, and with trials these would be most of the work of writing one.
inline constexpr std::size_t kMaxGuessedRows = 512;

/// Values and step by the rules of chunk.h. kPlain or kDifferences.
std::string values_as(Encoding encoding, const std::vector<std::int64_t>& values, std::int64_t step);

/// Encodes one column after the other in the same memory. For one thread at a time.
class ColumnEncoder {
 public:
  struct Encoded {
    Encoding encoding{};
    std::string_view bytes;  // until the next call
  };
  /// As encode_values().
  Encoded values(const std::vector<std::int64_t>& values, std::int64_t step);

 private:
  /// Fills numbers_: value / step + 1, or 0.
  void take(const std::vector<std::int64_t>& values, std::int64_t step);
  std::string_view constant(Encoding encoding, std::size_t rows);

  std::vector<std::uint64_t> numbers_;
  std::string plain_;
  std::string differences_;
};
/// The encoding that zstd makes smaller (of few rows: as is guessed); of one value throughout kPlain where that is a
/// byte a row, else kDifferences.
ColumnBytes encode_values(const std::vector<std::int64_t>& values, std::int64_t step);
/// As many as `values` has; its numbers are of no use after false: other bytes than values_as() makes of values by the
/// rules.
bool values_from(Encoding encoding, std::string_view bytes, std::int64_t step, std::vector<std::int64_t>& values);

/// Of all times but the first, which stands elsewhere; there is one. kDifferences or kSecondDifferences.
std::string times_as(Encoding encoding, const std::vector<std::int64_t>& times);
/// Likewise; of a grid of eight rows or more kSecondDifferences.
ColumnBytes encode_times(const std::vector<std::int64_t>& times);
/// Fills `times`, which has its first; at_least: the smallest distance of two rows that is allowed.
bool times_from(Encoding encoding, std::string_view bytes, std::int64_t at_least, std::vector<std::int64_t>& times);

}  // namespace tideline::columns
