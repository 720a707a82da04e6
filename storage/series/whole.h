#pragma once
// Whole numbers as tables hold them, and sums of them that stop at the largest instead of turning round: of numbers
// from 0 on the order in which they are added makes no difference then either.

#include <algorithm>
#include <cstdint>
#include <limits>

namespace tideline::series {

/// The largest value, as of a column of a chunk.
inline constexpr std::int64_t kMostWhole = std::int64_t{1} << 53;

constexpr std::int64_t as_whole(std::int64_t value) {
  return std::clamp<std::int64_t>(value, 0, kMostWhole);
}

constexpr std::uint64_t capped_sum(std::uint64_t a, std::uint64_t b) {
  const std::uint64_t sum = a + b;
  return sum < a ? std::numeric_limits<std::uint64_t>::max() : sum;
}

/// Both from 0 on.
constexpr std::int64_t capped_sum(std::int64_t a, std::int64_t b) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  return a > kMost - b ? kMost : a + b;
}

/// value: from 0 on.
constexpr std::int64_t capped_product(std::int64_t value, std::uint64_t times) {
  std::int64_t product = 0;
  return __builtin_mul_overflow(value, times, &product) ? std::numeric_limits<std::int64_t>::max() : product;
}

}  // namespace tideline::series
