#include "coordinator/profile/histogram.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace tideline::profile::histogram_test {
namespace {

using model::MonoTime;
using std::chrono::hours;

constexpr MonoTime kBegin{5'000'000'000'000};
constexpr double kPercentiles[] = {0.01, 0.5, 0.6, 0.9, 0.95, 0.98, 1.0};
/// What rounding may do to an edge.
constexpr double kRounding = 1e-9;

struct Value {
  double value = 0;
  MonoTime at;
};

class Numbers {
 public:
  explicit Numbers(std::uint64_t seed) : engine_(seed) {}
  /// The same on every library, which the standard distributions do not promise.
  double between(double low, double high) {
    return low + (high - low) * static_cast<double>(engine_() >> 11) / 9007199254740992.0;
  }
  /// Each order of magnitude as often as the other.
  double spread(double low, double high) { return low * std::exp(between(0, std::log(high / low))); }

 private:
  std::mt19937_64 engine_;
};

DecayingHistogram histogram_of(const HistogramScale& scale, const std::vector<Value>& values) {
  DecayingHistogram histogram;
  for (const auto& one : values)
    histogram.add(scale, one.value, 1, one.at);
  return histogram;
}

/// By sorting: the smallest value such that values up to it have the share p of all weight.
double exact_percentile(const HistogramScale& scale, const std::vector<Value>& values, double p, MonoTime now) {
  std::vector<std::pair<double, double>> weighted;
  double total = 0;
  for (const auto& one : values) {
    const double half_lives =
        static_cast<double>((now - one.at).count()) / static_cast<double>(scale.half_life.count());
    weighted.emplace_back(one.value, std::exp2(-half_lives));
    total += weighted.back().second;
  }
  std::sort(weighted.begin(), weighted.end());
  double sum = 0;
  for (const auto& [value, weight] : weighted) {
    sum += weight;
    if (sum >= p * total) return value;
  }
  return weighted.back().first;
}

std::string bytes_of(const HistogramScale& scale, const DecayingHistogram& histogram, MonoTime at) {
  ByteWriter out;
  histogram.write(scale, at, out);
  return out.take();
}

TEST(Histogram, KnowsNothingAtFirst) {
  EXPECT_EQ(DecayingHistogram().percentile(kCpuScale, 0.95), std::nullopt);
  EXPECT_EQ(DecayingHistogram().buckets(), 0u);
}

TEST(Histogram, AnswersWithTheUpperEdgeOfTheBucket) {
  const auto answer = [](double value) {
    return *histogram_of(kCpuScale, {{value, kBegin}}).percentile(kCpuScale, 0.95);
  };
  EXPECT_EQ(answer(0), 25);
  EXPECT_EQ(answer(24.99), 25);
  EXPECT_NEAR(answer(25), 51.25, 1e-6) << "25 wide, then 26.25";
  EXPECT_NEAR(answer(51.24), 51.25, 1e-6);
  EXPECT_NEAR(answer(500), 539.46, 0.01) << "bucket 14: 25 * (1.05^15 - 1) / 0.05";
}

TEST(Histogram, AnswersAboveAValueThatLiesOnAnEdge) {
  for (std::size_t i = 0; i < 300; ++i) {
    const double edge = 25 * (std::pow(1.05, static_cast<double>(i)) - 1) / 0.05;
    const auto answer = histogram_of(kCpuScale, {{edge, kBegin}}).percentile(kCpuScale, 1);
    EXPECT_GT(*answer, edge) << i;
    EXPECT_LE(*answer, (1.05 * edge + 25) * (1 + kRounding)) << i;
  }
}

// The contract: v < answer <= 1.05 v + the width of the lowest bucket.
TEST(Histogram, IsWithinABucketOfTheExactPercentile) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  Numbers numbers(seed);
  for (const auto& scale : {kCpuScale, kMemoryScale}) {
    for (int round = 0; round < 50; ++round) {
      const double low = numbers.spread(scale.first / 10, scale.first * 5000);
      std::vector<Value> values(1999);
      for (auto& one : values)
        one = {numbers.spread(low, low * 20), kBegin};
      const auto histogram = histogram_of(scale, values);
      for (const double p : kPercentiles) {
        const double exact = exact_percentile(scale, values, p, kBegin);
        EXPECT_GT(*histogram.percentile(scale, p), exact) << p;
        EXPECT_LE(*histogram.percentile(scale, p), (1.05 * exact + scale.first) * (1 + kRounding)) << p;
      }
    }
  }
}

TEST(Histogram, ErrsToTheLargeSideOnlyFarBelowTheLargestValue) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  Numbers numbers(seed);
  for (int round = 0; round < 50; ++round) {
    std::vector<Value> values(1999);
    for (auto& one : values)
      one = {numbers.spread(1, 100'000), kBegin};
    const auto histogram = histogram_of(kCpuScale, values);
    EXPECT_LE(histogram.buckets(), kMaxBuckets);
    const double largest = exact_percentile(kCpuScale, values, 1, kBegin);
    for (const double p : kPercentiles) {
      const double exact = exact_percentile(kCpuScale, values, p, kBegin);
      EXPECT_GT(*histogram.percentile(kCpuScale, p), exact) << p;
      if (exact * 20 < largest) continue;
      EXPECT_LE(*histogram.percentile(kCpuScale, p), (1.05 * exact + 25) * (1 + kRounding)) << p;
    }
  }
}

TEST(Histogram, AValueCountsHalfAfterItsHalfLife) {
  DecayingHistogram histogram;
  for (int i = 0; i < 10; ++i)
    histogram.add(kCpuScale, 4'000, 1, kBegin);
  for (int i = 0; i < 10; ++i)
    histogram.add(kCpuScale, 1'000, 1, kBegin + hours(12));
  EXPECT_LT(*histogram.percentile(kCpuScale, 0.66), 1'100) << "10 of 15";
  EXPECT_GT(*histogram.percentile(kCpuScale, 0.67), 4'000);
}

// Against a sum over all values, over times long enough for old ones to count nothing.
TEST(Histogram, DecaysAsTheSumOverAllValuesDoes) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  Numbers numbers(seed);
  for (const int days : {1, 5, 60}) {
    std::vector<Value> values(3000);
    MonoTime at = kBegin;
    double level = 1'000;
    for (auto& one : values) {
      at = at + model::Duration(static_cast<std::int64_t>(numbers.between(0, 2) * 86'400e9 * days / 3000));
      if (numbers.between(0, 300) < 1) level = numbers.between(600, 6'000);
      one = {level * numbers.between(0.5, 1.5), at};
    }
    const auto histogram = histogram_of(kCpuScale, values);
    for (const double p : {0.6, 0.9, 0.95, 0.98}) {
      // Weights are floats: ranks are right to much less than this.
      const double low = exact_percentile(kCpuScale, values, p - 1e-4, at);
      const double high = exact_percentile(kCpuScale, values, p + 1e-4, at);
      EXPECT_GT(*histogram.percentile(kCpuScale, p), low) << days << " days, " << p;
      EXPECT_LE(*histogram.percentile(kCpuScale, p), (1.05 * high + 25) * (1 + kRounding)) << days << " days, " << p;
    }
  }
}

TEST(Histogram, TakesValuesInAnyOrderOfTheirTimes) {
  std::vector<Value> values;
  for (int i = 0; i < 100; ++i)
    values.push_back({100.0 + 10 * i, kBegin + hours(i)});
  const auto forth = histogram_of(kCpuScale, values);
  std::reverse(values.begin(), values.end());
  const auto back = histogram_of(kCpuScale, values);
  for (const double p : {0.6, 0.95})
    EXPECT_EQ(forth.percentile(kCpuScale, p), back.percentile(kCpuScale, p)) << p;
}

TEST(Histogram, StaysUsableAfterYearsOfSilence) {
  auto histogram = histogram_of(kCpuScale, {{4'000, kBegin}});
  histogram.add(kCpuScale, 1'000, 1, kBegin + hours(24 * 365 * 20));
  EXPECT_LT(*histogram.percentile(kCpuScale, 1), 1'100);
  EXPECT_EQ(histogram.buckets(), 1u);
}

TEST(Histogram, MergedIsAsIfAllHadGoneIntoOne) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  Numbers numbers(seed);
  for (int round = 0; round < 20; ++round) {
    std::vector<Value> ones;
    std::vector<Value> others;
    std::vector<Value> all;
    MonoTime last = kBegin;
    for (int i = 0; i < 1999; ++i) {
      const Value one{numbers.spread(200, 8'000), kBegin + hours(static_cast<int>(numbers.between(0, 200)))};
      last = std::max(last, one.at);
      all.push_back(one);
      (numbers.between(0, 1) < 0.5 ? ones : others).push_back(one);
    }
    auto merged = histogram_of(kCpuScale, ones);
    merged.merge(kCpuScale, histogram_of(kCpuScale, others));
    auto other_way = histogram_of(kCpuScale, others);
    other_way.merge(kCpuScale, histogram_of(kCpuScale, ones));
    for (const auto& histogram : {merged, other_way}) {
      for (const double p : {0.6, 0.9, 0.95, 0.98}) {
        EXPECT_GT(*histogram.percentile(kCpuScale, p), exact_percentile(kCpuScale, all, p - 1e-4, last)) << p;
        EXPECT_LE(*histogram.percentile(kCpuScale, p),
                  (1.05 * exact_percentile(kCpuScale, all, p + 1e-4, last) + 25) * (1 + kRounding))
            << p;
      }
    }
  }
}

TEST(Histogram, MergesWithNothing) {
  const auto some = histogram_of(kCpuScale, {{1'000, kBegin}});
  auto left = some;
  left.merge(kCpuScale, {});
  DecayingHistogram right;
  right.merge(kCpuScale, some);
  EXPECT_EQ(left.percentile(kCpuScale, 1), some.percentile(kCpuScale, 1));
  EXPECT_EQ(right.percentile(kCpuScale, 1), some.percentile(kCpuScale, 1));
}

TEST(Histogram, IsReadAsItWasWritten) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  Numbers numbers(seed);
  std::vector<Value> values;
  MonoTime at = kBegin;
  for (int i = 0; i < 3000; ++i) {
    at = at + std::chrono::minutes(1);
    values.push_back({numbers.spread(200, 4'000), at});
  }
  const auto before = histogram_of(kCpuScale, values);
  const auto bytes = bytes_of(kCpuScale, before, at);
  EXPECT_LT(bytes.size(), 200u);
  // A process later, whose clock begins elsewhere.
  const MonoTime later{77};
  ByteReader in(bytes);
  const auto after = DecayingHistogram::read(in, later);
  ASSERT_TRUE(in.ok());
  EXPECT_FALSE(in.more());
  for (const double p : {0.6, 0.9, 0.95, 0.98}) {
    EXPECT_GT(*after.percentile(kCpuScale, p), exact_percentile(kCpuScale, values, p - 1e-3, at)) << p;
    EXPECT_LE(*after.percentile(kCpuScale, p),
              (1.05 * exact_percentile(kCpuScale, values, p + 1e-3, at) + 25) * (1 + kRounding))
        << p;
  }
  EXPECT_EQ(bytes_of(kCpuScale, after, later), bytes);
}

TEST(Histogram, WritesNothingOfWhatNoLongerCounts) {
  const auto histogram = histogram_of(kCpuScale, {{1'000, kBegin}});
  ByteWriter nothing;
  nothing.number(0);
  EXPECT_EQ(bytes_of(kCpuScale, histogram, kBegin + hours(24 * 30)), nothing.bytes());
}

TEST(Histogram, ReadsNothingOutOfBounds) {
  const auto is_read = [](std::initializer_list<std::uint64_t> numbers) {
    ByteWriter out;
    for (const auto number : numbers)
      out.number(number);
    const auto bytes = out.take();
    ByteReader in(bytes);
    (void)DecayingHistogram::read(in, kBegin);
    return in.ok() && !in.more();
  };
  EXPECT_TRUE(is_read({0}));
  EXPECT_TRUE(is_read({2, 300, 64, 1}));
  EXPECT_FALSE(is_read({}));
  EXPECT_FALSE(is_read({2, 300, 64})) << "cut short";
  EXPECT_FALSE(is_read({kMaxBuckets + 1, 0})) << "more buckets than there may be";
  EXPECT_FALSE(is_read({1, 65'536, 1})) << "a bucket that is none";
  EXPECT_FALSE(is_read({1, 0, UINT64_MAX})) << "a weight beyond all";
}

TEST(Histogram, SameValuesMakeTheSameBytes) {
  const auto made = [] {
    Numbers numbers(7);
    std::vector<Value> values;
    for (int i = 0; i < 5000; ++i)
      values.push_back({numbers.spread(1, 100'000), kBegin + hours(i)});
    return bytes_of(kCpuScale, histogram_of(kCpuScale, values), values.back().at);
  };
  EXPECT_EQ(made(), made());
}

}  // namespace
}  // namespace tideline::profile::histogram_test
