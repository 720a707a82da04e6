#pragma once
// Percentiles of what was seen, where older values count less. Values lie in buckets, each 5 % wider than the one
// below it: the scheme of Kubernetes' vertical pod autoscaler, with the figures of Koordinator's predictor.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "coordinator/profile/bytes.h"
#include "messages/model/units.h"

namespace tideline::profile {

/// What the buckets of a resource are, and how fast it forgets.
struct HistogramScale {
  double first = 1;              // width of the lowest bucket, which begins at 0
  model::Duration half_life{1};  // a value that is so much older counts half
};
inline constexpr HistogramScale kCpuScale{25, std::chrono::hours(12)};                  // millicores
inline constexpr HistogramScale kMemoryScale{5.0 * (1 << 20), std::chrono::hours(24)};  // bytes

inline constexpr double kBucketRatio = 1.05;
/// Of one histogram. They span 0 to 10.8 cores or 2.1 GiB, or the factor of 21 below the largest value.
inline constexpr std::size_t kMaxBuckets = 64;

/// Used with one scale only. Takes 40 B, and 4 B for each bucket from the lowest to the highest in use.
class DecayingHistogram {
 public:
  /// value: finite, >= 0; weight: > 0. Values may come in any order of their times.
  void add(const HistogramScale& scale, double value, double weight, model::MonoTime at);

  /// Where v is the smallest value such that values up to it have the share p of all weight, 0 < p <= 1: the upper edge
  /// of its bucket, v < edge <= 1.05 v + scale.first. It is more, and never less, for a v more than kMaxBuckets buckets
  /// below the largest value: the lowest bucket that is kept counts all below. nullopt = nothing is known.
  std::optional<double> percentile(const HistogramScale& scale, double p) const;

  /// As if what `other` was given had been given to this one.
  void merge(const HistogramScale& scale, const DecayingHistogram& other);

  std::size_t buckets() const { return weights_.size(); }

  /// Weights as of `at` in 1/64, so that what counts less than 1/128 by then is left out: of 1,000 values with weight 1
  /// a percentile moves by 0.05 % of rank at most.
  void write(const HistogramScale& scale, model::MonoTime at, ByteWriter& out) const;
  /// What write() gave, as if written at `at`; `in` is not ok() afterwards if it was not that.
  static DecayingHistogram read(ByteReader& in, model::MonoTime at);

 private:
  void put(std::size_t bucket, float weight);
  void reach(std::size_t low, std::size_t high);
  /// Weights are those of `reference_`: newer values have more, so that older ones need not be touched.
  void rebase(const HistogramScale& scale, model::MonoTime at);

  std::vector<float> weights_;  // of buckets low_, low_ + 1 ...
  model::MonoTime reference_;
  std::uint16_t low_ = 0;
};

}  // namespace tideline::profile
