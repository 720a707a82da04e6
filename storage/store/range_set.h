#pragma once
// A set of sequence numbers as disjoint ranges: the memory of what was stored, a few bytes for millions of reports.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace tideline::store {

struct Range {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  // inclusive
  friend bool operator==(const Range&, const Range&) = default;
};

class RangeSet {
 public:
  RangeSet() = default;
  /// nullopt unless the ranges are ascending, disjoint and not adjacent, each with first <= last.
  static std::optional<RangeSet> from_ranges(std::vector<Range> ranges);

  /// False if it was in already.
  bool insert(std::uint64_t number);
  /// Removes the range of the smallest numbers, if there is one.
  void drop_lowest();
  bool contains(std::uint64_t number) const;
  /// How many ranges there would be with `number` in.
  std::size_t ranges_with(std::uint64_t number) const;
  /// Highest n such that 1..n are all in; 0 = 1 is not.
  std::uint64_t prefix_end() const;

  const std::vector<Range>& ranges() const { return ranges_; }
  friend bool operator==(const RangeSet&, const RangeSet&) = default;

 private:
  /// Index of the first range that ends at or after `number`.
  std::size_t lower(std::uint64_t number) const;

  std::vector<Range> ranges_;
};

}  // namespace tideline::store
