#include "storage/columns/column_bytes.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>

#include "storage/columns/chunk.h"
#include "storage/columns/varint.h"
#include "storage/columns/zstd_frame.h"

namespace tideline::columns {
namespace {

constexpr auto kMostValue = static_cast<std::uint64_t>(ChunkLimits::kMaxValue);

/// `usual` unless the other takes less: it is the faster one to read.
ColumnBytes smaller(ColumnBytes usual, ColumnBytes other) {
  return compressed_size(other.bytes) < compressed_size(usual.bytes) ? std::move(other) : std::move(usual);
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
    const std::int64_t kept = (value + step / 2) / step;
    put_varint(bytes, (encoding == Encoding::kPlain ? static_cast<std::uint64_t>(kept) : zigzag(kept - last)) + 1);
    last = kept;
  }
  return bytes;
}

ColumnBytes encode_values(const std::vector<std::int64_t>& values, std::int64_t step) {
  return smaller({Encoding::kPlain, values_as(Encoding::kPlain, values, step)},
                 {Encoding::kDifferences, values_as(Encoding::kDifferences, values, step)});
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
  return smaller({Encoding::kSecondDifferences, times_as(Encoding::kSecondDifferences, times)},
                 {Encoding::kDifferences, times_as(Encoding::kDifferences, times)});
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
