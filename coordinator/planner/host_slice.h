#pragma once
// Hosts of a fleet by their numbers, and the parts that work is divided into by them.

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace tideline::planner {

/// [first, last)
struct HostSlice {
  std::size_t first = 0;
  std::size_t last = 0;
  std::size_t size() const { return last - first; }
  friend bool operator==(const HostSlice&, const HostSlice&) = default;
};

/// One of `count` parts, from 1. What all of them find together is what one finds of all hosts.
struct Shard {
  std::uint32_t number = 1;
  std::uint32_t count = 1;
  /// As many as the others have, or one more. Empty ones come last.
  HostSlice of(std::size_t hosts) const {
    const std::size_t each = hosts / count;
    const std::size_t rest = hosts % count;
    const auto begin = [&](std::size_t shard) { return shard * each + std::min(shard, rest); };
    return {begin(number - 1), begin(number)};
  }
  friend bool operator==(const Shard&, const Shard&) = default;
};

}  // namespace tideline::planner
