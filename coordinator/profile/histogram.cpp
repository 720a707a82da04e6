#include "coordinator/profile/histogram.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tideline::profile {
namespace {

/// Beyond 2^32 times its weight of today a value's float would come near its end, and old ones lose nothing worth.
constexpr double kMaxHalfLives = 32;
constexpr double kWeightUnit = 64;
constexpr std::uint64_t kMaxBucket = UINT16_MAX - kMaxBuckets;

double upper_edge(const HistogramScale& scale, std::size_t bucket) {
  return scale.first * (std::pow(kBucketRatio, static_cast<double>(bucket + 1)) - 1) / (kBucketRatio - 1);
}

std::size_t bucket_of(const HistogramScale& scale, double value) {
  static const double kLogRatio = std::log(kBucketRatio);
  const double exact = std::log1p(value * (kBucketRatio - 1) / scale.first) / kLogRatio;
  auto bucket = static_cast<std::size_t>(std::clamp(exact, 0.0, static_cast<double>(kMaxBucket)));
  // At an edge the logarithm may round to the wrong side.
  if (bucket > 0 && value < upper_edge(scale, bucket - 1)) return bucket - 1;
  if (bucket < kMaxBucket && value >= upper_edge(scale, bucket)) return bucket + 1;
  return bucket;
}

double half_lives(const HistogramScale& scale, model::Duration age) {
  return static_cast<double>(age.count()) / static_cast<double>(scale.half_life.count());
}

}  // namespace

void DecayingHistogram::add(const HistogramScale& scale, double value, double weight, model::MonoTime at) {
  if (half_lives(scale, at - reference_) > kMaxHalfLives) rebase(scale, at);
  if (weights_.empty()) reference_ = at;
  const double counted = weight * std::exp2(half_lives(scale, at - reference_));
  put(bucket_of(scale, value), static_cast<float>(counted));
}

std::optional<double> DecayingHistogram::percentile(const HistogramScale& scale, double p) const {
  double total = 0;
  for (const float weight : weights_)
    total += static_cast<double>(weight);
  if (total <= 0) return std::nullopt;
  double sum = 0;
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    sum += static_cast<double>(weights_[i]);
    if (sum >= p * total) return upper_edge(scale, low_ + i);
  }
  return upper_edge(scale, low_ + weights_.size() - 1);
}

void DecayingHistogram::merge(const HistogramScale& scale, const DecayingHistogram& other) {
  if (other.weights_.empty()) return;
  if (weights_.empty()) {
    *this = other;
    return;
  }
  const model::MonoTime newer = std::max(reference_, other.reference_);
  const auto factor = [&](model::MonoTime reference) {
    return static_cast<float>(std::exp2(half_lives(scale, reference - newer)));
  };
  const float ours = factor(reference_);
  const float theirs = factor(other.reference_);
  for (float& weight : weights_)
    weight *= ours;
  reference_ = newer;
  for (std::size_t i = 0; i < other.weights_.size(); ++i)
    put(other.low_ + i, other.weights_[i] * theirs);
}

void DecayingHistogram::write(const HistogramScale& scale, model::MonoTime at, ByteWriter& out) const {
  const double factor = kWeightUnit * std::exp2(-half_lives(scale, at - reference_));
  std::vector<std::uint64_t> units;
  units.reserve(weights_.size());
  for (const float weight : weights_)
    units.push_back(static_cast<std::uint64_t>(std::min(static_cast<double>(weight) * factor + 0.5, 1e15)));
  std::size_t begin = 0;
  while (begin < units.size() && units[begin] == 0)
    ++begin;
  while (units.size() > begin && units.back() == 0)
    units.pop_back();
  out.number(units.size() - begin);
  if (units.size() == begin) return;
  out.number(low_ + begin);
  for (std::size_t i = begin; i < units.size(); ++i)
    out.number(units[i]);
}

DecayingHistogram DecayingHistogram::read(ByteReader& in, model::MonoTime at) {
  DecayingHistogram histogram;
  histogram.reference_ = at;
  const auto count = in.number(kMaxBuckets);
  if (count == 0) return histogram;
  histogram.low_ = static_cast<std::uint16_t>(in.number(kMaxBucket));
  histogram.weights_.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto units = static_cast<double>(in.number(std::uint64_t{1} << 50));
    histogram.weights_.push_back(static_cast<float>(units / kWeightUnit));
  }
  return histogram;
}

void DecayingHistogram::put(std::size_t bucket, float weight) {
  if (weights_.empty()) {
    low_ = static_cast<std::uint16_t>(bucket);
    weights_.assign(1, weight);
    return;
  }
  std::size_t low = std::min<std::size_t>(low_, bucket);
  const std::size_t high = std::max(low_ + weights_.size() - 1, bucket);
  if (high - low >= kMaxBuckets) low = high + 1 - kMaxBuckets;
  reach(low, high);
  weights_[std::max(bucket, low) - low] += weight;
}

void DecayingHistogram::reach(std::size_t low, std::size_t high) {
  if (low == low_ && high + 1 == low_ + weights_.size()) return;
  // No larger than it must be: there are hundreds of thousands of them.
  std::vector<float> reached(high + 1 - low);
  for (std::size_t i = 0; i < weights_.size(); ++i)
    reached[std::max(low_ + i, low) - low] += weights_[i];
  weights_ = std::move(reached);
  low_ = static_cast<std::uint16_t>(low);
}

void DecayingHistogram::rebase(const HistogramScale& scale, model::MonoTime at) {
  const std::int64_t whole = (at - reference_) / scale.half_life;
  reference_ = reference_ + whole * scale.half_life;
  const int shift = static_cast<int>(-std::min<std::int64_t>(whole, 1000));
  for (float& weight : weights_)
    weight = std::ldexp(weight, shift);
  const auto counts = [](float weight) { return weight > 0; };
  const auto last = std::find_if(weights_.rbegin(), weights_.rend(), counts).base();
  weights_.erase(last, weights_.end());
  const auto first = std::find_if(weights_.begin(), weights_.end(), counts);
  low_ = static_cast<std::uint16_t>(low_ + (first - weights_.begin()));
  weights_.erase(weights_.begin(), first);
}

}  // namespace tideline::profile
