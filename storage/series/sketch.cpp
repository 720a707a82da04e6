#include "storage/series/sketch.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "storage/series/whole.h"

namespace tideline::series {
namespace {

/// Below are buckets of one value each, above 2^kOctaveBits to an octave.
constexpr std::uint16_t kExactBuckets = 64;
constexpr unsigned kFirstOctave = 6;  // of 2^6 and more
constexpr unsigned kOctaveBits = 5;
constexpr std::uint64_t kOctaveBuckets = std::uint64_t{1} << kOctaveBits;

/// Smallest value of the bucket, or of the one behind it, as if values had no end.
std::int64_t bucket_begin(std::uint16_t bucket, std::uint64_t behind) {
  const std::uint16_t number = std::min(bucket, Sketch::kMaxBucket);
  if (number < kExactBuckets) return static_cast<std::int64_t>(number + behind);
  const auto place = static_cast<unsigned>(number - kExactBuckets);
  const unsigned shift = kFirstOctave - kOctaveBits + (place >> kOctaveBits);
  return static_cast<std::int64_t>((kOctaveBuckets + place % kOctaveBuckets + behind) << shift);
}

}  // namespace

std::uint16_t Sketch::bucket_of(std::int64_t value) {
  const auto number = static_cast<std::uint64_t>(as_whole(value));
  if (number < kExactBuckets) return static_cast<std::uint16_t>(number);
  const unsigned octave = static_cast<unsigned>(std::bit_width(number)) - 1;
  const std::uint64_t place = (number >> (octave - kOctaveBits)) - kOctaveBuckets;
  return static_cast<std::uint16_t>(kExactBuckets + kOctaveBuckets * (octave - kFirstOctave) + place);
}

std::int64_t Sketch::low_of(std::uint16_t bucket) {
  return std::min(bucket_begin(bucket, 0), kMostWhole);
}

std::int64_t Sketch::high_of(std::uint16_t bucket) {
  return std::min(bucket_begin(bucket, 1) - 1, kMostWhole);
}

void Sketch::add(std::int64_t value, std::uint64_t times) {
  if (times == 0) return;
  const std::uint16_t bucket = bucket_of(value);
  const auto at = std::lower_bound(bins_.begin(), bins_.end(), bucket,
                                   [](const Bin& bin, std::uint16_t sought) { return bin.bucket < sought; });
  if (at != bins_.end() && at->bucket == bucket) {
    at->count = capped_sum(at->count, times);
  } else {
    bins_.insert(at, Bin{.bucket = bucket, .count = times});
  }
}

void Sketch::merge(const Sketch& other) {
  if (other.bins_.empty()) return;
  if (bins_.empty()) {
    bins_ = other.bins_;
    return;
  }
  std::vector<Bin> both;
  both.reserve(bins_.size() + other.bins_.size());
  auto mine = bins_.begin();
  auto its = other.bins_.begin();
  while (mine != bins_.end() && its != other.bins_.end()) {
    if (mine->bucket < its->bucket) {
      both.push_back(*mine++);
    } else if (its->bucket < mine->bucket) {
      both.push_back(*its++);
    } else {
      both.push_back({.bucket = mine->bucket, .count = capped_sum(mine->count, its->count)});
      ++mine;
      ++its;
    }
  }
  both.insert(both.end(), mine, bins_.end());
  both.insert(both.end(), its, other.bins_.end());
  bins_ = std::move(both);
}

std::uint64_t Sketch::count() const {
  std::uint64_t sum = 0;
  for (const Bin& bin : bins_)
    sum = capped_sum(sum, bin.count);
  return sum;
}

std::int64_t Sketch::quantile(double q) const {
  if (bins_.empty()) return 0;
  const std::uint64_t all = count();
  const double wanted = std::ceil(q * static_cast<double>(all));
  // Compared before it is a whole number: it may be none, or beyond all of them.
  std::uint64_t rank = 1;
  if (wanted >= static_cast<double>(all)) {
    rank = all;
  } else if (wanted > 1) {
    rank = static_cast<std::uint64_t>(wanted);
  }
  std::uint64_t below = 0;
  for (const Bin& bin : bins_) {
    below = capped_sum(below, bin.count);
    if (below < rank) continue;
    const std::int64_t low = low_of(bin.bucket);
    return low + (high_of(bin.bucket) - low) / 2;
  }
  return high_of(bins_.back().bucket);
}

Sketch Sketch::of(std::vector<Bin> bins) {
  Sketch sketch;
  sketch.bins_ = std::move(bins);
  return sketch;
}

}  // namespace tideline::series
