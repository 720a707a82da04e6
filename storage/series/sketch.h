#pragma once
// A quantile sketch of whole numbers that can be merged: counts by buckets that are exact below 64 and have 32 to an
// octave above, so that a quantile is off by at most 1/64 of itself. In integers alone: the same everywhere.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tideline::series {

class Sketch {
 public:
  /// 0 <= value <= 2^53; what lies outside counts as the nearer end.
  void add(std::int64_t value, std::uint64_t times = 1);
  void merge(const Sketch& other);
  std::uint64_t count() const;
  bool empty() const { return bins_.empty(); }
  /// The middle of the bucket that holds the ceil(q * count)-th smallest, at least the first; 0 <= q <= 1. 0 where it
  /// is empty.
  std::int64_t quantile(double q) const;

  struct Bin {
    std::uint16_t bucket = 0;
    std::uint64_t count = 0;
    friend bool operator==(const Bin&, const Bin&) = default;
  };
  /// By bucket, counts above 0.
  const std::vector<Bin>& bins() const { return bins_; }
  /// Bins by the rules above with buckets up to kMaxBucket, as bins() gave them.
  static Sketch of(std::vector<Bin> bins);

  static constexpr std::uint16_t kMaxBucket = 64 + 32 * 48 - 1;
  static std::uint16_t bucket_of(std::int64_t value);
  /// Smallest and largest value of a bucket.
  static std::int64_t low_of(std::uint16_t bucket);
  static std::int64_t high_of(std::uint16_t bucket);

  friend bool operator==(const Sketch&, const Sketch&) = default;

 private:
  std::vector<Bin> bins_;
};

}  // namespace tideline::series
