#include "storage/columns/column_bytes.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <functional>
#include <limits>
#include <utility>

#include "storage/columns/chunk.h"
#include "storage/columns/division.h"
#include "storage/columns/varint.h"
#include "storage/columns/zstd_frame.h"

namespace tideline::columns {
namespace {

constexpr auto kMostValue = static_cast<std::uint64_t>(ChunkLimits::kMaxValue);

/// log2 times 256: of powers of two exact, and straight lines between them. number: from 1 on.
constexpr std::uint64_t log2_in_256ths(std::uint64_t number) {
  const unsigned whole = static_cast<unsigned>(std::bit_width(number)) - 1;
  return 256 * std::uint64_t{whole} + ((number << 8U) >> whole) - 256;
}

/// Bits that a small column's bytes take when they are compressed, more or less: each byte as many as its share of them
/// says (Shannon), and something for the table of these; or all of them as they are. In whole numbers: the same
/// everywhere.
std::uint64_t guessed_bits(std::string_view bytes) {
  constexpr std::uint64_t kBitsOfATable = 96;
  constexpr std::uint64_t kBitsOfAnEntry = 4;
  // So few are never less than that with a table.
  if (8 * bytes.size() <= kBitsOfATable + kBitsOfAnEntry) return 8 * bytes.size();
  std::array<std::uint32_t, 256> counts{};
  for (const char c : bytes)
    ++counts[static_cast<std::uint8_t>(c)];
  const std::uint64_t size = bytes.size();
  std::uint64_t entropy = size * log2_in_256ths(size);
  std::uint64_t table = kBitsOfATable;
  for (const std::uint64_t count : counts) {
    if (count == 0) continue;
    entropy -= count * log2_in_256ths(count);
    table += kBitsOfAnEntry;
  }
  return std::min(8 * size, entropy / 256 + table);
}

/// Whether the bytes take less than the usual ones, which are the faster ones to read.
bool is_smaller(std::string_view bytes, std::string_view usual, std::size_t rows) {
  if (rows <= kMaxGuessedRows) return guessed_bits(bytes) < guessed_bits(usual);
  return compressed_size(bytes) < compressed_size(usual);
}

/// All rows have one value, or none.
bool is_constant(const std::vector<std::int64_t>& values) {
  return std::adjacent_find(values.begin(), values.end(), std::not_equal_to<>()) == values.end();
}

/// Rows enough that what they are encoded as is more than their first distance.
bool is_long_grid(const std::vector<std::int64_t>& times) {
  constexpr std::size_t kLong = 8;
  if (times.size() < kLong) return false;
  for (std::size_t row = 2; row < times.size(); ++row) {
    if (times[row] - times[row - 1] != times[1] - times[0]) return false;
  }
  return true;
}

/// value / step, to the nearest, of the numbers that a column has.
std::uint64_t kept_number(std::int64_t value, std::uint64_t step) {
  return quotient(static_cast<std::uint64_t>(value) + step / 2, step);
}

/// Behind the number.
char* write_varint(char* out, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7U)
    *out++ = static_cast<char>((number & 0x7FU) | 0x80U);
  *out++ = static_cast<char>(number);
  return out;
}

/// Room for so many varints.
char* room_for(std::string& bytes, std::size_t rows) {
  const std::size_t most = rows * kMaxVarintBytes;
  if (bytes.size() < most) bytes.resize(most);
  return bytes.data();
}

std::string_view written_in(const std::string& bytes, const char* end) {
  return {bytes.data(), static_cast<std::size_t>(end - bytes.data())};
}

}  // namespace

std::string values_as(Encoding encoding, const std::vector<std::int64_t>& values, std::int64_t step) {
  std::string bytes;
  bytes.reserve(values.size());
  std::int64_t last = 0;
  for (const std::int64_t value : values) {
    if (value == kMissing) {
      put_varint(bytes, 0);
      continue;
    }
    const auto kept = static_cast<std::int64_t>(kept_number(value, static_cast<std::uint64_t>(step)));
    put_varint(bytes, (encoding == Encoding::kPlain ? static_cast<std::uint64_t>(kept) : zigzag(kept - last)) + 1);
    last = kept;
  }
  return bytes;
}

void ColumnEncoder::take(const std::vector<std::int64_t>& values, std::int64_t step) {
  const auto width = static_cast<std::uint64_t>(step);
  numbers_.resize(values.size());
  for (std::size_t row = 0; row < values.size(); ++row)
    numbers_[row] = values[row] == kMissing ? 0 : kept_number(values[row], width) + 1;
}

/// Of a column in which each row has the number of the first.
std::string_view ColumnEncoder::constant(Encoding encoding, std::size_t rows) {
  std::string& bytes = encoding == Encoding::kPlain ? plain_ : differences_;
  char* out = room_for(bytes, rows);
  const std::uint64_t number = numbers_.front();
  const bool is_missing = number == 0;
  const auto first = encoding == Encoding::kPlain || is_missing ? number : 2 * (number - 1) + 1;
  // A difference of 0 is a 1, as a 0 is a missing value.
  const auto next = encoding == Encoding::kPlain || is_missing ? number : 1;
  for (std::size_t row = 0; row < rows; ++row)
    out = write_varint(out, row == 0 ? first : next);
  return written_in(bytes, out);
}

ColumnEncoder::Encoded ColumnEncoder::values(const std::vector<std::int64_t>& values, std::int64_t step) {
  const std::size_t rows = values.size();
  if (rows == 0) return {Encoding::kPlain, {}};
  take(values, step);
  if (is_constant(values)) {
    // Many columns are such, and a trial costs more than writing them.
    const Encoding encoding = numbers_.front() < 0x80 ? Encoding::kPlain : Encoding::kDifferences;
    return {encoding, constant(encoding, rows)};
  }
  char* plain = room_for(plain_, rows);
  char* differences = room_for(differences_, rows);
  std::int64_t last = 0;
  for (const std::uint64_t number : numbers_) {
    plain = write_varint(plain, number);
    if (number == 0) {
      differences = write_varint(differences, 0);
      continue;
    }
    const auto kept = static_cast<std::int64_t>(number - 1);
    differences = write_varint(differences, zigzag(kept - last) + 1);
    last = kept;
  }
  const std::string_view usual = written_in(plain_, plain);
  const std::string_view other = written_in(differences_, differences);
  if (is_smaller(other, usual, rows)) return {Encoding::kDifferences, other};
  return {Encoding::kPlain, usual};
}

ColumnBytes encode_values(const std::vector<std::int64_t>& values, std::int64_t step) {
  ColumnEncoder encoder;
  const ColumnEncoder::Encoded encoded = encoder.values(values, step);
  return {encoded.encoding, std::string(encoded.bytes)};
}

// Sums and products below are of unsigned numbers, which damaged bytes may carry round. The first that is beyond its
// bound cannot be: it is at most 2^56 from the one before it, and one look at the largest at the end finds it.
bool values_from(Encoding encoding, std::string_view bytes, std::int64_t step, std::vector<std::int64_t>& values) {
  const auto width = static_cast<std::uint64_t>(step);
  const std::uint64_t most = (kMostValue + width / 2) / width;
  // The largest kept numbers stand for more than the largest value by up to half a step.
  const auto value_of = [width](std::uint64_t kept) {
    return static_cast<std::int64_t>(std::min(kept * width, kMostValue));
  };
  std::int64_t* const out = values.data();
  std::uint64_t largest = 0;
  if (encoding == Encoding::kPlain) {
    const bool whole = for_each_varint(bytes, values.size(), [&](std::size_t row, std::uint64_t number) {
      largest = std::max(largest, number);
      out[row] = number == 0 ? kMissing : value_of(number - 1);
    });
    return whole && largest <= most + 1;
  }
  if (encoding != Encoding::kDifferences) return false;
  std::uint64_t kept = 0;
  const bool whole = for_each_varint(bytes, values.size(), [&](std::size_t row, std::uint64_t number) {
    if (number == 0) {
      out[row] = kMissing;
      return;
    }
    kept += static_cast<std::uint64_t>(unzigzag(number - 1));
    largest = std::max(largest, kept);
    out[row] = value_of(kept);
  });
  return whole && largest <= most;
}

std::string times_as(Encoding encoding, const std::vector<std::int64_t>& times) {
  std::string bytes;
  bytes.reserve(times.size());
  std::int64_t before = 0;
  for (std::size_t row = 1; row < times.size(); ++row) {
    const std::int64_t distance = times[row] - times[row - 1];
    put_varint(bytes,
               encoding == Encoding::kDifferences ? static_cast<std::uint64_t>(distance) : zigzag(distance - before));
    before = distance;
  }
  return bytes;
}

ColumnBytes encode_times(const std::vector<std::int64_t>& times) {
  if (is_long_grid(times)) return {Encoding::kSecondDifferences, times_as(Encoding::kSecondDifferences, times)};
  std::string usual = times_as(Encoding::kSecondDifferences, times);
  std::string other = times_as(Encoding::kDifferences, times);
  if (is_smaller(other, usual, times.size())) return {Encoding::kDifferences, std::move(other)};
  return {Encoding::kSecondDifferences, std::move(usual)};
}

bool times_from(Encoding encoding, std::string_view bytes, std::int64_t at_least, std::vector<std::int64_t>& times) {
  std::int64_t* const out = times.data();
  auto time = static_cast<std::uint64_t>(out[0]);
  std::int64_t latest = out[0];
  std::int64_t shortest = std::numeric_limits<std::int64_t>::max();
  std::int64_t longest = 0;
  const auto next = [&](std::size_t row, std::uint64_t distance) {
    shortest = std::min(shortest, static_cast<std::int64_t>(distance));
    longest = std::max(longest, static_cast<std::int64_t>(distance));
    time += distance;
    latest = std::max(latest, static_cast<std::int64_t>(time));
    out[row + 1] = static_cast<std::int64_t>(time);
  };
  bool whole = false;
  if (encoding == Encoding::kDifferences) {
    whole = for_each_varint(bytes, times.size() - 1, next);
  } else if (encoding == Encoding::kSecondDifferences) {
    std::uint64_t distance = 0;
    whole = for_each_varint(bytes, times.size() - 1, [&](std::size_t row, std::uint64_t number) {
      distance += static_cast<std::uint64_t>(unzigzag(number));
      next(row, distance);
    });
  }
  return whole && shortest >= at_least && longest <= 2 * ChunkLimits::kMaxValue && latest <= ChunkLimits::kMaxValue;
}

}  // namespace tideline::columns
